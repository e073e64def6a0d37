//! sockudo-ws, with the settings that it has by default; without permessage-deflate and with it, which are two types.
//!
//! The batched loop is the one of its guide: `feed` only, since `next` writes what is queued before it waits.

use std::io;

use echo_server::{Deflate, Error, Options, Style};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use sockudo_ws::{
    CompressedWebSocketStream, Config, Message, WebSocketStream,
    deflate::{DeflateConfig, negotiate_server_deflate},
    handshake::{
        HandshakeResult, build_response, generate_accept_key, parse_request, server_handshake,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn main() -> io::Result<()> {
    echo_server::serve(connection)
}

async fn connection(mut stream: TcpStream, options: Options) -> Result<(), Error> {
    let mut deflate = DeflateConfig::default();
    match options.deflate {
        Deflate::Off => {
            let HandshakeResult { leftover, .. } = server_handshake(&mut stream).await?;
            let role = sockudo_ws::Role::Server;
            let websocket =
                WebSocketStream::from_raw_with_leftover(stream, role, Config::default(), leftover);
            return echo(websocket, options.style).await;
        }
        Deflate::Default => {}
        Deflate::Level(level) => deflate.compression_level = level.into(),
    }
    let deflate = compressed_handshake(&mut stream, &deflate).await?;
    echo(CompressedWebSocketStream::server(stream, Config::default(), deflate), options.style).await
}

/// Answers a client that offers permessage-deflate, and that sends nothing before the answer.
async fn compressed_handshake(
    stream: &mut TcpStream,
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
    W: Stream<Item = sockudo_ws::error::Result<Message>>
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
