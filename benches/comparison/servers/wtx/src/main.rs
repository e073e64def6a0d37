//! wtx, with the settings that it has by default: with compression, windows of 4 KiB.
//!
//! There is no batched loop: it writes each frame as it gets it, and what it has read ahead cannot be asked for.

use std::io;

use echo_server::{Deflate, Error, Options};
use tokio::net::TcpStream;
use wtx::{
    collection::Vector,
    web_socket::{
        Compression, CompressionLevel, DeflateConfig, OpCode, WebSocketAcceptor,
        WebSocketPayloadOrigin, compression::Flate2,
    },
};

fn main() -> io::Result<()> {
    echo_server::serve(connection)
}

async fn connection(stream: TcpStream, options: Options) -> Result<(), Error> {
    let mut deflate = DeflateConfig::default();
    match options.deflate {
        Deflate::Off => return echo(stream, ()).await,
        Deflate::Default => {}
        Deflate::Level(level) => deflate.compression_level = CompressionLevel::try_from(level)?,
    }
    echo(stream, Flate2::from(deflate)).await
}

async fn echo<C: Compression<false>>(stream: TcpStream, compression: C) -> Result<(), Error> {
    let mut websocket =
        WebSocketAcceptor::default().compression(compression).accept(stream).await?;
    let (mut common, mut reader, mut writer) = websocket.split_mut();
    let mut buffer = Vector::new();
    loop {
        let mut frame =
            reader.read_frame(&mut buffer, &mut common, WebSocketPayloadOrigin::Adaptive).await?;
        match frame.op_code() {
            OpCode::Binary | OpCode::Text => writer.write_frame(&mut common, &mut frame).await?,
            OpCode::Close => return Ok(()),
            _ => {}
        }
    }
}
