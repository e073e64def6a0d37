//! Routes whose hooks wait.

use std::{future::poll_fn, time::Duration};

use futures_lite::future::yield_now;
use squall_io::{Runtime, Timer};
use squall_tokio::web::{Failure, Handler, Handshake, Message, Refusal, Session};

/// Waits on whichever runtime it is.
async fn sleep<R: Runtime>(runtime: &R, duration: Duration) {
    let mut timer = runtime.timer();
    let deadline = timer.now() + duration;
    poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}

/// Waits before it answers the handshake, then echoes.
pub(crate) struct SlowPrepare;

impl Handler for SlowPrepare {
    async fn prepare(&mut self, _: &mut Handshake) -> Result<(), Refusal> {
        yield_now().await;
        Ok(())
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}

/// Waits before it answers a message, and tells if it ever runs twice at once.
pub(crate) struct Sleeper<R> {
    runtime: R,
    is_sleeping: bool,
}

impl<R> Sleeper<R> {
    pub(crate) const fn new(runtime: R) -> Self {
        Self { runtime, is_sleeping: false }
    }
}

impl<R: Runtime> Handler for Sleeper<R> {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        if self.is_sleeping {
            session.write_message("another coroutine is already sleeping").await?;
        }
        self.is_sleeping = true;
        sleep(&self.runtime, Duration::from_millis(10)).await;
        self.is_sleeping = false;
        Ok(session.write_message(message).await?)
    }
}

/// Opens slowly, and fails if a message comes before it is open.
pub(crate) struct SlowOpen<R> {
    runtime: R,
    is_open: bool,
}

impl<R> SlowOpen<R> {
    pub(crate) const fn new(runtime: R) -> Self {
        Self { runtime, is_open: false }
    }
}

impl<R: Runtime> Handler for SlowOpen<R> {
    async fn open(&mut self, _: &Session) -> Result<(), Failure> {
        sleep(&self.runtime, Duration::from_millis(100)).await;
        self.is_open = true;
        Ok(())
    }

    async fn on_message(&mut self, session: &Session, _: Message) -> Result<(), Failure> {
        if !self.is_open {
            return Err("a message before the open hook has ended".into());
        }
        Ok(session.write_message("ok").await?)
    }
}
