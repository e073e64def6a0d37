//! Bytes back as they come, on tokio: the limit that no WebSocket library can be far below.

use std::io;

use echo_server::{Error, Options};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const BUFFER_SIZE: usize = 64 << 10;

fn main() -> io::Result<()> {
    echo_server::serve_bytes(echo)
}

async fn echo(mut stream: TcpStream, _: Options) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = stream.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        stream.write_all(bytes).await?;
    }
}
