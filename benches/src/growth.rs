//! Work whose cost must grow linearly with its size.

use std::{sync::Arc, time::Instant};

use bytes::BytesMut;
use squall_proto::{
    Config, Connection, Event, HandshakeConfig, Machine,
    frame::Opcode,
    handshake::{ServerEvent, ServerHandshake},
};

use crate::{
    echo::{Content, Echo},
    frame, read_into,
};

/// What one read brings at most where a message is received in pieces, in bytes.
const READ_SIZE: usize = 4 << 10;

/// One frame of `kibibytes` KiB of text, in reads of 4 KiB; whether it arrived.
#[must_use]
pub fn message_size(kibibytes: usize) -> bool {
    receive(
        &frame(Opcode::Text, true, &Content::OtherText.payload(kibibytes << 10), true),
        READ_SIZE,
    )
}

/// One message of `count` fragments of 32 bytes; whether it arrived.
#[must_use]
pub fn fragments(count: usize) -> bool {
    let first = frame(Opcode::Text, false, &[b'x'; 32], true);
    let middle = frame(Opcode::Continuation, false, &[b'x'; 32], true).repeat(count - 2);
    let last = frame(Opcode::Continuation, true, &[b'x'; 32], true);
    receive(&[first, middle, last].concat(), READ_SIZE)
}

/// One frame of `size` bytes that arrives byte by byte; whether it did.
#[must_use]
pub fn single_bytes(size: usize) -> bool {
    receive(&frame(Opcode::Text, true, &vec![b'x'; size], true), 1)
}

/// `count` connections that each echo a train; whether they did.
#[must_use]
pub fn connections(count: usize) -> bool {
    let new = || Echo::new(squall_proto::Role::Server, Content::Binary, 125);
    let mut connections: Vec<_> = std::iter::repeat_with(new).take(count).collect();
    connections.iter_mut().all(|connection| connection.train().is_ok())
}

/// A request whose header fields have about `size` bytes, which arrives byte by byte; whether it was understood.
#[must_use]
pub fn handshake_bytes(size: usize) -> bool {
    let field = "X-Filler: the quick brown fox jumps over the lazy dog again\r\n";
    let request = format!(
        "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        field.repeat(size / field.len())
    );
    let now = Instant::now();
    let mut handshake = ServerHandshake::new(&HandshakeConfig::default(), now);
    let mut input = BytesMut::new();
    for byte in request.bytes() {
        read_into(&mut input, &[byte]);
        match handshake.poll_event(now, &mut input) {
            Some(ServerEvent::Request(_)) => return true,
            Some(_) => return false,
            None => {}
        }
    }
    false
}

fn receive(wire: &[u8], read_size: usize) -> bool {
    let now = Instant::now();
    let mut connection = Connection::server(Arc::new(Config::default()), now);
    let mut input = BytesMut::new();
    for read in wire.chunks(read_size) {
        read_into(&mut input, read);
        match connection.poll_event(now, &mut input) {
            Some(Event::Message(_)) => return true,
            Some(_) => return false,
            None => {}
        }
    }
    false
}
