//! A server among its clients: how it begins, what it survives, how it ends.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use http::{HeaderName, HeaderValue, StatusCode, header};
use squall_io::{
    Shutdown,
    client::ConnectError,
    server::{Listen, Server, ServerConfig, ServerTls, UpgradeError},
};
use squall_proto::{
    CloseCode, Closed, HandshakeConfig, Message,
    handshake::{ClientRequest, HandshakeError, Rejection},
};

use super::{
    Adapter, blocking, connector, echo, echo_server, in_time, plain_echo_server, run, sleep, spawn,
};
use crate::wire::{REQUEST, from_client};

const BRIEF: Duration = Duration::from_millis(100);

/// Everyone answers, nobody is aborted, and nobody new gets in.
pub fn a_shutdown_says_1001_to_everyone_and_waits_for_them<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let url = server.url();
        let connector = connector::<A>();
        let connecting = (0..5).map(|_| connector.connect(&url));
        let mut sockets: Vec<_> =
            join_all(connecting).await.into_iter().map(Result::unwrap).collect();
        for socket in &mut sockets {
            socket.send("hello").await.unwrap();
            assert!(socket.recv().await.unwrap().is_some());
        }
        server.shutdown.start();
        for mut socket in sockets {
            assert!(matches!(socket.recv().await, Ok(None)));
            let told = Some(CloseCode::GOING_AWAY.into());
            assert_eq!(socket.closed(), Some(Closed::Clean(told)));
        }
        assert_eq!(server.ending.await, Some(0));
        assert!(matches!(connector.connect(&url).await, Err(ConnectError::Connect(_))));
    });
}

/// A client that does not answer is let go of after the time of grace.
pub fn a_shutdown_aborts_who_does_not_go<A: Adapter>() {
    run::<A>(async {
        let server = echo_server::<A>(ServerConfig::default(), |server| server.grace(BRIEF)).await;
        let address = server.address;
        let (stream, answer) = blocking(move || raw_client(address, REQUEST)).await;
        assert!(answer.starts_with("HTTP/1.1 101 "));
        assert_eq!(server.stop().await, Some(1));
        let rest = blocking(move || rest_of(stream)).await;
        assert_eq!(rest, b"\x88\x02\x03\xE9");
    });
}

/// Dropping the future of a server closes its listener and its connections.
pub fn a_server_that_is_dropped_drops_its_connections<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let url = format!("ws://{}/", A::address(&listener));
        let mut serving = Box::pin(Server::new(listener).serve(echo));
        let client = connector::<A>();
        let mut socket = in_time::<A, _>(Duration::from_secs(10), async {
            match futures::future::select(&mut serving, Box::pin(client.connect(&url))).await {
                futures::future::Either::Right((socket, _)) => socket.unwrap(),
                futures::future::Either::Left(_) => panic!("the server has ended"),
            }
        })
        .await
        .unwrap();
        drop(serving);
        // It hears 1001, or nothing but the end.
        let _ = socket.recv().await;
        assert!(socket.closed().is_some());
        assert!(client.connect(&url).await.is_err());
    });
}

/// The second waits in the backlog until the first has gone.
pub fn connections_over_the_limit_wait<A: Adapter>() {
    run::<A>(async {
        let config = ServerConfig::default();
        let server = echo_server::<A>(config, |server| server.max_connections(1)).await;
        let connector = connector::<A>();
        let mut first = connector.connect(server.url()).await.unwrap();
        let mut second = Box::pin(connector.connect(server.url()));
        assert!(in_time::<A, _>(BRIEF, &mut second).await.is_none());
        first.send("still served").await.unwrap();
        assert!(first.recv().await.unwrap().is_some());
        first.close(None).await.unwrap();
        let mut second = second.await.unwrap();
        second.send("my turn").await.unwrap();
        assert!(second.recv().await.unwrap().is_some());
        drop(second);
        server.stop().await;
    });
}

/// A listener of a process that has no file descriptors left, a few times.
struct Exhausted<L> {
    listener: L,
    failures: usize,
}

impl<L: Listen> Listen for Exhausted<L> {
    type Runtime = L::Runtime;
    type Stream = L::Stream;

    async fn accept(&mut self) -> io::Result<(L::Stream, Option<SocketAddr>)> {
        if let Some(left) = self.failures.checked_sub(1) {
            self.failures = left;
            // EMFILE, and a client that was gone before it was accepted.
            return Err(match left {
                0 => io::ErrorKind::ConnectionAborted.into(),
                _ => io::Error::from_raw_os_error(24),
            });
        }
        self.listener.accept().await
    }

    async fn secure(stream: L::Stream, tls: ServerTls) -> io::Result<L::Stream> {
        L::secure(stream, tls).await
    }
}

/// The accept loop neither ends nor spins.
pub fn a_server_without_file_descriptors_goes_on_later<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let url = format!("ws://{}/", A::address(&listener));
        let errors = Arc::new(Mutex::new(Vec::new()));
        let (seen, started) = (Arc::clone(&errors), std::time::Instant::now());
        let server = Server::new(Exhausted { listener, failures: 3 })
            .on_error(move |error, _| seen.lock().unwrap().push(error.to_string()))
            .serve(echo);
        let _server = spawn::<A, _>(server);
        let mut socket = connector::<A>().connect(url).await.unwrap();
        socket.send("hello").await.unwrap();
        assert!(socket.recv().await.unwrap().is_some());
        assert!(started.elapsed() >= 2 * BRIEF, "it rests between two failures");
        let errors = errors.lock().unwrap();
        assert_eq!(errors.len(), 3);
        assert!(errors.iter().all(|error| error.starts_with("cannot accept: ")), "{errors:?}");
    });
}

/// A burst of strangers, of which nobody is accepted yet: a first packet that is dropped comes again after a second only.
pub fn a_burst_of_connections_finds_room<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let address = A::address(&listener);
        let burst = move || {
            let patience = Duration::from_millis(900);
            (0..500).map(|_| TcpStream::connect_timeout(&address, patience)).collect()
        };
        let burst: io::Result<Vec<TcpStream>> = blocking(burst).await;
        assert_eq!(burst.unwrap().len(), 500);
    });
}

/// A raw client that says something and reads one head.
fn raw_client(address: SocketAddr, says: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(says.as_bytes()).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap())
}

fn rest_of(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    rest
}

/// CVE-2024-23672 and its kin: a client that takes its time.
pub fn a_slow_handshake_is_answered_with_408<A: Adapter>() {
    run::<A>(async {
        let config = ServerConfig::default().handshake(HandshakeConfig::default().timeout(BRIEF));
        let server = echo_server::<A>(config, |server| server).await;
        let address = server.address;
        let slow = blocking(move || raw_client(address, "GET / HTTP/1.1\r\nHost: a\r\n"));
        let (_, answer) = slow.await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        server.stop().await;
    });
}

/// CVE-2019-13209 and its kin.
pub fn a_page_from_elsewhere_is_forbidden<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let origin = |origin| {
            let origin = HeaderValue::from_str(origin).unwrap();
            ClientRequest::new(&server.url()).unwrap().origin(origin)
        };
        let connector = connector::<A>();
        let error = connector.connect(origin("https://evil.example")).await.unwrap_err();
        assert_eq!(error.refusal().unwrap().status(), StatusCode::FORBIDDEN);
        let own = format!("http://{}", server.address);
        assert!(connector.connect(origin(&own)).await.is_ok());
        server.stop().await;
    });
}

/// Everybody else goes on, and the peer of the handler hears the end.
pub fn a_handler_that_panics_ends_its_own_connection_only<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let url = format!("ws://{}/", A::address(&listener));
        let server = Server::new(listener).max_connections(2).serve(|mut socket| async move {
            while let Ok(Some(message)) = socket.recv().await {
                if message.as_text() == Some("panic") {
                    // A panic without the noise that the hook makes.
                    std::panic::resume_unwind(Box::new("asked for"));
                }
                socket.send(message).await.unwrap();
            }
        });
        let _server = spawn::<A, _>(server);
        let connector = connector::<A>();
        let mut calm = connector.connect(&url).await.unwrap();
        for _ in 0..3 {
            let mut victim = connector.connect(&url).await.unwrap();
            victim.send("panic").await.unwrap();
            assert!(!matches!(victim.recv().await, Ok(Some(_))));
        }
        calm.send("hello").await.unwrap();
        assert_eq!(calm.recv().await.unwrap(), Some(Message::text("hello")));
    });
}

/// Before there is an answer, too: the client hears the end, and its place is free again.
pub fn an_application_that_panics_instead_of_deciding_ends_that_connection_only<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let address = A::address(&listener);
        let server =
            Server::new(listener).max_connections(1).serve_upgrades(|upgrade| async move {
                if upgrade.request().path() == "/panic" {
                    // A panic without the noise that the hook makes.
                    std::panic::resume_unwind(Box::new("asked for"));
                }
                let accept = upgrade.acceptance();
                echo(upgrade.accept(accept).await.unwrap()).await;
            });
        let _server = spawn::<A, _>(server);
        let connector = connector::<A>();
        for _ in 0..3 {
            let error = connector.connect(format!("ws://{address}/panic")).await.unwrap_err();
            assert!(error.refusal().is_none(), "{error}");
        }
        let mut socket = connector.connect(format!("ws://{address}/calm")).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::text("hello")));
    });
}

/// The application sees the request and decides.
pub fn a_request_is_accepted_or_rejected_by_the_application<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let address = A::address(&listener);
        let shutdown = Shutdown::new();
        let config = ServerConfig::default().shutdown(shutdown.clone()).subprotocols(["chat"]);
        let server = Server::new(listener).config(config).serve_upgrades(|upgrade| async move {
            assert!(upgrade.peer().is_some_and(|peer| peer.ip().is_loopback()));
            if upgrade.request().path() != "/room" {
                let rejection = Rejection::new(StatusCode::NOT_FOUND).body("no such room");
                drop(upgrade.reject(rejection).await);
                return;
            }
            let name = HeaderName::from_static("x-room");
            let value = HeaderValue::from_static("yes");
            let accept = upgrade.acceptance().header(name, value);
            echo(upgrade.accept(accept).await.unwrap()).await;
        });
        let server = spawn::<A, _>(server);
        let connector = connector::<A>();
        let error = connector.connect(format!("ws://{address}/none")).await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(refusal.status(), StatusCode::NOT_FOUND);
        assert_eq!(refusal.body(), "no such room");
        let request = ClientRequest::new(&format!("ws://{address}/room")).unwrap();
        let request = request.subprotocol("chat").unwrap();
        let mut socket = connector.connect(request).await.unwrap();
        assert_eq!(socket.subprotocol(), Some("chat"));
        assert_eq!(socket.response().unwrap().headers()["x-room"], "yes");
        socket.close(None).await.unwrap();
        shutdown.start();
        assert_eq!(server.await, Some(0));
    });
}

/// Over a socket in the file system, which has no peer address.
pub fn messages_pass_through_a_unix_socket<A: Adapter>() {
    run::<A>(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let server = Server::new(A::bind_unix(&path).await).serve(echo);
        let _server = spawn::<A, _>(server);
        let mut socket = A::connect_unix(&path).await.unwrap();
        assert_eq!(socket.response().unwrap().headers()[header::UPGRADE], "websocket");
        socket.send("through the file system").await.unwrap();
        let message = socket.recv().await.unwrap();
        assert_eq!(message, Some(Message::text("through the file system")));
        socket.close(None).await.unwrap();
    });
}

/// CL08: in mid-message.
pub fn a_peer_that_resets_is_an_error_and_no_more<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let address = A::address(&listener);
        let (sender, mut endings) = futures::channel::mpsc::unbounded();
        let errors = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&errors);
        let server = Server::new(listener)
            .on_error(move |error, _| seen.lock().unwrap().push(error))
            .serve(move |mut socket| {
                let sender = sender.clone();
                async move {
                    let ending = socket.recv().await;
                    sender.unbounded_send(ending.is_err()).unwrap();
                }
            });
        let _server = spawn::<A, _>(server);
        blocking(move || {
            // One in the middle of its request, one in the middle of a message.
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HT").unwrap();
            drop(stream);
            let (mut stream, _) = raw_client(address, REQUEST);
            stream.write_all(&from_client(0x82, [7; 1000])[..500]).unwrap();
        })
        .await;
        assert_eq!(futures::StreamExt::next(&mut endings).await, Some(true));
        while errors.lock().unwrap().is_empty() {
            sleep::<A>(Duration::from_millis(1)).await;
        }
        let error = errors.lock().unwrap().pop();
        assert!(matches!(error, Some(UpgradeError::Handshake(HandshakeError::Eof))), "{error:?}");
    });
}
