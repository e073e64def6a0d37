//! What idle connections cost a server: `idle target/release/squall`.
//!
//! It starts `squall echo`, which pings every two seconds, on a free port of 127.0.0.1, opens connections that each have one message of
//! 1 KiB echoed, and answers pings for a while. The server's memory and processor time come from `/proc`. Exit status 1 says that a
//! connection was lost, was not pinged, or costs more than 2 KiB. Both processes need a descriptor for each connection (`ulimit -n`).

#[path = "attack/process.rs"]
#[expect(dead_code, reason = "attacks look at more of it")]
mod process;

use std::{
    error::Error,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use squall_proto::{Config, Event};
use squall_tokio::Connector;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::process::Process;

/// How often the server pings.
const INTERVAL: Duration = Duration::from_secs(2);

/// How many intervals are watched.
const INTERVALS: u32 = 5;

/// What a connection may cost, in bytes of resident memory.
const ALLOWED: u64 = 2 << 10;

/// How many connections are opened at a time.
const AT_A_TIME: usize = 100;

/// Shows what idle connections cost `squall echo`, and exits with 1 where that is too much.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program `squall`.
    squall: PathBuf,
    /// The runtime that it is to run on: tokio or async-std.
    #[arg(long, default_value = "tokio")]
    runtime: String,
    /// How many connections to open.
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
}

fn main() -> ExitCode {
    let watched = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(watch(&Arguments::parse())));
    match watched {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all connections live and cost no more than they may.
async fn watch(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let interval = INTERVAL.as_secs().to_string();
    let (server, address) = Process::start_server(
        Command::new(&arguments.squall)
            .args(["echo", "--bind", "127.0.0.1:0", "--runtime", &arguments.runtime])
            .args(["--ping-interval", &interval]),
    )?;
    let pings = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    // They bring in the server's code and whatever it allocates once.
    open(address, &mut clients, &pings, 100).await?;
    tokio::time::sleep(INTERVAL).await;
    let before = server.reading()?;
    open(address, &mut clients, &pings, arguments.connections).await?;
    // Until the last of them has been pinged once.
    tokio::time::sleep(2 * INTERVAL).await;
    let (rested, begun) = (server.reading()?, Instant::now());
    pings.store(0, Ordering::Relaxed);
    tokio::time::sleep(INTERVALS * INTERVAL).await;
    let after = server.reading()?;
    let (pings, lost) = (pings.load(Ordering::Relaxed), clients.try_join_next().is_some());
    let bytes = after.memory.saturating_sub(before.memory) / u64::from(arguments.connections);
    let processor = after.processor.saturating_sub(rested.processor);
    println!(
        "{} connections on {}: {bytes} bytes each; {pings} pings answered within {:.1} s, {:.1} µs of the processor each",
        arguments.connections,
        arguments.runtime,
        begun.elapsed().as_secs_f64(),
        processor.as_secs_f64() * 1e6 / pings.max(1) as f64
    );
    let expected = (INTERVALS - 1) as usize * arguments.connections as usize;
    Ok(!lost && bytes <= ALLOWED && pings >= expected)
}

/// Opens connections, each of which has a message echoed and then answers pings.
async fn open(
    address: SocketAddr,
    clients: &mut JoinSet<()>,
    pings: &Arc<AtomicUsize>,
    count: u32,
) -> Result<(), Box<dyn Error>> {
    let connector = Connector::default().connection(Config::default().keep_alive(None));
    let url = format!("ws://{address}");
    let turns = Arc::new(Semaphore::new(AT_A_TIME));
    let mut opened = JoinSet::new();
    for _ in 0..count {
        let (connector, url, turns) = (connector.clone(), url.clone(), Arc::clone(&turns));
        opened.spawn(async move {
            let _turn = turns.acquire().await;
            let mut socket = connector.connect(url).await.map_err(|error| error.to_string())?;
            socket.send(vec![7; 1024]).await.map_err(|error| error.to_string())?;
            match socket.recv().await {
                Ok(Some(_)) => Ok(socket),
                ended => Err(format!("instead of an echo: {ended:?}")),
            }
        });
    }
    while let Some(socket) = opened.join_next().await {
        let (mut socket, pings) = (socket??, Arc::clone(pings));
        clients.spawn(async move {
            while let Some(event) = socket.recv_event().await {
                if matches!(event, Event::Ping(_)) {
                    pings.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    Ok(())
}
