//! The token that tells every connection of a server to say goodbye.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// A switch, off until [`start`](Self::start), that any number of tasks can wait for. Clones are the same switch.
///
/// A connection that was accepted with it starts the closing handshake with 1001 in its own polling, behind what it has
/// queued.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    started: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// The tasks that wait, each in a place of its own: 16 bytes, as there are two for each connection of a server.
#[derive(Debug, Default)]
struct Waiting {
    places: Vec<Place>,
    taken: usize,
    /// The free place that is taken next; the end where there is none.
    free: usize,
}

#[derive(Debug)]
enum Place {
    Taken(Waker),
    /// With the one that is free after it.
    Free(usize),
}

impl Waiting {
    fn enter(&mut self, waker: Waker) -> usize {
        let key = self.free;
        if let Some(place) = self.places.get_mut(key) {
            if let Place::Free(next) = std::mem::replace(place, Place::Taken(waker)) {
                self.free = next;
            }
        } else {
            self.places.push(Place::Taken(waker));
            self.free = self.places.len();
        }
        self.taken += 1;
        key
    }

    /// What was there is the caller's to drop, as a waker may own a task, which is not to be dropped under the lock. Nobody has a place
    /// any more once all were woken.
    fn leave(&mut self, key: usize) -> Option<Place> {
        let left = std::mem::replace(self.places.get_mut(key)?, Place::Free(self.free));
        self.free = key;
        self.taken -= 1;
        if self.taken == 0 {
            *self = Self::default();
        }
        Some(left)
    }
}

impl Shutdown {
    /// A switch that is off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns the switch on, for good, and wakes everyone who waits for it.
    pub fn start(&self) {
        self.state.started.store(true, Ordering::SeqCst);
        let places = std::mem::take(&mut *self.state.waiting()).places;
        for place in places {
            if let Place::Taken(waker) = place {
                waker.wake();
            }
        }
    }

    /// Whether the switch is on.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.state.started.load(Ordering::SeqCst)
    }

    /// A future that is ready once the switch is on, and stays so. It may be dropped and made again at any time.
    pub fn started(&self) -> Started {
        Started { shutdown: self.clone(), registered: None }
    }

    /// Wakes whom `waker` says once the switch is turned on, for as long as the answer lives; nobody where it is on already.
    pub(crate) fn watch(&self, waker: Waker) -> Watch {
        let shutdown = self.clone();
        let mut waiting = self.state.waiting();
        // `start` stores before it takes the lock: it is seen here, or will find this waker.
        let key = if self.is_started() { usize::MAX } else { waiting.enter(waker) };
        Watch { shutdown, key }
    }
}

impl State {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that can panic runs under the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready once a [`Shutdown`] has started, at every poll from then on.
///
/// A poll by the task that polled last takes no lock, so that a connection can afford one each time it is polled.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Started {
    shutdown: Shutdown,
    registered: Option<(Watch, Waker)>,
}

impl Future for Started {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let is_registered =
            self.registered.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker()));
        if !is_registered {
            let watch = self.shutdown.watch(cx.waker().clone());
            self.registered = Some((watch, cx.waker().clone()));
        }
        if self.shutdown.is_started() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A waker that is registered with a [`Shutdown`] until this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    shutdown: Shutdown,
    key: usize,
}

impl Watch {
    pub(crate) fn is_started(&self) -> bool {
        self.shutdown.is_started()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let left = self.shutdown.state.waiting().leave(self.key);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, task::Wake};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn everyone_who_waits_is_woken_once_and_stays_ready() {
        let shutdown = Shutdown::new();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut waiting = [shutdown.started(), shutdown.started()];
        for started in &mut waiting {
            assert!(Pin::new(&mut *started).poll(&mut Context::from_waker(&waker)).is_pending());
            assert!(Pin::new(started).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        shutdown.start();
        shutdown.start();
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
        for started in &mut waiting {
            assert!(Pin::new(&mut *started).poll(&mut Context::from_waker(&waker)).is_ready());
            assert!(Pin::new(started).poll(&mut Context::from_waker(&waker)).is_ready());
        }
    }

    #[test]
    fn the_task_that_polled_last_is_the_one_that_is_woken() {
        let shutdown = Shutdown::new();
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut started = shutdown.started();
        for count in [&first, &second] {
            let waker = Waker::from(Arc::clone(count));
            assert!(Pin::new(&mut started).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        shutdown.start();
        assert_eq!(first.0.load(Ordering::SeqCst), 0);
        assert_eq!(second.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn places_are_taken_again_and_everyone_has_his_own() {
        let shutdown = Shutdown::new();
        let wait = || {
            let count = Arc::new(Count::default());
            let waker = Waker::from(Arc::clone(&count));
            (shutdown.watch(waker), count)
        };
        let mut waiting: Vec<_> = (0..8).map(|_| wait()).collect();
        for round in 0..100 {
            // Two leave, in changing order, and two come.
            let left = [waiting.remove(round % 7), waiting.remove(round % 5)];
            assert!(left.iter().all(|(_, count)| Arc::strong_count(count) == 2));
            let gone = left.map(|(watch, count)| {
                drop(watch);
                count
            });
            assert!(gone.iter().all(|count| Arc::strong_count(count) == 1));
            waiting.extend([wait(), wait()]);
        }
        assert_eq!(shutdown.state.waiting().places.len(), 8);
        shutdown.start();
        assert!(waiting.iter().all(|(_, count)| count.0.load(Ordering::SeqCst) == 1));
        // Who comes later has no place, and takes nobody's when he goes.
        let (late, count) = wait();
        assert!(late.is_started() && count.0.load(Ordering::SeqCst) == 0);
        drop((waiting, late));
        assert_eq!(shutdown.state.waiting().places.capacity(), 0);
    }

    #[test]
    fn what_is_dropped_leaves_nothing_behind() {
        let shutdown = Shutdown::new();
        let mut started = shutdown.started();
        assert!(Pin::new(&mut started).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(shutdown.state.waiting().taken, 1);
        drop(started);
        assert_eq!(shutdown.state.waiting().places.capacity(), 0);
    }
}
