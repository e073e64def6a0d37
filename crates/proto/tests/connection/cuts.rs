//! The network cuts where it likes (FR12). `conversation::hears` cuts every conversation at each single point and bytewise;
//! here are two cuts at once and random ones.

use proptest::prelude::*;
use squall_proto::{Config, ProtocolError, Role};

use crate::conversation::*;

/// Everything a connection can hear, ending in `end`.
fn a_long_conversation(role: Role, end: (u8, &[u8])) -> Vec<u8> {
    [
        frame_to(role, 0x81, "hé"),
        frame_to(role, 0x89, "p"),
        frame_to(role, 0x02, [1, 2, 3]),
        frame_to(role, 0x8A, ""),
        frame_to(role, 0x00, ""),
        frame_to(role, 0x80, [4]),
        frame_to(role, 0x82, ""),
        frame_to(role, end.0, end.1),
        frame_to(role, 0x81, "no"),
    ]
    .concat()
}

/// FR12, FG02, CF02.
#[test]
fn two_cuts_anywhere_change_nothing() {
    let config = Config::default();
    for role in [Role::Server, Role::Client] {
        for end in [(0x88, b"\x0B\xB8x".as_slice()), (0x80, b""), (0x81, b"\xE2\x28")] {
            let bytes = a_long_conversation(role, end);
            let whole = hears(role, &config, &bytes);
            assert_eq!(whole.events.len(), 6);
            for a in 0..=bytes.len() {
                for b in a..=bytes.len() {
                    let cut =
                        hears_pieces(role, &config, &[&bytes[..a], &bytes[a..b], &bytes[b..]]);
                    assert_eq!(cut, whole, "{a} {b}");
                }
            }
        }
    }
}

/// FR12: large frames take other paths than small ones, and so do their cuts.
#[test]
fn large_payloads_survive_cuts_at_the_library_s_own_boundaries() {
    let config = Config::default();
    for length in [4095, 4096, 70_000] {
        let payload: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
        let mut frame = vec![0x82, 0xFF];
        frame.extend((length as u64).to_be_bytes());
        if length < 65536 {
            frame = vec![0x82, 0xFE, (length >> 8) as u8, length as u8];
        }
        frame.extend([0x37, 0xFA, 0x21, 0x3D]);
        let head = frame.len();
        frame.extend(
            payload.iter().zip([0x37, 0xFA, 0x21, 0x3D].iter().cycle()).map(|(a, b)| a ^ b),
        );
        frame.extend(frame_to(Role::Server, 0x81, "after"));
        for cut in [0, 1, head - 1, head, head + 1, head + 4094, head + length - 1, head + length] {
            let (first, second) = frame.split_at(cut);
            let heard = hears_pieces(Role::Server, &config, &[first, second]);
            assert!(heard.events == [binary(&payload), text("after")], "{length} {cut}");
        }
        let chunks: Vec<&[u8]> = frame.chunks(1000).collect();
        let heard = hears_pieces(Role::Server, &config, &chunks);
        assert!(heard.events == [binary(&payload), text("after")], "{length}");
    }
}

/// A frame, mostly a valid one.
fn any_frame(role: Role) -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        20 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        4 => "[a-z€]{0,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ];
    (first, payload, any::<[u8; 4]>()).prop_map(move |(first, payload, key)| {
        let mut frame = frame_to(role, first, &payload);
        if role == Role::Server {
            let start = frame.len() - payload.len();
            frame[start - 4..start].copy_from_slice(&key);
            for (byte, key) in frame[start..].iter_mut().zip(key.iter().cycle()) {
                *byte ^= key;
            }
        }
        frame
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// FR12.
    #[test]
    fn random_cuts_change_nothing(
        frames in prop::collection::vec(any_frame(Role::Server), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = frames.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts {
            pieces.push(&bytes[start..cut]);
            start = cut;
        }
        pieces.push(&bytes[start..]);
        let config = Config::default().max_fragments(5).max_message_size(1000);
        let whole = hears_pieces(Role::Server, &config, &[&bytes]);
        prop_assert_eq!(hears_pieces(Role::Server, &config, &pieces), whole);
    }

    /// FR04, FR10, CL04: random bytes never panic, end at most once, and say the same under another cut.
    #[test]
    fn random_bytes_change_nothing_but_the_connection(
        bytes in prop::collection::vec(any::<u8>(), 0..200), client: bool, cut: prop::sample::Index,
    ) {
        let role = if client { Role::Client } else { Role::Server };
        let config = Config::default();
        let whole = hears_pieces(role, &config, &[&bytes]);
        let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
        prop_assert_eq!(&hears_pieces(role, &config, &[head, tail]), &whole);
        let ends = whole.events.iter().filter(|e| matches!(e, squall_proto::Event::Closed(_))).count();
        prop_assert!(ends <= 1);
    }

    /// FR12: a violation is the same one wherever the network cuts.
    #[test]
    fn text_with_one_bad_byte_fails_alike(text in "[a-zé€😀]{0,40}", at: prop::sample::Index) {
        let mut bytes = text.into_bytes();
        bytes.insert(at.index(bytes.len() + 1), 0xFF);
        failed([], ProtocolError::InvalidUtf8, &client_hears(frame_to(Role::Client, 0x81, bytes)));
    }
}
