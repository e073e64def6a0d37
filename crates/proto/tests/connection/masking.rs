//! Masking (RFC 6455 §5.1, §5.3, §10.3).

use std::collections::HashSet;

use squall_proto::{
    CloseCode, Config, EntropyError, Event, Fragment, ProtocolError, Role, SendError, WriteMarks,
};

use crate::conversation::*;

fn counting() -> CountingKeys {
    CountingKeys { next: 1, fails_at: u32::MAX }
}

/// MK02.
#[test]
fn a_server_fails_a_client_that_does_not_mask() {
    let behind = b"\x82\x05Hello, which is not a key and what it masks";
    let frames: [&[u8]; 5] = [b"\x81\x02no", b"\x82\0", b"\x89\0", b"\x88\x02\x03\xE8", behind];
    for frame in frames {
        failed([], ProtocolError::Unmasked, &server_hears(frame));
    }
}

/// MK04.
#[test]
fn a_client_fails_a_server_that_masks() {
    let frames: [&[u8]; 3] =
        [b"\x81\x82\0\0\0\0no", b"\x89\x80\0\0\0\0", b"\x88\x80\x01\x02\x03\x04"];
    for frame in frames {
        failed([], ProtocolError::Masked, &client_hears(frame));
    }
}

/// MK06, MK07: the key starts anew with each frame, wherever the network cuts.
#[test]
fn a_key_counts_from_the_start_of_its_own_frame() {
    let bytes = b"\x01\x83\x01\x02\x03\x04\x60\x60\x60\x89\x81\xFF\0\0\0\x8F\x80\x85\xF0\x0F\xF0\x0F\x94\x6A\x96\x68\x98";
    let heard_ = server_hears(bytes);
    assert_eq!(heard_, heard([ping(b"p"), text("abcdefgh")], b"\x8A\x01p"));
}

/// MK01, MK05, MK07, MK08: every frame of a client, the Close too, has a key of its own.
#[test]
fn a_client_masks_every_frame_with_a_fresh_key() {
    let mut client = Conversation::client(Config::default(), counting());
    client.send("AB");
    client.ping(b"p");
    let _ = client.hears(b"\x89\x01q");
    client.connection.send_fragment(client.now, Fragment::more("x")).unwrap();
    client.connection.send_fragment(client.now, Fragment::last("y")).unwrap();
    client.close(close_frame(1000, ""));
    assert_eq!(
        client.says(),
        [
            b"\x81\x82\0\0\0\x01AB".as_slice(),
            b"\x89\x81\0\0\0\x02p",
            b"\x8A\x81\0\0\0\x03q",
            b"\x01\x81\0\0\0\x04x",
            b"\x80\x81\0\0\0\x05y",
            b"\x88\x82\0\0\0\x06\x03\xE8",
        ]
        .concat()
    );
}

/// MK01, MK07: payloads by copy and by reference, owned and shared, are masked alike.
#[test]
fn large_and_small_payloads_are_masked_by_the_formula() {
    for length in [1, 5, 4096, 4097, 70_000] {
        let payload: Vec<u8> = (0..length).map(|i| (i * 31) as u8).collect();
        let shared = bytes::Bytes::from(payload.clone());
        let keys = CountingKeys { next: 0x0102_0304, fails_at: u32::MAX };
        let mut client = Conversation::client(Config::default(), keys);
        client.send(shared.clone());
        client.send(payload.clone());
        let said = client.says();
        assert_eq!(shared, payload, "the caller's copy is left alone");
        let (first, second) = said.split_at(said.len() / 2);
        for (key, frame) in [([1, 2, 3, 4], first), ([1, 2, 3, 5], second)] {
            let (head, masked) = frame.split_at(frame.len() - length);
            assert_eq!(head[head.len() - 4..], key);
            let clear: Vec<u8> =
                masked.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
            assert!(clear == payload, "{length}");
        }
    }
}

/// MK05: each fragment of one large message has its own key.
#[test]
fn the_frames_of_one_message_have_different_keys() {
    let config = Config::default().outgoing_frame_size(10.try_into().unwrap());
    let mut client = Conversation::client(config, counting());
    client.send(vec![0; 95]);
    let said = client.says();
    let keys: HashSet<&[u8]> = said.chunks(16).map(|frame| &frame[2..6]).collect();
    assert_eq!(keys.len(), 10);
}

/// MK03.
#[test]
fn a_server_never_masks() {
    let mut server = Conversation::new(Role::Server, Config::default());
    server.send("hi");
    server.ping(b"p");
    let _ = server.hears(b"\x89\x81\0\0\0\0q");
    server.close(close_frame(1001, "bye"));
    assert_eq!(server.says(), b"\x81\x02hi\x89\x01p\x8A\x01q\x88\x05\x03\xE9bye");
}

/// MK05: where no key can be drawn, nothing is sent and nothing is half queued.
#[test]
fn a_message_without_a_key_leaves_nothing_behind() {
    let config = Config::default().outgoing_frame_size(10.try_into().unwrap());
    let mut client = Conversation::client(config, CountingKeys { next: 0, fails_at: 3 });
    let error = SendError::Entropy(EntropyError::new());
    let sent = client.connection.send(client.now, vec![0; 31].into());
    assert_eq!(sent, Err(error), "four keys are needed and there are three");
    assert_eq!(client.connection.queued(), 0);
    assert_eq!(client.connection.stats().messages_sent, 0);
    assert!(client.connection.can_send());
    let ping = client.connection.ping(client.now, Default::default());
    assert_eq!((ping, client.connection.queued()), (Err(error), 0));
    let fragment = Fragment::more("x");
    assert_eq!(client.connection.send_fragment(client.now, fragment), Err(error));
    assert_eq!(
        client.connection.send(client.now, "no message is in progress".into()),
        Err(error),
        "the fragment that was not sent began nothing"
    );
}

/// MK05: without a key even the farewell is impossible, so the connection just ends.
#[test]
fn a_connection_that_cannot_say_close_ends() {
    let keys = || CountingKeys { next: 0, fails_at: 0 };
    let ended = [Event::Closed(squall_proto::Closed::Entropy(EntropyError::new()))];
    let happenings: [fn(&mut Conversation) -> Vec<Event>; 4] = [
        |client| {
            client.close(CloseCode::NORMAL);
            client.events()
        },
        |client| client.hears(b"\x88\0"),
        |client| client.hears(b"\x83\0"),
        |client| client.hears(b"\x89\0").split_off(1),
    ];
    for happens in happenings {
        let mut client = Conversation::client(Config::default(), keys());
        assert_eq!(happens(&mut client), ended);
        assert_eq!((client.events(), client.says()), (vec![], vec![]));
        assert!(client.connection.initiator().is_some());
        assert_ended(&client);
    }
}

/// MK05: a pong that has waited needs its key when it leaves, and a keepalive ping when it is due.
#[test]
fn a_control_frame_that_has_no_key_when_it_is_due_ends_the_connection() {
    let ended = [Event::Closed(squall_proto::Closed::Entropy(EntropyError::new()))];
    let config = Config::default().write_marks(WriteMarks::new(10, 5));
    let mut client = Conversation::client(config, CountingKeys { next: 0, fails_at: 1 });
    client.send(vec![0; 20]);
    assert_eq!(client.hears(b"\x89\x01p"), [ping(b"p")]);
    assert_eq!(client.says_only(22).len(), 22);
    assert_eq!(client.says(), b"", "the rest is of no use to anyone");
    assert_eq!(client.events(), ended);
    assert_ended(&client);
    let keys = CountingKeys { next: 0, fails_at: 0 };
    let mut client = Conversation::client(Config::default(), keys);
    assert_eq!(client.waits(20 * SECOND), ended);
    assert_ended(&client);
}

#[test]
fn a_source_of_keys_is_debugged_without_its_state() {
    let client = Conversation::client(Config::default(), counting());
    assert!(format!("{:?}", client.connection).contains("masking: Client(Entropy)"));
}
