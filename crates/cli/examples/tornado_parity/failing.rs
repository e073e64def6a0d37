//! Routes whose hooks fail.

use futures_lite::future::{pending, yield_now};
use futures_util::future::abortable;
use squall_tokio::web::{Failure, Handler, Message, Session};

/// A handler that fails.
pub(crate) struct Failing(pub(crate) When);

/// When a handler fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Open,
    OpenLater,
    OnMessage,
    OnMessageLater,
    PanicOnMessage,
    CancelledOnMessage,
}

impl Handler for Failing {
    async fn open(&mut self, _: &Session) -> Result<(), Failure> {
        match self.0 {
            When::Open => Err("the open hook was told to fail".into()),
            When::OpenLater => {
                yield_now().await;
                Err("the open hook was told to fail later".into())
            }
            _ => Ok(()),
        }
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        match self.0 {
            When::OnMessage => Err("the message hook was told to fail".into()),
            When::OnMessageLater => {
                yield_now().await;
                Err("the message hook was told to fail later".into())
            }
            #[expect(clippy::panic, reason = "this route is there to panic")]
            When::PanicOnMessage => panic!("the message hook was told to panic"),
            When::CancelledOnMessage => {
                let (task, handle) = abortable(pending::<()>());
                handle.abort();
                Ok(task.await?)
            }
            When::Open | When::OpenLater => Ok(()),
        }
    }
}
