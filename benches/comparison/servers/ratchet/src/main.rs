//! ratchet, with the settings that it has by default, but for the size of messages.
//!
//! There is no batched loop: its receiving cannot be cancelled, so that one cannot ask whether a message is there.

use std::net::SocketAddr;

use bytes::BytesMut;
use echo_server::{Deflate, Echo, Error, MAX_MESSAGE_SIZE, Options, Stream};
use ratchet_rs::{
    Extension, ExtensionProvider, Message, NoExtProvider, PayloadType, SubprotocolRegistry,
    WebSocket, WebSocketConfig,
    deflate::{Compression, DeflateConfig, DeflateExtProvider},
};
use tokio::net::TcpStream;

const CONFIG: WebSocketConfig = WebSocketConfig { max_message_size: MAX_MESSAGE_SIZE };

struct Ratchet;

fn main() -> Result<(), Error> {
    echo_server::run::<Ratchet>()
}

impl Echo for Ratchet {
    async fn serve<S: Stream>(stream: S, options: Options) -> Result<(), Error> {
        let mut deflate = DeflateConfig::default();
        match options.deflate {
            Deflate::Off => return echo(accept(stream, NoExtProvider).await?).await,
            Deflate::Default => {}
            Deflate::Level(level) => deflate.compression_level = Compression::new(level.into()),
        }
        echo(accept(stream, DeflateExtProvider::with_config(deflate)).await?).await
    }

    async fn connect(stream: TcpStream, server: SocketAddr, _: Options) -> Result<(), Error> {
        let url = format!("ws://{server}/");
        echo(ratchet_rs::subscribe(CONFIG, stream, url).await?.into_websocket()).await
    }
}

async fn accept<S, P>(stream: S, extension: P) -> Result<WebSocket<S, P::Extension>, Error>
where
    S: Stream,
    P: ExtensionProvider + Sync,
{
    let handshake =
        ratchet_rs::accept_with(stream, CONFIG, extension, SubprotocolRegistry::default()).await?;
    Ok(handshake.upgrade().await?.websocket)
}

async fn echo<S: Stream, E: Extension>(mut websocket: WebSocket<S, E>) -> Result<(), Error> {
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
