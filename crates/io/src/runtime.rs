//! What servers and clients need of a runtime.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Instant,
};

use crate::Timer;

/// A runtime, as far as connections, servers and clients need one: a clock, and tasks.
pub trait Runtime: fmt::Debug + Clone + Send + Sync + 'static {
    /// Its clock.
    type Timer: Timer + Send + 'static;

    /// A new alarm on its clock.
    #[must_use]
    fn timer(&self) -> Self::Timer;

    /// Runs a task of its own to its end, never inside this call. `false` where there is no runtime to run it on; the task is
    /// dropped then.
    ///
    /// A server cannot do without. A connection can: what [`WebSocket::send`](crate::WebSocket::send) would leave to such a task
    /// it then writes itself before it returns.
    #[must_use]
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool;
}

/// The deadline came first.
#[derive(Debug, thiserror::Error)]
#[error("deadline has elapsed")]
#[non_exhaustive]
pub struct Elapsed;

/// Runs `future`, but not beyond `deadline`. What is ready by then is never lost.
///
/// # Errors
/// [`Elapsed`] where the deadline came first.
pub async fn within<F: Future>(
    timer: &mut impl Timer,
    deadline: Instant,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => timer.poll_until(cx, deadline).map(|()| Err(Elapsed)),
    })
    .await
}

/// Waits for `deadline`.
pub(crate) async fn until(timer: &mut impl Timer, deadline: Instant) {
    poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}

/// Runs two futures until one is ready; where both are, the first wins.
pub async fn race<T>(first: impl Future<Output = T>, second: impl Future<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(output),
        Poll::Pending => second.as_mut().poll(cx),
    })
    .await
}
