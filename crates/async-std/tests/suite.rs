//! The suite that every adapter passes, on async-std.

#![expect(clippy::expect_used, reason = "what goes wrong in a test should stop it")]

use std::{future::Future, net::SocketAddr, path::Path};

use squall_async_std::{AsyncStd, ConnectError, Io, Listener, Stream, connect_unix};
use squall_testkit::{
    adapter_suite,
    pipe::End,
    suite::{Adapter, Socket},
};

struct OnAsyncStd;

impl Adapter for OnAsyncStd {
    type Runtime = AsyncStd;
    type Stream = Io<Stream>;
    type Listener = Listener;
    type Pipe = Io<End>;

    fn block_on<F: Future>(future: F) -> F::Output {
        async_std::task::block_on(future)
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

adapter_suite!(OnAsyncStd);
