//! Limits on what a peer may send (RFC 6455 §10.4).

use squall_proto::{Closed, Config, Deadline, Delivery, Event, Machine, ProtocolError, Role};

use crate::conversation::*;

/// FR10: messages and frames of 16 MiB, 65,536 fragments, pings, write and close timeouts.
#[test]
fn every_default_is_finite() {
    let config = Config::default();
    let over = b"\x82\x7F\0\0\0\0\x01\0\0\x01";
    failed([], ProtocolError::FrameTooBig, &client_hears(over));
    let unlimited_frames = config.clone().max_frame_size(usize::MAX);
    failed([], ProtocolError::MessageTooBig, &hears(Role::Client, &unlimited_frames, over));
    let mut client = Conversation::new(Role::Client, config.clone());
    let flood = [b"\x02\0".as_slice(), &[0; 2 * 65_535]].concat();
    assert_eq!(client.hears(flood), [], "65,536 fragments are allowed");
    assert_eq!(client.hears(b"\0\0"), [violation(ProtocolError::TooManyFragments)]);
    // A peer that does nothing at all, and one that never answers a Close.
    let mut server = Conversation::new(Role::Server, config.clone());
    assert_eq!(server.waits(20 * SECOND), []);
    assert_eq!(server.says().len(), 6, "a ping");
    assert_eq!(server.events(), []);
    assert_eq!(server.waits(20 * SECOND), [Event::Closed(Closed::TimedOut(Deadline::KeepAlive))]);
    let mut server = Conversation::new(Role::Server, config);
    server.close(None);
    assert_eq!(server.waits(5 * SECOND), [Event::Closed(Closed::TimedOut(Deadline::Close))]);
}

#[test]
fn the_limits_in_force_can_be_asked() {
    let config = Config::default().max_message_size(10).max_frame_size(5);
    let server = Conversation::new(Role::Server, config.clone());
    assert_eq!(*server.connection.config(), config);
    assert_eq!(config.message_limit(), 10);
}

/// FR10: exactly the limit is allowed, one more is not, and no payload is awaited for the verdict.
#[test]
fn limits_are_exact_and_judged_at_the_header() {
    for (frame, message, error) in
        [(300, 1000, ProtocolError::FrameTooBig), (1000, 300, ProtocolError::MessageTooBig)]
    {
        let config = Config::default().max_frame_size(frame).max_message_size(message);
        let largest = frame_to(Role::Client, 0x82, [7; 300]);
        assert_eq!(hears(Role::Client, &config, largest), heard([binary([7; 300])], ""));
        failed([], error, &hears(Role::Client, &config, b"\x82\x7E\x01\x2D"));
    }
}

/// FR10: whether all of a frame is there, as most are, or its header only.
#[test]
fn a_frame_over_a_limit_fails_though_all_of_it_is_there() {
    let default = Config::default();
    for (config, error) in [
        (default.clone().max_frame_size(10), ProtocolError::FrameTooBig),
        (default.clone().max_message_size(10), ProtocolError::MessageTooBig),
    ] {
        let (fits, is_over) = ([7; 10], frame_to(Role::Client, 0x82, [7; 11]));
        let frame = frame_to(Role::Client, 0x82, fits);
        assert_eq!(hears(Role::Client, &config, frame), heard([binary(fits)], ""));
        failed([], error, &hears(Role::Client, &config, is_over));
    }
    let nothing = hears(Role::Client, &default.max_fragments(0), b"\x82\x01a");
    failed([], ProtocolError::TooManyFragments, &nothing);
}

/// FR10; CVE-2014-0193, CVE-2026-42786: fragments add up, before their payload is read.
#[test]
fn fragments_add_up_to_the_message_limit() {
    let config = Config::default().max_message_size(10);
    for delivery in [Delivery::Messages, Delivery::Fragments] {
        let config = config.clone().delivery(delivery);
        let bytes = b"\x02\x05aaaaa\0\x05bbbbb\0\0\x00\x01";
        let mut client = Conversation::new(Role::Client, config);
        let events = client.hears(bytes);
        assert_eq!(events.last(), Some(&violation(ProtocolError::MessageTooBig)));
        assert_farewell(&client.says(), ProtocolError::MessageTooBig);
    }
}

/// FR03, FR10; CVE-2020-27813: lengths that would overflow a sum, with every limit off.
#[test]
fn lengths_near_the_end_of_the_number_line_overflow_nothing() {
    let unlimited = Config::default()
        .max_frame_size(usize::MAX)
        .max_message_size(usize::MAX)
        .max_fragments(usize::MAX);
    let head = b"\x02\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    let mut client = Conversation::new(Role::Client, unlimited);
    assert_eq!(client.hears(head), [], "this long a frame is allowed, and awaited");
    assert_eq!(client.connection.read_hint(), 64 << 10);
    assert_eq!(client.hears([0; 1000]), []);
    assert_eq!(client.hears_eof(), [Event::Closed(Closed::Eof)]);
    for length in [1_u64 << 62, (1 << 62) - 1, u64::from(u32::MAX) + 6] {
        let head = [b"\x82\x7F".as_slice(), &length.to_be_bytes()].concat();
        failed([], ProtocolError::FrameTooBig, &client_hears(head));
    }
}

/// FR10: empty fragments count, whatever else passes between them.
#[test]
fn a_flood_of_empty_fragments_ends_with_1008() {
    let config = Config::default().max_fragments(5);
    let allowed = b"\x01\0\0\0\0\0\0\0\x80\0";
    assert_eq!(hears(Role::Client, &config, allowed), heard([text("")], ""));
    let flood = b"\x01\0\0\0\0\0\x8A\0\0\0\0\0\0\0";
    failed([pong(b"")], ProtocolError::TooManyFragments, &hears(Role::Client, &config, flood));
    let pieces = config.delivery(Delivery::Fragments);
    failed([pong(b"")], ProtocolError::TooManyFragments, &hears(Role::Client, &pieces, flood));
}

/// FR10: the count begins anew with each message.
#[test]
fn limits_hold_for_each_message_by_itself() {
    let config = Config::default().max_fragments(2).max_message_size(4);
    let twice = b"\x01\x02ab\x80\x02cd".repeat(2);
    assert_eq!(hears(Role::Client, &config, twice), heard([text("abcd"), text("abcd")], ""));
}

/// A flood of pings at a peer of ours that cannot write costs the low mark and no more.
#[test]
fn a_flood_of_pings_does_not_grow_the_queue() {
    let mut server = Conversation::new(Role::Server, Config::default());
    let pings = frame_to(Role::Server, 0x89, [b'p'; 125]).repeat(100);
    for _ in 0..100 {
        assert_eq!(server.hears(&pings).len(), 100);
    }
    assert!(server.connection.queued() <= (16 << 10) + 127, "{}", server.connection.queued());
}

/// CVE-2021-3690 and its kin: a million pongs leave nothing behind.
#[test]
fn a_flood_of_pongs_leaves_nothing() {
    let mut server = Conversation::new(Role::Server, Config::default());
    let pongs = frame_to(Role::Server, 0x8A, b"x").repeat(10_000);
    for _ in 0..100 {
        assert_eq!(server.hears(&pongs).len(), 10_000);
    }
    assert_eq!(server.connection.queued(), 0);
    assert!(server.input.is_empty());
}

/// The hint is honest: that many bytes complete the frame, or it grows as what has arrived and waits.
#[test]
fn the_read_hint_follows_what_has_arrived() {
    let growing = [64 << 10, 192 << 10, 768 << 10].as_slice();
    for (fin, hints) in [(0x80, growing), (0, &[64 << 10; 16])] {
        let mut client = Conversation::new(Role::Client, Config::default());
        assert_eq!(client.connection.read_hint(), 0);
        assert_eq!(client.hears([0x02 | fin, 0x7F, 0, 0, 0, 0, 0]), []);
        assert_eq!(client.connection.read_hint(), 0, "the header is not complete");
        assert_eq!(client.hears(b"\x10\0\0"), []);
        let mut missing = 1 << 20;
        for hint in hints {
            assert_eq!(client.connection.read_hint(), *hint);
            missing -= hint;
            let events = client.hears(vec![0; *hint]);
            assert_eq!(events.len(), usize::from(fin != 0 && missing == 0));
        }
        assert_eq!(client.connection.read_hint(), 0);
    }
}

/// A ping that is not complete says how much it lacks.
#[test]
fn the_read_hint_of_a_control_frame_is_what_is_missing() {
    let mut client = Conversation::new(Role::Client, Config::default());
    assert_eq!(client.hears(b"\x89\x05He"), []);
    assert_eq!(client.connection.read_hint(), 3);
    assert_eq!(client.hears(b"llo"), [ping(b"Hello")]);
    assert_eq!(client.connection.read_hint(), 0);
}
