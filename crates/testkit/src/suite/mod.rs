//! What every adapter must be able to do, over real sockets of this machine and over pipes.
//!
//! [`adapter_suite`](crate::adapter_suite) turns each function of the modules below into a test of one adapter.

pub mod connecting;
pub mod conversations;
pub mod endings;
pub mod pipes;
pub mod secure;
pub mod servers;

use std::{fmt, future::Future, net::SocketAddr, path::Path, time::Duration};

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use squall_io::{
    Runtime, Shutdown, Timer, Transport, WebSocket,
    client::{ConnectError, Connector, Dial, Resolving},
    server::{Listen, Server, ServerConfig},
};

use crate::pipe::End;

/// An adapter, as far as the suite has to name what is its own.
pub trait Adapter: 'static {
    /// Its runtime.
    type Runtime: Dial<Stream = Self::Stream> + Default;
    /// The streams that it opens and accepts.
    type Stream: Transport + fmt::Debug + Send + 'static;
    /// Its listening socket.
    type Listener: Listen<Runtime = Self::Runtime, Stream = Self::Stream>;
    /// Its transport over a stream that is not its own.
    type Pipe: Transport + fmt::Debug + Send + 'static;

    /// Runs a future on its runtime.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Listens on a free port of 127.0.0.1.
    fn bind() -> impl Future<Output = Self::Listener>;

    /// Where a listener listens.
    fn address(listener: &Self::Listener) -> SocketAddr;

    /// Listens on a Unix socket.
    fn bind_unix(path: &Path) -> impl Future<Output = Self::Listener>;

    /// Connects to a Unix socket.
    fn connect_unix(path: &Path) -> impl Future<Output = Result<Socket<Self>, ConnectError>>;

    /// The adapter's transport over an end of a pipe.
    fn pipe(end: End) -> Self::Pipe;
}

/// A connection of an adapter.
pub type Socket<A> = WebSocket<<A as Adapter>::Stream, <A as Adapter>::Runtime>;

/// Runs a test, but not for ever.
pub(crate) fn run<A: Adapter>(test: impl Future<Output = ()>) {
    A::block_on(async {
        assert!(in_time::<A, _>(Duration::from_secs(60), test).await.is_some(), "it hangs");
    });
}

/// The output of a future that is ready within a time.
pub(crate) async fn in_time<A: Adapter, F: Future>(
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let (future, sleep) = (Box::pin(future), Box::pin(sleep::<A>(limit)));
    match select(future, sleep).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Waits on the runtime's clock.
pub(crate) async fn sleep<A: Adapter>(duration: Duration) {
    let mut timer = A::Runtime::default().timer();
    let deadline = timer.now() + duration;
    std::future::poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}

/// Runs a task; the answer is its output, `None` where it has panicked or was dropped.
pub(crate) fn spawn<A: Adapter, T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Option<T>> {
    let (sender, receiver) = oneshot::channel();
    let spawned = A::Runtime::default().spawn(async move {
        drop(sender.send(task.await));
    });
    assert!(spawned, "there is a runtime");
    async { receiver.await.ok() }
}

/// Runs something that blocks, in a thread of its own: a peer that is no friend of ours.
pub(crate) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || drop(sender.send(work())));
    async { receiver.await.expect("the thread does not panic") }
}

/// Sends back what it receives.
pub(crate) async fn echo<T: Transport + Send + 'static, R: Runtime>(mut socket: WebSocket<T, R>) {
    while let Ok(Some(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    /// How many connections had to be aborted in the end.
    pub(crate) ending: std::pin::Pin<Box<dyn Future<Output = Option<usize>>>>,
}

impl Running {
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Shuts the server down.
    pub(crate) async fn stop(self) -> Option<usize> {
        self.shutdown.start();
        self.ending.await
    }
}

/// A server that echoes, with settings.
pub(crate) async fn echo_server<A: Adapter>(
    config: ServerConfig,
    settings: impl FnOnce(Server<A::Listener>) -> Server<A::Listener>,
) -> Running {
    let shutdown = Shutdown::new();
    let listener = A::bind().await;
    let address = A::address(&listener);
    let config = config.shutdown(shutdown.clone());
    let server = settings(Server::new(listener).config(config));
    let ending = Box::pin(spawn::<A, _>(server.serve(echo)));
    Running { address, shutdown, ending }
}

/// A server that echoes.
pub(crate) async fn plain_echo_server<A: Adapter>() -> Running {
    echo_server::<A>(ServerConfig::default(), |server| server).await
}

/// A client that finds every host on this machine.
pub(crate) fn connector<A: Adapter>() -> Connector<A::Runtime> {
    Connector::default().resolver(|_: &str, port: u16| -> Resolving {
        Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
    })
}

/// The tests of an adapter, one for each function of the suite.
#[macro_export]
macro_rules! adapter_suite {
    ($adapter:ty) => {
        $crate::adapter_suite! { $adapter:
            conversations {
                an_echo_comes_back
                large_messages_pass_both_ways_at_once
                two_halves_live_in_two_tasks
                senders_in_many_tasks_send_whole_messages
                a_dropped_recv_loses_nothing
                a_closing_handshake_is_clean_on_both_sides
                deflate_is_agreed_where_both_want_it
                an_answer_in_a_batch_leaves_while_the_handler_sleeps
            }
            pipes {
                an_echo_through_a_pipe_of_one_byte
                messages_pass_both_ways_through_a_tiny_pipe
                the_stream_ends_at_every_byte_of_a_session
                every_operation_of_a_session_fails_in_turn
                every_operation_of_a_session_is_a_nuisance_in_turn
                a_handshake_passes_a_stream_that_sends_on_flush_only
            }
            endings {
                a_client_that_goes_after_any_byte_leaves_nothing_behind
                a_server_that_goes_after_any_byte_is_an_error_in_time
                a_client_of_tls_that_goes_after_any_byte_leaves_nothing_behind
                a_server_of_tls_that_goes_after_any_byte_is_an_error
            }
            servers {
                a_shutdown_says_1001_to_everyone_and_waits_for_them
                a_shutdown_aborts_who_does_not_go
                a_server_that_is_dropped_drops_its_connections
                connections_over_the_limit_wait
                a_burst_of_connections_finds_room
                a_server_without_file_descriptors_goes_on_later
                a_slow_handshake_is_answered_with_408
                a_page_from_elsewhere_is_forbidden
                a_handler_that_panics_ends_its_own_connection_only
                an_application_that_panics_instead_of_deciding_ends_that_connection_only
                a_request_is_accepted_or_rejected_by_the_application
                messages_pass_through_a_unix_socket
                a_peer_that_resets_is_an_error_and_no_more
            }
            connecting {
                a_port_that_nobody_listens_on_is_named
                a_host_that_is_not_found_is_named
                localhost_is_found_by_the_runtime
                a_refusal_carries_its_status_headers_and_body
                a_server_that_does_not_answer_is_given_up
                a_url_that_is_none_is_refused_before_anything_is_opened
                a_second_address_is_tried_where_the_first_refuses
            }
            secure {
                messages_pass_through_tls
                large_messages_pass_both_ways_at_once_through_tls
                a_certificate_for_another_host_is_refused
                an_expired_certificate_is_refused
                a_certificate_of_an_unknown_authority_is_refused
                a_server_that_speaks_no_tls_is_refused
                a_client_that_speaks_no_tls_is_refused
                a_tls_handshake_that_takes_too_long_is_given_up
                the_server_is_told_the_name_of_the_host
            }
        }
    };
    ($adapter:ty: $($module:ident { $($test:ident)* })*) => {
        $($(
            #[test]
            fn $test() {
                $crate::suite::$module::$test::<$adapter>();
            }
        )*)*
    };
}
