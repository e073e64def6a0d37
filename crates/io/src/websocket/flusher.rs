//! The task that writes what a sending call left to be written together with more.
//!
//! `send` inside a loop that has more messages to take only queues its answer: the loop will write all of them at once before it waits
//! for the peer. But the loop may wait for something else first. So the first answer of such a batch wakes this task, which
//! runs once the loop's task has paused for any reason, and writes what is still queued then. A connection that never
//! sends so has none.

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use super::shared::{Shared, State};
use crate::{Runtime, Transport};

/// A connection's side of its flusher.
#[derive(Debug)]
pub(super) struct Link<R> {
    runtime: R,
    task: Task,
    /// Whether the task was woken and the queue has not been empty since.
    is_woken: bool,
}

#[derive(Debug)]
enum Task {
    None,
    /// Spawned, and not polled yet.
    Starting,
    Waiting(Waker),
}

impl<R> Link<R> {
    pub(super) const fn new(runtime: R) -> Self {
        Self { runtime, task: Task::None, is_woken: false }
    }

    /// The queue is empty.
    pub(super) const fn is_done(&mut self) {
        self.is_woken = false;
    }

    /// Lets the task end.
    pub(super) fn end(&mut self) {
        if let Task::Waiting(waker) = std::mem::replace(&mut self.task, Task::None) {
            waker.wake();
        }
    }
}

/// Leaves the queue to the flusher; `false` where there is no runtime to run it on.
pub(super) fn takes_over<T, R>(shared: &Arc<Shared<T, R>>, state: &mut State<T, R>) -> bool
where
    T: Transport + Send + 'static,
    R: Runtime,
{
    let link = &mut state.flusher;
    match &link.task {
        _ if link.is_woken => return true,
        Task::None => {
            let connection = Arc::downgrade(shared);
            // `spawn` never polls inside the call, so the lock that is held here is no obstacle.
            if !link.runtime.spawn(run(connection)) {
                return false;
            }
            link.task = Task::Starting;
        }
        Task::Starting => {}
        Task::Waiting(waker) => waker.wake_by_ref(),
    }
    link.is_woken = true;
    true
}

async fn run<T: Transport + Send + 'static, R: Runtime>(connection: Weak<Shared<T, R>>) {
    let guard = Guard(connection);
    poll_fn(|cx| poll(&guard.0, cx)).await;
}

fn poll<T, R>(connection: &Weak<Shared<T, R>>, cx: &Context<'_>) -> Poll<()>
where
    T: Transport + Send + 'static,
    R: Runtime,
{
    let Some(shared) = connection.upgrade() else { return Poll::Ready(()) };
    let mut state = shared.state();
    if state.transport().is_none() {
        return Poll::Ready(());
    }
    match &mut state.flusher.task {
        Task::Waiting(waker) => waker.clone_from(cx.waker()),
        task => *task = Task::Waiting(cx.waker().clone()),
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

/// Tells the connection when its flusher is gone, with the runtime that ran it for example.
struct Guard<T: Transport + Send + 'static, R: Runtime>(Weak<Shared<T, R>>);

impl<T: Transport + Send + 'static, R: Runtime> Drop for Guard<T, R> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            let mut state = shared.state();
            state.flusher.task = Task::None;
            state.flusher.is_woken = false;
        }
    }
}
