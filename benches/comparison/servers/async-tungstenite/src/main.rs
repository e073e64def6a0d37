//! async-tungstenite on async-std, with the settings that it has by default; tasks as in the raw echo on async-std.

use std::io;

use async_std::{
    net::{TcpListener, TcpStream},
    task,
};
use async_tungstenite::WebSocketStream;
use echo_server::{Error, Options, Style};
use futures_util::{FutureExt, SinkExt, StreamExt};

fn main() -> io::Result<()> {
    let options = echo_server::start()?;
    task::block_on(async {
        let listener = TcpListener::bind(options.bind).await?;
        echo_server::announce("ws", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            task::spawn(async move {
                if let Err(error) = connection(stream, options).await {
                    eprintln!("connection ended: {error}");
                }
            });
        }
    })
}

async fn connection(stream: TcpStream, options: Options) -> Result<(), Error> {
    let websocket = async_tungstenite::accept_async(stream).await?;
    match options.style {
        Style::SendEach => send_each(websocket).await,
        Style::Batched => batched(websocket).await,
    }
}

async fn send_each(mut websocket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    while let Some(message) = websocket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            SinkExt::send(&mut websocket, message).await?;
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
        SinkExt::flush(&mut websocket).await?;
    }
    Ok(())
}
