//! Streams that are not DEFLATE, or not all of it, or that refer to what is not there.

use squall_proto::{Config, Delivery, ProtocolError};

use crate::peer::*;

const INVALID: ProtocolError = ProtocolError::InvalidDeflate;

/// 1007, and the code goes to the peer.
#[test]
fn what_is_not_deflate_is_a_violation() {
    // Block type 3; a stored block whose lengths disagree; a distance before the beginning; a code that stands for nothing.
    for bad in [b"\x06".as_slice(), b"\x00\x05\x00\xFB\xFF", HELLO_AGAIN, b"\x1B\xBC\xFF\xFF"] {
        for (role, delivery) in ROLES
            .into_iter()
            .flat_map(|role| [(role, Delivery::Messages), (role, Delivery::Fragments)])
        {
            let mut side = agreed(role, "", Config::default().delivery(delivery));
            assert_eq!(side.hears_frame(0xC2, bad), [violation(INVALID)], "{bad:X?}");
            assert_eq!(side.says_frames()[0].1[..2], 1007_u16.to_be_bytes());
            assert_eq!(side.hears_frame(0xC2, HELLO), [], "nothing is read after it");
        }
    }
}

/// A message that ends inside a block lacks something, and is not delivered as if it were whole.
#[test]
fn a_message_that_ends_inside_a_block_is_a_violation() {
    let whole = [HELLO, b"\x00\x00\xFF\xFF", &stored(b"stored"), HELLO].concat();
    let ends: Vec<usize> = (0..=whole.len())
        .filter(|end| plain(ROLES[0]).hears_frame(0xC2, &whole[..*end]) != [violation(INVALID)])
        .collect();
    // Nothing; each header of an empty block, which the tail completes; and a whole tail.
    assert_eq!(ends, [0, 7, 11, 12, 29]);
}

/// A final block excuses the end of a message only where it is the end.
#[test]
fn a_message_that_ends_inside_the_block_after_a_final_block_is_a_violation() {
    for rest in [&HELLO[..2], &HELLO[..6], b"\x00\x01"] {
        let message = [b"\xF3\x48\xCD\xC9\xC9\x07\x00", rest].concat();
        assert_eq!(plain(ROLES[0]).hears_frame(0xC1, &message), [violation(INVALID)]);
        let mut bytewise = plain(ROLES[0]);
        let frame = frame_to(ROLES[0], 0xC1, &message);
        let events: Vec<_> = frame.iter().flat_map(|byte| bytewise.hears([*byte])).collect();
        assert_eq!(events, [violation(INVALID)]);
    }
}

/// PD05: a peer that goes on with a context it agreed not to take over.
#[test]
fn a_reference_to_a_message_of_which_no_context_was_to_be_kept_is_a_violation() {
    for role in ROLES {
        let parameters = "; server_no_context_takeover; client_no_context_takeover";
        let mut side = agreed(role, parameters, Config::default());
        assert_eq!(side.hears_frame(0xC1, HELLO), [text("Hello")]);
        assert_eq!(side.hears_frame(0xC1, HELLO_AGAIN), [violation(INVALID)], "{role:?}");
    }
}

/// PD07: what came uncompressed is nothing to refer to.
#[test]
fn a_reference_to_an_uncompressed_message_is_a_violation() {
    for role in ROLES {
        let mut side = plain(role);
        assert_eq!(side.hears_frame(0x81, "Hello"), [text("Hello")]);
        assert_eq!(side.hears_frame(0xC1, HELLO_AGAIN), [violation(INVALID)], "{role:?}");
    }
}

/// Many empty blocks make nothing, and take no longer than their bytes.
#[test]
fn blocks_that_make_nothing_end_with_the_message() {
    for role in ROLES {
        let mut side = plain(role);
        let blocks = stored(b"").repeat(100_000);
        assert_eq!(side.hears_frame(0x41, &blocks), []);
        assert_eq!(side.hears_frame(0x80, b"\x00"), [text("")]);
        // Final blocks without content, each of which starts the inflater anew.
        let finals = b"\x03\x00".repeat(10_000);
        assert_eq!(side.hears_frame(0xC1, HELLO), [text("Hello")]);
        assert_eq!(side.hears_frame(0xC1, [&finals, HELLO_AGAIN].concat()), [text("Hello")]);
    }
}
