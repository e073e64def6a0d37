//! Buffers that grow, but never beyond what they may hold.

/// Appends to a buffer that never holds more than `most` bytes, its room included: it doubles as it grows, but not beyond that.
pub(super) fn append(bytes: &mut Vec<u8>, part: &[u8], most: usize) {
    let needed = bytes.len() + part.len();
    if needed > bytes.capacity() {
        let capacity = needed.max(2 * bytes.capacity()).min(most);
        bytes.reserve_exact(capacity - bytes.len());
    }
    bytes.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_doubles_and_not_beyond_what_it_may_hold() {
        let mut bytes = Vec::new();
        for (part, most, capacity) in [
            (10, 1000, 10),
            (1, 1000, 20),
            (9, 1000, 20),
            (50, 1000, 70),
            (70, 1000, 140),
            (100, 250, 250),
            (10, 250, 250),
            (1, 400, 400),
            (149, 400, 400),
        ] {
            append(&mut bytes, &vec![7; part], most);
            assert_eq!(bytes.capacity(), capacity, "{} bytes", bytes.len());
        }
        assert_eq!(bytes, [7; 400]);
    }
}
