//! The echo of Squall, the same on every runtime, with the settings that it has by default.

use echo_server::{Deflate, Error, Options, Style};
use squall_io::{
    Runtime, Transport, WebSocket,
    server::{Listen, Server, ServerConfig},
};
use squall_proto::deflate::{DeflateConfig, Level};

/// Serves connections of `listener` until the process is killed.
///
/// # Errors
///
/// When the options ask for a compression level that zlib does not have.
pub async fn serve<L: Listen>(listener: L, options: Options) -> Result<(), Error>
where
    L::Runtime: Default,
{
    let deflate = match options.deflate {
        Deflate::Off => None,
        Deflate::Default => Some(DeflateConfig::default()),
        Deflate::Level(level) => Some(
            DeflateConfig::default().level(Level::new(level).ok_or("no such compression level")?),
        ),
    };
    let server = Server::new(listener).config(ServerConfig::default().deflate(deflate));
    match options.style {
        Style::SendEach => server.serve(send_each).await,
        Style::Batched => server.serve(batched).await,
    };
    Ok(())
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
