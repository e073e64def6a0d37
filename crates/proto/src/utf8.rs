//! Incremental UTF-8 validation that fails at the first impossible byte (RFC 6455 §8.1).

use crate::text::InvalidUtf8;

/// Validates text that arrives in pieces, cut anywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Utf8Validator {
    /// The start of a code point whose rest has not arrived: the first `len` of these bytes.
    partial: [u8; 4],
    len: u8,
}

impl Utf8Validator {
    /// A validator at the start of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { partial: [0; 4], len: 0 }
    }

    /// Takes the next piece of the text.
    ///
    /// # Errors
    /// [`InvalidUtf8`] as soon as no continuation could make the text valid; the validator is of no further use then.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), InvalidUtf8> {
        let piece = self.complete(piece)?;
        if let Err(error) = simdutf8::compat::from_utf8(piece) {
            if error.error_len().is_some() {
                return Err(InvalidUtf8);
            }
            for &byte in piece.get(error.valid_up_to()..).unwrap_or_default() {
                self.keep(byte);
            }
        }
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// [`InvalidUtf8`] where it ends inside a code point.
    pub const fn finish(self) -> Result<(), InvalidUtf8> {
        if self.len == 0 { Ok(()) } else { Err(InvalidUtf8) }
    }

    /// How many bytes at the end of what was pushed belong to a code point that is not complete: 0 to 3.
    #[must_use]
    pub const fn incomplete(&self) -> usize {
        self.len as usize
    }

    /// Completes the code point left over from the piece before, and returns what follows it.
    fn complete<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], InvalidUtf8> {
        let mut rest = piece;
        while self.len > 0 {
            let Some((&byte, after)) = rest.split_first() else { break };
            rest = after;
            self.keep(byte);
            match std::str::from_utf8(self.partial.get(..self.incomplete()).unwrap_or_default()) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
                Err(_) => {}
            }
        }
        Ok(rest)
    }

    /// Appends a byte of an unfinished code point; the callers never keep more than four.
    fn keep(&mut self, byte: u8) {
        let end = self.incomplete();
        if let Some(place) = self.partial.get_mut(end) {
            *place = byte;
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where the first impossible byte of `text` is: the shortest prefix that nothing can complete.
    fn first_impossible(text: &[u8]) -> Option<usize> {
        (0..text.len()).find(|&end| {
            std::str::from_utf8(&text[..=end]).is_err_and(|error| error.error_len().is_some())
        })
    }

    fn push_bytewise(text: &[u8]) -> Option<usize> {
        let mut validator = Utf8Validator::new();
        text.iter().position(|byte| validator.push(&[*byte]).is_err())
    }

    fn awkward_bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            prop::sample::select(vec![
                vec![0xC0],
                vec![0xC2],
                vec![0xE0, 0x80],
                vec![0xE0, 0xA0],
                vec![0xED, 0xA0],
                vec![0xED, 0x9F],
                vec![0xF0, 0x80],
                vec![0xF0, 0x90, 0x80],
                vec![0xF4, 0x8F],
                vec![0xF4, 0x90],
                vec![0xF5],
                vec![0xFF],
                vec![0x80],
                vec![0xBF],
                b"plain".to_vec(),
            ]),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn every_text_of_two_bytes_fails_at_its_first_impossible_byte() {
        for text in 0..=u16::MAX {
            let text = text.to_be_bytes();
            assert_eq!(push_bytewise(&text), first_impossible(&text), "{text:02X?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_fail_at_the_first_impossible_one(text in awkward_bytes()) {
            prop_assert_eq!(push_bytewise(&text), first_impossible(&text));
        }

        #[test]
        fn any_cut_in_three_gives_the_verdict_of_the_whole(
            text in awkward_bytes(), a: prop::sample::Index, b: prop::sample::Index,
        ) {
            let (a, b) = (a.index(text.len() + 1), b.index(text.len() + 1));
            let (a, b) = (a.min(b), a.max(b));
            let mut validator = Utf8Validator::new();
            let verdict = [&text[..a], &text[a..b], &text[b..]]
                .iter()
                .try_for_each(|piece| validator.push(piece))
                .and_then(|()| validator.finish());
            prop_assert_eq!(verdict.is_ok(), std::str::from_utf8(&text).is_ok());
        }

        #[test]
        fn incomplete_counts_the_bytes_of_an_open_code_point(text in any::<String>(), cut: prop::sample::Index) {
            let cut = cut.index(text.len() + 1);
            let mut validator = Utf8Validator::new();
            prop_assert_eq!(validator.push(&text.as_bytes()[..cut]), Ok(()));
            let whole = (0..=cut).rev().find(|&end| text.is_char_boundary(end)).unwrap();
            prop_assert_eq!(validator.incomplete(), cut - whole);
        }
    }
}
