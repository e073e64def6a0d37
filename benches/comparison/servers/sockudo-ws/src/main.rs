//! sockudo-ws, with the settings that it has by default; without permessage-deflate and with it, which are two types.
//!
//! The batched loop is the one of its guide: `feed` only, since `next` writes what is queued before it waits.

use std::net::SocketAddr;

use echo_server::{Deflate, Echo, Error, Options, Stream, Style};
use futures_util::{Sink, SinkExt, StreamExt};
use sockudo_ws::{
    CompressedWebSocketStream, Config, Message, Role, WebSocketStream,
    deflate::{DeflateConfig, negotiate_server_deflate},
    handshake::{
        HandshakeResult, build_response, client_handshake, generate_accept_key, parse_request,
        server_handshake,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

struct Sockudo;

fn main() -> Result<(), Error> {
    echo_server::run::<Sockudo>()
}

impl Echo for Sockudo {
    async fn serve<S: Stream>(mut stream: S, options: Options) -> Result<(), Error> {
        let mut deflate = DeflateConfig::default();
        match options.deflate {
            Deflate::Off => {
                let handshake = server_handshake(&mut stream).await?;
                return echo(plain(stream, Role::Server, handshake), options.style).await;
            }
            Deflate::Default => {}
            Deflate::Level(level) => deflate.compression_level = level.into(),
        }
        let deflate = compressed_handshake(&mut stream, &deflate).await?;
        let websocket = CompressedWebSocketStream::server(stream, Config::default(), deflate);
        echo(websocket, options.style).await
    }

    async fn connect(
        mut stream: TcpStream,
        server: SocketAddr,
        options: Options,
    ) -> Result<(), Error> {
        let handshake = client_handshake(&mut stream, &server.to_string(), "/", None).await?;
        echo(plain(stream, Role::Client, handshake), options.style).await
    }
}

fn plain<S: Stream>(stream: S, role: Role, handshake: HandshakeResult) -> WebSocketStream<S> {
    WebSocketStream::from_raw_with_leftover(stream, role, Config::default(), handshake.leftover)
}

/// Answers a client that offers permessage-deflate, and that sends nothing before the answer.
async fn compressed_handshake<S: Stream>(
    stream: &mut S,
    policy: &DeflateConfig,
) -> Result<DeflateConfig, Error> {
    let mut head = bytes::BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the client left during its handshake".into());
        }
        let Some((request, _)) = parse_request(&head)? else { continue };
        let agreed = request.extensions.and_then(|offers| negotiate_server_deflate(offers, policy));
        let agreed = agreed.ok_or("the client offered no permessage-deflate")?;
        let response = build_response(
            &generate_accept_key(request.key),
            None,
            Some(&agreed.to_response_header()),
        );
        stream.write_all(&response).await?;
        return Ok(agreed.config);
    }
}

async fn echo<W>(mut websocket: W, style: Style) -> Result<(), Error>
where
    W: futures_util::Stream<Item = sockudo_ws::error::Result<Message>>
        + Sink<Message, Error = sockudo_ws::Error>
        + Unpin,
{
    while let Some(message) = websocket.next().await {
        let message = message?;
        match (&message, style) {
            (Message::Text(_) | Message::Binary(_), Style::SendEach) => {
                websocket.send(message).await?
            }
            (Message::Text(_) | Message::Binary(_), Style::Batched) => {
                websocket.feed(message).await?
            }
            _ => {}
        }
    }
    Ok(())
}
