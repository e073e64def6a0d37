//! Masking (RFC 6455 §5.3): `transformed[i] = original[i] XOR key[i % 4]`, its own inverse.

/// Masks or unmasks a part of a frame's payload in place; `offset` is where the part begins in that payload.
#[inline]
pub fn apply_mask(key: [u8; 4], offset: usize, part: &mut [u8]) {
    let mut key = key;
    key.rotate_left(offset % 4);
    let word = u64::from(u32::from_le_bytes(key));
    let mut word = word | word << 32;
    let (blocks, rest) = part.as_chunks_mut::<32>();
    for block in blocks {
        for bytes in block.as_chunks_mut::<8>().0 {
            *bytes = (u64::from_le_bytes(*bytes) ^ word).to_le_bytes();
        }
    }
    let (words, rest) = rest.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_le_bytes(*bytes) ^ word).to_le_bytes();
    }
    for byte in rest {
        *byte ^= word.to_le_bytes()[0];
        word >>= 8;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The formula of RFC 6455 §5.3, byte by byte.
    fn naive(key: [u8; 4], offset: usize, part: &[u8]) -> Vec<u8> {
        part.iter().enumerate().map(|(i, byte)| byte ^ key[(offset + i) % 4]).collect()
    }

    #[test]
    fn every_alignment_length_and_phase_agrees_with_the_formula() {
        let bytes: Vec<u8> = (0..=255).cycle().take(160).collect();
        let key = [0x37, 0xFA, 0x21, 0x3D];
        for start in 0..16 {
            for len in 0..=128 {
                for phase in 0..8 {
                    let mut buffer = bytes.clone();
                    apply_mask(key, phase, &mut buffer[start..start + len]);
                    assert_eq!(buffer[..start], bytes[..start]);
                    assert_eq!(
                        buffer[start..start + len],
                        naive(key, phase, &bytes[start..start + len])
                    );
                    assert_eq!(buffer[start + len..], bytes[start + len..]);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn masking_in_pieces_is_masking_at_once(
            key: [u8; 4], bytes in prop::collection::vec(any::<u8>(), 0..600), cut: prop::sample::Index,
        ) {
            let cut = cut.index(bytes.len() + 1);
            let mut pieces = bytes.clone();
            let (head, tail) = pieces.split_at_mut(cut);
            apply_mask(key, 0, head);
            apply_mask(key, cut, tail);
            prop_assert_eq!(&pieces, &naive(key, 0, &bytes));
            apply_mask(key, 0, &mut pieces);
            prop_assert_eq!(pieces, bytes);
        }
    }
}
