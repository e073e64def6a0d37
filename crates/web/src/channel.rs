//! A connection without its types, so that applications are the same on every stream and runtime.

use std::{
    fmt, io,
    sync::Arc,
    task::{Context, Poll},
};

use squall_io::{Error, Runtime, Sender, Transport, WebSocket};
use squall_proto::{
    CloseFrame, Closed, ControlPayload, Event, Initiator, Message, SendError, Stats,
};

/// The sending half of a connection.
pub(crate) trait Channel: fmt::Debug + Send + Sync {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>>;
    fn queue(&self, message: Message) -> Result<(), SendError>;
    fn queue_ping(&self, payload: ControlPayload) -> Result<(), SendError>;
    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>>;
    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>>;
    fn try_send(&self, message: Message) -> Result<(), squall_io::TrySendError>;
    fn start_close(&self, frame: Option<CloseFrame>) -> Result<(), SendError>;
    fn is_open(&self) -> bool;
    fn queued(&self) -> usize;
    fn stats(&self) -> Stats;
    fn initiator(&self) -> Option<Initiator>;
    fn set_nodelay(&self, on: bool) -> io::Result<()>;
}

/// The receiving half of a connection.
pub(crate) trait Receive: Send {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>>;
    fn error_of(&self, closed: &Closed) -> Option<Error>;
}

/// Both halves.
pub(crate) struct Socket {
    pub(crate) receive: Box<dyn Receive>,
    pub(crate) channel: Arc<dyn Channel>,
}

/// Sets `TCP_NODELAY` on a stream.
pub(crate) type SetNodelay<T> = fn(&T, bool) -> io::Result<()>;

impl Socket {
    pub(crate) fn new<T, R>(socket: WebSocket<T, R>, set_nodelay: SetNodelay<T>) -> Self
    where
        T: Transport + Send + 'static,
        R: Runtime,
    {
        let channel = Arc::new(Link { sender: socket.sender(), set_nodelay });
        Self { receive: Box::new(socket), channel }
    }
}

/// The sending half alone, of a client.
pub(crate) fn link<T, R>(sender: Sender<T, R>) -> Arc<dyn Channel>
where
    T: Transport + Send + 'static,
    R: Runtime,
{
    Arc::new(Link { sender, set_nodelay: |_, _| Err(io::ErrorKind::Unsupported.into()) })
}

impl<T: Transport + Send + 'static, R: Runtime> Receive for WebSocket<T, R> {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        Self::poll_event(self, cx)
    }

    fn error_of(&self, closed: &Closed) -> Option<Error> {
        Self::error_of(self, closed)
    }
}

struct Link<T: Transport + Send + 'static, R: Runtime> {
    sender: Sender<T, R>,
    set_nodelay: SetNodelay<T>,
}

impl<T: Transport + Send + 'static, R: Runtime> Channel for Link<T, R> {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.sender.poll_ready(cx)
    }

    fn queue(&self, message: Message) -> Result<(), SendError> {
        self.sender.queue(message)
    }

    fn queue_ping(&self, payload: ControlPayload) -> Result<(), SendError> {
        self.sender.queue_ping(payload)
    }

    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.sender.poll_sent(cx)
    }

    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.sender.poll_flushed(cx)
    }

    fn try_send(&self, message: Message) -> Result<(), squall_io::TrySendError> {
        self.sender.try_send(message)
    }

    fn start_close(&self, frame: Option<CloseFrame>) -> Result<(), SendError> {
        self.sender.start_close(frame)
    }

    fn is_open(&self) -> bool {
        self.sender.is_open()
    }

    fn queued(&self) -> usize {
        self.sender.queued()
    }

    fn stats(&self) -> Stats {
        self.sender.stats()
    }

    fn initiator(&self) -> Option<Initiator> {
        self.sender.initiator()
    }

    fn set_nodelay(&self, on: bool) -> io::Result<()> {
        let set = |stream: &T| (self.set_nodelay)(stream, on);
        self.sender.with_transport(set).unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into()))
    }
}

impl<T: Transport + Send + 'static, R: Runtime> fmt::Debug for Link<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("is_open", &self.sender.is_open()).finish_non_exhaustive()
    }
}
