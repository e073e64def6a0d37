//! Memory follows what was received, never what a header declares; measured by an allocator that counts.
//!
//! CVE-2022-35922, CVE-2021-21419, CVE-2026-12151 and their kin.

use std::{sync::Arc, time::Instant};

use allocation_counter::measure;
use bytes::{Buf, Bytes, BytesMut};
use squall_proto::{
    CloseCode, Config, Connection, Delivery, Entropy, EntropyError, Event, Machine, Message,
};

const KIB: isize = 1 << 10;

/// How many bytes more are live after `work` than before, and at most meanwhile; its result is still alive.
#[expect(clippy::unwrap_used, reason = "a measurement that is lost fails its test")]
fn grows<T>(work: impl FnOnce() -> T) -> (T, isize, isize) {
    let mut result = None;
    let grown = measure(|| result = Some(work()));
    let [live, peak] = [grown.bytes_current, grown.bytes_max.cast_signed()];
    (result.unwrap(), live.try_into().unwrap(), peak.try_into().unwrap())
}

struct PlainKeys;

impl Entropy for PlainKeys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(0);
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "an instant has to come from somewhere")]
fn beginning() -> Instant {
    Instant::now()
}

fn client(config: Config) -> Connection {
    Connection::client(Arc::new(config), Box::new(PlainKeys), beginning())
}

/// A frame arrives in a buffer of its own and all events are dropped.
fn hear(connection: &mut Connection, bytes: &[u8]) -> usize {
    let mut input = BytesMut::from(bytes);
    let mut count = 0;
    while connection.poll_event(beginning(), &mut input).is_some() {
        count += 1;
    }
    assert!(input.is_empty());
    count
}

fn write_all(connection: &mut Connection) {
    let queued = connection.queued();
    connection.transmit().advance(queued);
}

/// FR10: for whole messages, fragments and pieces alike.
#[test]
fn a_thousand_connections_that_declare_the_largest_frame_allocate_next_to_nothing() {
    for (first, delivery) in
        [(0x82, Delivery::Messages), (0x01, Delivery::Messages), (0x82, Delivery::Fragments)]
    {
        let mut clients: Vec<Connection> =
            (0..1000).map(|_| client(Config::default().delivery(delivery))).collect();
        let ((), live, peak) = grows(|| {
            for client in &mut clients {
                assert_eq!(hear(client, &[first, 0x7F, 0, 0, 0, 0, 1, 0, 0, 0]), 0);
            }
        });
        assert!(live <= 128 * KIB && peak <= 160 * KIB, "{live} {peak}");
    }
}

/// FR10: with every limit off, 2^63 - 1 bytes are declared and nothing is reserved.
#[test]
fn a_declared_length_reserves_nothing_without_limits_either() {
    let config = Config::default().max_frame_size(usize::MAX).max_message_size(usize::MAX);
    let mut client = client(config);
    let head = b"\x02\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    let ((), live, peak) = grows(|| {
        assert_eq!(hear(&mut client, head), 0);
        assert_eq!(hear(&mut client, &[7; 1000]), 0);
    });
    assert!(live <= 4 * KIB && peak <= 8 * KIB, "{live} {peak}");
}

/// FG05, FR10: fragments of one byte are kept side by side, not one by one.
#[test]
fn sixteen_thousand_fragments_of_a_byte_cost_what_they_carry() {
    let mut client = client(Config::default());
    let ((), live, peak) = grows(|| {
        assert_eq!(hear(&mut client, b"\x02\x01x"), 0);
        for _ in 0..16_000 {
            assert_eq!(hear(&mut client, b"\x00\x01x"), 0);
        }
    });
    assert!(live <= 40 * KIB && peak <= 80 * KIB, "{live} {peak}");
    assert_eq!(hear(&mut client, b"\x80\0"), 1);
}

/// A large message in fragments costs about twice what has arrived of it, at most.
#[test]
fn assembling_a_message_costs_a_small_multiple_of_it() {
    let mut client = client(Config::default());
    let mut frame = b"\x02\x7E\x40\0".to_vec();
    frame.extend([7; 16 << 10]);
    let ((), live, peak) = grows(|| {
        for _ in 0..64 {
            assert_eq!(hear(&mut client, &frame), 0);
            frame[0] = 0;
        }
    });
    assert!(live <= 2048 * KIB + 64 * KIB && peak <= 3072 * KIB + 64 * KIB, "{live} {peak}");
}

/// CF02, CF03: ten thousand pings and as many pongs, and nothing is read of what is answered.
#[test]
fn floods_of_pings_and_pongs_cost_the_low_mark() {
    let mut client = client(Config::default());
    let (ping, pong) = ([b"\x89\x7D".as_slice(), &[b'x'; 125]].concat(), b"\x8A\x01x");
    let ((), live, peak) = grows(|| {
        for _ in 0..10_000 {
            assert_eq!(hear(&mut client, &ping), 1);
            assert_eq!(hear(&mut client, pong), 1);
        }
    });
    assert!(live <= 48 * KIB && peak <= 64 * KIB, "{live} {peak}");
}

/// An idle connection gives back what a burst in either direction took; the thread keeps its buffers for the next one.
#[test]
fn a_connection_holds_next_to_nothing_after_a_burst() {
    fn burst() -> Connection {
        let mut client = client(Config::default());
        let message = [b"\x81\x7E\x03\xE8".as_slice(), &[b'x'; 1000]].concat();
        for _ in 0..1000 {
            assert_eq!(hear(&mut client, &message), 1);
            client.send(beginning(), Message::from(vec![0; 1000])).unwrap();
            client.send(beginning(), Message::from(vec![0; 10_000])).unwrap();
        }
        write_all(&mut client);
        client
    }
    let (_first, live, _) = grows(burst);
    assert!(live <= 80 * KIB, "{live}");
    let (_second, live, _) = grows(burst);
    assert!(live <= KIB, "{live}");
}

/// What the application keeps of small messages is little more than the messages.
#[test]
fn small_messages_that_are_kept_are_kept_side_by_side() {
    let mut client = client(Config::default());
    let mut input = BytesMut::with_capacity(128 << 10);
    let (kept, live, _) = grows(|| {
        let mut kept = Vec::with_capacity(10_000);
        for _ in 0..10_000 {
            input.extend_from_slice(b"\x82\x0A0123456789");
            while let Some(Event::Message(message)) = client.poll_event(beginning(), &mut input) {
                kept.push(message);
            }
        }
        kept
    });
    let handles = (size_of::<Message>() * kept.capacity()).cast_signed();
    assert!(live - handles <= 256 * KIB, "{live}");
}

/// One small message, piece or ping that is kept does not keep the read buffer that it came in.
#[test]
fn a_small_message_that_is_kept_does_not_pin_the_read_buffer() {
    let (whole, pieces) = (Config::default(), Config::default().delivery(Delivery::Fragments));
    for (config, head, length) in [
        (&whole, b"\x82\x01".as_slice(), 1),
        (&whole, b"\x82\x7E\x0F\xA0", 4000),
        (&whole, b"\x89\x7D", 125),
        (&pieces, b"\x82\x7E\x0F\xA0", 4000),
    ] {
        let frame = [head, vec![7; length].as_slice()].concat();
        let (kept, live, _) = grows(|| {
            let mut client = client(config.clone());
            let mut input = BytesMut::with_capacity(128 << 10);
            input.extend_from_slice(&frame);
            client.poll_event(beginning(), &mut input)
        });
        assert!(kept.is_some_and(|event| !matches!(event, Event::Closed(_))));
        assert!(live <= 5 * KIB, "{length} {live}");
    }
}

/// A large payload is written from where it lies.
#[test]
fn a_server_does_not_copy_a_large_payload() {
    let payload = Bytes::from(vec![7; 8 << 20]);
    let mut server = Connection::server(Arc::new(Config::default()), beginning());
    let (sent, _, peak) = grows(|| server.send(beginning(), Message::binary(payload.clone())));
    assert_eq!(sent, Ok(()));
    assert!(peak <= 16 * KIB, "{peak}");
}

/// A queue takes what waits in it, not what has passed through it.
#[test]
fn a_queue_that_is_never_empty_does_not_grow() {
    for waiting in [1, 100] {
        let mut server = Connection::server(Arc::new(Config::default()), beginning());
        let ((), _, peak) = grows(|| {
            for count in 0..1000 {
                server.send(beginning(), Message::from(vec![7; 1000])).unwrap();
                if count >= waiting {
                    server.transmit().advance(1004);
                }
            }
        });
        assert!(peak <= (80 + 4 * waiting) * KIB, "{waiting} {peak}");
    }
}

/// A client masks a payload that it owns where it lies.
#[test]
fn a_client_does_not_copy_a_large_payload_that_it_owns() {
    for length in [1 << 20, 8 << 20] {
        let message = Message::from(vec![7; length]);
        let mut client = client(Config::default());
        let (sent, _, peak) = grows(|| client.send(beginning(), message));
        assert_eq!(sent, Ok(()));
        assert!(peak <= 16 * KIB, "{length} {peak}");
    }
}

/// What is over lets go of what was under way.
#[test]
fn a_connection_that_is_over_holds_nothing() {
    let mut client = client(Config::default());
    let ((), live, _) = grows(|| {
        let mut start = b"\x02\x7E\xFF\xFF".to_vec();
        start.extend([7; 65535]);
        assert_eq!(hear(&mut client, &start), 0);
        assert_eq!(hear(&mut client, b"\x88\0"), 1);
        client.close(beginning(), CloseCode::NORMAL.into()).unwrap();
        write_all(&mut client);
    });
    assert!(live <= 5 * KIB, "{live}");
    assert!(size_of::<Connection>() <= 400, "{}", size_of::<Connection>());
}
