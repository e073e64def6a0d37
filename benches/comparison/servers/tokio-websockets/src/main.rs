//! tokio-websockets, with the settings that it has by default.
//!
//! Its `next` writes what is queued, so the batched loop receives a batch before it queues the answers.

use std::io;

use echo_server::{Error, Options, Style};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{ServerBuilder, WebSocketStream};

/// The most messages that are received before they are answered.
const MAX_BATCH: usize = 32;

fn main() -> io::Result<()> {
    echo_server::serve(connection)
}

async fn connection(stream: TcpStream, options: Options) -> Result<(), Error> {
    let (_, websocket) = ServerBuilder::new().accept(stream).await?;
    match options.style {
        Style::SendEach => send_each(websocket).await,
        Style::Batched => batched(websocket).await,
    }
}

async fn send_each(mut websocket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    while let Some(message) = websocket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            websocket.send(message).await?;
        }
    }
    Ok(())
}

async fn batched(mut websocket: WebSocketStream<TcpStream>) -> Result<(), Error> {
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
