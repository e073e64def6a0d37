//! What is known of the other end, and writing to one that reads slowly or not at all.

use std::{io, net::SocketAddr, time::Duration};

use futures_lite::future::poll_once;
use squall_io::server::Listen;
use squall_tokio::{
    Io, Listener, Stream, Tokio,
    web::{
        Application, Config, Failure, Handler, KeepAlive, Message, Session, Settings,
        WebSocketClosed,
    },
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{Raw, connect, served, text, until, upgrade};

/// Shows its session to the test, selects what is offered, and answers with how many bytes are queued: behind a message, and once
/// they are flushed.
struct Shown(UnboundedSender<Session>);

impl Handler for Shown {
    fn select_subprotocol(&mut self, offered: &[&str]) -> Option<String> {
        offered.first().map(|&name| name.to_owned())
    }

    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        Ok(self.0.send(session.clone())?)
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        session.write_message(message).await?;
        let queued = session.queued();
        session.flush().await?;
        Ok(session.write_message(format!("{queued}, then {}", session.queued())).await?)
    }
}

fn shown() -> (Application, UnboundedReceiver<Session>) {
    let (show, sessions) = mpsc::unbounded_channel();
    let application = Application::new().websocket("/", move |_| Shown(show.clone())).unwrap();
    (application, sessions)
}

#[tokio::test]
async fn what_a_hook_writes_is_queued_until_it_pauses_or_flushes() {
    let (application, _sessions) = shown();
    let mut raw = Raw::upgraded(served(application).await, "/").await.0;
    raw.write(b"\x81\x83\0\0\0\0abc").await;
    assert_eq!(raw.read(16).await, b"\x81\x03abc\x81\x095, then 0");
}

#[tokio::test]
async fn a_session_knows_its_subprotocol() {
    let (application, mut sessions) = shown();
    let address = served(application).await;
    for (lines, selected) in [("Sec-WebSocket-Protocol: a, b\r\n", Some("a")), ("", None)] {
        let mut raw = Raw::connect(address).await;
        raw.write(upgrade("/", lines)).await;
        assert_eq!(sessions.recv().await.unwrap().subprotocol(), selected);
    }
}

#[tokio::test]
async fn messages_and_their_bytes_are_counted() {
    let (application, mut sessions) = shown();
    let mut socket = connect(served(application).await, "/").await;
    socket.send("hello").await.unwrap();
    assert_eq!(text(&mut socket).await, "hello");
    assert_eq!(text(&mut socket).await, "7, then 0");
    let session = sessions.recv().await.unwrap();
    let stats = session.stats();
    assert_eq!((stats.messages_received, stats.bytes_received), (1, 5));
    assert_eq!((stats.messages_sent, stats.bytes_sent), (2, 14));
    assert_eq!(session.latency(), None);
}

#[tokio::test]
async fn the_latency_is_that_of_the_latest_keepalive_ping() {
    let (application, mut sessions) = shown();
    let keep_alive = KeepAlive::every(Duration::from_millis(20));
    let settings = Settings::default().websocket(Config::default().keep_alive(keep_alive));
    let mut socket = connect(served(application.settings(settings)).await, "/").await;
    let answering = tokio::spawn(async move { socket.recv().await });
    let session = sessions.recv().await.unwrap();
    until(|| session.latency().is_some_and(|latency| !latency.is_zero())).await;
    assert_eq!(session.latency(), session.stats().round_trip);
    answering.abort();
}

#[tokio::test]
async fn a_flush_waits_for_the_peer_and_fails_with_it() {
    let (application, mut sessions) = shown();
    let raw = Raw::upgraded(served(application).await, "/").await.0;
    let session = sessions.recv().await.unwrap();
    while session.try_write_message(vec![0; 32 << 10]).is_ok() {
        assert_ne!(poll_once(session.flush()).await, Some(Err(WebSocketClosed)));
    }
    assert_eq!(poll_once(session.flush()).await, None);
    drop(raw);
    assert_eq!(session.flush().await, Err(WebSocketClosed));
}

/// Writes for as long as it need not wait, and says how much is queued then.
struct Flood(UnboundedSender<usize>);

impl Handler for Flood {
    async fn on_message(&mut self, session: &Session, _: Message) -> Result<(), Failure> {
        for _ in 0..2000 {
            if poll_once(session.write_message(vec![0; 32 << 10])).await.is_none() {
                break;
            }
        }
        Ok(self.0.send(session.queued())?)
    }
}

#[tokio::test]
async fn a_hook_that_writes_is_held_back_too() {
    let (tell, mut queued) = mpsc::unbounded_channel();
    let application = Application::new().websocket("/", move |_| Flood(tell.clone())).unwrap();
    let mut raw = Raw::upgraded(served(application).await, "/").await.0;
    raw.write(b"\x81\x80\0\0\0\0").await;
    let queued = queued.recv().await.unwrap();
    assert!((64 << 10..128 << 10).contains(&queued), "{queued}");
}

/// A listener whose streams fail to have `TCP_NODELAY` set, and say so.
struct Stubborn(Listener);

impl Listen for Stubborn {
    type Runtime = Tokio;
    type Stream = Io<Stream>;

    async fn accept(&mut self) -> io::Result<(Io<Stream>, Option<SocketAddr>)> {
        self.0.accept().await
    }

    fn set_nodelay(_: &Io<Stream>, on: bool) -> io::Result<()> {
        Err(io::Error::other(format!("asked for {on}")))
    }
}

#[tokio::test]
async fn nodelay_is_set_on_the_stream_for_as_long_as_there_is_one() {
    let (application, mut sessions) = shown();
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(application.serve(Stubborn(listener)));
    let raw = Raw::upgraded(address, "/").await;
    let session = sessions.recv().await.unwrap();
    for on in [true, false] {
        let error = session.set_nodelay(on).unwrap_err();
        assert_eq!(error.to_string(), format!("asked for {on}"));
    }
    drop(raw);
    let kind = || session.set_nodelay(true).unwrap_err().kind();
    until(|| kind() == io::ErrorKind::NotConnected).await;
}
