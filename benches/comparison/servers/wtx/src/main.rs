//! wtx, with the settings that it has by default: with compression, windows of 4 KiB.
//!
//! There is no batched loop: it writes each frame as it gets it, and what it has read ahead cannot be asked for.

use std::{io::IoSlice, net::SocketAddr};

use echo_server::{Deflate, Echo, Error, Options, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wtx::{
    collection::Vector,
    misc::UriRef,
    rng::Rng,
    stream::{StreamReader, StreamWriter},
    web_socket::{
        Compression, CompressionLevel, DeflateConfig, OpCode, WebSocket, WebSocketAcceptor,
        WebSocketBuffer, WebSocketConnector, WebSocketPayloadOrigin,
        compression::{Flate2, NegotiatedCompression},
    },
};

/// wtx writes no more slices at once.
const MAX_SLICES: usize = 8;

struct Wtx;

fn main() -> Result<(), Error> {
    echo_server::run::<Wtx>()
}

impl Echo for Wtx {
    async fn serve<S: Stream>(stream: S, options: Options) -> Result<(), Error> {
        let mut deflate = DeflateConfig::default();
        match options.deflate {
            Deflate::Off => return serve(stream, ()).await,
            Deflate::Default => {}
            Deflate::Level(level) => deflate.compression_level = CompressionLevel::try_from(level)?,
        }
        serve(stream, Flate2::from(deflate)).await
    }

    async fn connect(stream: TcpStream, server: SocketAddr, _: Options) -> Result<(), Error> {
        let url = format!("ws://{server}/");
        let connector = WebSocketConnector::default();
        echo(connector.connect(Flushed(stream), &UriRef::new(&url)).await?).await
    }
}

async fn serve<S: Stream, C: Compression<false>>(stream: S, compression: C) -> Result<(), Error> {
    let acceptor = WebSocketAcceptor::default().compression(compression);
    echo(acceptor.accept(Flushed(stream)).await?).await
}

async fn echo<C, R, S, const IS_CLIENT: bool>(
    mut websocket: WebSocket<C, R, Flushed<S>, WebSocketBuffer, IS_CLIENT>,
) -> Result<(), Error>
where
    C: NegotiatedCompression,
    R: Rng,
    S: Stream,
{
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

/// Any stream as one of wtx's, which never flushes: a message must not stay in the buffers of TLS.
struct Flushed<S>(S);

impl<S: Stream> StreamReader for Flushed<S> {
    async fn read(&mut self, bytes: &mut [u8]) -> wtx::Result<usize> {
        Ok(self.0.read(bytes).await?)
    }
}

impl<S: Stream> StreamWriter for Flushed<S> {
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        self.0.write_all(bytes).await?;
        Ok(self.0.flush().await?)
    }

    async fn write_all_vectored(&mut self, bytes: &[&[u8]]) -> wtx::Result<()> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        for (slice, bytes) in slices.iter_mut().zip(bytes) {
            *slice = IoSlice::new(bytes);
        }
        let mut slices = slices.get_mut(..bytes.len()).unwrap_or_default();
        while !slices.is_empty() {
            match self.0.write_vectored(slices).await? {
                0 => return Err(wtx::Error::UnexpectedStreamWriteEOF),
                count => IoSlice::advance_slices(&mut slices, count),
            }
        }
        Ok(self.0.flush().await?)
    }
}
