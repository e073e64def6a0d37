//! A runtime's clock as hyper wants it.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use squall_io::{Runtime, Timer};

/// The clock of a runtime.
#[derive(Debug)]
pub(super) struct Clock<R>(pub(super) R);

impl<R: Runtime> hyper::rt::Timer for Clock<R> {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Alarm { timer: Mutex::new(self.0.timer()), deadline })
    }

    fn now(&self) -> Instant {
        self.0.timer().now()
    }
}

/// One alarm. The lock makes it `Sync`, which hyper asks for, and is never taken.
struct Alarm<C> {
    timer: Mutex<C>,
    deadline: Instant,
}

impl<C: Timer> Future for Alarm<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let timer = self.timer.get_mut().unwrap_or_else(PoisonError::into_inner);
        timer.poll_until(cx, deadline)
    }
}

impl<C: Timer + Send + 'static> hyper::rt::Sleep for Alarm<C> {}

#[cfg(test)]
mod tests {
    use hyper::rt::Timer as _;
    use squall_testkit::simulation::Simulation;

    use super::*;

    #[test]
    fn a_sleep_lasts_as_long_as_it_was_asked_to() {
        let simulation = Simulation::new();
        let clock = Clock(simulation.clone());
        let limit = Duration::from_secs(5);
        let sleeping = simulation.start(clock.sleep(limit));
        let waiting = simulation.start(clock.sleep_until(clock.now() + limit));
        simulation.pass(limit - Duration::from_millis(1));
        assert_eq!((sleeping.take(), waiting.take()), (None, None));
        simulation.pass(Duration::from_millis(1));
        assert_eq!((sleeping.take(), waiting.take()), (Some(()), Some(())));
    }
}
