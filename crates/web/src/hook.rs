//! Running the application's code so that its panics stay with the connection that they belong to.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::Failure;

/// A panic of the application's code, as an error.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
#[non_exhaustive]
pub struct Panicked(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "(no message)".to_owned()))
    }
}

/// Calls a function; its panic is an error.
pub(crate) fn guard<O>(call: impl FnOnce() -> O) -> Result<O, Panicked> {
    // What the closure has changed halfway is the application's own, and is dropped or goes on as the application left it.
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panicked::new(&*payload))
}

/// Polls a future; its panic is an error.
pub(crate) fn poll_guarded<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panicked>> {
    match guard(|| future.poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    }
}

/// Runs a future; its panic is an error.
pub(crate) async fn guarded<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| poll_guarded(future.as_mut(), cx)).await
}

/// The result of a hook, whether it returned or panicked.
pub(crate) fn flatten(result: Result<Result<(), Failure>, Panicked>) -> Result<(), Failure> {
    result.unwrap_or_else(|panicked| Err(panicked.into()))
}
