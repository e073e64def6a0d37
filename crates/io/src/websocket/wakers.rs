//! The tasks that wait for one connection, woken together.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// The tasks that wait for a transport or a timer that several tasks share.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The task that waits for an event.
    receiver: Option<Waker>,
    /// Tasks that wait for the queue to get shorter.
    senders: Vec<Waker>,
}

impl Wakers {
    /// The receiving task waits from now on.
    pub(super) fn register_receiver(&self, waker: &Waker) {
        let mut waiting = self.waiting();
        match &mut waiting.receiver {
            Some(registered) => registered.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// A sending task waits from now on.
    pub(super) fn register_sender(&self, waker: &Waker) {
        let mut waiting = self.waiting();
        if !waiting.senders.iter().any(|registered| registered.will_wake(waker)) {
            waiting.senders.push(waker.clone());
        }
    }

    /// Wakes the receiving task.
    pub(super) fn wake_receiver(&self) {
        let receiver = self.waiting().receiver.take();
        if let Some(receiver) = receiver {
            receiver.wake();
        }
    }

    /// Wakes all of them.
    pub(super) fn wake_all(&self) {
        let Waiting { receiver, senders } = std::mem::take(&mut *self.waiting());
        receiver.into_iter().chain(senders).for_each(Waker::wake);
    }

    /// Wakes the sending tasks.
    pub(super) fn wake_senders(&self) {
        let senders = std::mem::take(&mut self.waiting().senders);
        senders.into_iter().for_each(Waker::wake);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that can panic runs under the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
