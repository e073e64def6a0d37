//! Routes about pings and pongs.

use std::{sync::Arc, time::Duration};

use squall_tokio::web::{Config, ControlPayload, Failure, Handler, KeepAlive, Message, Session};

/// What a route does about pings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PingEcho {
    ServerPings,
    SaysGotPing,
    ReturnsPayload,
    Ignores,
}

impl Handler for PingEcho {
    fn options(&mut self, defaults: &Arc<Config>) -> Arc<Config> {
        if *self != Self::ServerPings {
            return Arc::clone(defaults);
        }
        let keep_alive = KeepAlive::every(Duration::from_millis(10)).timeout(None);
        Config::clone(defaults).keep_alive(keep_alive).into()
    }

    async fn on_ping(&mut self, session: &Session, payload: ControlPayload) -> Result<(), Failure> {
        match self {
            Self::SaysGotPing => session.write_message("got ping").await?,
            Self::ReturnsPayload => session.write_message(payload.into_bytes()).await?,
            Self::ServerPings | Self::Ignores => {}
        }
        Ok(())
    }

    async fn on_pong(&mut self, session: &Session, _: ControlPayload) -> Result<(), Failure> {
        if *self == Self::ServerPings {
            session.write_message("got pong").await?;
        }
        Ok(())
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}
