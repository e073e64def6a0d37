//! soketto as its example has it: buffered both ways, flushed after each message.
//!
//! There is no batched loop: its receiving cannot be cancelled, so that one cannot ask whether a message is there.

use std::io;

use echo_server::{Error, MAX_MESSAGE_SIZE, Options};
use futures_util::io::{BufReader, BufWriter};
use soketto::{Data, connection::Error as ConnectionError, handshake};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncReadCompatExt;

fn main() -> io::Result<()> {
    echo_server::serve(connection)
}

async fn connection(stream: TcpStream, _: Options) -> Result<(), Error> {
    let mut server = handshake::Server::new(BufReader::new(BufWriter::new(stream.compat())));
    let key = server.receive_request().await?.key();
    server.send_response(&handshake::server::Response::Accept { key, protocol: None }).await?;
    let mut builder = server.into_builder();
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
