//! Headers and UTF-8.

use squall_proto::{Utf8Validator, frame::Header};

/// A header that is parsed encodes to the same bytes, and a verdict on some bytes is the verdict on more.
pub fn header(bytes: &[u8]) {
    let whole = Header::parse(bytes);
    if let Ok(Some((header, length))) = whole {
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, bytes[..length]);
        assert_eq!(header.encoded_len(), length);
    }
    for end in 0..bytes.len().min(16) {
        match Header::parse(&bytes[..end]) {
            Ok(None) => {}
            verdict => assert_eq!(verdict, whole),
        }
    }
}

/// Text in pieces has the verdict of the standard library, at the first impossible byte. The first byte says how long
/// the pieces are.
pub fn utf8(bytes: &[u8]) {
    let Some((size, text)) = bytes.split_first() else { return };
    let size = usize::from(*size % 16) + 1;
    let mut validator = Utf8Validator::new();
    for (index, piece) in text.chunks(size).enumerate() {
        let end = index * size + piece.len();
        let verdict = validator.push(piece);
        let so_far = str::from_utf8(&text[..end]);
        let impossible = so_far.is_err_and(|error| error.error_len().is_some());
        assert_eq!(verdict.is_err(), impossible);
        if impossible {
            return;
        }
        let whole = so_far.map_or_else(|error| error.valid_up_to(), str::len);
        assert_eq!(validator.incomplete(), end - whole);
        assert_eq!(validator.finish().is_ok(), so_far.is_ok());
    }
}
