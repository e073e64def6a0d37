//! How answers are written.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::BytesMut;
use squall_io::{Transport, server::Listen};
use squall_tokio::{
    Io, Listener, Stream, Tokio,
    proto::Transmit,
    web::{Application, Failure, Handler, Message, Session},
};

use crate::{Raw, status, until, upgrade};

/// A listener whose streams count their writes.
struct Counting(Listener, Arc<AtomicUsize>);

impl Listen for Counting {
    type Runtime = Tokio;
    type Stream = Counted;

    async fn accept(&mut self) -> io::Result<(Counted, Option<SocketAddr>)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((Counted(stream, Arc::clone(&self.1)), peer))
    }
}

struct Counted(Io<Stream>, Arc<AtomicUsize>);

impl Transport for Counted {
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, input)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Transmit,
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.poll_write(cx, output)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_shutdown(cx)
    }
}

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}

/// A hundred messages of one character each, as a client sends them with a masking key of zeros.
fn hundred() -> Vec<u8> {
    b"\x81\x81\0\0\0\0x".repeat(100)
}

async fn counted() -> (SocketAddr, Arc<AtomicUsize>) {
    let writes = Arc::new(AtomicUsize::new(0));
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let application = Application::new().websocket("/", |_| Echo).unwrap();
    tokio::spawn(application.serve(Counting(listener, Arc::clone(&writes))));
    (address, writes)
}

#[tokio::test]
async fn messages_that_arrive_together_are_answered_with_one_write() {
    let (address, writes) = counted().await;
    let (mut raw, _) = Raw::upgraded(address, "/").await;
    until(|| writes.load(Ordering::SeqCst) == 1).await;
    raw.write(hundred()).await;
    assert_eq!(raw.read(300).await, b"\x81\x01x".repeat(100));
    assert_eq!(writes.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn messages_that_arrive_with_the_request_are_not_lost() {
    let (address, writes) = counted().await;
    let mut raw = Raw::connect(address).await;
    raw.write([upgrade("/", "").into_bytes(), hundred()].concat()).await;
    assert_eq!(status(&raw.head().await), 101);
    assert_eq!(raw.read(300).await, b"\x81\x01x".repeat(100));
    assert_eq!(writes.load(Ordering::SeqCst), 2);
}
