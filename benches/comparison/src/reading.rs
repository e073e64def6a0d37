//! One reading: one server, one workload, once.

use std::{path::Path, thread, time::Duration};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::{
    contestant::Contestant,
    load::Load,
    reply::Protocol,
    server::{Cores, Server},
    traffic::Traffic,
    workload::{Deflate, Figure, Workload},
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
        /// The server's processor time per message, in microseconds.
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
        /// The server's resident bytes per connection.
        bytes_per_connection: f64,
    },
}

impl Reading {
    /// The figure that servers are compared by: less is better.
    pub fn value(&self) -> f64 {
        match *self {
            Self::Time { cpu_per_message, .. } => cpu_per_message,
            Self::Memory { bytes_per_connection } => bytes_per_connection,
        }
    }
}

/// These connections come first and are not counted: they bring in the server's code and whatever it allocates once.
const FIRST_CONNECTIONS: usize = 10;

/// Starts the server, puts the load on it, and reads what that cost.
///
/// # Errors
///
/// When the server fails, or does not echo.
pub fn take(
    contestant: &Contestant,
    executable: &Path,
    workload: &Workload,
    traffic: &Traffic,
    pace: Pace,
    cores: Cores,
) -> Result<Reading> {
    let server = Server::start(executable, &contestant.arguments(workload.deflate), cores)?;
    match workload.figure {
        Figure::Time => time(server, workload, traffic, pace),
        Figure::Memory => memory(server, workload, traffic, pace),
    }
}

fn time(server: Server, workload: &Workload, traffic: &Traffic, pace: Pace) -> Result<Reading> {
    let mut load = open(&server, workload, traffic, workload.connections)?;
    load.exchange_one()?;
    load.start(workload.window)?;
    load.take_tally()?;
    load.run(Duration::from_secs_f64(pace.warm_up), pace.max_messages)?;
    load.take_tally()?;
    let cpu_before = server.cpu_time()?;
    load.run(Duration::from_secs_f64(pace.measured), pace.max_messages)?;
    let tally = load.take_tally()?;
    let cpu = server.cpu_time()? - cpu_before;
    let elapsed = tally.since.elapsed();
    end(server);
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

fn memory(server: Server, workload: &Workload, traffic: &Traffic, pace: Pace) -> Result<Reading> {
    let settle = || thread::sleep(Duration::from_secs_f64(pace.settle));
    let mut first = open(&server, workload, traffic, FIRST_CONNECTIONS)?;
    first.exchange_one()?;
    settle();
    let before = server.resident_memory()?;
    let mut load = open(&server, workload, traffic, workload.connections)?;
    load.exchange_one()?;
    settle();
    let grown = server.resident_memory()?.saturating_sub(before);
    end(server);
    Ok(Reading::Memory { bytes_per_connection: grown as f64 / workload.connections as f64 })
}

/// Ends the server before its clients leave, so that it does not complain about lost connections.
fn end(server: Server) {
    drop(server);
}

fn open<'t>(
    server: &Server,
    workload: &Workload,
    traffic: &'t Traffic,
    count: usize,
) -> Result<Load<'t>> {
    let offer_deflate = workload.deflate != Deflate::Off && server.protocol == Protocol::WebSocket;
    Load::open(server.address, server.protocol, offer_deflate, traffic, count)
}
