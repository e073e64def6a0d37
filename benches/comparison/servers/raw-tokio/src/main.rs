//! Bytes back as they come, on tokio: the limit that no WebSocket library can be far below.

use std::net::SocketAddr;

use echo_server::{Echo, Error, Options, Stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const BUFFER_SIZE: usize = 64 << 10;

struct Raw;

fn main() -> Result<(), Error> {
    echo_server::run::<Raw>()
}

impl Echo for Raw {
    const IS_WEBSOCKET: bool = false;

    async fn serve<S: Stream>(stream: S, _: Options) -> Result<(), Error> {
        echo(stream).await
    }

    async fn connect(stream: TcpStream, _: SocketAddr, _: Options) -> Result<(), Error> {
        echo(stream).await
    }
}

async fn echo<S: Stream>(mut stream: S) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = stream.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        stream.write_all(bytes).await?;
        // TLS keeps what the socket did not take at once.
        stream.flush().await?;
    }
}
