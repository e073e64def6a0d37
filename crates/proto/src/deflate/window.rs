//! The recent plaintext of one direction: all that a context needs to be made anew.

use super::capped;

/// The last bytes of what one direction has carried in compressed messages, at most a window of them.
#[derive(Debug, Default)]
pub(crate) struct Window {
    bytes: Vec<u8>,
}

impl Window {
    /// The plaintext, oldest byte first.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends plaintext and forgets what lies more than `size` bytes back.
    ///
    /// One copy of at most `size` bytes a message; the memory held is at most `size`, and no more than was ever carried.
    pub(crate) fn push(&mut self, plaintext: &[u8], size: usize) {
        let tail = plaintext.get(plaintext.len().saturating_sub(size)..).unwrap_or_default();
        let excess = (self.bytes.len() + tail.len()).saturating_sub(size);
        self.bytes.drain(..excess.min(self.bytes.len()));
        // Plain doubling would hold up to twice a window on every idle connection.
        capped::append(&mut self.bytes, tail, size);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_window_is_the_tail_of_everything_and_holds_no_more(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12),
        ) {
            const SIZE: usize = 512;
            let mut window = Window::default();
            let mut all = Vec::new();
            for piece in pieces {
                window.push(&piece, SIZE);
                all.extend_from_slice(&piece);
                prop_assert_eq!(window.as_slice(), &all[all.len().saturating_sub(SIZE)..]);
                prop_assert!(window.bytes.capacity() <= SIZE);
            }
        }
    }
}
