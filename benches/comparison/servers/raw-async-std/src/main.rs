//! Bytes back as they come, on async-std: the limit of that runtime.
//!
//! The tasks run on async-std's own threads, as everybody's do; the runner asks for one with `ASYNC_STD_THREAD_COUNT`.

use std::{future::pending, io, net::SocketAddr};

use async_std::{
    io::{ReadExt, WriteExt},
    net::{TcpListener, TcpStream},
    task,
};
use echo_server::Options;

const BUFFER_SIZE: usize = 64 << 10;

fn main() -> io::Result<()> {
    let options = echo_server::start()?;
    task::block_on(async {
        match options.connect {
            Some(server) => connect(server, options.connections).await,
            None => serve(options).await,
        }
    })
}

async fn serve(options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(options.bind).await?;
    echo_server::announce("tcp", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        spawn(stream)?;
    }
}

async fn connect(server: SocketAddr, connections: usize) -> io::Result<()> {
    echo_server::announce_client("tcp", server)?;
    for _ in 0..connections {
        spawn(TcpStream::connect(server).await?)?;
    }
    pending().await
}

fn spawn(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    task::spawn(async {
        if let Err(error) = echo(stream).await {
            eprintln!("connection ended: {error}");
        }
    });
    Ok(())
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = stream.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        stream.write_all(bytes).await?;
    }
}
