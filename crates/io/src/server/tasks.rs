//! How many connections a server has, and who waits for there to be fewer.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// The count of open connections. One task at a time may wait for it to fall.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    waiting: Option<Waker>,
}

impl Tasks {
    /// Counts one more for as long as the answer lives.
    pub(super) fn enter(self: &Arc<Self>) -> Guard {
        self.state().open += 1;
        Guard(Arc::clone(self))
    }

    pub(super) fn open(&self) -> usize {
        self.state().open
    }

    /// Waits until there are at most `limit`.
    pub(super) async fn at_most(&self, limit: usize) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.open <= limit {
                return Poll::Ready(());
            }
            state.waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Guard(Arc<Tasks>);

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}
