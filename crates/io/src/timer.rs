//! The clock and the alarm that a runtime provides.

use std::{
    fmt,
    task::{Context, Poll},
    time::Instant,
};

/// A runtime's clock, and one alarm on it.
///
/// Both come from the runtime so that a paused or simulated clock moves the two together.
pub trait Timer: fmt::Debug + Unpin {
    /// The time.
    #[must_use]
    fn now(&self) -> Instant;

    /// Ready once `deadline` has passed; until then the task is woken when it does.
    ///
    /// A call with another deadline moves the alarm. Implementations allocate nothing before the first call.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;
}
