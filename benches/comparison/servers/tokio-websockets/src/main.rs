//! tokio-websockets, with the settings that it has by default; a client's masks come from `rand`, one of the sources that
//! it lets its user choose from.
//!
//! Its `next` writes what is queued, so the batched loop receives a batch before it queues the answers.

use std::net::SocketAddr;

use echo_server::{Echo, Error, Options, Stream, Style};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, ServerBuilder, WebSocketStream};

/// The most messages that are received before they are answered.
const MAX_BATCH: usize = 32;

struct TokioWebsockets;

fn main() -> Result<(), Error> {
    echo_server::run::<TokioWebsockets>()
}

impl Echo for TokioWebsockets {
    async fn serve<S: Stream>(stream: S, options: Options) -> Result<(), Error> {
        let (_, websocket) = ServerBuilder::new().accept(stream).await?;
        echo(websocket, options.style).await
    }

    async fn connect(stream: TcpStream, server: SocketAddr, options: Options) -> Result<(), Error> {
        let client = ClientBuilder::new().uri(&format!("ws://{server}"))?;
        let (websocket, _) = client.connect_on(stream).await?;
        echo(websocket, options.style).await
    }
}

async fn echo<S: Stream>(websocket: WebSocketStream<S>, style: Style) -> Result<(), Error> {
    match style {
        Style::SendEach => send_each(websocket).await,
        Style::Batched => batched(websocket).await,
    }
}

async fn send_each<S: Stream>(mut websocket: WebSocketStream<S>) -> Result<(), Error> {
    while let Some(message) = websocket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            websocket.send(message).await?;
        }
    }
    Ok(())
}

async fn batched<S: Stream>(mut websocket: WebSocketStream<S>) -> Result<(), Error> {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while let Some(message) = websocket.next().await {
        batch.push(message?);
        while batch.len() < MAX_BATCH {
            let Some(Some(message)) = websocket.next().now_or_never() else { break };
            batch.push(message?);
        }
        for message in batch.drain(..).filter(|message| message.is_text() || message.is_binary()) {
            websocket.feed(message).await?;
        }
        websocket.flush().await?;
    }
    Ok(())
}
