//! The loop that accepts connections, and how it ends.

use std::{
    fmt,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use squall_proto::handshake::HandshakeError;

use crate::{
    Runtime, Shutdown, Started, Timer, WebSocket,
    driver::Driver,
    runtime::{race, until, within},
    server::{
        Listen, ServerConfig, ServerTls, Upgrade, UpgradeError,
        listen::concerns_one_connection,
        serving::{Serve, Sockets, Streams, Upgrades},
        tasks::Tasks,
        upgrade::read_request,
    },
};

/// How long a listener rests that cannot accept, for want of file descriptors for example.
const REST: Duration = Duration::from_millis(100);

/// A listener with its settings: [`serve`](Self::serve) runs it.
///
/// Each connection runs in a task of its own, its handshake included, so that a slow one keeps nobody waiting. A listener that
/// has no file descriptors left rests for 100 ms and goes on.
#[derive(Debug)]
#[must_use = "a server does nothing until it serves"]
pub struct Server<L: Listen> {
    listener: L,
    max_connections: Option<usize>,
    shared: Shared<L>,
}

/// What every connection's task needs.
pub(super) struct Shared<L: Listen> {
    pub(super) runtime: L::Runtime,
    pub(super) config: ServerConfig,
    tls: Option<ServerTls>,
    grace: Duration,
    on_error: Option<ErrorHook>,
    abort: Shutdown,
}

type ErrorHook = Box<dyn Fn(UpgradeError, Option<SocketAddr>) + Send + Sync>;

impl<L: Listen> Server<L>
where
    L::Runtime: Default,
{
    /// A server with the default settings.
    pub fn new(listener: L) -> Self {
        Self::with_runtime(listener, L::Runtime::default())
    }
}

/// A server with the default settings.
impl<L: Listen> From<L> for Server<L>
where
    L::Runtime: Default,
{
    fn from(listener: L) -> Self {
        Self::new(listener)
    }
}

impl<L: Listen> Server<L> {
    /// The runtime that it runs on.
    #[must_use]
    pub const fn runtime(&self) -> &L::Runtime {
        &self.shared.runtime
    }

    /// A server with the default settings, on a runtime that has to be given.
    pub fn with_runtime(listener: L, runtime: L::Runtime) -> Self {
        let shared = Shared {
            runtime,
            config: ServerConfig::default(),
            tls: None,
            grace: Duration::from_secs(10),
            on_error: None,
            abort: Shutdown::new(),
        };
        Self { listener, max_connections: None, shared }
    }

    /// The settings of its handshakes and connections.
    pub fn config(mut self, config: ServerConfig) -> Self {
        self.shared.config = config;
        self
    }

    /// The switch that ends the server, in the place of the one in its settings.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shared.config = self.shared.config.shutdown(shutdown);
        self
    }

    /// TLS on every connection (default: none).
    pub fn tls(mut self, tls: impl Into<ServerTls>) -> Self {
        self.shared.tls = Some(tls.into());
        self
    }

    /// How many connections may be open at once, those in their handshake included (default: any number). Further ones wait
    /// in the backlog of the listener.
    pub const fn max_connections(mut self, count: usize) -> Self {
        self.max_connections = Some(count);
        self
    }

    /// How long connections may take to end once the server shuts down (default 10 s). The rest is aborted.
    pub const fn grace(mut self, limit: Duration) -> Self {
        self.shared.grace = limit;
        self
    }

    /// Sees what fails before there is a connection: accepting, TLS, handshakes (default: nobody does).
    pub fn on_error(
        mut self,
        hook: impl Fn(UpgradeError, Option<SocketAddr>) + Send + Sync + 'static,
    ) -> Self {
        self.shared.on_error = Some(Box::new(hook));
        self
    }

    /// Accepts every connection that the settings allow, and runs `handler` on each, until the [`Shutdown`] of the
    /// [`ServerConfig`] starts; see [`serve_upgrades`](Self::serve_upgrades).
    pub async fn serve<H, F>(self, handler: H) -> usize
    where
        H: Fn(WebSocket<L::Stream, L::Runtime>) -> F + Send + Sync + 'static,
        F: Future + Send + 'static,
    {
        run(self.listener, self.max_connections, Arc::new(self.shared), Sockets(handler)).await
    }

    /// Reads the request of every connection, and runs `handler` on each, until the [`Shutdown`] of the [`ServerConfig`]
    /// starts.
    ///
    /// Then the listener is closed, handshakes under way are dropped, every open connection starts its closing handshake with
    /// 1001, and what is still open after [`grace`](Self::grace) is aborted. The answer is how many that were.
    ///
    /// # Cancel safety
    /// Dropping the future closes the listener and aborts every connection.
    pub async fn serve_upgrades<H, F>(self, handler: H) -> usize
    where
        H: Fn(Upgrade<L::Stream, L::Runtime>) -> F + Send + Sync + 'static,
        F: Future + Send + 'static,
    {
        run(self.listener, self.max_connections, Arc::new(self.shared), Upgrades(handler)).await
    }

    /// Runs `handler` on every stream, with TLS where that is asked for, and reads nothing itself: for servers of HTTP that
    /// upgrade some of their connections. It ends as [`serve_upgrades`](Self::serve_upgrades) does, but for the closing handshakes,
    /// which the handler sees to.
    ///
    /// # Cancel safety
    /// Dropping the future closes the listener and aborts every connection.
    pub async fn serve_streams<H, F>(self, handler: H) -> usize
    where
        H: Fn(L::Stream, Option<SocketAddr>) -> F + Send + Sync + 'static,
        F: Future + Send + 'static,
    {
        run(self.listener, self.max_connections, Arc::new(self.shared), Streams(handler)).await
    }
}

async fn run<L: Listen>(
    mut listener: L,
    max_connections: Option<usize>,
    shared: Arc<Shared<L>>,
    handler: impl Serve<L>,
) -> usize {
    let _abort_in_the_end = StartOnDrop(shared.abort.clone());
    let handler = Arc::new(handler);
    let tasks = Arc::new(Tasks::default());
    let mut timer = shared.runtime.timer();
    let stop = shared.config.shutdown_switch().started();
    let accepting = async {
        loop {
            tasks
                .at_most(max_connections.map_or(usize::MAX, |count| count.saturating_sub(1)))
                .await;
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // The state of a handshake is large and soon done with: it goes with its box.
                    let mut preparing =
                        Box::pin(prepare(Arc::clone(&shared), Arc::clone(&handler), stream, peer));
                    let (mut abort, guard) = (shared.abort.started(), tasks.enter());
                    // Where there is no runtime any more, the connection is dropped with its task.
                    let _ = shared.runtime.spawn(async move {
                        {
                            let serving = unless(&mut abort, preparing.as_mut()).await.flatten();
                            drop(preparing);
                            if let Some(serving) = pin!(serving).as_pin_mut() {
                                unless(&mut abort, serving).await;
                            }
                        }
                        drop(guard);
                    });
                }
                Err(error) => {
                    let rest = !concerns_one_connection(&error);
                    shared.report(UpgradeError::Listener(error), None);
                    if rest {
                        let rested = timer.now() + REST;
                        until(&mut timer, rested).await;
                    }
                }
            }
        }
    };
    race(stop, accepting).await;
    drop(listener);
    let deadline = timer.now() + shared.grace;
    drop(within(&mut timer, deadline, tasks.at_most(0)).await);
    tasks.open()
}

/// Runs a future that lies elsewhere, since what a future captures and then waits for has its place in it twice; `None` where
/// `stop` started before.
fn unless<F: Future>(
    stop: &mut Started,
    mut future: Pin<&mut F>,
) -> impl Future<Output = Option<F::Output>> {
    poll_fn(move |cx| match Pin::new(&mut *stop).poll(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
}

/// Makes what is served of a stream; `None` where that fails, or the server stops before.
async fn prepare<L: Listen, S: Serve<L>>(
    shared: Arc<Shared<L>>,
    handler: Arc<S>,
    stream: L::Stream,
    peer: Option<SocketAddr>,
) -> Option<S::Serving> {
    let stop = shared.config.shutdown_switch().started();
    let preparing = async { Some(handler.prepare(&shared, stream, peer).await) };
    let stop = async {
        stop.await;
        None
    };
    match race(preparing, stop).await? {
        Ok(ready) => Some(handler.serve(ready)),
        Err(error) => {
            shared.report(error, peer);
            None
        }
    }
}

impl<L: Listen> Shared<L> {
    /// Makes TLS of a stream where that is asked for, and reads the request: both within the time for the handshake.
    pub(super) async fn upgrade(
        &self,
        stream: L::Stream,
        peer: Option<SocketAddr>,
    ) -> Result<Upgrade<L::Stream, L::Runtime>, UpgradeError> {
        let mut timer = self.runtime.timer();
        let deadline = timer.now() + self.config.handshake_config().time_limit();
        let stream = self.secure(stream, &mut timer, deadline).await?;
        let driver = Driver::new(stream, timer);
        let upgrade = read_request(driver, self.runtime.clone(), &self.config, deadline).await?;
        Ok(upgrade.with_peer(peer))
    }

    /// Makes TLS of a stream where that is asked for.
    pub(super) async fn secure(
        &self,
        stream: L::Stream,
        timer: &mut <L::Runtime as Runtime>::Timer,
        deadline: Instant,
    ) -> Result<L::Stream, UpgradeError> {
        let Some(tls) = &self.tls else { return Ok(stream) };
        within(timer, deadline, L::secure(stream, tls.clone()))
            .await
            .map_err(|_| UpgradeError::from(HandshakeError::TimedOut))?
            .map_err(UpgradeError::Tls)
    }

    fn report(&self, error: UpgradeError, peer: Option<SocketAddr>) {
        if let Some(hook) = &self.on_error {
            hook(error, peer);
        }
    }
}

impl<L: Listen> fmt::Debug for Shared<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Turns a switch on when it is dropped.
struct StartOnDrop(Shutdown);

impl Drop for StartOnDrop {
    fn drop(&mut self) {
        self.0.start();
    }
}
