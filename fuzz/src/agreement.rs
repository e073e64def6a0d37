//! Squall beside tungstenite: the same bytes, and what each makes of them.

use std::io::{self, Read, Write};

use bytes::{Buf, BytesMut};
use squall_proto::{
    Closed, Config, Connection, Event, Machine, Message, ProtocolError, Role, frame::Opcode,
};
use tungstenite::{
    Error, WebSocket, error,
    protocol::{self, WebSocketConfig},
};

use crate::world::{CountingKeys, beginning, frames};

const MAX_MESSAGE: usize = 2000;
const MAX_FRAME: usize = 1500;

/// What one of the two made of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    heard: Vec<Heard>,
    end: End,
    /// The frames that it wrote, unmasked.
    said: Vec<(Opcode, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// The peer's Close came, with this code and reason.
    Clean(Option<(u16, String)>),
    /// The peer broke a rule; the close code for that.
    Failed(u16),
    /// The stream ended.
    Eof,
}

/// Something that the two see differently for a reason.
struct Difference {
    /// What Squall does, why, and what tungstenite does instead.
    what: &'static str,
    /// Makes the two accounts alike where they differ in this; Squall's verdict stands beside its own.
    reconcile: fn(&mut Account, &mut Account, Option<ProtocolError>),
}

/// All differences there are. Limits are no difference: both are given the same, and Squall's limit of fragments is out of reach.
const DIFFERENCES: [Difference; 8] = [
    Difference {
        what: "Squall says why it fails a connection (RFC 6455 §7.1.7); tungstenite leaves the Close to its caller",
        reconcile: |ours, _, _| {
            if let End::Failed(code) = ours.end
                && let Some((Opcode::Close, body)) = ours.said.last()
                && body.starts_with(&code.to_be_bytes())
            {
                ours.said.pop();
            }
        },
    },
    Difference {
        what: "Squall echoes the code of a Close (RFC 6455 §5.5.1); tungstenite echoes the reason too",
        reconcile: |_, theirs, _| {
            if let (End::Clean(Some((_, reason))), Some((Opcode::Close, body))) =
                (&theirs.end, theirs.said.last_mut())
                && body.get(2..) == Some(reason.as_bytes())
            {
                body.truncate(2);
            }
        },
    },
    Difference {
        what: "Squall refuses a length that is not in its shortest form (RFC 6455 §5.2); tungstenite reads it",
        reconcile: |ours, theirs, verdict| {
            // Of a control frame the form of its length says already that it is too long.
            let refused = [ProtocolError::NonMinimalLength, ProtocolError::ControlTooLong];
            if verdict.is_some_and(|verdict| refused.contains(&verdict))
                && theirs.heard.starts_with(&ours.heard)
                && theirs.said.starts_with(&ours.said)
            {
                *theirs = ours.clone();
            }
        },
    },
    Difference {
        what: "Squall judges a header, and text, as far as it has come; tungstenite judges whole frames",
        reconcile: |ours, theirs, _| {
            if let (End::Failed(_), End::Eof) = (&ours.end, &theirs.end) {
                theirs.end = ours.end.clone();
            }
        },
    },
    Difference {
        what: "Squall takes a length beyond 63 bits for broken (1002, RFC 6455 §5.2); to tungstenite it is too big (1009)",
        reconcile: |ours, theirs, verdict| {
            if verdict == Some(ProtocolError::LengthOverflow) && theirs.end == End::Failed(1009) {
                theirs.end = ours.end.clone();
            }
        },
    },
    Difference {
        what: "Squall looks at the size of a frame last, as what breaks the protocol (1002) says more; tungstenite first (1009)",
        reconcile: |ours, theirs, verdict| {
            if ours.end == End::Failed(1002)
                && verdict != Some(ProtocolError::LengthOverflow)
                && theirs.end == End::Failed(1009)
            {
                theirs.end = ours.end.clone();
            }
        },
    },
    Difference {
        what: "Squall fails a connection for a close code that may not be sent (1002); tungstenite delivers 1002, or the code \
               itself where it has sent its Close, or fails it for the reason beside the code (1007)",
        reconcile: |ours, theirs, verdict| {
            let Some(ProtocolError::InvalidCloseCode(code)) = verdict else { return };
            let is_known = match &theirs.end {
                End::Clean(frame) => {
                    frame.as_ref().is_some_and(|(told, _)| [1002, code].contains(told))
                }
                End::Failed(told) => *told == 1007,
                End::Eof => false,
            };
            if is_known {
                theirs.end = ours.end.clone();
                theirs.said.pop_if(|frame| *frame == close(1002));
            }
        },
    },
    Difference {
        what: "Squall accepts 1014, which is registered; tungstenite takes it for 1002",
        reconcile: |ours, theirs, _| {
            let (End::Clean(Some((1014, _))), End::Clean(Some((1002, _)))) =
                (&ours.end, &theirs.end)
            else {
                return;
            };
            theirs.end = ours.end.clone();
            if theirs.said.pop_if(|frame| *frame == close(1002)).is_some() {
                theirs.said.push(close(1014));
            }
        },
    },
];

/// Both deliver the same, answer the same and end the same, but for the [`DIFFERENCES`].
///
/// The first byte says which role both have and whether they have sent their Close, the second how the stream is cut; the rest is
/// the stream.
pub fn agreement(bytes: &[u8]) {
    let Some(([choice, size], stream)) = bytes.split_first_chunk::<2>() else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let (is_closing, size) = (choice & 2 != 0, usize::from(*size) + 1);
    reconciled(squall(role, is_closing, stream, size), tungstenite(role, is_closing, stream, size));
}

/// The differences that show between the two accounts. There has to be nothing beside them.
fn reconciled(
    (mut ours, verdict): (Account, Option<ProtocolError>),
    mut theirs: Account,
) -> Vec<&'static str> {
    let mut shown = Vec::new();
    for difference in &DIFFERENCES {
        let before = (ours.clone(), theirs.clone());
        (difference.reconcile)(&mut ours, &mut theirs, verdict);
        if before != (ours.clone(), theirs.clone()) {
            shown.push(difference.what);
        }
    }
    assert_eq!(ours, theirs, "Squall and tungstenite, but for {shown:?}");
    shown
}

fn close(code: u16) -> (Opcode, Vec<u8>) {
    (Opcode::Close, code.to_be_bytes().to_vec())
}

fn squall(
    role: Role,
    is_closing: bool,
    stream: &[u8],
    size: usize,
) -> (Account, Option<ProtocolError>) {
    let now = beginning();
    let config = Config::default()
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_FRAME)
        .max_fragments(usize::MAX)
        .into();
    let mut connection = match role {
        Role::Server => Connection::server(config, now),
        Role::Client => Connection::client(config, Box::new(CountingKeys { left: u32::MAX }), now),
    };
    if is_closing {
        connection.close(now, None).expect("no code is always right");
    }
    let (mut input, mut wire) = (BytesMut::new(), Vec::new());
    let (mut heard, mut end) = (Vec::new(), None);
    let mut pieces = stream.chunks(size);
    while end.is_none() {
        while let Some(event) = connection.poll_event(now, &mut input) {
            match event {
                Event::Message(Message::Text(text)) => {
                    heard.push(Heard::Text(text.as_bytes().to_vec()))
                }
                Event::Message(Message::Binary(bytes)) => heard.push(Heard::Binary(bytes.to_vec())),
                Event::Ping(payload) => heard.push(Heard::Ping(payload.to_vec())),
                Event::Pong(payload) => heard.push(Heard::Pong(payload.to_vec())),
                Event::Closed(closed) => end = Some(closed),
                event => panic!("{event:?}"),
            }
            let queued = connection.queued();
            wire.extend_from_slice(&connection.transmit().copy_to_bytes(queued));
        }
        match pieces.next() {
            Some(piece) => input.extend_from_slice(piece),
            None => connection.handle_eof(now),
        }
    }
    let (end, verdict) = match end.expect("an end of the stream ends the connection") {
        Closed::Clean(frame) => {
            let frame = frame.map(|frame| (frame.code().get(), frame.reason().to_owned()));
            (End::Clean(frame), None)
        }
        Closed::Violation(error) => (End::Failed(error.close_code().get()), Some(error)),
        Closed::Eof => (End::Eof, None),
        closed => panic!("{closed:?}"),
    };
    (Account { heard, end, said: frames(&wire) }, verdict)
}

fn tungstenite(role: Role, is_closing: bool, stream: &[u8], size: usize) -> Account {
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_FRAME));
    let transport = Transport { stream, size, wire: Vec::new() };
    let mut socket = WebSocket::from_raw_socket(transport, role, Some(config));
    if is_closing {
        socket.close(None).expect("there is room");
    }
    let mut heard = Vec::new();
    let end = loop {
        match socket.read() {
            Ok(tungstenite::Message::Text(text)) => {
                heard.push(Heard::Text(text.as_bytes().to_vec()))
            }
            Ok(tungstenite::Message::Binary(bytes)) => heard.push(Heard::Binary(bytes.to_vec())),
            Ok(tungstenite::Message::Ping(payload)) => heard.push(Heard::Ping(payload.to_vec())),
            Ok(tungstenite::Message::Pong(payload)) => heard.push(Heard::Pong(payload.to_vec())),
            Ok(tungstenite::Message::Close(frame)) => {
                // The answer leaves with it; a server then says that the connection is closed.
                drop(socket.flush());
                break End::Clean(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
            }
            Err(Error::Protocol(error::ProtocolError::ResetWithoutClosingHandshake)) => {
                break End::Eof;
            }
            Err(Error::Protocol(_)) => break End::Failed(1002),
            Err(Error::Utf8(_)) => break End::Failed(1007),
            Err(Error::Capacity(_)) => break End::Failed(1009),
            other => panic!("{other:?}"),
        }
    };
    Account { heard, end, said: frames(&socket.get_ref().wire) }
}

/// A stream that ends, read in pieces.
struct Transport<'a> {
    stream: &'a [u8],
    size: usize,
    wire: Vec<u8>,
}

impl Read for Transport<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.size);
        self.stream.read(&mut buffer[..length])
    }
}

impl Write for Transport<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames to a server are masked with zeros.
    fn shown(is_closing: bool, stream: &[u8]) -> Vec<usize> {
        let ours = squall(Role::Server, is_closing, stream, 4096);
        let theirs = tungstenite(Role::Server, is_closing, stream, 4096);
        let shown = reconciled(ours, theirs);
        let place = |what: &str| DIFFERENCES.iter().position(|difference| difference.what == what);
        shown.into_iter().filter_map(place).collect()
    }

    #[test]
    fn each_difference_shows_where_it_is_expected() {
        // A text, a ping and a normal Close: no difference.
        let plain = b"\x81\x82\0\0\0\0hi\x89\x81\0\0\0\0p\x88\x82\0\0\0\0\x03\xE8";
        assert_eq!(shown(false, plain), []);
        // An unmasked frame.
        assert_eq!(shown(false, b"\x81\x02hi"), [0]);
        // A Close with a reason.
        assert_eq!(shown(false, b"\x88\x85\0\0\0\0\x03\xE8bye"), [1]);
        // Two bytes of length for two bytes.
        assert_eq!(shown(true, b"\x82\xFE\0\x02\0\0\0\0hi"), [2]);
        assert_eq!(shown(true, b"\x8A\xFE\0\x02\0\0\0\0hi"), [2]);
        // Text that is broken at its first byte, and a stream that ends before the second.
        assert_eq!(shown(true, b"\x81\x82\0\0\0\0\xFF"), [3]);
        // All 64 bits of length.
        assert_eq!(shown(true, b"\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0"), [4]);
        // A continuation of nothing that is too big as well.
        assert_eq!(shown(true, b"\x80\xFE\x10\0\0\0\0\0"), [5]);
        // 1005 behind our Close, and before it.
        assert_eq!(shown(true, b"\x88\x82\0\0\0\0\x03\xED"), [6]);
        assert_eq!(shown(false, b"\x88\x82\0\0\0\0\x03\xED"), [0, 1, 6]);
        assert_eq!(shown(true, b"\x88\x83\0\0\0\0\x03\xED\xFF"), [6]);
        // 1014.
        assert_eq!(shown(false, b"\x88\x82\0\0\0\0\x03\xF6"), [1, 7]);
    }
}
