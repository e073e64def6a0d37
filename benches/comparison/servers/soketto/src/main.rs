//! soketto as its example has it: buffered both ways, flushed after each message.
//!
//! There is no batched loop: its receiving cannot be cancelled, so that one cannot ask whether a message is there.

use std::net::SocketAddr;

use echo_server::{Echo, Error, MAX_MESSAGE_SIZE, Options, Stream};
use futures_util::io::{BufReader, BufWriter};
use soketto::{
    Data,
    connection::{Builder, Error as ConnectionError},
    handshake::{self, ServerResponse},
};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

type Buffered<S> = BufReader<BufWriter<Compat<S>>>;

struct Soketto;

fn main() -> Result<(), Error> {
    echo_server::run::<Soketto>()
}

impl Echo for Soketto {
    async fn serve<S: Stream>(stream: S, _: Options) -> Result<(), Error> {
        let mut server = handshake::Server::new(buffered(stream));
        let key = server.receive_request().await?.key();
        server.send_response(&handshake::server::Response::Accept { key, protocol: None }).await?;
        echo(server.into_builder()).await
    }

    async fn connect(stream: TcpStream, server: SocketAddr, _: Options) -> Result<(), Error> {
        let host = server.to_string();
        let mut client = handshake::Client::new(buffered(stream), &host, "/");
        match client.handshake().await? {
            ServerResponse::Accepted { .. } => echo(client.into_builder()).await,
            response => Err(format!("refused: {response:?}").into()),
        }
    }
}

fn buffered<S: Stream>(stream: S) -> Buffered<S> {
    BufReader::new(BufWriter::new(stream.compat()))
}

async fn echo<S: Stream>(mut builder: Builder<Buffered<S>>) -> Result<(), Error> {
    builder.set_max_message_size(MAX_MESSAGE_SIZE);
    let (mut sender, mut receiver) = builder.finish();
    let mut message = Vec::new();
    loop {
        message.clear();
        match receiver.receive_data(&mut message).await {
            Ok(Data::Binary(_)) => sender.send_binary_mut(&mut message).await?,
            Ok(Data::Text(_)) => sender.send_text(std::str::from_utf8(&message)?).await?,
            Err(ConnectionError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        sender.flush().await?;
    }
}
