//! tokio-tungstenite, with the settings that it has by default.

use std::net::SocketAddr;

use echo_server::{Echo, Error, Options, Stream, Style};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;

struct Tungstenite;

fn main() -> Result<(), Error> {
    echo_server::run::<Tungstenite>()
}

impl Echo for Tungstenite {
    async fn serve<S: Stream>(stream: S, options: Options) -> Result<(), Error> {
        echo(tokio_tungstenite::accept_async(stream).await?, options.style).await
    }

    async fn connect(stream: TcpStream, server: SocketAddr, options: Options) -> Result<(), Error> {
        let url = format!("ws://{server}");
        echo(tokio_tungstenite::client_async(url, stream).await?.0, options.style).await
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
