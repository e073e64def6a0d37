//! The task that writes what a sending call left to be written together with more.
//!
//! `send` inside a loop that has more messages to take only queues its answer: the loop will write all of them at once before it waits
//! for the peer. But the loop may wait for something else first. So the first answer of such a batch wakes this task, which
//! runs once the loop's task has paused for any reason, and writes what is still queued then. A connection that never
//! sends so has none.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use super::shared::{Shared, State};
use crate::{Runtime, Transport};

/// A connection's side of its flusher.
#[derive(Debug)]
pub(super) struct Link<R> {
    runtime: R,
    /// What the task holds as long as there is one: polled or not, it is gone with the runtime that dropped it.
    task: Weak<()>,
    /// What wakes the task, once it has been polled.
    waker: Option<Waker>,
    /// Whether the task was woken and the queue has not been empty since.
    is_woken: bool,
}

impl<R> Link<R> {
    pub(super) const fn new(runtime: R) -> Self {
        Self { runtime, task: Weak::new(), waker: None, is_woken: false }
    }

    /// The queue is empty.
    pub(super) const fn is_done(&mut self) {
        self.is_woken = false;
    }

    /// Lets the task end.
    pub(super) fn end(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether what is queued will be written by the task, which waits for its turn.
    #[inline]
    pub(super) fn is_at_work(&self) -> bool {
        self.is_woken && self.has_task()
    }

    fn has_task(&self) -> bool {
        self.task.strong_count() > 0
    }
}

/// Leaves the queue to the flusher, which is not at work yet; `false` where there is no runtime to run it on.
pub(super) fn takes_over<T, R>(shared: &Arc<Shared<T, R>>, state: &mut State<T, R>) -> bool
where
    T: Transport + Send + 'static,
    R: Runtime,
{
    let link = &mut state.flusher;
    if link.has_task() {
        if let Some(waker) = &link.waker {
            waker.wake_by_ref();
        }
    } else {
        let task = Arc::new(());
        (link.task, link.waker) = (Arc::downgrade(&task), None);
        // `spawn` never polls inside the call, so the lock that is held here is no obstacle. A runtime that is ending may have dropped
        // the task by the time it returns.
        if !link.runtime.spawn(Flusher { connection: Arc::downgrade(shared), _task: task })
            || !link.has_task()
        {
            return false;
        }
    }
    link.is_woken = true;
    true
}

/// What the task runs; written by hand, as an idle connection holds it and an `async` function has twice what it captures.
struct Flusher<T, R: Runtime> {
    connection: Weak<Shared<T, R>>,
    _task: Arc<()>,
}

impl<T: Transport + Send + 'static, R: Runtime> Future for Flusher<T, R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(shared) = self.connection.upgrade() else { return Poll::Ready(()) };
        let mut state = shared.state();
        if state.transport().is_none() {
            return Poll::Ready(());
        }
        match &mut state.flusher.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        if state.flusher.is_woken {
            shared.wakers.register_sender(cx.waker());
            if state.poll_flush().is_ready() {
                state.flusher.is_woken = false;
            }
        }
        shared.release(state);
        Poll::Pending
    }
}
