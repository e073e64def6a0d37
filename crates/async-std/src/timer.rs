//! The clock of async-io, which async-std and smol share.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

/// The system's clock and one alarm on it, kept by the reactor of async-io.
#[derive(Debug, Default)]
pub struct Timer {
    alarm: Option<(Instant, async_io::Timer)>,
}

impl squall_io::Timer for Timer {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        // An alarm that has gone off stays silent, however often it is polled.
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        let (set_to, alarm) =
            self.alarm.get_or_insert_with(|| (deadline, async_io::Timer::at(deadline)));
        if *set_to != deadline {
            *set_to = deadline;
            alarm.set_at(deadline);
        }
        Pin::new(alarm).poll(cx).map(drop)
    }
}
