//! The echo of Squall, the same on every runtime, with the settings that it has by default.

use std::{future::pending, net::SocketAddr};

use echo_server::{Deflate, Error, Options, Style};
use squall_io::{
    Runtime, Transport, WebSocket,
    client::{Connector, Dial},
    server::{Listen, Server, ServerConfig},
};
use squall_proto::deflate::{DeflateConfig, Level};

/// Serves connections of `server` until the process is killed.
///
/// # Errors
///
/// When the options ask for a compression level that zlib does not have.
pub async fn serve<L: Listen>(server: Server<L>, options: Options) -> Result<(), Error> {
    let deflate = match options.deflate {
        Deflate::Off => None,
        Deflate::Default => Some(DeflateConfig::default()),
        Deflate::Level(level) => Some(
            DeflateConfig::default().level(Level::new(level).ok_or("no such compression level")?),
        ),
    };
    let server = server.config(ServerConfig::default().deflate(deflate));
    match options.style {
        Style::SendEach => server.serve(send_each).await,
        Style::Batched => server.serve(batched).await,
    };
    Ok(())
}

/// Opens the connections of a client of `server`, and echoes on them until the process is killed.
///
/// # Errors
///
/// When a connection cannot be opened.
pub async fn connect<D: Dial>(
    runtime: D,
    server: SocketAddr,
    options: Options,
) -> Result<(), Error> {
    echo_server::announce_client("ws", server)?;
    let connector = Connector::new(runtime.clone());
    for _ in 0..options.connections {
        let socket = connector.connect(format!("ws://{server}")).await?;
        let style = options.style;
        let is_spawned = runtime.spawn(async move {
            let ended = match style {
                Style::SendEach => send_each(socket).await,
                Style::Batched => batched(socket).await,
            };
            if let Err(error) = ended {
                eprintln!("connection ended: {error}");
            }
        });
        if !is_spawned {
            return Err("not on the runtime".into());
        }
    }
    pending().await
}

async fn send_each<T: Transport + Send + 'static, R: Runtime>(
    mut socket: WebSocket<T, R>,
) -> Result<(), Error> {
    while let Some(message) = socket.recv().await? {
        socket.send(message).await?;
    }
    Ok(())
}

/// `recv` writes what is queued before it waits.
async fn batched<T: Transport + Send + 'static, R: Runtime>(
    mut socket: WebSocket<T, R>,
) -> Result<(), Error> {
    while let Some(message) = socket.recv().await? {
        socket.feed(message).await?;
    }
    Ok(())
}
