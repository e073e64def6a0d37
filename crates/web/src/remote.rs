//! The other end of a connection, as far as one can write to it.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use squall_io::TrySendError;
use squall_proto::{CloseCode, CloseFrame, ControlPayload, Initiator, Message, Stats};

use crate::{channel::Channel, json};

/// The connection is closing or closed: Tornado's `WebSocketClosedError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the WebSocket is closed")]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to say about it")]
pub struct WebSocketClosed;

/// Why a value was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The connection is closing or closed.
    #[error(transparent)]
    Closed(#[from] WebSocketClosed),
    /// The value cannot be JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Why a message was not written at once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TryWriteError {
    /// The connection is closing or closed.
    #[error(transparent)]
    Closed(#[from] WebSocketClosed),
    /// The peer is slow and enough is queued for it already; here is the message again.
    #[error("the write queue is full")]
    Full(Message),
}

/// Writes to the other end of a connection, from any task. Clones write to the same one; it does not keep the connection open.
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

struct Shared {
    channel: Arc<dyn Channel>,
    subprotocol: Option<String>,
    /// Whether a hook of this connection is being polled: its task writes what is queued as soon as the hook pauses or all that
    /// was received with this message is handled.
    in_hook: AtomicBool,
}

impl Remote {
    pub(crate) fn new(channel: Arc<dyn Channel>, subprotocol: Option<String>) -> Self {
        let in_hook = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { channel, subprotocol, in_hook }) }
    }

    pub(crate) fn channel(&self) -> &dyn Channel {
        &*self.shared.channel
    }

    pub(crate) fn set_in_hook(&self, in_hook: bool) {
        self.shared.in_hook.store(in_hook, Ordering::SeqCst);
    }

    /// Writes a message: text from a `String` or `&str`, binary from a `Vec<u8>` or `Bytes`.
    ///
    /// When it returns, the message is on its way. It waits while more than the [high
    /// mark](squall_proto::Config::write_marks) is queued, which is the flow control. The answers to messages that arrived
    /// together leave together.
    ///
    /// # Errors
    /// [`WebSocketClosed`] once either side has begun to close; the message was not queued then.
    ///
    /// # Cancel safety
    /// A dropped call has queued the message whole or not at all.
    pub async fn write_message(&self, message: impl Into<Message>) -> Result<(), WebSocketClosed> {
        let message = message.into();
        let channel = self.channel();
        poll_fn(|cx| channel.poll_ready(cx)).await.map_err(|_| WebSocketClosed)?;
        channel.queue(message).map_err(|_| WebSocketClosed)?;
        self.sent().await
    }

    /// Writes anything that can be serialized, as JSON in a text message, with `</` escaped as Tornado does.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was queued then.
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn write_json<V: Serialize + ?Sized>(&self, value: &V) -> Result<(), WriteError> {
        let text = json::encode(value)?;
        Ok(self.write_message(text).await?)
    }

    /// Writes a message without waiting, if there is room for it: for broadcasts, where one slow peer must not hold back the
    /// others.
    ///
    /// # Errors
    /// [`TryWriteError`]; the message was not queued then.
    pub fn try_write_message(&self, message: impl Into<Message>) -> Result<(), TryWriteError> {
        self.channel().try_send(message.into()).map_err(|error| match error {
            TrySendError::Full(message) => TryWriteError::Full(message),
            _ => WebSocketClosed.into(),
        })
    }

    /// Waits until everything that is queued is handed to the system.
    ///
    /// # Errors
    /// [`WebSocketClosed`] where the connection is over and some of it can never be.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn flush(&self) -> Result<(), WebSocketClosed> {
        poll_fn(|cx| self.channel().poll_flushed(cx)).await.map_err(|_| WebSocketClosed)
    }

    /// Sends a ping with a payload, which the peer's pong repeats.
    ///
    /// # Errors
    /// [`WebSocketClosed`].
    ///
    /// # Cancel safety
    /// As [`write_message`](Self::write_message).
    pub async fn ping(&self, payload: ControlPayload) -> Result<(), WebSocketClosed> {
        let channel = self.channel();
        poll_fn(|cx| channel.poll_ready(cx)).await.map_err(|_| WebSocketClosed)?;
        channel.queue_ping(payload).map_err(|_| WebSocketClosed)?;
        self.sent().await
    }

    /// Begins to close the connection, behind what is queued, and does not wait for its end.
    ///
    /// Without a code the Close frame is empty, but for a reason, which implies 1000. Of a reason the first 123 bytes are sent.
    /// A connection that is closing already goes on as it is.
    pub fn close(&self, code: impl Into<Option<CloseCode>>, reason: &str) {
        let code = code.into().or_else(|| (!reason.is_empty()).then_some(CloseCode::NORMAL));
        // A server has no use for 1010, which only clients send (RFC 6455 §7.4.1); it closes without a code then.
        let frame = code.map(|code| CloseFrame::truncated(code, reason));
        if self.channel().start_close(frame).is_err() {
            let _ = self.channel().start_close(None);
        }
    }

    /// Whether messages can be written: neither side has begun to close.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.channel().is_open()
    }

    /// How many bytes are queued and not yet handed to the system.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.channel().queued()
    }

    /// The selected subprotocol, for ever.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.shared.subprotocol.as_deref()
    }

    /// The latest round-trip time of a keepalive ping.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        self.stats().round_trip
    }

    /// What the connection has counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.channel().stats()
    }

    /// Who began to end the connection, once somebody has.
    #[must_use]
    pub fn initiator(&self) -> Option<Initiator> {
        self.channel().initiator()
    }

    /// Waits until what was queued is on its way.
    async fn sent(&self) -> Result<(), WebSocketClosed> {
        // The flag is cleared before the task of the hook writes, and it was queued before the flag is looked at here: whoever sees it
        // set has it written by that task.
        if self.shared.in_hook.load(Ordering::SeqCst) {
            return Ok(());
        }
        poll_fn(|cx| self.channel().poll_sent(cx)).await.map_err(|_| WebSocketClosed)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("is_open", &self.is_open())
            .field("subprotocol", &self.shared.subprotocol)
            .finish_non_exhaustive()
    }
}
