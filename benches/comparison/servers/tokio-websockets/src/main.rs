//! tokio-websockets, with the settings that it has by default.

use std::io;

use echo_server::{Error, Options, Style};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{ServerBuilder, WebSocketStream};

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
    while let Some(message) = websocket.next().await {
        let mut message = message?;
        loop {
            if message.is_text() || message.is_binary() {
                websocket.feed(message).await?;
            }
            let Some(Some(next)) = websocket.next().now_or_never() else { break };
            message = next?;
        }
        websocket.flush().await?;
    }
    Ok(())
}
