//! Messages in pieces, in both directions.

use squall_proto::{Config, Delivery, Event, Fragment, Message, SendError};
use squall_testkit::{
    simulation::Simulation,
    wire::{from_client, from_server},
};

use crate::{Scene, pair, poll_times, server};

#[test]
fn a_message_is_sent_in_pieces() {
    let mut scene = server();
    scene.simulation.block_on(async {
        scene.socket.send_fragment(Fragment::more("one")).await.unwrap();
        let sent = scene.socket.send("between").await;
        assert_eq!(sent, Err(SendError::MessageInProgress));
        scene.socket.ping("ping".as_bytes().try_into().unwrap()).await.unwrap();
        scene.socket.send_fragment(Fragment::last("two")).await.unwrap();
        scene.socket.send("after").await.unwrap();
    });
    let frames = [(0x01, "one"), (0x89, "ping"), (0x80, "two"), (0x81, "after")];
    let expected: Vec<u8> =
        frames.iter().flat_map(|(first, text)| from_server(*first, text)).collect();
    assert_eq!(scene.peer.hear(), expected);
}

#[test]
fn pieces_come_as_they_arrive() {
    let mut scene = server();
    let mut next = || poll_times(scene.socket.recv_fragment(), 1);
    let bytes = from_client(0x81, "hello");
    scene.peer.say(&bytes[..8]);
    assert_eq!(next().unwrap().unwrap(), Some(Fragment::more("he")));
    assert!(next().is_none());
    scene.peer.say(&bytes[8..]);
    assert_eq!(next().unwrap().unwrap(), Some(Fragment::last("llo")));
}

/// Whoever has taken a piece and then asks for a message gets the next one.
#[test]
fn recv_passes_over_the_rest_of_a_message_begun_in_pieces() {
    let mut scene = server();
    let bytes = from_client(0x81, "hello");
    scene.peer.say(&bytes[..8]);
    assert!(poll_times(scene.socket.recv_fragment(), 1).is_some());
    scene.peer.say(&bytes[8..9]);
    assert!(poll_times(scene.socket.recv(), 1).is_none());
    scene.peer.say(&bytes[9..]);
    scene.peer.say(from_client(0x81, "next"));
    let next = poll_times(scene.socket.recv(), 1).unwrap().unwrap();
    assert_eq!(next, Some(Message::text("next")));
    // Of the one after it no piece was taken.
    let bytes = from_client(0x81, "last");
    scene.peer.say(&bytes[..6]);
    assert!(poll_times(scene.socket.recv_fragment(), 1).is_none());
    scene.peer.say(&bytes[6..]);
    let last = poll_times(scene.socket.recv(), 1).unwrap().unwrap();
    assert_eq!(last, Some(Message::text("last")));
}

/// … however it is cut, and however the one before was taken.
#[test]
fn recv_after_pieces_has_whole_messages() {
    let bytes = from_client(0x81, "hello, wörld");
    for cut in 0..bytes.len() {
        let mut scene = server();
        scene.peer.say(from_client(0x81, "first"));
        let first = poll_times(scene.socket.recv_fragment(), 1).unwrap().unwrap();
        assert_eq!(first, Some(Fragment::last("first")));
        scene.peer.say(&bytes[..cut]);
        assert!(poll_times(scene.socket.recv(), 2).is_none(), "{cut}");
        scene.peer.say(&bytes[cut..]);
        let message = poll_times(scene.socket.recv(), 1).unwrap().unwrap();
        assert_eq!(message, Some(Message::text("hello, wörld")), "{cut}");
    }
}

/// … where a call for a piece was dropped before there was one, too.
#[test]
fn recv_has_the_whole_message_that_a_dropped_call_was_to_have_in_pieces() {
    for frames in [
        vec![from_client(0x81, "hello, wörld")],
        vec![from_client(0x01, "hello"), from_client(0x80, ", wörld")],
    ] {
        let mut scene = server();
        // The header and the key: the message has begun, and no byte of it is there.
        scene.peer.say(&frames[0][..6]);
        assert!(poll_times(scene.socket.recv_fragment(), 1).is_none());
        scene.peer.say(&frames[0][6..]);
        let mut received = poll_times(scene.socket.recv(), 1);
        if let Some(rest) = frames.get(1) {
            assert!(received.is_none());
            scene.peer.say(rest);
            received = poll_times(scene.socket.recv(), 1);
        }
        assert_eq!(received.unwrap().unwrap(), Some(Message::text("hello, wörld")));
    }
}

#[test]
fn recv_has_whole_messages_where_the_settings_ask_for_pieces() {
    let bytes = from_client(0x02, [7; 300]);
    let rest = from_client(0x80, [8; 3]);
    let config = Config::default().delivery(Delivery::Fragments);
    let mut scene = Scene::server(&Simulation::new(), config, 64 << 10);
    scene.peer.say(&bytes[..100]);
    assert!(poll_times(scene.socket.recv(), 1).is_none());
    scene.peer.say(&bytes[100..]);
    assert!(poll_times(scene.socket.recv(), 1).is_none());
    scene.peer.say(&rest);
    let message = poll_times(scene.socket.recv(), 1).unwrap().unwrap().unwrap();
    assert_eq!(message.as_bytes(), &[[7; 300].as_slice(), &[8; 3]].concat());
}

#[test]
fn events_have_pieces_where_the_settings_ask_for_them() {
    let config = Config::default().delivery(Delivery::Fragments);
    let mut scene = Scene::server(&Simulation::new(), config, 64 << 10);
    scene.peer.say(from_client(0x81, "one"));
    let event = poll_times(scene.socket.recv_event(), 1).unwrap();
    assert_eq!(event, Some(Event::Fragment(Fragment::last("one"))));
}

#[test]
fn a_message_goes_in_pieces_from_one_side_to_the_other() {
    let simulation = Simulation::new();
    let (mut server, mut client) = pair(&simulation, &Config::default(), 11);
    let sent = simulation.start(async move {
        for index in 0..100_u8 {
            client.send_fragment(Fragment::more(vec![index; 40])).await.unwrap();
        }
        client.send_fragment(Fragment::last(vec![])).await.unwrap();
        client
    });
    let mut received = Vec::new();
    simulation.block_on(async {
        loop {
            let fragment = server.recv_fragment().await.unwrap().unwrap();
            received.extend_from_slice(fragment.payload.as_bytes());
            if fragment.is_final {
                break;
            }
        }
    });
    let expected: Vec<u8> = (0..100).flat_map(|index| [index; 40]).collect();
    assert_eq!(received, expected);
    assert!(sent.take().is_some());
}
