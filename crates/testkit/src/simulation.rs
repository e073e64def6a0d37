//! A runtime on one thread whose clock is moved by hand: no test on it takes real time, and each runs the same every time.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use squall_io::{Runtime, Timer};

/// A task that is polled this often without the clock moving spins.
const SPINS: usize = 1_000_000;

/// The runtime. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Simulation {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    ready: Mutex<VecDeque<Arc<Task>>>,
    refuses_tasks: AtomicBool,
    polls: AtomicUsize,
    spawned: AtomicUsize,
}

#[derive(Debug)]
struct State {
    now: Instant,
    next_alarm: u64,
    alarms: BTreeMap<(Instant, u64), Waker>,
}

struct Task {
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    is_queued: AtomicBool,
    shared: Arc<Shared>,
}

/// An alarm on the clock of a [`Simulation`].
#[derive(Debug)]
pub struct Alarm {
    shared: Arc<Shared>,
    number: u64,
    set_to: Option<Instant>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulation {
    /// A runtime.
    pub fn new() -> Self {
        let state = State { now: Instant::now(), next_alarm: 0, alarms: BTreeMap::new() };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                ready: Mutex::default(),
                refuses_tasks: AtomicBool::new(false),
                polls: AtomicUsize::new(0),
                spawned: AtomicUsize::new(0),
            }),
        }
    }

    /// A runtime on which connections cannot spawn tasks.
    pub fn without_tasks() -> Self {
        let simulation = Self::new();
        simulation.shared.refuses_tasks.store(true, Ordering::SeqCst);
        simulation
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.shared.state().now
    }

    /// How many times anything was polled so far.
    pub fn polls(&self) -> usize {
        self.shared.polls.load(Ordering::SeqCst)
    }

    /// How many tasks connections have spawned so far.
    pub fn spawned(&self) -> usize {
        self.shared.spawned.load(Ordering::SeqCst)
    }

    /// Starts a task; its result is taken from the answer once it is there.
    pub fn start<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Started<T> {
        let result = Arc::default();
        let slot: Arc<Mutex<Option<T>>> = Arc::clone(&result);
        let task = self.shared.launch(async move {
            let output = future.await;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
        });
        Started { result, _task: task }
    }

    /// Runs tasks until all of them wait.
    pub fn run(&self) {
        let before = self.polls();
        loop {
            let next = self.shared.ready().pop_front();
            let Some(task) = next else { return };
            task.poll();
            assert!(self.polls() - before < SPINS, "a task spins");
        }
    }

    /// Runs a future and the tasks until it is ready. Time stands still meanwhile.
    ///
    /// # Panics
    /// Where everything waits and only time would help.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.drive(future, || panic!("everything waits, the future of the test too"))
    }

    /// Runs a future and the tasks until it is ready. Where everything waits, time passes until the next alarm.
    ///
    /// # Panics
    /// Where everything waits and no alarm is set.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.drive(future, || {
            let next = self.shared.state().alarms.keys().next().map(|(due, _)| *due);
            let due = next.expect("everything waits, and no alarm is set");
            self.shared.move_to(due);
        })
    }

    /// Lets time pass, alarm by alarm, and runs tasks until all of them wait.
    pub fn pass(&self, duration: Duration) {
        let end = self.now() + duration;
        self.run();
        loop {
            let next = self.shared.state().alarms.keys().next().map(|(due, _)| *due);
            let Some(due) = next.filter(|due| *due <= end) else { break };
            self.shared.move_to(due);
            self.run();
        }
        self.shared.move_to(end);
        self.run();
    }

    /// Drops the tasks that are due to be polled, as a runtime does that ends: those that never were polled among them.
    pub fn drop_due_tasks(&self) {
        let due = std::mem::take(&mut *self.shared.ready());
        drop(due);
    }

    /// A future that is ready after a time.
    pub async fn sleep(&self, duration: Duration) {
        let (mut alarm, deadline) = (self.timer(), self.now() + duration);
        std::future::poll_fn(|cx| alarm.poll_until(cx, deadline)).await;
    }

    fn drive<F: Future>(&self, future: F, when_stalled: impl Fn()) -> F::Output {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut future = pin!(future);
        let before = self.polls();
        loop {
            if flag.0.swap(false, Ordering::SeqCst) {
                self.shared.polls.fetch_add(1, Ordering::SeqCst);
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return output;
                }
                assert!(self.polls() - before < SPINS, "the future of the test spins");
            }
            // One task at a time, so that the future of the test gets its turn among them.
            let next = self.shared.ready().pop_front();
            match next {
                Some(task) => task.poll(),
                None if flag.0.load(Ordering::SeqCst) => {}
                None => when_stalled(),
            }
        }
    }
}

/// The result of a task, once it has one. It keeps a task from being dropped that nobody will wake.
#[derive(Debug)]
pub struct Started<T> {
    result: Arc<Mutex<Option<T>>>,
    _task: Arc<Task>,
}

impl<T> Started<T> {
    /// Takes the result; `None` while there is none.
    pub fn take(&self) -> Option<T> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Runtime for Simulation {
    type Timer = Alarm;

    fn timer(&self) -> Alarm {
        let mut state = self.shared.state();
        state.next_alarm += 1;
        Alarm { shared: Arc::clone(&self.shared), number: state.next_alarm, set_to: None }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        if self.shared.refuses_tasks.load(Ordering::SeqCst) {
            return false;
        }
        self.shared.spawned.fetch_add(1, Ordering::SeqCst);
        drop(self.shared.launch(task));
        true
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> MutexGuard<'_, VecDeque<Arc<Task>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) -> Arc<Task> {
        let task = Arc::new(Task {
            future: Mutex::new(Some(Box::pin(future))),
            is_queued: AtomicBool::new(true),
            shared: Arc::clone(self),
        });
        self.ready().push_back(Arc::clone(&task));
        task
    }

    fn move_to(&self, now: Instant) {
        let mut state = self.state();
        state.now = state.now.max(now);
        let later = state.alarms.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.alarms, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
    }
}

impl Task {
    fn poll(self: Arc<Self>) {
        self.is_queued.store(false, Ordering::SeqCst);
        self.shared.polls.fetch_add(1, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self));
        let mut slot = self.future.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(future) = slot.as_mut()
            && future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            *slot = None;
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::SeqCst) {
            let shared = Arc::clone(&self.shared);
            shared.ready().push_back(self);
        }
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

impl Timer for Alarm {
    fn now(&self) -> Instant {
        self.shared.state().now
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let mut state = self.shared.state();
        let set_to = self.set_to.take();
        // A waker may own a task, which is not to be dropped under the lock.
        let _old = set_to.and_then(|set_to| state.alarms.remove(&(set_to, self.number)));
        if deadline <= state.now {
            drop(state);
            return Poll::Ready(());
        }
        self.set_to = Some(deadline);
        state.alarms.insert((deadline, self.number), cx.waker().clone());
        drop(state);
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(set_to) = self.set_to {
            let removed = self.shared.state().alarms.remove(&(set_to, self.number));
            drop(removed);
        }
    }
}
