//! fastwebsockets as its example has it: behind hyper, with a collector of fragments.
//!
//! There is no batched loop: it writes each frame as it gets it, and what it has read ahead cannot be asked for.

use std::net::SocketAddr;

use echo_server::{Echo, Error, MAX_MESSAGE_SIZE, Options, Stream};
use fastwebsockets::{FragmentCollector, OpCode, WebSocket, handshake, upgrade};
use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

struct FastWebsockets;

fn main() -> Result<(), Error> {
    echo_server::run::<FastWebsockets>()
}

impl Echo for FastWebsockets {
    async fn serve<S: Stream>(stream: S, _: Options) -> Result<(), Error> {
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service_fn(accept))
            .with_upgrades()
            .await?;
        Ok(())
    }

    async fn connect(stream: TcpStream, server: SocketAddr, _: Options) -> Result<(), Error> {
        let request = Request::get("/")
            .header(header::HOST, server.to_string())
            .header(header::UPGRADE, "websocket")
            .header(header::CONNECTION, "Upgrade")
            .header(header::SEC_WEBSOCKET_KEY, handshake::generate_key())
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .body(Empty::<Bytes>::new())?;
        let (websocket, _) = handshake::client(&TokioExecutor::new(), request, stream).await?;
        tokio::task::unconstrained(echo(websocket)).await
    }
}

async fn accept(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Error> {
    let (response, upgrade) = upgrade::upgrade(&mut request)?;
    tokio::spawn(tokio::task::unconstrained(async {
        if let Err(error) = upgraded(upgrade).await {
            eprintln!("connection ended: {error}");
        }
    }));
    Ok(response)
}

async fn upgraded(upgrade: upgrade::UpgradeFut) -> Result<(), Error> {
    echo(upgrade.await?).await
}

async fn echo(mut websocket: WebSocket<TokioIo<Upgraded>>) -> Result<(), Error> {
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
