//! An application on a pipe, on a clock that is moved by hand.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_lite::AsyncWrite;
use squall_io::server::{Listen, Server};
use squall_testkit::{
    pipe::{End, Probe, pipe},
    simulation::{Simulation, Started},
};
use squall_tokio::web::{Application, Shutdown};

use crate::status;

pub(crate) const MOMENT: Duration = Duration::from_millis(1);

/// An application with one connection, whose other end is in the hands of the test.
pub(crate) struct Scene {
    pub(crate) simulation: Simulation,
    pub(crate) client: Probe,
    /// The application's end: what it asks of its stream.
    pub(crate) own: Probe,
    end: End,
    shutdown: Shutdown,
    serving: Started<usize>,
}

/// A listener that has one connection.
struct Single(Option<End>);

impl Listen for Single {
    type Runtime = Simulation;
    type Stream = End;

    async fn accept(&mut self) -> io::Result<(End, Option<SocketAddr>)> {
        match self.0.take() {
            Some(end) => Ok((end, None)),
            None => pending().await,
        }
    }
}

impl Scene {
    pub(crate) fn new(application: Application) -> Self {
        let simulation = Simulation::new();
        let (own, end) = pipe();
        let probe = own.probe();
        let server = Server::with_runtime(Single(Some(own)), simulation.clone());
        let shutdown = application.shutdown();
        let serving = simulation.start(application.serve(server));
        simulation.run();
        Self { simulation, client: end.probe(), own: probe, end, shutdown, serving }
    }

    /// Says something to the application, and hears what it says then.
    pub(crate) fn say(&self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        self.client.say(bytes);
        self.simulation.run();
        self.client.hear()
    }

    /// Lets time pass, and hears what the application says meanwhile.
    pub(crate) fn pass(&self, duration: Duration) -> Vec<u8> {
        self.simulation.pass(duration);
        self.client.hear()
    }

    /// Whether the application holds its end of the pipe no more.
    pub(crate) fn is_dropped(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.end).poll_write(&mut cx, b"") {
            Poll::Ready(Err(error)) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// Ends the server; whether that takes no time, as it has no connection.
    pub(crate) fn ends_at_once(self) -> bool {
        self.shutdown.start();
        self.simulation.run();
        self.serving.take() == Some(0)
    }
}

/// The status of an answer that was heard, and its body.
pub(crate) fn answer(heard: &[u8]) -> (u16, &str) {
    let heard = std::str::from_utf8(heard).unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").expect("an answer");
    (status(head), body)
}
