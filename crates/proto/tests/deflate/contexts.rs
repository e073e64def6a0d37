//! Contexts belong to threads: connections by the dozen, one after the other, and from thread to thread.

use std::{sync::mpsc, thread};

use squall_proto::{
    Fragment, Message,
    deflate::{DeflateConfig, Level, MemoryLevel, WindowBits},
};

use crate::peer::*;

/// More connections than a thread keeps contexts, of several settings.
fn pairs() -> Vec<[Side; 2]> {
    (0..40_u8)
        .map(|number| {
            let config = DeflateConfig::default()
                .level(Level::new(1 + number % 3).unwrap())
                .memory_level(MemoryLevel::new(1 + number % 9).unwrap())
                .client_max_window_bits(WindowBits::new(9 + number % 7).unwrap())
                .server_no_context_takeover(number % 5 == 0);
            pair(&config, &config)
        })
        .collect()
}

fn told(number: usize, round: usize) -> String {
    format!("connection {number} says the same again and again, round {round}").repeat(9)
}

fn talk(number: usize, round: usize, [server, client]: &mut [Side; 2]) {
    let told = told(number, round);
    server.send(Message::from(told.as_str()));
    client.send(Message::from(told.as_str()));
    let (from_server, from_client) = (server.says(), client.says());
    assert!(from_server.len() < told.len() / 2 && from_client.len() < told.len() / 2);
    assert_eq!(client.hears(from_server), [text(&told)], "{number} {round}");
    assert_eq!(server.hears(from_client), [text(&told)], "{number} {round}");
}

#[test]
fn more_connections_than_contexts_read_each_other_right() {
    let mut pairs = pairs();
    for round in 0..6 {
        for (number, pair) in pairs.iter_mut().enumerate() {
            talk(number, round, pair);
        }
    }
}

/// RFC 7692 §7.2.3.2: a context that is lost is primed with what the peer still has.
#[test]
fn a_connection_that_has_lost_its_context_still_refers_to_what_it_said() {
    let config = DeflateConfig::default().threshold(0).level(Level::BALANCED);
    let mut sides: Vec<Side> = (0..20)
        .map(|_| server_of("permessage-deflate", config.clone(), Default::default()).0)
        .collect();
    // The third time all of it is one match: enough has been said for one to begin at its first byte.
    for expected in [HELLO, HELLO_AGAIN, &[0x02, 0x13, 0x00, 0x00]] {
        for side in &mut sides {
            side.send(Message::text("Hello"));
            assert_eq!(side.says_frames(), [(0xC1, expected.to_vec())]);
        }
    }
}

/// What one message in a row finds its own context, another does not: the bytes may differ, what they say may not.
#[test]
fn bursts_and_turns_read_each_other_right() {
    let mut pairs = pairs();
    for round in 0..60 {
        // Some connections come again at once, some after three others, some after all others.
        for number in [round % 40, round % 3, 7, round * 7 % 40] {
            talk(number, round, &mut pairs[number]);
        }
    }
}

/// A work-stealing runtime moves connections between threads while contexts of theirs stay behind.
#[test]
fn connections_that_change_threads_read_each_other_right() {
    let mut threads: Vec<Vec<(usize, [Side; 2])>> = vec![Vec::new(), Vec::new(), Vec::new()];
    for (number, pair) in pairs().into_iter().enumerate() {
        threads[number % 3].push((number, pair));
    }
    // Lasting threads keep their contexts; each round gives a part of the connections to the next thread and back.
    let channels: Vec<_> = (0..3).map(|_| mpsc::channel()).collect();
    let senders: Vec<_> = channels.iter().map(|(sender, _)| sender.clone()).collect();
    thread::scope(|scope| {
        for ((index, (_, receiver)), own) in channels.into_iter().enumerate().zip(threads) {
            let next = senders[(index + 1) % 3].clone();
            scope.spawn(move || {
                let mut own = own;
                for round in 0..12 {
                    for (number, pair) in &mut own {
                        talk(*number, round, pair);
                    }
                    let moved: Vec<_> = own.drain(..own.len() / 2).collect();
                    next.send(moved).unwrap();
                    own.extend::<Vec<_>>(receiver.recv().unwrap());
                }
            });
        }
    });
}

/// The context that a connection left behind on a thread is of no use once it has spoken on another.
#[test]
fn a_context_that_missed_a_message_is_not_gone_on_with() {
    fn answer(server: &mut Side, heard: Vec<u8>, round: usize) {
        assert_eq!(server.hears(heard), [text(&told(0, round))]);
        server.send(Message::from(told(0, round)));
    }
    let config = DeflateConfig::default().level(Level::BALANCED);
    let [mut server, mut client] = pair(&config, &config);
    let ((to_other, from_here), (to_here, from_other)) = (mpsc::channel(), mpsc::channel());
    thread::scope(|scope| {
        scope.spawn(move || {
            for (mut server, heard, round) in from_here {
                answer(&mut server, heard, round);
                to_here.send(server).unwrap();
            }
        });
        // The client stays, and with it the contexts that the server's messages have to agree with.
        for round in 0..12 {
            client.send(Message::from(told(0, round)));
            let heard = client.says();
            if round % 2 == 0 {
                answer(&mut server, heard, round);
            } else {
                to_other.send((server, heard, round)).unwrap();
                server = from_other.recv().unwrap();
            }
            let said = server.says();
            assert_eq!(client.hears(said), [text(&told(0, round))], "{round}");
        }
        drop(to_other);
    });
}

/// A message in pieces keeps its context while others take theirs.
#[test]
fn unfinished_messages_of_many_connections_read_right() {
    let mut pairs = pairs();
    for round in 0..4_u8 {
        let more = vec![round; 700];
        for [server, _] in &mut pairs {
            let fragment = Fragment::more(Message::from(more.clone()));
            server.connection.send_fragment(server.now, fragment).unwrap();
        }
        for (number, [server, client]) in pairs.iter_mut().enumerate() {
            let end = format!("connection {number}");
            let fragment = Fragment::last(Message::from(end.clone().into_bytes()));
            server.connection.send_fragment(server.now, fragment).unwrap();
            let said = server.says();
            let (half, rest) = said.split_at(said.len() / 2);
            let mut events = client.hears(half);
            events.extend(client.hears(rest));
            assert_eq!(events, [binary([more.as_slice(), end.as_bytes()].concat())]);
        }
    }
}
