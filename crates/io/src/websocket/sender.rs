//! The sending half, which any number of tasks may have.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::{Context, Poll},
};

use squall_proto::{
    CloseFrame, Connection, ControlPayload, Fragment, Initiator, Message, SendError, Stats,
};

use super::shared::{Shared, Until};
use crate::{Runtime, Transport};

/// Sends on a [`WebSocket`](crate::WebSocket) from anywhere. Clones send on the same connection; each message goes out whole.
///
/// It sends by itself and needs no help of the receiving half; but pings are answered and deadlines judged only while that half
/// is receiving. It does not keep the connection open: once the receiving half is gone everything here is
/// [`SendError::Closed`].
#[derive(Debug)]
pub struct Sender<T: Transport + Send + 'static, R: Runtime> {
    shared: Arc<Shared<T, R>>,
}

impl<T: Transport + Send + 'static, R: Runtime> Clone for Sender<T, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Sender<T, R> {
    pub(super) const fn new(shared: Arc<Shared<T, R>>) -> Self {
        Self { shared }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<T, R>> {
        &self.shared
    }

    /// As [`WebSocket::send`](crate::WebSocket::send).
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent then.
    ///
    /// # Cancel safety
    /// A dropped call has queued the message whole or not at all.
    pub fn send(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), SendError>> {
        let mut message = Some(message.into());
        poll_fn(move |cx| self.shared.poll_send(cx, &mut message))
    }

    /// As [`WebSocket::feed`](crate::WebSocket::feed).
    ///
    /// # Errors
    /// [`SendError`]; the message was not queued then.
    ///
    /// # Cancel safety
    /// A dropped call has queued the message whole or not at all.
    pub fn feed(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), SendError>> {
        let mut message = Some(message.into());
        poll_fn(move |cx| self.shared.poll_feed(cx, &mut message))
    }

    /// Sends a message that is never compressed, whatever was negotiated: a secret should not share a compression context with
    /// text that others choose.
    ///
    /// # Errors
    /// [`SendError`]; the message was not sent then.
    ///
    /// # Cancel safety
    /// A dropped call has queued the message whole or not at all.
    pub async fn send_uncompressed(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        self.queued_with(|connection, now| connection.send_uncompressed(now, message)).await
    }

    /// As [`WebSocket::send_fragment`](crate::WebSocket::send_fragment).
    ///
    /// # Errors
    /// [`SendError`]; the piece was not sent then.
    ///
    /// # Cancel safety
    /// A dropped call has queued the piece whole or not at all.
    pub async fn send_fragment(&self, fragment: Fragment) -> Result<(), SendError> {
        self.queued_with(|connection, now| connection.send_fragment(now, fragment)).await
    }

    /// Queues a message without waiting, if there is room for it; it is on its way as soon as the task waits for anything.
    ///
    /// # Errors
    /// [`TrySendError::Full`] where more than the high mark is queued; [`TrySendError::Send`] where it cannot be sent at all.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), TrySendError> {
        let message = message.into();
        if self.is_full() {
            return Err(TrySendError::Full(message));
        }
        self.shared.queue_message(message)?;
        self.shared.start_writing();
        Ok(())
    }

    /// As [`WebSocket::flush`](crate::WebSocket::flush).
    ///
    /// # Errors
    /// [`SendError::Closed`] where the connection is over and some of what was queued can never be written.
    ///
    /// # Cancel safety
    /// Cancel-safe: what is not written stays queued.
    pub async fn flush(&self) -> Result<(), SendError> {
        self.sent(Until::Written).await
    }

    /// As [`WebSocket::ping`](crate::WebSocket::ping).
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent then.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn ping(&self, payload: ControlPayload) -> Result<(), SendError> {
        self.queued_with(|connection, now| connection.ping(now, payload)).await
    }

    /// As [`WebSocket::pong`](crate::WebSocket::pong).
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent then.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn pong(&self, payload: ControlPayload) -> Result<(), SendError> {
        self.queued_with(|connection, now| connection.pong(now, payload)).await
    }

    /// Ready once there is room for a message: [`feed`](Self::feed), the first half, for futures that are written by hand.
    ///
    /// # Errors
    /// [`SendError::Closed`] where the connection is over.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.shared.poll_sent(cx, Until::Room)
    }

    /// Queues a message without asking for room: [`feed`](Self::feed), the second half. [`poll_sent`](Self::poll_sent), a
    /// flush or the receiving half writes it.
    ///
    /// # Errors
    /// [`SendError`]; the message was not queued then.
    pub fn queue(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.queue_message(message.into())
    }

    /// Queues a ping, as [`queue`](Self::queue).
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued then.
    pub fn queue_ping(&self, payload: ControlPayload) -> Result<(), SendError> {
        self.shared.queue(|connection, now| connection.ping(now, payload))
    }

    /// Ready once what is queued is on its way, as [`send`](Self::send) promises.
    ///
    /// # Errors
    /// [`SendError::Closed`] where some of it can never be written.
    pub fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.shared.poll_sent(cx, Until::OnItsWay)
    }

    /// Ready once what is queued is written, as [`flush`](Self::flush).
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.shared.poll_sent(cx, Until::Written)
    }

    /// Starts the closing handshake and does not wait: the receiving half writes its Close frame and completes it.
    ///
    /// # Errors
    /// [`SendError::ClientOnlyCode`] for 1010 from a server. A connection that is closing already goes on as it is.
    pub fn start_close(&self, frame: impl Into<Option<CloseFrame>>) -> Result<(), SendError> {
        self.begin_close(frame.into())?;
        self.shared.start_writing();
        Ok(())
    }

    /// Starts the closing handshake, which the receiving half completes, and writes its Close frame.
    ///
    /// # Errors
    /// [`SendError::ClientOnlyCode`] for 1010 from a server. A connection that is closing already goes on as it is.
    ///
    /// # Cancel safety
    /// A dropped call has begun to close.
    pub async fn close(&self, frame: impl Into<Option<CloseFrame>>) -> Result<(), SendError> {
        self.begin_close(frame.into())?;
        // That it is over already is no failure here.
        let _ = self.sent(Until::OnItsWay).await;
        Ok(())
    }

    pub(super) fn begin_close(&self, frame: Option<CloseFrame>) -> Result<(), SendError> {
        match self.shared.queue(|connection, now| connection.close(now, frame)) {
            Err(SendError::Closed) => Ok(()),
            begun => begun,
        }
    }

    /// Whether messages can be sent: nobody has begun to close, and the connection is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.state().connection.can_send()
    }

    /// Whether more than the high mark is queued, so that sending waits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.shared.state().connection.is_write_blocked()
    }

    /// How many bytes are queued and not yet written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.state().connection.queued()
    }

    /// Who began to end the connection, once somebody has.
    #[must_use]
    pub fn initiator(&self) -> Option<Initiator> {
        self.shared.state().connection.initiator()
    }

    /// What the connection has counted so far, the latest round-trip time among it.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.state().connection.stats()
    }

    /// Looks at the transport, for its options for example; `None` once the connection is over.
    pub fn with_transport<O>(&self, look: impl FnOnce(&T) -> O) -> Option<O> {
        self.shared.state().transport().map(look)
    }

    /// Waits for room, queues and writes.
    async fn queued_with(
        &self,
        add: impl FnOnce(&mut Connection, std::time::Instant) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        self.sent(Until::Room).await?;
        self.shared.queue(add)?;
        self.sent(Until::OnItsWay).await
    }

    async fn sent(&self, until: Until) -> Result<(), SendError> {
        poll_fn(|cx| self.shared.poll_sent(cx, until)).await
    }
}

/// Why a message was not queued at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError {
    /// More than the high mark is queued; here is the message again.
    #[error("the write queue is full")]
    Full(Message),
    /// It cannot be sent at all.
    #[error(transparent)]
    Send(#[from] SendError),
}
