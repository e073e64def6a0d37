//! The same code on smol: the whole suite with smol's executor around it, and smol's own sockets and tasks without async-std.

#![expect(clippy::expect_used, reason = "what goes wrong in a test should stop it")]

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::Path,
    pin::pin,
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use futures::future::{Either, select};
use squall_async_std::{AsyncStd, ConnectError, Io, Listener, Stream, Timer, connect_unix};
use squall_io::{
    Runtime, Shutdown,
    client::{Connector, Dial},
    server::{Listen, Server, ServerConfig},
};
use squall_testkit::{
    adapter_suite,
    pipe::End,
    suite::{
        Adapter, Socket,
        endings::{are_over, peers_in_every_phase},
    },
};

struct OnSmol;

impl Adapter for OnSmol {
    type Runtime = AsyncStd;
    type Stream = Io<Stream>;
    type Listener = Listener;
    type Pipe = Io<End>;

    fn block_on<F: Future>(future: F) -> F::Output {
        smol::block_on(future)
    }

    async fn bind() -> Listener {
        Listener::bind("127.0.0.1:0").await.expect("a free port")
    }

    fn address(listener: &Listener) -> SocketAddr {
        listener.local_addr().expect("a TCP address")
    }

    async fn bind_unix(path: &Path) -> Listener {
        Listener::bind_unix(path).await.expect("a path of its own")
    }

    async fn connect_unix(path: &Path) -> Result<Socket<Self>, ConnectError> {
        connect_unix(path, "ws://example.com/").await
    }

    fn pipe(end: End) -> Io<End> {
        Io(end)
    }
}

adapter_suite!(OnSmol);

/// smol as a runtime of squall-io: what a program writes that wants nothing of async-std.
#[derive(Debug, Clone, Copy, Default)]
struct Smol;

impl Runtime for Smol {
    type Timer = Timer;

    fn timer(&self) -> Timer {
        Timer::default()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        smol::spawn(task).detach();
        true
    }
}

impl Dial for Smol {
    type Stream = Io<smol::net::TcpStream>;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve((host, port)).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        Ok(Io(smol::net::TcpStream::connect(address).await?))
    }
}

struct SmolListener(smol::net::TcpListener);

impl Listen for SmolListener {
    type Runtime = Smol;
    type Stream = Io<smol::net::TcpStream>;

    async fn accept(&mut self) -> io::Result<(Self::Stream, Option<SocketAddr>)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((Io(stream), Some(peer)))
    }
}

#[test]
fn smols_own_sockets_and_tasks_carry_a_server_and_a_client() {
    smol::block_on(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://localhost:{}/", listener.local_addr().unwrap().port());
        let shutdown = Shutdown::new();
        let config = ServerConfig::default().shutdown(shutdown.clone());
        let server =
            Server::new(SmolListener(listener)).config(config).serve(async |mut socket| {
                while let Ok(Some(message)) = socket.recv().await {
                    socket.send(message).await.unwrap();
                }
            });
        let client = async {
            let mut socket = Connector::<Smol>::default().connect(url).await.unwrap();
            socket.send("hello, smol").await.unwrap();
            let message = socket.recv().await.unwrap().unwrap();
            assert_eq!(message.as_text(), Some("hello, smol"));
            socket.close(None).await.unwrap();
            shutdown.start();
            std::future::poll_fn(|_| Poll::<()>::Pending).await;
        };
        match select(pin!(server), pin!(client)).await {
            Either::Left((aborted, _)) => assert_eq!(aborted, 0),
            Either::Right(_) => panic!("the client waits for the server to end"),
        }
    });
}

/// An executor of smol's, for as long as somebody else keeps it.
#[derive(Debug, Clone)]
struct OnExecutor(Weak<smol::Executor<'static>>);

impl Runtime for OnExecutor {
    type Timer = Timer;

    fn timer(&self) -> Timer {
        Timer::default()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.0.upgrade().map(|executor| executor.spawn(task).detach()).is_some()
    }
}

struct ListenerOnExecutor(smol::net::TcpListener);

impl Listen for ListenerOnExecutor {
    type Runtime = OnExecutor;
    type Stream = Io<smol::net::TcpStream>;

    async fn accept(&mut self) -> io::Result<(Self::Stream, Option<SocketAddr>)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((Io(stream), Some(peer)))
    }
}

/// It is dropped while peers are in every phase of their connections: all of them hear the end, and nothing hangs.
#[test]
fn an_executor_that_is_dropped_in_mid_flight_ends_every_connection() {
    let executor = Arc::new(smol::Executor::new());
    let runtime = OnExecutor(Arc::downgrade(&executor));
    let peers = smol::block_on(executor.run(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::with_runtime(ListenerOnExecutor(listener), runtime);
        let serving = server.serve(async |mut socket| {
            while let Ok(Some(message)) = socket.recv().await {
                socket.send(message).await.unwrap();
            }
        });
        executor
            .spawn(async {
                let _ = serving.await;
            })
            .detach();
        let peers = smol::unblock(move || peers_in_every_phase(address)).await;
        smol::Timer::after(Duration::from_millis(100)).await;
        peers
    }));
    drop(executor);
    are_over(peers);
}
