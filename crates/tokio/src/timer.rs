//! tokio's clock.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{runtime::Handle, time::Sleep};

/// tokio's clock and one alarm on it. A paused clock (`tokio::time::pause`) pauses both.
#[derive(Debug, Default)]
pub struct Timer {
    alarm: Option<Pin<Box<Sleep>>>,
}

impl squall_io::Timer for Timer {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let deadline = tokio::time::Instant::from_std(deadline);
        // A thread outside of the runtime, which may send, cannot set an alarm; the task that receives will.
        if self.alarm.is_none() && Handle::try_current().is_err() {
            return Poll::Pending;
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(cx)
    }
}
