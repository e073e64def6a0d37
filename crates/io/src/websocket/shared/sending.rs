//! What sending calls do: queue, write, wait for room, leave the rest to the flusher.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use squall_proto::{Connection, Message, SendError};

use super::{Shared, State};
use crate::{Runtime, Timer, Transport, driver::Driver, websocket::flusher};

/// How much of what is queued has to be written before a sending call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::websocket) enum Until {
    /// So much that there is room for more.
    Room,
    /// All of it, or it is the flusher's.
    OnItsWay,
    /// All of it.
    Written,
}

/// How far a message has got.
#[derive(Debug)]
enum Progress {
    /// Nothing more needs to be done.
    OnItsWay,
    /// It has to be written.
    Queued,
    /// There is no room for it; here it is again.
    Full(Message),
}

impl<T: Transport + Send + 'static, R: Runtime> Shared<T, R> {
    /// Ready once the queue is written as far as `until` says, or will never be.
    pub(in crate::websocket) fn poll_sent(
        self: &Arc<Self>,
        cx: &Context<'_>,
        until: Until,
    ) -> Poll<Result<(), SendError>> {
        let mut state = self.state();
        if until == Until::Room && !state.connection.is_write_blocked() {
            return Poll::Ready(Ok(()));
        }
        // While messages that were read wait to be taken, more is likely to be sent with one write.
        let more_to_come = state.driver.as_ref().is_some_and(Driver::has_input);
        if until == Until::OnItsWay && more_to_come && self.leave_to_flusher(&mut state) {
            return Poll::Ready(Ok(()));
        }
        let mut sent = self.try_sent(&mut state, until);
        if sent.is_pending() {
            // Most are sent at once and need no waker. What has happened since is seen by the second try.
            self.wakers.register_sender(cx.waker());
            sent = self.try_sent(&mut state, until);
        }
        self.release(state);
        sent
    }

    fn try_sent(
        self: &Arc<Self>,
        state: &mut State<T, R>,
        until: Until,
    ) -> Poll<Result<(), SendError>> {
        let written = state.poll_flush().is_ready();
        let is_done = match until {
            Until::Room => !state.connection.is_write_blocked(),
            Until::Written => written,
            Until::OnItsWay => written || self.leave_to_flusher(state),
        };
        if state.is_lost() {
            Poll::Ready(Err(SendError::Closed))
        } else if is_done {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Sends a message that is taken out of `message` once there is room for it; ready once it is on its way.
    pub(in crate::websocket) fn poll_send(
        self: &Arc<Self>,
        cx: &Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), SendError>> {
        while let Some(unsent) = message.take() {
            match self.send_at_once(unsent)? {
                Progress::OnItsWay => return Poll::Ready(Ok(())),
                Progress::Queued => {}
                Progress::Full(unsent) => {
                    *message = Some(unsent);
                    ready!(self.poll_sent(cx, Until::Room))?;
                }
            }
        }
        self.poll_sent(cx, Until::OnItsWay)
    }

    /// Queues a message that is taken out of `message` once there is room for it; ready then.
    pub(in crate::websocket) fn poll_feed(
        self: &Arc<Self>,
        cx: &Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), SendError>> {
        while let Some(unsent) = message.take() {
            *message = self.feed_at_once(unsent)?;
            if message.is_some() {
                ready!(self.poll_sent(cx, Until::Room))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Starts to write what is queued, without waiting.
    pub(in crate::websocket) fn start_writing(self: &Arc<Self>) {
        let mut state = self.state();
        if !self.leave_to_flusher(&mut state) {
            // Where it is not written at once, the receiving task goes on with it.
            let _ = state.poll_flush();
        }
        self.release(state);
    }

    /// Leaves the queue to the flusher, unless it is long or there can be none.
    #[inline(always)]
    fn leave_to_flusher(self: &Arc<Self>, state: &mut State<T, R>) -> bool {
        !state.connection.is_write_blocked()
            && (state.flusher.is_at_work() || flusher::takes_over(self, state))
    }

    /// Queues something.
    pub(in crate::websocket) fn queue(
        &self,
        add: impl FnOnce(&mut Connection, Instant) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut state = self.state();
        let State { connection, driver, .. } = &mut *state;
        let Some(driver) = driver else { return Err(SendError::Closed) };
        let now = driver.timer().now();
        let added = add(connection, now);
        if added.is_err() {
            // Without a masking key the connection may have ended here.
            self.release(state);
        }
        added
    }

    /// Queues a message if there is room, and leaves it to the flusher if more are likely to follow: all of it under one lock, as this
    /// is what a loop does that answers each message.
    fn send_at_once(self: &Arc<Self>, message: Message) -> Result<Progress, SendError> {
        let mut state = self.state();
        match state.queue_if_there_is_room(message) {
            Ok(None) => {}
            Ok(Some(message)) => return Ok(Progress::Full(message)),
            Err(error) => {
                // Without a masking key the connection may have ended here.
                self.release(state);
                return Err(error);
            }
        }
        let more_to_come = state.driver.as_ref().is_some_and(Driver::has_input);
        let is_left = more_to_come && self.leave_to_flusher(&mut state);
        Ok(if is_left { Progress::OnItsWay } else { Progress::Queued })
    }

    /// Queues a message if there is room; where there is none, here it is again.
    fn feed_at_once(&self, message: Message) -> Result<Option<Message>, SendError> {
        let mut state = self.state();
        let queued = state.queue_if_there_is_room(message);
        if queued.is_err() {
            self.release(state);
        }
        queued
    }

    pub(in crate::websocket) fn queue_message(&self, message: Message) -> Result<(), SendError> {
        self.queue(|connection, now| connection.send(now, message))
    }
}
