//! What is tokio's own: a clock that can be paused, and runtimes that come and go.

use std::{sync::Arc, time::Duration};

use squall_testkit::{
    entropy::PlainKeys,
    suite::endings::{are_over, peers_in_every_phase},
};
use squall_tokio::{
    Error, Io, ServerConfig, Tokio, UpgradeError, accept,
    proto::{Config, Connection, Deadline, Message, handshake::HandshakeError},
};
use tokio::{io::DuplexStream, time::Instant};

type WebSocket = squall_tokio::WebSocket<DuplexStream>;

fn pair() -> (WebSocket, WebSocket) {
    let (left, right) = tokio::io::duplex(1024);
    let (config, now) = (Arc::new(Config::default()), std::time::Instant::now());
    let server = Connection::server(Arc::clone(&config), now);
    let client = Connection::client(config, PlainKeys::boxed(), now);
    (
        squall_tokio::WebSocket::from_connection(server, Io(left), Tokio::default()),
        squall_tokio::WebSocket::from_connection(client, Io(right), Tokio::default()),
    )
}

#[cfg(feature = "web")]
#[tokio::test]
async fn an_application_that_cannot_listen_says_why() {
    let taken = squall_tokio::Listener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let served = squall_tokio::serve(squall_tokio::web::Application::new(), address).await;
    assert_eq!(served.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

/// Pings and timeouts follow the paused clock, and take no real time.
#[tokio::test(start_paused = true)]
async fn a_paused_clock_pauses_keepalive() {
    let (mut server, silent) = pair();
    let started = Instant::now();
    let ending = server.recv().await;
    assert!(matches!(ending, Err(Error::TimedOut(Deadline::KeepAlive))), "{ending:?}");
    assert_eq!(started.elapsed().as_secs(), 45);
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_pauses_the_handshake() {
    let (stream, mut client) = tokio::io::duplex(1024);
    let started = Instant::now();
    let slow = tokio::spawn(async move {
        loop {
            tokio::io::AsyncWriteExt::write_all(&mut client, b"GET").await.unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    let error = accept(stream, &ServerConfig::default()).await.unwrap_err();
    assert!(matches!(error, UpgradeError::Handshake(HandshakeError::TimedOut)), "{error:?}");
    assert!((10..=11).contains(&started.elapsed().as_secs()));
    slow.abort();
}

/// Two connections that answer each other's pings live as long as anybody looks.
#[tokio::test(start_paused = true)]
async fn a_day_passes_on_a_paused_clock() {
    let (mut server, mut client) = pair();
    let day = tokio::time::sleep(Duration::from_secs(24 * 60 * 60));
    tokio::select! {
        () = day => {}
        ending = server.recv() => panic!("{ending:?}"),
        ending = client.recv() => panic!("{ending:?}"),
    }
    client.send("good morning").await.unwrap();
    assert_eq!(server.recv().await.unwrap(), Some(Message::text("good morning")));
}

/// Without a runtime around there is no task to leave the answer to: `send` writes itself.
#[test]
fn a_connection_sends_outside_of_a_runtime() {
    let (mut server, mut client) = pair();
    let waker = std::task::Waker::noop();
    let cx = &mut std::task::Context::from_waker(waker);
    assert!(std::pin::pin!(client.send("hello")).as_mut().poll(cx).is_ready());
    drop(client);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let message = runtime.block_on(server.recv()).unwrap();
    assert_eq!(message, Some(Message::text("hello")));
}

/// A connection whose runtime is gone fails; it neither hangs nor panics.
#[test]
fn a_connection_outlives_its_runtime_as_an_error() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (mut socket, _peer) = first.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stream, accepted) =
            tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        let now = std::time::Instant::now();
        let connection = Connection::server(Arc::new(Config::default()), now);
        let mut socket = squall_tokio::WebSocket::from_connection(
            connection,
            Io(stream.unwrap()),
            Tokio::default(),
        );
        let waiting = tokio::time::timeout(Duration::from_millis(1), socket.recv()).await;
        assert!(waiting.is_err());
        (socket, accepted.unwrap())
    });
    drop(first);
    let ending = runtime().block_on(async {
        tokio::time::timeout(Duration::from_secs(10), socket.recv()).await.expect("no hang")
    });
    assert!(matches!(ending, Err(Error::Io(_))), "{ending:?}");
}

/// It is dropped while peers are in every phase of their connections: all of them hear the end, and nothing hangs.
#[test]
fn a_runtime_that_is_dropped_in_mid_flight_ends_every_connection() {
    use tokio::runtime::Builder;
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let peers = runtime.block_on(async {
            let listener = squall_tokio::Listener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(squall_tokio::Server::new(listener).serve(async |mut socket| {
                while let Ok(Some(message)) = socket.recv().await {
                    socket.send(message).await.unwrap();
                }
            }));
            let peers = tokio::task::spawn_blocking(move || peers_in_every_phase(address));
            let peers = peers.await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            peers
        });
        drop(runtime);
        are_over(peers);
    }
}

/// The task that was to write an answer is dropped with its runtime before it has run: the next answer is written by another one.
#[test]
fn an_answer_left_to_a_runtime_that_is_dropped_is_written_by_the_next() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut server, client) = pair();
    let first = runtime();
    first.block_on(async {
        for text in ["one", "two", "three"] {
            client.sender().feed(text).await.unwrap();
        }
        client.sender().flush().await.unwrap();
        let message = server.recv().await.unwrap().unwrap();
        server.send(message).await.unwrap();
    });
    drop(first);
    runtime().block_on(async {
        let mut client = client;
        let message = server.recv().await.unwrap().unwrap();
        server.send(message).await.unwrap();
        assert_eq!(client.recv().await.unwrap(), Some(Message::text("one")));
        assert_eq!(client.recv().await.unwrap(), Some(Message::text("two")));
    });
}

/// A thread outside of the runtime may send and close, as the handler of a signal does.
#[tokio::test]
async fn a_thread_outside_of_the_runtime_sends_and_closes() {
    let (server, mut client) = pair();
    let (mut receiver, sender) = server.split();
    let received = tokio::spawn(async move { receiver.recv().await });
    std::thread::spawn(move || {
        // More than the stream takes at once.
        sender.try_send(vec![7; 5000]).unwrap();
        sender.start_close(None).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(client.recv().await.unwrap(), Some(Message::from(vec![7; 5000])));
    assert_eq!(client.recv().await.unwrap(), None);
    drop(client);
    assert!(matches!(received.await.unwrap(), Ok(None)));
}
