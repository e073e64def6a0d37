//! `squall echo`: a server that sends every message back.

use std::{io, net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::Args;
use squall_io::{
    Error, Runtime, Shutdown, Transport, WebSocket,
    server::{Listen, Server, ServerConfig, ServerTls},
    tls,
};
use squall_proto::{
    Config, HandshakeConfig, KeepAlive, deflate::DeflateConfig, handshake::OriginPolicy,
};

use crate::{
    error::{CliError, read},
    runtime::{RuntimeName, block_on_async_std, block_on_tokio},
};

/// Serve: send every message back to whoever sent it, on any path.
///
/// Prints `listening on ws://HOST:PORT` when it is ready. SIGINT and SIGTERM end it gracefully: every peer gets a Close frame with
/// 1001.
#[derive(Debug, Args)]
pub(crate) struct Echo {
    /// Where to listen; port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9001")]
    bind: String,
    /// The runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    runtime: RuntimeName,
    /// How many threads to use [default: one a processor]; with 1 the runtime is single-threaded.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Compress, with clients that offer permessage-deflate.
    #[arg(long)]
    deflate: bool,
    /// How long the opening handshake may take.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "10")]
    handshake_timeout: Duration,
    /// How long the closing handshake may take.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "5")]
    close_timeout: Duration,
    /// How often to ping; 0 for never.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "20")]
    ping_interval: Duration,
    /// How long to wait for a sign of life after a ping; 0 for ever.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "20")]
    ping_timeout: Duration,
    /// The largest message to take, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    max_message_size: usize,
    /// The largest frame to take, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    max_frame_size: usize,
    /// An origin whose pages may connect, besides those of the server itself; `any` for every origin.
    #[arg(long, value_name = "ORIGIN|any")]
    allow_origin: Vec<String>,
    /// The certificate chain for TLS, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Seconds, whole or not.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

impl Echo {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                Some(tls::server_config(&read(certificate)?, &read(key)?)?.into())
            }
            _ => None,
        };
        let shutdown = Shutdown::new();
        let signal = shutdown.clone();
        ctrlc::set_handler(move || signal.start())?;
        let config = self.config().shutdown(shutdown);
        let address = self.bind.as_str();
        match self.runtime {
            RuntimeName::Tokio => block_on_tokio(self.threads, async {
                let listener = bound(address, squall_tokio::Listener::bind(address).await)?;
                let local = listener.local_addr();
                serve(listener, announced(address, local, tls.is_some())?, config, tls).await
            })?,
            RuntimeName::AsyncStd => block_on_async_std(self.threads, async {
                let listener = bound(address, squall_async_std::Listener::bind(address).await)?;
                let local = listener.local_addr();
                serve(listener, announced(address, local, tls.is_some())?, config, tls).await
            }),
        }
    }

    fn config(&self) -> ServerConfig {
        let keep_alive = (!self.ping_interval.is_zero()).then(|| {
            let timeout = (!self.ping_timeout.is_zero()).then_some(self.ping_timeout);
            KeepAlive::every(self.ping_interval).timeout(timeout)
        });
        let connection = Config::default()
            .max_message_size(self.max_message_size)
            .max_frame_size(self.max_frame_size)
            .close_timeout(self.close_timeout)
            .keep_alive(keep_alive);
        let origin = match self.allow_origin.as_slice() {
            [] => OriginPolicy::SameAuthority,
            origins if origins.iter().any(|origin| origin == "any") => OriginPolicy::Any,
            origins => OriginPolicy::List(origins.to_vec()),
        };
        ServerConfig::default()
            .connection(connection)
            .handshake(HandshakeConfig::default().timeout(self.handshake_timeout))
            .origin(origin)
            // Whoever asks an echo for compression wants to see it, on short messages too.
            .deflate(self.deflate.then(|| DeflateConfig::default().threshold(0)))
    }
}

fn bound<L>(address: &str, listener: io::Result<L>) -> Result<L, CliError> {
    listener.map_err(|error| CliError::Bind { address: address.to_owned(), error })
}

/// The line that says where the server listens.
fn announced(
    asked: &str,
    local: io::Result<SocketAddr>,
    is_secure: bool,
) -> Result<String, CliError> {
    let address = bound(asked, local)?;
    Ok(format!("listening on {}://{address}", if is_secure { "wss" } else { "ws" }))
}

async fn serve<L: Listen>(
    listener: L,
    announcement: String,
    config: ServerConfig,
    tls: Option<ServerTls>,
) -> Result<(), CliError>
where
    L::Runtime: Default,
{
    crate::announce(announcement);
    let mut server = Server::new(listener).config(config);
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    server.serve(echo).await;
    Ok(())
}

/// Sends every message back until the connection ends; how it ends is the client's concern.
async fn echo<T, R>(mut socket: WebSocket<T, R>) -> Result<(), Error>
where
    T: Transport + Send + 'static,
    R: Runtime,
{
    while let Some(message) = socket.recv().await? {
        socket.send(message).await?;
    }
    Ok(())
}
