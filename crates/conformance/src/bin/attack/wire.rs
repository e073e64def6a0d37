//! Just enough of either side to misbehave with: a handshake, frames out and frames in.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

/// How long anybody waits for anything before that counts as never, on a machine with much to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
/// The last frame of a message is compressed as the first one says.
pub(crate) const COMPRESSED: u8 = 0xC2;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// The name in the certificate of a server under attack.
pub(crate) const HOST: &str = "squall.example";

/// Where to connect, and how.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// A stream of either kind.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A connection to the other side.
pub(crate) struct Peer {
    pub(crate) stream: Stream,
    /// Whether this side is the client.
    is_client: bool,
}

impl Target {
    /// A stream without a handshake of any kind.
    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// A stream that TLS will be made on with the first byte, where the target has TLS.
    pub(crate) fn stream(&self) -> io::Result<Stream> {
        let stream = self.connect()?;
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(session, stream))))
    }

    /// An opening handshake's request.
    pub(crate) fn request(&self, header: &str) -> String {
        format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{header}\r\n",
            self.path, self.address
        )
    }
}

impl Stream {
    pub(crate) const fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Peer {
    /// Connects and shakes hands.
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        Self::handshake(target, "")
    }

    /// Connects and offers permessage-deflate, which the server has to agree to.
    pub(crate) fn connect_with_deflate(target: &Target) -> io::Result<Self> {
        Self::handshake(target, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
    }

    fn handshake(target: &Target, header: &str) -> io::Result<Self> {
        let mut stream = target.stream()?;
        stream.write_all(target.request(header).as_bytes())?;
        let answer = read_head(&mut stream)?;
        if answer.starts_with("HTTP/1.1 101 ")
            && (header.is_empty() || answer.contains("permessage-deflate"))
        {
            Ok(Self { stream, is_client: true })
        } else {
            Err(io::Error::other(format!("refused: {answer}")))
        }
    }

    /// The other way round: reads a client's request and answers it, with permessage-deflate where that is wanted.
    pub(crate) fn accept(stream: TcpStream, deflate: bool) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut stream = Stream::Plain(stream);
        let mut answer = squall_testkit::wire::answer_to(&read_head(&mut stream)?);
        if deflate {
            let end = answer.len() - 2;
            answer.insert_str(end, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        }
        stream.write_all(answer.as_bytes())?;
        Ok(Self { stream, is_client: false })
    }

    /// A frame as this side sends it.
    pub(crate) fn frame(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        [head_of(first, payload.len(), self.is_client), payload.to_vec()].concat()
    }

    pub(crate) fn send(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        let frame = self.frame(first, payload);
        self.stream.write_all(&frame)
    }

    /// The first byte and the payload of the next frame.
    pub(crate) fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let [first, second] = self.read_array()?;
        let length = match second & 0x7F {
            126 => u16::from_be_bytes(self.read_array()?).into(),
            127 => u64::from_be_bytes(self.read_array()?),
            short => short.into(),
        };
        let key = if second & 0x80 == 0 { [0; 4] } else { self.read_array()? };
        let mut payload = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.stream.read_exact(&mut payload)?;
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        Ok((first, payload))
    }

    /// The next frame that is no ping.
    pub(crate) fn receive_but_pings(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            match self.receive()? {
                (PING, _) => {}
                frame => return Ok(frame),
            }
        }
    }

    /// The code of the Close that the other side sends, whatever comes before it.
    pub(crate) fn close_code(&mut self) -> io::Result<Option<u16>> {
        loop {
            let (first, payload) = self.receive()?;
            if first == CLOSE {
                return Ok(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
            }
        }
    }

    fn read_array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Reads the head of a request or an answer.
pub(crate) fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A frame of a client, with a masking key of zeros, which leaves the payload as it is.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [head(first, payload.len()), payload.to_vec()].concat()
}

/// The header of a frame, with such a key.
pub(crate) fn head(first: u8, length: usize) -> Vec<u8> {
    head_of(first, length, true)
}

fn head_of(first: u8, length: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut bytes = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..126), _) => vec![first, mask | length],
        (_, Ok(length)) => [&[first, mask | 126], length.to_be_bytes().as_slice()].concat(),
        _ => [&[first, mask | 127], (length as u64).to_be_bytes().as_slice()].concat(),
    };
    bytes.extend(masked.then_some([0; 4]).into_iter().flatten());
    bytes
}
