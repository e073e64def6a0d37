//! A thousand random messages in each direction, against zlib itself, in all pairs of takeover and all window sizes.

use proptest::prelude::*;
use squall_proto::{
    Config, Event, Message, Role,
    deflate::{DeflateConfig, Level, WindowBits},
};

use crate::{peer::*, zlib_peer::ZlibPeer};

/// Messages that compress in every way: words, noise, runs, and repetitions of what was said up to 40 KiB ago.
struct Talker {
    state: u64,
    said: Vec<u8>,
}

impl Talker {
    fn new(seed: u64) -> Self {
        Self { state: seed | 1, said: Vec::new() }
    }

    fn below(&mut self, bound: usize) -> usize {
        // Marsaglia's xorshift.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) as usize % bound
    }

    fn message(&mut self) -> Vec<u8> {
        const WORDS: [&str; 8] =
            ["{\"id\":", "\"price\":", "true", ",\"at\":", "squall", "}", "17", "\n"];
        let length = [0, 1, 20, 300, 900][self.below(5)];
        let length = self.below(length + 1);
        let mut message = Vec::new();
        while message.len() < length {
            match self.below(8) {
                0 => message
                    .extend((0..self.below(40)).map(|_| self.state as u8).collect::<Vec<_>>()),
                1 => message.extend(vec![self.state as u8; self.below(400)]),
                2..4 if !self.said.is_empty() => {
                    let back = self.below(self.said.len().min(40_000)) + 1;
                    let start = self.said.len() - back;
                    let end = start + self.below(back.min(300) + 1);
                    message.extend_from_slice(&self.said[start..end]);
                }
                _ => message.extend_from_slice(WORDS[self.below(8)].as_bytes()),
            }
        }
        message.truncate(length);
        self.said.extend_from_slice(&message);
        message
    }
}

/// A side that has agreed to these window bits and takeovers, its own direction first.
fn side(role: Role, own: (u8, bool), others: (u8, bool), level: u8) -> Side {
    let bits = |bits| WindowBits::new(bits).unwrap();
    let (server, client) = if role == Role::Server { (own, others) } else { (others, own) };
    let config = DeflateConfig::default()
        .level(Level::new(level).unwrap())
        .threshold(0)
        .server_max_window_bits(bits(server.0))
        .client_max_window_bits(bits(client.0))
        .server_no_context_takeover(!server.1)
        .client_no_context_takeover(!client.1);
    let mut answer = format!("permessage-deflate; server_max_window_bits={}", server.0);
    if !server.1 {
        answer += "; server_no_context_takeover";
    }
    if !client.1 {
        answer += "; client_no_context_takeover";
    }
    let answer = format!("{answer}; client_max_window_bits={}", client.0);
    match role {
        Role::Server => server_of(&answer, config, Config::default()).0,
        Role::Client => client_of(&answer, config, Config::default()).0,
    }
}

/// PD02, PD03, PD05, PD06, EX07, EX09, EX11, EX13.
fn a_thousand_messages_agree(role: Role, own_takeover: bool, others_takeover: bool) {
    for bits in 9..=15 {
        // The other direction has another window, so that they are not taken for each other.
        let (own, others) = ((bits, own_takeover), (24 - bits, others_takeover));
        let level = 1 + bits % 9;
        let mut side = side(role, own, others, level);
        let mut peer = ZlibPeer::new(others, own, level.into());
        let mut talker = Talker::new(u64::from(bits) << 40 | 0x9E37_79B9);
        for number in 0..1000 {
            let message = talker.message();
            side.send(message.clone());
            let frames = side.says_frames();
            let [(0xC2, payload)] = frames.as_slice() else { panic!("{frames:X?}") };
            let read = peer.inflate(payload);
            assert!(
                read.as_ref().is_ok_and(|read| *read == message),
                "ours, {bits}, {number}: {read:?}"
            );

            let message = talker.message();
            let events = side.hears_frame(0xC2, peer.compress(&message));
            assert_eq!(events, [binary(&message)], "zlib's, {bits}, {number}");
        }
        assert!(talker.said.len() > 3 * (64 << 10), "{}", talker.said.len());
    }
}

#[test]
fn a_thousand_messages_agree_with_takeover_of_both() {
    a_thousand_messages_agree(Role::Server, true, true);
    a_thousand_messages_agree(Role::Client, true, true);
}

#[test]
fn a_thousand_messages_agree_with_our_takeover_only() {
    a_thousand_messages_agree(Role::Server, true, false);
    a_thousand_messages_agree(Role::Client, true, false);
}

#[test]
fn a_thousand_messages_agree_with_the_peers_takeover_only() {
    a_thousand_messages_agree(Role::Server, false, true);
    a_thousand_messages_agree(Role::Client, false, true);
}

#[test]
fn a_thousand_messages_agree_without_takeover() {
    a_thousand_messages_agree(Role::Server, false, false);
    a_thousand_messages_agree(Role::Client, false, false);
}

/// A single message far larger than any window, in both directions.
#[test]
fn large_messages_agree() {
    for (role, bits) in [(Role::Server, 9), (Role::Client, 12), (Role::Server, 15)] {
        let mut side = side(role, (bits, true), (bits, true), 6);
        let mut peer = ZlibPeer::new((bits, true), (bits, true), 6);
        let mut talker = Talker::new(bits.into());
        while talker.said.len() < 300_000 {
            talker.message();
        }
        for _ in 0..3 {
            side.send(talker.said.clone());
            let said: Vec<u8> = side.says_frames().into_iter().flat_map(|(_, p)| p).collect();
            assert!(peer.inflate(&said).unwrap() == talker.said);
            let events = side.hears_frame(0xC2, peer.compress(&talker.said));
            assert!(events == [binary(&talker.said)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// FR12: what zlib says is heard the same however it is cut into frames and reads, in pieces or whole.
    #[test]
    fn zlib_is_understood_under_any_cut(
        seed: u64, bits in 9_u8..=15, takeover: bool, frame in 1_usize..500, read in 1_usize..700, is_server: bool,
    ) {
        let role = if is_server { Role::Server } else { Role::Client };
        let mut side = side(role, (9, true), (bits, takeover), 1);
        let mut peer = ZlibPeer::new((bits, takeover), (9, true), 6);
        let mut talker = Talker::new(seed);
        let (mut wire, mut said) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let message = talker.message();
            let payload = peer.compress(&message);
            let count = payload.chunks(frame).count();
            for (index, piece) in payload.chunks(frame).enumerate() {
                let first = if index == 0 { 0x42 } else { 0 } | if index + 1 == count { 0x80 } else { 0 };
                wire.extend(frame_to(role, first, piece));
            }
            said.push(Event::Message(Message::from(message)));
        }
        let heard: Vec<Event> = wire.chunks(read).flat_map(|bytes| side.hears(bytes)).collect();
        prop_assert_eq!(heard, said);
    }
}
