//! The queue of outgoing bytes and the marks that hold back the sending.

use bytes::Buf;
use squall_proto::{Config, Machine, Role, WriteMarks};

use crate::conversation::*;

fn server(high: usize, low: usize) -> Conversation {
    let config = Config::default().write_marks(WriteMarks::new(high, low));
    Conversation::new(Role::Server, config)
}

#[test]
fn the_queue_is_long_over_the_high_mark_and_short_again_at_the_low_one() {
    let mut server = server(100, 10);
    server.send(vec![0; 98]);
    assert!(!server.connection.is_write_blocked(), "100 bytes are not over the mark");
    server.send("");
    assert_eq!(server.connection.queued(), 102);
    assert!(server.connection.is_write_blocked());
    let _ = server.says_only(91);
    assert!(server.connection.is_write_blocked(), "11 are left");
    let _ = server.says_only(1);
    assert!(!server.connection.is_write_blocked());
}

/// Two peers that both send much at once would wait for each other if a long queue stopped the reading.
#[test]
fn a_long_queue_does_not_stop_the_reading() {
    let mut server = server(100, 10);
    server.send(vec![0; 1000]);
    assert!(server.connection.is_write_blocked() && server.connection.wants_read());
    assert_eq!(server.hears(b"\x81\x82\0\0\0\0hi"), [text("hi")]);
}

#[test]
fn a_queue_between_the_marks_blocks_only_on_its_way_down() {
    let mut server = server(100, 10);
    server.send(vec![0; 200]);
    let _ = server.says_only(204 - 5);
    server.send(vec![0; 50]);
    assert!(!server.connection.is_write_blocked(), "on its way up again");
    server.send(vec![0; 50]);
    assert!(server.connection.is_write_blocked());
}

#[test]
fn control_frames_count_for_the_marks() {
    let mut server = server(100, 10);
    for _ in 0..60 {
        server.ping(b"");
    }
    assert!(server.connection.is_write_blocked());
    let _ = server.says();
    assert!(!server.connection.is_write_blocked());
}

/// RUSTSEC-2026-0258: what is empty has a header, and the headers count.
#[test]
fn messages_without_payload_count_for_the_marks() {
    let mut server = server(100, 10);
    for _ in 0..50 {
        server.send("");
    }
    assert!(!server.connection.is_write_blocked(), "100 bytes are not over the mark");
    server.send("");
    assert!(server.connection.is_write_blocked());
    assert_eq!(server.connection.queued(), 102);
}

/// A driver with an empty queue has nothing to write and must have something to read.
#[test]
fn an_empty_queue_never_blocks_whatever_the_marks() {
    for (high, low) in [(0, 0), (1, 0), (100, 0), (100, 100), (5, 50), (usize::MAX, usize::MAX)] {
        let mut server = server(high, low);
        assert!(!server.connection.is_write_blocked());
        server.send(vec![0; 1000]);
        let _ = server.hears(b"\x89\x80\0\0\0\0");
        let said = server.says();
        assert!(said.ends_with(b"\x8A\0"), "{high} {low}");
        assert_eq!(server.connection.queued(), 0);
        assert!(!server.connection.is_write_blocked(), "{high} {low}");
    }
}

#[test]
fn a_long_queue_goes_on_where_it_was_written_to() {
    let mut server = server(100, 10);
    for mark in 0..30 {
        server.send(vec![mark; 4000]);
    }
    let mut said = server.says_only(20_000);
    server.send("last");
    said.extend(server.says());
    for (mark, frame) in (0..30).zip(said.chunks(4004)) {
        assert_eq!((&frame[..4], &frame[4..]), (b"\x82\x7E\x0F\xA0".as_slice(), &[mark; 4000][..]));
    }
    assert_eq!(said[30 * 4004..], *b"\x81\x04last");
}

/// A driver that writes in any steps, vectored or not, writes the same bytes.
#[test]
fn chunks_and_steps_make_no_difference() {
    let queue = || {
        let mut server = server(100, 10);
        server.send("small");
        server.send(vec![1; 5000]);
        server.send(vec![2; 5001]);
        server.send("small again");
        server
    };
    let whole = queue().says();
    for step in [1, 3, 7, 4999, 5004, 9999] {
        let mut server = queue();
        let mut said = Vec::<u8>::new();
        while server.connection.transmit().has_remaining() {
            let mut slices = [std::io::IoSlice::new(&[]); 3];
            let transmit = server.connection.transmit();
            let filled = transmit.chunks_vectored(&mut slices);
            let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            let count = step.min(bytes.len());
            said.extend(&bytes[..count]);
            server.connection.transmit().advance(count);
        }
        assert!(said == whole, "{step}");
    }
}
