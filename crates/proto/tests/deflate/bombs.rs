//! A megabyte that inflates to a gigabyte, and what it costs at most (CVE-2016-10544, CVE-2018-1000518, CVE-2026-1526 and
//! their kin). PD09.

use squall_proto::{Config, Delivery, Event, Machine, ProtocolError, Role};

use crate::{memory::grows, peer::*, zlib_peer::ZlibPeer};

const MIB: u64 = 1 << 20;

/// A mebibyte of zeros, a thousand and twenty-four times.
fn bomb() -> Vec<u8> {
    let mut peer = ZlibPeer::new((15, true), (15, true), 9);
    let zeros = vec![0; 1 << 20];
    peer.compress(&zeros);
    let block = [peer.compress(&zeros).as_slice(), b"\x00\x00\xFF\xFF"].concat();
    let bomb = [block.repeat(1024), vec![0]].concat();
    assert!(bomb.len() < 1100 << 10, "{}", bomb.len());
    bomb
}

/// The bomb as frames of `size` bytes, until the connection has had enough.
fn hears_bomb(side: &mut Side, bomb: &[u8], size: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut opcode = 0x42;
    for piece in bomb.chunks(size) {
        events.extend(side.hears_frame(opcode, piece));
        opcode = 0x00;
        side.says();
        if side.connection.closed().is_some() {
            return events;
        }
    }
    events.extend(side.hears_frame(0x80, b""));
    events
}

/// What the first block of the bomb refers to.
fn zeros(side: &mut Side) {
    let mut peer = ZlibPeer::new((15, true), (15, true), 9);
    let first = peer.compress(&vec![0; 1 << 20]);
    assert!(!side.hears_frame(0xC2, first).is_empty());
}

#[test]
fn a_bomb_is_stopped_at_the_limit_in_twice_its_memory() {
    let bomb = bomb();
    for (limit, size) in [(16, usize::MAX), (16, 64), (5, usize::MAX), (5, 64)] {
        let config = Config::default().max_message_size(limit << 20).max_fragments(usize::MAX);
        let mut side = agreed(Role::Server, "", config);
        zeros(&mut side);
        let frame = frame_to(Role::Server, 0x42, &bomb);
        let (events, live, peak) = if size == usize::MAX {
            // Its bytes are the caller's.
            side.input.extend_from_slice(&frame);
            drop(frame);
            grows(|| side.hears(b""))
        } else {
            grows(|| hears_bomb(&mut side, &bomb, size))
        };
        assert_eq!(events, [violation(ProtocolError::MessageTooBig)], "{limit} {size}");
        // While the buffer grows for the last time there are two.
        assert!(peak <= 2 * limit as u64 * MIB, "{limit} {size}: {peak}");
        assert!(live <= 1 << 20, "what was inflated is let go: {live}");
    }
}

#[test]
fn a_gibibyte_passes_in_pieces_within_a_quarter_of_a_mebibyte() {
    let bomb = bomb();
    for size in [usize::MAX, 64] {
        let config = Config::default()
            .max_message_size(usize::MAX)
            .max_frame_size(usize::MAX)
            .max_fragments(usize::MAX)
            .delivery(Delivery::Fragments);
        let mut side = agreed(Role::Client, "", config);
        zeros(&mut side);
        let mut total = 0;
        let mut hear = |first, payload: &[u8]| {
            side.input.extend_from_slice(&frame_to(Role::Client, first, payload));
            while let Some(event) = side.connection.poll_event(side.now, &mut side.input) {
                let Event::Fragment(fragment) = event else { panic!("{event:?}") };
                assert!(fragment.payload.len() <= 64 << 10);
                total += fragment.payload.len();
            }
        };
        hear(0x42, b"");
        let ((), _, peak) = grows(|| bomb.chunks(size).for_each(|piece| hear(0x00, piece)));
        hear(0x80, b"");
        assert_eq!(total, 1 << 30);
        // Where there is but one frame, the test's copies of it are counted.
        let copies = if size == usize::MAX { 2 * bomb.len() as u64 } else { 0 };
        assert!(peak <= copies + MIB / 4, "{size}: {peak} with {copies}");
    }
}
