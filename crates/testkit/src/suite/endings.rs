//! Peers that go after any byte of what they have to say: they stop, they half-close, they reset.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use rustls::{ClientConnection, ServerConnection, pki_types::ServerName};
use socket2::SockRef;
use squall_io::{server::ServerConfig, tls};
use squall_proto::{Config, HandshakeConfig, KeepAlive};

use super::{Adapter, blocking, connector, echo_server, run};
use crate::{
    certificates::Authority,
    wire::{ANSWER, REQUEST, answer_to, from_client, from_server},
};

const BRIEF: Duration = Duration::from_millis(300);

/// How a peer goes once it has said its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    /// It keeps the connection and says nothing.
    Stops,
    HalfCloses,
    Resets,
    /// It says `close_notify` in the clear, wherever it is (RFC 8446 §6.1), and half-closes.
    Alerts,
}

/// What the other side says until its end.
fn rest_of(mut stream: TcpStream) -> Vec<u8> {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("it does not end"),
        // A reset is an end.
        _ => heard,
    }
}

/// Goes; what the other side says until its end.
fn goes(mut stream: TcpStream, going: Going) -> Vec<u8> {
    // The other side may be gone already.
    match going {
        Going::Stops => {}
        Going::HalfCloses => drop(stream.shutdown(Shutdown::Write)),
        Going::Resets => {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            return Vec::new();
        }
        Going::Alerts => {
            drop(stream.write_all(b"\x15\x03\x03\x00\x02\x01\x00"));
            drop(stream.shutdown(Shutdown::Write));
        }
    }
    rest_of(stream)
}

/// What either side says after its head.
fn frames(frame: fn(u8, &'static [u8]) -> Vec<u8>) -> Vec<u8> {
    [frame(0x81, b"hello"), frame(0x89, b"ping"), frame(0x88, b"\x03\xE8")].concat()
}

fn answers() -> Vec<u8> {
    let frames = [from_server(0x81, "hello"), from_server(0x8A, "ping")].concat();
    [ANSWER.as_bytes(), &frames, &from_server(0x88, b"\x03\xE8")].concat()
}

/// Limits that are reached at once, for peers that do not go by themselves.
fn limits(going: Going) -> (HandshakeConfig, Config) {
    if going != Going::Stops {
        return Default::default();
    }
    let keep_alive = KeepAlive::every(BRIEF).timeout(Some(BRIEF));
    let connection = Config::default().keep_alive(Some(keep_alive)).close_timeout(BRIEF);
    (HandshakeConfig::default().timeout(BRIEF), connection)
}

/// CL08, RUSTSEC-2024-0336: a server hears of every end, says no more than it would have said, and keeps nothing.
pub fn a_client_that_goes_after_any_byte_leaves_nothing_behind<A: Adapter>() {
    run::<A>(async {
        let script = [REQUEST.as_bytes(), &frames(from_client)].concat();
        for going in [Going::Stops, Going::HalfCloses, Going::Resets] {
            let (handshake, connection) = limits(going);
            let config = ServerConfig::default().handshake(handshake).connection(connection);
            let server = echo_server::<A>(config, |server| server).await;
            let (address, script) = (server.address, script.clone());
            let heard = blocking(move || {
                let streams: Vec<_> = (0..=script.len())
                    .map(|cut| {
                        let mut stream = TcpStream::connect(address).unwrap();
                        stream.write_all(&script[..cut]).unwrap();
                        stream
                    })
                    .collect();
                streams.into_iter().map(|stream| goes(stream, going)).collect::<Vec<_>>()
            })
            .await;
            let whole = answers();
            for (cut, heard) in heard.iter().enumerate() {
                let is_right = match going {
                    Going::Resets => true,
                    Going::HalfCloses | Going::Alerts => whole.starts_with(heard),
                    // It is told that its time is up, in one way or another.
                    Going::Stops if cut < REQUEST.len() => {
                        heard.is_empty() || heard.starts_with(b"HTTP/1.1 408 ")
                    }
                    Going::Stops => heard.starts_with(ANSWER.as_bytes()),
                };
                assert!(is_right, "{going:?} {cut}: {heard:02X?}");
            }
            if going != Going::Resets {
                assert_eq!(heard.last(), Some(&whole));
            }
            assert_eq!(server.stop().await, Some(0), "nobody has to be aborted");
        }
    });
}

/// CL08: a client hears of every end, within its timeouts.
pub fn a_server_that_goes_after_any_byte_is_an_error_in_time<A: Adapter>() {
    run::<A>(async {
        let length = ANSWER.len() + frames(from_server).len();
        for going in [Going::Stops, Going::HalfCloses, Going::Resets] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("ws://{}/", listener.local_addr().unwrap());
            let serving = blocking(move || {
                let serve = |cut: usize| {
                    let (mut stream, _) = listener.accept().unwrap();
                    std::thread::spawn(move || {
                        let mut request = Vec::new();
                        while !request.ends_with(b"\r\n\r\n") {
                            let mut byte = [0];
                            stream.read_exact(&mut byte).unwrap();
                            request.extend(byte);
                        }
                        let answer = answer_to(str::from_utf8(&request).unwrap());
                        let script = [answer.into_bytes(), frames(from_server)].concat();
                        stream.write_all(&script[..cut]).unwrap();
                        goes(stream, going);
                    })
                };
                let threads: Vec<_> = (0..=length).map(serve).collect();
                threads.into_iter().for_each(|thread| thread.join().unwrap());
            });
            let (handshake, connection) = limits(going);
            let connector = connector::<A>().handshake(handshake).connection(connection);
            let clients = (0..=length).map(|_| async {
                match connector.connect(&url).await {
                    Ok(mut socket) => loop {
                        match socket.recv().await {
                            Ok(Some(message)) => drop(socket.send(message).await),
                            Ok(None) => return true,
                            Err(_) => return false,
                        }
                    },
                    Err(_) => false,
                }
            });
            let clean = join_all(clients).await.into_iter().filter(|is_clean| *is_clean).count();
            serving.await;
            // The one that was told everything.
            assert!(if going == Going::Resets { clean <= 1 } else { clean == 1 }, "{clean}");
        }
    });
}

/// Peers of a server in every phase of a connection: connected, in the request, idle, in a message, and one that sends and does not read.
pub fn peers_in_every_phase(address: SocketAddr) -> Vec<TcpStream> {
    let message = from_client(0x82, vec![7; 100_000]);
    let scripts: [&[&[u8]]; 5] = [
        &[],
        &[b"GET / HT"],
        &[REQUEST.as_bytes()],
        &[REQUEST.as_bytes(), &message[..500]],
        &[REQUEST.as_bytes(), &message.repeat(200)],
    ];
    let peer = |script: &&[&[u8]]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nonblocking(true).unwrap();
        // The last one does not get rid of all of it.
        drop(stream.write_all(&script.concat()));
        stream
    };
    scripts.iter().map(peer).collect()
}

/// Waits until a server has ended all of these.
pub fn are_over(peers: Vec<TcpStream>) {
    peers.into_iter().for_each(|peer| drop(rest_of(peer)));
}

/// A stream that takes so many bytes.
struct Cut {
    stream: TcpStream,
    left: usize,
}

impl Read for Cut {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.left);
        self.left -= count;
        match count {
            0 if !bytes.is_empty() => Err(io::ErrorKind::BrokenPipe.into()),
            count => self.stream.write(&bytes[..count]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every place at which somebody half-closes, and some at which somebody goes in another way; as many as it takes to get to the end.
async fn at_every_byte(mut goes_at: impl AsyncFnMut(usize, Going) -> bool) {
    for cut in 0.. {
        let is_over = goes_at(cut, Going::HalfCloses).await;
        if cut % 32 == 0 {
            goes_at(cut, Going::Resets).await;
            goes_at(cut, Going::Alerts).await;
        }
        if is_over {
            assert!(cut > 500, "a session over TLS is longer than {cut} bytes");
            return;
        }
    }
}

/// RUSTSEC-2024-0336: TLS that ends in the middle, in its handshake and after it, ends on a server.
pub fn a_client_of_tls_that_goes_after_any_byte_leaves_nothing_behind<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        let identity = authority.issue("example.com");
        let config = tls::server_config(identity.certificate.as_bytes(), identity.key.as_bytes());
        let server =
            echo_server::<A>(ServerConfig::default(), |server| server.tls(config.unwrap())).await;
        let trust = tls::client_config_with_roots(authority.pem().as_bytes()).unwrap();
        let address = server.address;
        at_every_byte(async |cut, going| {
            let trust = Arc::clone(&trust);
            blocking(move || {
                let name = ServerName::try_from("example.com").unwrap();
                let mut session = ClientConnection::new(trust, name).unwrap();
                let mut stream = Cut { stream: TcpStream::connect(address).unwrap(), left: cut };
                let script = [REQUEST.as_bytes(), &frames(from_client)].concat();
                let mut heard = Vec::new();
                let mut tls = rustls::Stream::new(&mut session, &mut stream);
                // An error of the stream shows when it is flushed.
                let is_over = tls.write_all(&script).and_then(|()| tls.flush()).is_ok();
                if is_over {
                    let _ = tls.read_to_end(&mut heard);
                    assert_eq!(heard, answers());
                }
                goes(stream.stream, going);
                is_over
            })
            .await
        })
        .await;
        assert_eq!(server.stop().await, Some(0), "nobody has to be aborted");
    });
}

/// The same on a client.
pub fn a_server_of_tls_that_goes_after_any_byte_is_an_error<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        let identity = authority.issue("example.com");
        let config = tls::server_config(identity.certificate.as_bytes(), identity.key.as_bytes());
        let config = config.unwrap();
        let trust = tls::client_config_with_roots(authority.pem().as_bytes()).unwrap();
        let connector = connector::<A>().tls(trust);
        at_every_byte(async |cut, going| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("wss://example.com:{}/", listener.local_addr().unwrap().port());
            let config = Arc::clone(&config);
            let serving = blocking(move || {
                let (stream, _) = listener.accept().unwrap();
                let mut stream = Cut { stream, left: cut };
                let mut session = ServerConnection::new(config).unwrap();
                let is_over =
                    serve_tls(&mut rustls::Stream::new(&mut session, &mut stream)).is_ok();
                goes(stream.stream, going);
                is_over
            });
            let is_clean = match connector.connect(url).await {
                Ok(mut socket) => loop {
                    match socket.recv().await {
                        Ok(Some(_)) => {}
                        ending => break ending.is_ok(),
                    }
                },
                Err(_) => false,
            };
            let is_over = serving.await;
            // The Close may have got through where `close_notify` did not.
            assert!(is_clean || !is_over || going != Going::HalfCloses, "{cut}");
            is_over
        })
        .await;
    });
}

fn serve_tls(tls: &mut (impl Read + Write)) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        request.extend(byte);
    }
    let answer = answer_to(str::from_utf8(&request).unwrap());
    tls.write_all(answer.as_bytes())?;
    tls.write_all(&frames(from_server))?;
    tls.flush()
}
