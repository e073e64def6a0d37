//! What the handles of one connection share.

mod sending;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use squall_proto::{CloseCode, Connection, Event, Machine, Message, SendError};

pub(super) use self::sending::Until;
use super::{flusher, wakers::Wakers};
use crate::{Runtime, Shutdown, Timer, Transport, driver::Driver, shutdown::Watch};

/// A connection with its transport, behind a lock that is never held across a wait.
///
/// It is itself a waker, the one that the transport and the timer get: it does not matter which task polled them last. So it is held by what
/// it holds, until [`abandon`](Self::abandon) lets go of that.
#[derive(Debug)]
pub(super) struct Shared<T, R: Runtime> {
    pub(super) wakers: Wakers,
    state: Mutex<State<T, R>>,
}

#[derive(Debug)]
pub(super) struct State<T, R: Runtime> {
    pub(super) connection: Connection,
    /// `None` once the connection is over and its transport dropped.
    driver: Option<Driver<T, R::Timer>>,
    /// The waker that the transport and the timer get: this connection, until it is abandoned.
    waker: Waker,
    shutdown: Option<Watch>,
    /// Whether the machine has told its terminal event, which is passed on once the transport is shut down.
    has_ended: bool,
    /// Why the transport failed, if it did.
    error: Option<io::Error>,
    /// What the tasks that wait know of.
    told: Standing,
    pub(super) flusher: flusher::Link<R>,
}

/// What tasks that wait have to hear of, whichever task it came to pass in.
///
/// Room in the queue and deadlines are not among it: a task that could not write has been promised a wake-up by the transport and the
/// timer, and that wakes all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    /// The end has begun, so there is a deadline for it.
    Ending,
    /// What is queued can never be written.
    Lost,
}

impl<T: Transport + Send + 'static, R: Runtime> Shared<T, R> {
    pub(super) fn new(
        connection: Connection,
        driver: Driver<T, R::Timer>,
        runtime: R,
        shutdown: Option<&Shutdown>,
    ) -> Arc<Self> {
        let state = State {
            connection,
            driver: Some(driver),
            waker: Waker::noop().clone(),
            shutdown: None,
            has_ended: false,
            error: None,
            told: Standing::Open,
            flusher: flusher::Link::new(runtime),
        };
        let shared = Arc::new(Self { wakers: Wakers::default(), state: Mutex::new(state) });
        let waker = Waker::from(Arc::clone(&shared));
        let watch = shutdown.map(|shutdown| shutdown.watch(waker.clone()));
        let mut state = shared.state();
        (state.waker, state.shutdown) = (waker, watch);
        drop(state);
        shared
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<T, R>> {
        // A panic under the lock can only be the transport's; the connection is as before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next event, the terminal one last and once; `None` after it.
    pub(super) fn poll_event(&self, cx: &Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.state();
        if let Some(event) = state.read_already() {
            return Poll::Ready(Some(event));
        }
        self.wakers.register_receiver(cx.waker());
        let polled = state.poll_event();
        let news = state.news();
        drop(state);
        if news == Some(Standing::Lost) {
            self.wakers.wake_senders();
        }
        polled
    }

    /// Wakes whom a change of the state concerns.
    pub(super) fn release(&self, mut state: MutexGuard<'_, State<T, R>>) {
        let news = state.news();
        drop(state);
        if news.is_some() {
            self.wakers.wake_receiver();
        }
        if news == Some(Standing::Lost) {
            self.wakers.wake_senders();
        }
    }

    /// Ends the connection where nobody is left to receive: what is queued and a Close frame are written as far as the transport
    /// takes them at once.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        if let Some(now) = state.driver.as_mut().map(|driver| driver.timer().now()) {
            // It is closed already where it cannot be closed now.
            let _ = state.connection.close(now, Some(CloseCode::GOING_AWAY.into()));
            let State { connection, driver, waker, .. } = &mut *state;
            let cx = &mut Context::from_waker(waker);
            let _ = driver.as_mut().map(|driver| driver.poll_flush(cx, connection));
            connection.abort(now);
        }
        let driver = state.driver.take();
        let shutdown = state.shutdown.take();
        let waker = std::mem::replace(&mut state.waker, Waker::noop().clone());
        state.flusher.end();
        drop(state);
        drop((driver, shutdown, waker));
        self.wakers.wake_senders();
    }

    /// Gives the connection up: nothing more is written.
    pub(super) fn abort(&self) {
        let mut state = self.state();
        if let Some(now) = state.driver.as_mut().map(|driver| driver.timer().now()) {
            state.connection.abort(now);
        }
        drop(state);
        self.wakers.wake_receiver();
        self.wakers.wake_senders();
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Wake for Shared<T, R> {
    fn wake(self: Arc<Self>) {
        self.wakers.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakers.wake_all();
    }
}

impl<T: Transport, R: Runtime> State<T, R> {
    pub(super) fn transport(&self) -> Option<&T> {
        self.driver.as_ref().map(Driver::transport)
    }

    /// Why the transport failed, if it did.
    pub(super) const fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Queues a message if there is room; where there is none, here it is again.
    #[inline]
    fn queue_if_there_is_room(&mut self, message: Message) -> Result<Option<Message>, SendError> {
        let Self { connection, driver, .. } = self;
        if connection.is_write_blocked() {
            return Ok(Some(message));
        }
        let Some(driver) = driver else { return Err(SendError::Closed) };
        // While messages of one read are answered, what is queued already has started every watch: the time of that read will do for
        // what follows, as asking for another costs as much as all else here.
        let is_in_batch = driver.has_input() && connection.queued() > 0;
        let now = if is_in_batch { driver.read_at() } else { driver.timer().now() };
        connection.send(now, message)?;
        Ok(None)
    }

    /// An event that needs nothing but what was read before.
    fn read_already(&mut self) -> Option<Event> {
        if self.has_ended {
            return None;
        }
        let event = self.driver.as_mut()?.next_event(&mut self.connection)?;
        self.has_ended = matches!(event, Event::Closed(_));
        (!self.has_ended).then_some(event)
    }

    fn poll_event(&mut self) -> Poll<Option<Event>> {
        let mut cx = Context::from_waker(&self.waker);
        let Some(driver) = &mut self.driver else { return Poll::Ready(None) };
        if self.shutdown.as_ref().is_some_and(Watch::is_started) {
            self.shutdown = None;
            // A connection that is closing already goes on as it is.
            let _ = self.connection.close(driver.timer().now(), Some(CloseCode::GOING_AWAY.into()));
        }
        loop {
            match driver.poll_event(&mut cx, &mut self.connection) {
                Poll::Ready(Some(Event::Closed(_))) => self.has_ended = true,
                Poll::Ready(Some(event)) => return Poll::Ready(Some(event)),
                Poll::Ready(None) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        self.error = driver.take_error();
        self.driver = None;
        self.flusher.end();
        Poll::Ready(self.connection.closed().cloned().map(Event::Closed))
    }

    /// Ready once everything is written, or will never be. Deadlines are judged while it waits.
    pub(super) fn poll_flush(&mut self) -> Poll<()> {
        let mut cx = Context::from_waker(&self.waker);
        let Some(driver) = &mut self.driver else { return Poll::Ready(()) };
        loop {
            if driver.poll_flush(&mut cx, &mut self.connection).is_ready() {
                self.flusher.is_done();
                return Poll::Ready(());
            }
            let deadline = self.connection.poll_timeout();
            if deadline.is_some_and(|deadline| deadline <= driver.timer().now())
                && driver.looks_alive(&mut cx)
            {
                // Nobody takes events meanwhile, so the pong that is waited for may lie here unseen.
                self.connection.handle_sign_of_life(driver.timer().now());
            }
            if driver.poll_timeout(&mut cx, &mut self.connection).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// What the tasks that wait have not been told yet, if anything.
    fn news(&mut self) -> Option<Standing> {
        let standing = if self.is_lost() {
            Standing::Lost
        } else if self.connection.can_send() {
            Standing::Open
        } else {
            Standing::Ending
        };
        let told = std::mem::replace(&mut self.told, standing);
        (standing != told).then_some(standing)
    }

    /// Whether what is queued can never be written.
    fn is_lost(&self) -> bool {
        let failed = self.connection.closed().is_some_and(|closed| !closed.is_clean());
        failed || self.driver.as_ref().is_none_or(Driver::cannot_write)
    }
}
