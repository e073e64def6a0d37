//! One reading: one echo, one workload, once.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::{
    certificate::Certificate,
    contestant::Contestant,
    handshake,
    load::Load,
    process::{Announcement, Cores, Process},
    reply::Protocol,
    stream::Stream,
    traffic::Traffic,
    workload::{Deflate, Figure, Group, Workload},
};

/// How long a reading takes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pace {
    /// The load before anything is counted, in seconds.
    pub warm_up: f64,
    /// The load that is counted, in seconds.
    pub measured: f64,
    /// The most messages of either.
    pub max_messages: u64,
    /// The pause before the memory of idle connections is read, in seconds.
    pub settle: f64,
}

/// What one reading found.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Of a [`Figure::Time`].
    Time {
        /// The echo's processor time per message, in microseconds.
        cpu_per_message: f64,
        /// Messages answered per second.
        messages_per_second: f64,
        /// The median from a message to its reply, in microseconds.
        p50: f64,
        /// The 99th percentile of the same.
        p99: f64,
        /// The messages that were counted.
        messages: u64,
    },
    /// Of a [`Figure::Memory`].
    Memory {
        /// The echo's resident bytes per connection.
        bytes_per_connection: f64,
    },
}

impl Reading {
    /// The figure that echoes are compared by: less is better.
    pub fn value(&self) -> f64 {
        match *self {
            Self::Time { cpu_per_message, .. } => cpu_per_message,
            Self::Memory { bytes_per_connection } => bytes_per_connection,
        }
    }
}

/// What all readings of a run share.
#[derive(Debug)]
pub struct Bench {
    /// How long each takes.
    pub pace: Pace,
    /// Where each runs.
    pub cores: Cores,
    /// What servers show over TLS.
    pub certificate: Certificate,
}

/// These connections come first and are not counted: they bring in the server's code and whatever it allocates once.
const FIRST_CONNECTIONS: usize = 10;

impl Bench {
    /// Starts the echo, puts the load on it, and reads what that cost.
    ///
    /// # Errors
    ///
    /// When it fails, or does not echo.
    pub fn take(
        &self,
        contestant: &Contestant,
        executable: &Path,
        workload: &Workload,
        traffic: &Traffic,
    ) -> Result<Reading> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let mut arguments = contestant.arguments(workload.deflate);
        match workload.group {
            Group::Client => {
                arguments.extend(["--connect".into(), listener.local_addr()?.to_string()]);
                arguments.extend(["--connections".into(), workload.connections.to_string()]);
            }
            Group::Tls => {
                let path = self.certificate.path().display().to_string();
                arguments.extend(["--tls".into(), path]);
            }
            Group::Threads => {
                arguments.extend(["--threads".into(), workload.group.threads().to_string()]);
            }
            _ => {}
        }
        let threads = workload.group.threads();
        let process = Process::start(executable, &arguments, threads, self.cores)?;
        let echo = Echo { process, listener, certificate: &self.certificate };
        match workload.figure {
            Figure::Time => time(echo, workload, traffic, self.pace),
            Figure::Memory => memory(echo, workload, traffic, self.pace),
        }
    }
}

fn time(echo: Echo<'_>, workload: &Workload, traffic: &Traffic, pace: Pace) -> Result<Reading> {
    let mut load = echo.open(workload, traffic, workload.connections)?;
    load.exchange_one()?;
    load.start(workload.window)?;
    load.take_tally()?;
    load.run(Duration::from_secs_f64(pace.warm_up), pace.max_messages)?;
    load.take_tally()?;
    let cpu_before = echo.process.cpu_time()?;
    load.run(Duration::from_secs_f64(pace.measured), pace.max_messages)?;
    let tally = load.take_tally()?;
    let cpu = echo.process.cpu_time()? - cpu_before;
    let elapsed = tally.since.elapsed();
    echo.end();
    ensure!(tally.messages > 0, "no message was answered while it was measured");
    let microseconds = |quantile| tally.latency.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Reading::Time {
        cpu_per_message: cpu.as_secs_f64() * 1e6 / tally.messages as f64,
        messages_per_second: tally.messages as f64 / elapsed.as_secs_f64(),
        p50: microseconds(0.5),
        p99: microseconds(0.99),
        messages: tally.messages,
    })
}

fn memory(echo: Echo<'_>, workload: &Workload, traffic: &Traffic, pace: Pace) -> Result<Reading> {
    let settle = || thread::sleep(Duration::from_secs_f64(pace.settle));
    let mut first = echo.open(workload, traffic, FIRST_CONNECTIONS)?;
    first.exchange_one()?;
    settle();
    let before = echo.process.resident_memory()?;
    let mut load = echo.open(workload, traffic, workload.connections)?;
    load.exchange_one()?;
    settle();
    let grown = echo.process.resident_memory()?.saturating_sub(before);
    echo.end();
    Ok(Reading::Memory { bytes_per_connection: grown as f64 / workload.connections as f64 })
}

/// A running echo, and where it comes to if it is a client.
struct Echo<'c> {
    process: Process,
    listener: TcpListener,
    certificate: &'c Certificate,
}

impl Echo<'_> {
    fn open<'t>(
        &self,
        workload: &Workload,
        traffic: &'t Traffic,
        count: usize,
    ) -> Result<Load<'t>> {
        let streams: Result<_> =
            std::iter::repeat_with(|| self.open_one(workload.deflate)).take(count).collect();
        Load::new(streams?, self.process.announcement.protocol, traffic)
    }

    fn open_one(&self, deflate: Deflate) -> Result<Stream> {
        let Announcement { is_client, protocol, is_tls, address } = self.process.announcement;
        let is_websocket = protocol == Protocol::WebSocket;
        if is_client {
            let mut stream = Stream::tcp(handshake::accept(&self.listener)?);
            if is_websocket {
                handshake::answer(&mut stream)?;
            }
            return Ok(stream);
        }
        let tcp = handshake::connect(address)?;
        let mut stream = if is_tls {
            Stream::tls(tcp, self.certificate.client_config(), Certificate::name())?
        } else {
            Stream::tcp(tcp)
        };
        if is_websocket {
            handshake::ask(&mut stream, address, deflate != Deflate::Off)?;
        }
        Ok(stream)
    }

    /// Ends it before the other ends of its connections go, so that it does not complain about their loss.
    fn end(self) {
        drop(self);
    }
}
