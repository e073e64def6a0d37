//! The suite that every adapter passes, on both kinds of tokio's runtime.

use std::{future::Future, net::SocketAddr, path::Path};

use squall_testkit::{
    adapter_suite,
    pipe::End,
    suite::{Adapter, Socket},
};
use squall_tokio::{ConnectError, Io, Listener, Stream, Tokio, connect_unix};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

/// What both kinds have in common.
macro_rules! adapter {
    ($name:ident, $runtime:expr) => {
        struct $name;

        impl Adapter for $name {
            type Runtime = Tokio;
            type Stream = Io<Stream>;
            type Listener = Listener;
            type Pipe = Io<Compat<End>>;

            fn block_on<F: Future>(future: F) -> F::Output {
                $runtime.enable_all().build().unwrap().block_on(future)
            }

            async fn bind() -> Listener {
                Listener::bind("127.0.0.1:0").await.unwrap()
            }

            fn address(listener: &Listener) -> SocketAddr {
                listener.local_addr().unwrap()
            }

            async fn bind_unix(path: &Path) -> Listener {
                Listener::bind_unix(path).await.unwrap()
            }

            async fn connect_unix(path: &Path) -> Result<Socket<Self>, ConnectError> {
                connect_unix(path, "ws://example.com/").await
            }

            fn pipe(end: End) -> Io<Compat<End>> {
                Io(end.compat())
            }
        }
    };
}

adapter!(CurrentThread, tokio::runtime::Builder::new_current_thread());
adapter!(MultiThread, tokio::runtime::Builder::new_multi_thread().worker_threads(2));

mod current_thread {
    super::adapter_suite!(super::CurrentThread);
}

mod multi_thread {
    super::adapter_suite!(super::MultiThread);
}
