//! fastwebsockets as its example has it: behind hyper, with a collector of fragments.
//!
//! There is no batched loop: it writes each frame as it gets it, and what it has read ahead cannot be asked for.

use std::io;

use echo_server::{Error, MAX_MESSAGE_SIZE, Options};
use fastwebsockets::{FragmentCollector, OpCode, upgrade};
use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

fn main() -> io::Result<()> {
    echo_server::serve(connection)
}

async fn connection(stream: TcpStream, _: Options) -> Result<(), Error> {
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(handshake))
        .with_upgrades()
        .await?;
    Ok(())
}

async fn handshake(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Error> {
    let (response, upgrade) = upgrade::upgrade(&mut request)?;
    tokio::spawn(tokio::task::unconstrained(async {
        if let Err(error) = echo(upgrade).await {
            eprintln!("connection ended: {error}");
        }
    }));
    Ok(response)
}

async fn echo(upgrade: upgrade::UpgradeFut) -> Result<(), Error> {
    let mut websocket = upgrade.await?;
    websocket.set_max_message_size(MAX_MESSAGE_SIZE);
    let mut websocket = FragmentCollector::new(websocket);
    loop {
        let frame = websocket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => websocket.write_frame(frame).await?,
            _ => {}
        }
    }
}
