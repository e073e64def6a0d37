//! An open connection, driven by whoever waits for it: no task and no channel stands behind it.

mod error;
mod flusher;
mod futures;
mod receiver;
mod sender;
mod shared;
mod wakers;

use std::{
    future::{Future, poll_fn},
    task::{Context, Poll},
};

use bytes::BytesMut;
pub use error::Error;
use http::Response;
pub use receiver::{Receiver, ReuniteError};
pub use sender::{Sender, TrySendError};
use squall_proto::{
    CloseFrame, Closed, Connection, ControlPayload, Event, Fragment, Initiator, Message, Role,
    SendError, Stats,
};

use self::shared::Shared;
use crate::{Runtime, Shutdown, Transport, driver::Driver};

/// An open WebSocket connection on a transport `T` and a runtime `R`.
///
/// Nothing happens behind its back: pings are answered, deadlines judged and queued messages written while somebody waits in
/// [`recv`](Self::recv) or a sending call. So keep receiving, even where nothing is expected.
///
/// Every method is cancel-safe: dropping its future loses nothing that was received, and a message was then either queued whole
/// or not at all. Dropping the connection sends 1001 without waiting for anything; [`close`](Self::close) ends it properly.
///
/// # Batching
/// [`send`](Self::send) writes before it returns, but for one case: while messages that were read together wait to be received, the
/// answer waits to be written together with the next ones. It is on the wire as soon as the task waits for anything at
/// all, and at the latest when 64 KiB are queued ([`Config::write_marks`](squall_proto::Config::write_marks)).
#[derive(Debug)]
pub struct WebSocket<T: Transport + Send + 'static, R: Runtime> {
    receiver: Receiver<T, R>,
}

/// What the opening handshake agreed on.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) subprotocol: Option<String>,
    /// The server's answer, on a client.
    pub(crate) response: Option<Box<Response<()>>>,
}

impl Agreed {
    const fn is_empty(&self) -> bool {
        self.subprotocol.is_none() && self.response.is_none()
    }
}

impl<T: Transport + Send + 'static, R: Runtime> WebSocket<T, R> {
    /// A connection whose handshake was made elsewhere, by an HTTP server for example.
    pub fn from_connection(connection: Connection, transport: T, runtime: R) -> Self {
        let driver = Driver::new(transport, runtime.timer());
        Self::new(connection, driver, runtime, Agreed::default(), None)
    }

    /// A connection that goes on where an HTTP server stopped: with the bytes that it has read beyond the handshake, and with the
    /// switch that ends the server's connections, if it has one.
    pub fn resume(
        connection: Connection,
        transport: T,
        runtime: R,
        input: BytesMut,
        shutdown: Option<&Shutdown>,
    ) -> Self {
        let driver = Driver::with_input(transport, runtime.timer(), input);
        Self::new(connection, driver, runtime, Agreed::default(), shutdown)
    }

    pub(crate) fn new(
        connection: Connection,
        driver: Driver<T, R::Timer>,
        runtime: R,
        agreed: Agreed,
        shutdown: Option<&Shutdown>,
    ) -> Self {
        let shared = Shared::new(connection, driver, runtime, shutdown);
        Self { receiver: Receiver::new(Sender::new(shared), agreed) }
    }

    /// The next message; `None` once the closing handshake is done.
    ///
    /// Where messages are [delivered in pieces](Self::recv_fragment), this is the next whole message all the same; the rest of one that
    /// was begun in pieces is passed over.
    ///
    /// # Errors
    /// How the connection ended, if not by a closing handshake. It is told once; after it there is `None`.
    ///
    /// # Cancel safety
    /// Cancel-safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.receiver.poll_recv(cx)).await
    }

    /// The next piece of a message, as it arrives: at most about a read's worth, so memory stays small however large the message.
    ///
    /// It begins with the next message; one that is under way already comes whole, as one last piece.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Cancel-safe: no piece is lost.
    pub async fn recv_fragment(&mut self) -> Result<Option<Fragment>, Error> {
        self.receiver.recv_fragment().await
    }

    /// The next event of any kind, pings and pongs included; the last one is [`Event::Closed`], and after it there is `None`.
    ///
    /// # Cancel safety
    /// Cancel-safe: no event is lost.
    pub async fn recv_event(&mut self) -> Option<Event> {
        self.receiver.recv_event().await
    }

    /// [`recv_event`](Self::recv_event) for futures that are written by hand.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.receiver.poll_event(cx)
    }

    /// Sends a message. When it returns the message is on its way, and nothing more needs to be called for that.
    ///
    /// It waits while more than the high mark is queued. While messages that were read wait to be received, a task of the runtime writes it
    /// together with what follows. So the runtime has to go on running: a single-threaded one that is entered for one call at a
    /// time goes on when it is entered next, and [`flush`](Self::flush) is for that.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent then. That the peer gets it is never certain: it may go away before.
    ///
    /// # Cancel safety
    /// A dropped call has queued the message whole or not at all. What is queued is written by the next call that waits.
    pub fn send(
        &mut self,
        message: impl Into<Message>,
    ) -> impl Future<Output = Result<(), SendError>> {
        self.receiver.sender().send(message)
    }

    /// Sends a message that is never compressed, whatever was negotiated: a secret should not share a compression context with text
    /// that others choose.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent then.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn send_uncompressed(
        &mut self,
        message: impl Into<Message>,
    ) -> Result<(), SendError> {
        self.receiver.sender().send_uncompressed(message).await
    }

    /// Queues a message; [`flush`](Self::flush), the next [`recv`](Self::recv) and the next [`send`](Self::send) write it.
    ///
    /// It waits while more than the high mark is queued.
    ///
    /// # Errors
    /// [`SendError`]; the message was not queued then.
    ///
    /// # Cancel safety
    /// A dropped call has queued the message whole or not at all.
    pub fn feed(
        &mut self,
        message: impl Into<Message>,
    ) -> impl Future<Output = Result<(), SendError>> {
        self.receiver.sender().feed(message)
    }

    /// Sends a piece of a message (RFC 6455 §5.4). Control frames may pass between the pieces, other messages may not.
    ///
    /// # Errors
    /// [`SendError`]; the piece was not sent then.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn send_fragment(&mut self, fragment: Fragment) -> Result<(), SendError> {
        self.receiver.sender().send_fragment(fragment).await
    }

    /// Writes everything that is queued.
    ///
    /// # Errors
    /// [`SendError::Closed`] where the connection is over and some of it can never be written.
    ///
    /// # Cancel safety
    /// Cancel-safe: what is not written stays queued.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        self.receiver.sender().flush().await
    }

    /// Sends a ping (RFC 6455 §5.5.2). Keepalive sends its own ones.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent then.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: ControlPayload) -> Result<(), SendError> {
        self.receiver.sender().ping(payload).await
    }

    /// Sends a pong that nobody asked for (RFC 6455 §5.5.3); pings are answered without it.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent then.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn pong(&mut self, payload: ControlPayload) -> Result<(), SendError> {
        self.receiver.sender().pong(payload).await
    }

    /// Closes the connection: starts the closing handshake (RFC 6455 §7.1.2) and waits for its end, at most for the close
    /// timeout. Messages that still arrive are dropped; use [`begin_close`](Self::begin_close) and receive on to get them.
    ///
    /// The answer is the body of the peer's Close frame.
    ///
    /// # Errors
    /// How the connection ended, if not by a closing handshake; [`Error::Send`] for a close code that this side may not send.
    ///
    /// # Cancel safety
    /// A dropped call has begun to close; call it again, or receive, to go on.
    pub async fn close(
        &mut self,
        frame: impl Into<Option<CloseFrame>>,
    ) -> Result<Option<CloseFrame>, Error> {
        self.begin_close(frame)?;
        while self.recv_event().await.is_some() {}
        match self.closed() {
            Some(Closed::Clean(frame)) => Ok(frame),
            Some(closed) => Err(self.receiver.error_of(&closed).unwrap_or(Error::Aborted)),
            None => Err(Error::Aborted),
        }
    }

    /// Starts the closing handshake and does not wait: receive until the end to complete it.
    ///
    /// # Errors
    /// [`SendError::ClientOnlyCode`] for 1010 from a server. A connection that is closing already goes on as it is.
    pub fn begin_close(&mut self, frame: impl Into<Option<CloseFrame>>) -> Result<(), SendError> {
        self.receiver.sender().begin_close(frame.into())
    }

    /// Gives the connection up at once: what is queued is not written, and nothing is waited for.
    pub fn abort(self) {
        self.receiver.shared().abort();
    }

    /// A handle that sends on this connection from any task; clone it freely.
    #[must_use]
    pub fn sender(&self) -> Sender<T, R> {
        self.receiver.sender().clone()
    }

    /// Splits the connection into two halves for two tasks.
    #[must_use]
    pub fn split(self) -> (Receiver<T, R>, Sender<T, R>) {
        let sender = self.sender();
        (self.receiver, sender)
    }

    /// The subprotocol that the handshake selected.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.receiver.subprotocol()
    }

    /// The server's answer to the handshake, on a client that made it with this crate.
    #[must_use]
    pub fn response(&self) -> Option<&Response<()>> {
        self.receiver.response()
    }

    /// How the connection ended, once that is decided.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.receiver.closed()
    }

    /// As [`Receiver::error_of`].
    #[must_use]
    pub fn error_of(&self, closed: &Closed) -> Option<Error> {
        self.receiver.error_of(closed)
    }

    /// Who began to end the connection, once somebody has.
    #[must_use]
    pub fn initiator(&self) -> Option<Initiator> {
        self.receiver.shared().state().connection.initiator()
    }

    /// What the connection has counted so far, the latest round-trip time among it.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.receiver.shared().state().connection.stats()
    }

    /// Which side this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.receiver.shared().state().connection.role()
    }

    /// How many bytes are queued and not yet written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.receiver.sender().queued()
    }

    /// Looks at the transport, for its addresses for example; `None` once the connection is over.
    pub fn with_transport<O>(&self, look: impl FnOnce(&T) -> O) -> Option<O> {
        self.receiver.shared().state().transport().map(look)
    }
}
