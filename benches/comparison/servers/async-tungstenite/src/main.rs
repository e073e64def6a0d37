//! async-tungstenite on async-std, with the settings that it has by default; tasks as in the raw echo on async-std.

use std::{future::pending, net::SocketAddr};

use async_std::{
    net::{TcpListener, TcpStream},
    task,
};
use async_tungstenite::WebSocketStream;
use echo_server::{Error, Options, Style};
use futures_util::{FutureExt, SinkExt, StreamExt};

fn main() -> Result<(), Error> {
    let options = echo_server::start()?;
    task::block_on(async {
        match options.connect {
            Some(server) => connect(server, options).await,
            None => serve(options).await,
        }
    })
}

async fn serve(options: Options) -> Result<(), Error> {
    let listener = TcpListener::bind(options.bind).await?;
    echo_server::announce("ws", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        spawn(
            async move { echo(async_tungstenite::accept_async(stream).await?, options.style).await },
        );
    }
}

async fn connect(server: SocketAddr, options: Options) -> Result<(), Error> {
    echo_server::announce_client("ws", server)?;
    for _ in 0..options.connections {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        spawn(async move {
            let url = format!("ws://{server}");
            echo(async_tungstenite::client_async(url, stream).await?.0, options.style).await
        });
    }
    pending().await
}

fn spawn(connection: impl Future<Output = Result<(), Error>> + Send + 'static) {
    task::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("connection ended: {error}");
        }
    });
}

async fn echo(websocket: WebSocketStream<TcpStream>, style: Style) -> Result<(), Error> {
    match style {
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
