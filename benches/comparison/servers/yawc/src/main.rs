//! yawc behind hyper, as its guide has it, with text validated (which it does not do by default).
//!
//! Batched, it has the buffers of its own benchmark: 128 KiB to read, and a write boundary of 64 KiB.

use std::net::SocketAddr;

use echo_server::{Deflate, Echo, Error, MAX_MESSAGE_SIZE, Options, Stream, Style};
use futures_util::{FutureExt, SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use yawc::{CompressionLevel, OpCode, UpgradeFut, WebSocket};

struct Yawc;

fn main() -> Result<(), Error> {
    echo_server::run::<Yawc>()
}

impl Echo for Yawc {
    async fn serve<S: Stream>(stream: S, options: Options) -> Result<(), Error> {
        let accept = service_fn(|request| accept(request, &options));
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), accept)
            .with_upgrades()
            .await?;
        Ok(())
    }

    async fn connect(stream: TcpStream, server: SocketAddr, options: Options) -> Result<(), Error> {
        let url = format!("ws://{server}").parse()?;
        echo(WebSocket::handshake(url, stream, settings(&options)).await?, options.style).await
    }
}

async fn accept(
    request: Request<Incoming>,
    options: &Options,
) -> Result<Response<Empty<Bytes>>, Error> {
    let (response, upgrade) = WebSocket::upgrade_with_options(request, settings(options))?;
    let style = options.style;
    tokio::spawn(async move {
        if let Err(error) = upgraded(upgrade, style).await {
            eprintln!("connection ended: {error}");
        }
    });
    Ok(response)
}

fn settings(options: &Options) -> yawc::Options {
    let mut settings = yawc::Options::default().with_utf8().with_max_payload_read(MAX_MESSAGE_SIZE);
    if options.style == Style::Batched {
        settings =
            settings.with_read_buffer_capacity(128 << 10).with_backpressure_boundary(64 << 10);
    }
    match options.deflate {
        Deflate::Off => settings,
        Deflate::Default => settings.with_balanced_compression(),
        Deflate::Level(level) => {
            settings.with_compression_level(CompressionLevel::new(level.into()))
        }
    }
}

async fn upgraded(upgrade: UpgradeFut, style: Style) -> Result<(), Error> {
    echo(upgrade.await?, style).await
}

async fn echo<S: Stream>(websocket: WebSocket<S>, style: Style) -> Result<(), Error> {
    match style {
        Style::SendEach => send_each(websocket).await,
        Style::Batched => batched(websocket).await,
    }
}

async fn send_each<S: Stream>(mut websocket: WebSocket<S>) -> Result<(), Error> {
    while let Some(frame) = websocket.next().await {
        if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
            websocket.send(frame).await?;
        }
    }
    Ok(())
}

async fn batched<S: Stream>(mut websocket: WebSocket<S>) -> Result<(), Error> {
    while let Some(mut frame) = websocket.next().await {
        loop {
            if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
                websocket.feed(frame).await?;
            }
            let Some(Some(next)) = websocket.next().now_or_never() else { break };
            frame = next;
        }
        websocket.flush().await?;
    }
    Ok(())
}
