//! What the echoes of the comparison have in common: the command line, and both roles on tokio.
//!
//! A server binds to `127.0.0.1`, prints one line, `listening on ws://127.0.0.1:PORT` (`wss://` with TLS, `tcp://` and
//! `tls://` where it speaks no WebSocket), and serves every connection with TCP_NODELAY until it is killed. A client prints
//! `connecting to ws://127.0.0.1:PORT`, opens its connections and echoes what it gets on them. One thread does it all,
//! unless more are asked for.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    str::FromStr,
};

use clap::{Parser, ValueEnum};
use nix::sys::{prctl, signal::Signal};

#[cfg(feature = "tokio")]
mod on_tokio;
#[cfg(feature = "tokio")]
mod tls;

#[cfg(feature = "tokio")]
pub use self::{
    on_tokio::{Echo, Stream, run, runtime},
    tls::server_config,
};

/// What ends a connection too early; it is printed.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The size of the largest message that has to be taken, in bytes; no limit of a library may be below it.
pub const MAX_MESSAGE_SIZE: usize = 16 << 20;

/// How a message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// The loop of every README: receive a message, send it, which writes it to the socket.
    SendEach,
    /// Queue the answers, and write them when no further message can be received without waiting.
    Batched,
}

/// Whether a server agrees on permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deflate {
    /// It does not.
    Off,
    /// With the settings that the library has by default.
    Default,
    /// With the library's defaults, but this compression level of zlib.
    Level(u8),
}

impl FromStr for Deflate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "default" => Ok(Self::Default),
            level => level
                .parse()
                .map(Self::Level)
                .map_err(|_| format!("neither off, default nor a level: {level}")),
        }
    }
}

/// The command line of an echo.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub bind: SocketAddr,
    /// Be a client of this server instead.
    #[arg(long)]
    pub connect: Option<SocketAddr>,
    /// The connections that a client opens.
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// How to answer.
    #[arg(long, default_value = "send-each")]
    pub style: Style,
    /// `off`, `default`, or a compression level.
    #[arg(long, default_value = "off")]
    pub deflate: Deflate,
    /// The threads of the runtime.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Serve over TLS, with the certificate and the key in this PEM file.
    #[arg(long)]
    pub tls: Option<PathBuf>,
}

/// Reads the command line, and makes sure that this process does not outlive whoever started it.
///
/// # Errors
///
/// When the kernel does not know parent-death signals.
pub fn start() -> io::Result<Options> {
    let options = Options::parse();
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    Ok(options)
}

/// Tells the runner, which reads the standard output, where this server listens.
///
/// # Errors
///
/// When nobody reads any more.
pub fn announce(scheme: &str, address: SocketAddr) -> io::Result<()> {
    say(format_args!("listening on {scheme}://{address}"))
}

/// Tells the runner which server this client is about to connect to.
///
/// # Errors
///
/// When nobody reads any more.
pub fn announce_client(scheme: &str, address: SocketAddr) -> io::Result<()> {
    say(format_args!("connecting to {scheme}://{address}"))
}

fn say(line: std::fmt::Arguments<'_>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
