//! ratchet, with the settings that it has by default, but for the size of messages.
//!
//! There is no batched loop: its receiving cannot be cancelled, so that one cannot ask whether a message is there.

use std::io;

use bytes::BytesMut;
use echo_server::{Deflate, Error, MAX_MESSAGE_SIZE, Options};
use ratchet_rs::{
    Extension, ExtensionProvider, Message, NoExtProvider, PayloadType, SubprotocolRegistry,
    WebSocket, WebSocketConfig,
    deflate::{Compression, DeflateConfig, DeflateExtProvider},
};
use tokio::net::TcpStream;

fn main() -> io::Result<()> {
    echo_server::serve(connection)
}

async fn connection(stream: TcpStream, options: Options) -> Result<(), Error> {
    let mut deflate = DeflateConfig::default();
    match options.deflate {
        Deflate::Off => return echo(accept(stream, NoExtProvider).await?).await,
        Deflate::Default => {}
        Deflate::Level(level) => deflate.compression_level = Compression::new(level.into()),
    }
    echo(accept(stream, DeflateExtProvider::with_config(deflate)).await?).await
}

async fn accept<P>(
    stream: TcpStream,
    extension: P,
) -> Result<WebSocket<TcpStream, P::Extension>, Error>
where
    P: ExtensionProvider + Sync,
{
    let config = WebSocketConfig { max_message_size: MAX_MESSAGE_SIZE };
    let handshake =
        ratchet_rs::accept_with(stream, config, extension, SubprotocolRegistry::default()).await?;
    Ok(handshake.upgrade().await?.websocket)
}

async fn echo<E: Extension>(mut websocket: WebSocket<TcpStream, E>) -> Result<(), Error> {
    let mut payload = BytesMut::new();
    loop {
        let payload_type = match websocket.read(&mut payload).await? {
            Message::Text => PayloadType::Text,
            Message::Binary => PayloadType::Binary,
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return Ok(()),
        };
        websocket.write(&mut payload, payload_type).await?;
        websocket.flush().await?;
        payload.clear();
    }
}
