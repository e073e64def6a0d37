//! What a server runs on the streams that it accepts: a function on each stream, each request or each connection.

use std::{future::Future, net::SocketAddr};

use super::{Listen, Upgrade, UpgradeError, serve::Shared};
use crate::{Runtime, Timer, WebSocket};

/// What becomes of a stream that was accepted.
pub(super) trait Serve<L: Listen>: Send + Sync + 'static {
    /// What the stream becomes first, within the time for the handshake.
    type Ready: Send;

    /// The application's part, for as long as the connection lasts.
    type Serving: Future + Send;

    fn prepare(
        &self,
        shared: &Shared<L>,
        stream: L::Stream,
        peer: Option<SocketAddr>,
    ) -> impl Future<Output = Result<Self::Ready, UpgradeError>> + Send;

    fn serve(&self, ready: Self::Ready) -> Self::Serving;
}

/// Runs a function on each connection.
pub(super) struct Sockets<H>(pub(super) H);

impl<L: Listen, H, F> Serve<L> for Sockets<H>
where
    H: Fn(WebSocket<L::Stream, L::Runtime>) -> F + Send + Sync + 'static,
    F: Future + Send + 'static,
{
    type Ready = WebSocket<L::Stream, L::Runtime>;
    type Serving = F;

    async fn prepare(
        &self,
        shared: &Shared<L>,
        stream: L::Stream,
        peer: Option<SocketAddr>,
    ) -> Result<Self::Ready, UpgradeError> {
        shared.upgrade(stream, peer).await?.accept_default().await
    }

    fn serve(&self, socket: Self::Ready) -> F {
        (self.0)(socket)
    }
}

/// Runs a function on each request.
pub(super) struct Upgrades<H>(pub(super) H);

impl<L: Listen, H, F> Serve<L> for Upgrades<H>
where
    H: Fn(Upgrade<L::Stream, L::Runtime>) -> F + Send + Sync + 'static,
    F: Future + Send + 'static,
{
    type Ready = Upgrade<L::Stream, L::Runtime>;
    type Serving = F;

    async fn prepare(
        &self,
        shared: &Shared<L>,
        stream: L::Stream,
        peer: Option<SocketAddr>,
    ) -> Result<Self::Ready, UpgradeError> {
        shared.upgrade(stream, peer).await
    }

    fn serve(&self, upgrade: Self::Ready) -> F {
        (self.0)(upgrade)
    }
}

/// Runs a function on each stream.
pub(super) struct Streams<H>(pub(super) H);

impl<L: Listen, H, F> Serve<L> for Streams<H>
where
    H: Fn(L::Stream, Option<SocketAddr>) -> F + Send + Sync + 'static,
    F: Future + Send + 'static,
{
    type Ready = (L::Stream, Option<SocketAddr>);
    type Serving = F;

    async fn prepare(
        &self,
        shared: &Shared<L>,
        stream: L::Stream,
        peer: Option<SocketAddr>,
    ) -> Result<Self::Ready, UpgradeError> {
        let mut timer = shared.runtime.timer();
        let deadline = timer.now() + shared.config.handshake_config().time_limit();
        Ok((shared.secure(stream, &mut timer, deadline).await?, peer))
    }

    fn serve(&self, (stream, peer): Self::Ready) -> F {
        (self.0)(stream, peer)
    }
}
