//! Just enough of a client to misbehave with: a handshake, frames out and frames in.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long anybody waits for the server before that counts as a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
/// The last frame of a message is compressed as the first one says.
pub(crate) const COMPRESSED: u8 = 0xC2;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// A connection to the server.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    /// Connects and shakes hands.
    pub(crate) fn connect(server: SocketAddr) -> io::Result<Self> {
        Self::handshake(server, "")
    }

    /// Connects and offers permessage-deflate, which the server has to agree to.
    pub(crate) fn connect_with_deflate(server: SocketAddr) -> io::Result<Self> {
        Self::handshake(server, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
    }

    fn handshake(server: SocketAddr, header: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request(server, header).as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            answer.extend(byte);
        }
        let answer = String::from_utf8_lossy(&answer);
        if answer.starts_with("HTTP/1.1 101 ")
            && (header.is_empty() || answer.contains("permessage-deflate"))
        {
            Ok(Self { stream })
        } else {
            Err(io::Error::other(format!("refused: {answer}")))
        }
    }

    pub(crate) fn send(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(first, payload))
    }

    /// The first byte and the payload of the next frame, which is short.
    pub(crate) fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut header = [0; 2];
        self.stream.read_exact(&mut header)?;
        let [first, length] = header;
        let mut payload = vec![0; usize::from(length & 0x7F)];
        self.stream.read_exact(&mut payload)?;
        Ok((first, payload))
    }

    /// The code of the Close that the server sends, whatever comes before it.
    pub(crate) fn close_code(&mut self) -> io::Result<Option<u16>> {
        loop {
            let (first, payload) = self.receive()?;
            if first == CLOSE {
                return Ok(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
            }
        }
    }
}

/// An opening handshake's request.
pub(crate) fn request(server: SocketAddr, header: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{header}\r\n"
    )
}

/// A frame with a masking key of zeros, which leaves the payload as it is.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// The header of a frame, with such a key.
pub(crate) fn head(first: u8, length: usize) -> Vec<u8> {
    let mut bytes = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..126), _) => vec![first, 0x80 | length],
        (_, Ok(length)) => [&[first, 0x80 | 126], length.to_be_bytes().as_slice()].concat(),
        _ => [&[first, 0x80 | 127], (length as u64).to_be_bytes().as_slice()].concat(),
    };
    bytes.extend([0; 4]);
    bytes
}
