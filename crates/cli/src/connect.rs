//! `squall connect`: a client that sends the lines of its standard input.

use std::{
    fmt::Write as _,
    future::pending,
    io::{self, BufRead, Write},
    num::NonZeroUsize,
    path::PathBuf,
    time::Duration,
};

use async_channel::{Receiver as Lines, bounded};
use clap::Args;
use futures_lite::future::or;
use http::{HeaderName, HeaderValue};
use squall_io::{
    Receiver, Runtime, Sender, Transport, WebSocket,
    client::{ClientTls, Connector, Dial},
    tls,
};
use squall_proto::{
    CloseCode, CloseFrame, Config, HandshakeConfig, Message, SendError, deflate::DeflateConfig,
    handshake::ClientRequest,
};

use crate::{
    echo::seconds,
    error::{CliError, read},
    runtime::{RuntimeName, block_on_async_std, block_on_tokio},
};

/// Connect: send each line of standard input as a text message, print each message that arrives.
///
/// Text is printed as it is, binary as `binary:` and its bytes in hexadecimal. The end of the input starts the closing handshake
/// with 1000; messages that arrive before the server's Close are still printed.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Where to connect to: ws://, wss://, http:// or https://.
    url: String,
    /// The runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    runtime: RuntimeName,
    /// Offer permessage-deflate.
    #[arg(long)]
    deflate: bool,
    /// A subprotocol to offer, the most wanted first.
    #[arg(long, value_name = "NAME")]
    subprotocol: Vec<String>,
    /// A header to send.
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// The `Origin` to send.
    #[arg(long)]
    origin: Option<HeaderValue>,
    /// How long each step of connecting may take: finding the host, connecting, TLS, the handshake.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "10")]
    connect_timeout: Duration,
    /// How long the closing handshake may take.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "5")]
    close_timeout: Duration,
    /// Trust every certificate: whoever sits in between can read and change everything.
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// The certificates to trust instead of the system's, in PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("not of the form NAME: VALUE")?;
    let name = name.trim().parse().map_err(|_| format!("{name:?} is not a header name"))?;
    let value = value.trim().parse().map_err(|_| format!("{value:?} is not a header value"))?;
    Ok((name, value))
}

impl Connect {
    pub(crate) fn run(self) -> Result<(), CliError> {
        const ONE: Option<NonZeroUsize> = Some(NonZeroUsize::MIN);
        let (request, tls) = (self.request()?, self.tls()?);
        match self.runtime {
            RuntimeName::Tokio => {
                let talking = self.talk(squall_tokio::Connector::default(), request, tls);
                block_on_tokio(ONE, talking)?
            }
            RuntimeName::AsyncStd => {
                let talking = self.talk(squall_async_std::Connector::default(), request, tls);
                block_on_async_std(ONE, talking)
            }
        }
    }

    fn request(&self) -> Result<ClientRequest, CliError> {
        let mut request =
            ClientRequest::new(&self.url).map_err(squall_proto::handshake::InvalidRequest::from)?;
        for subprotocol in &self.subprotocol {
            request = request.subprotocol(subprotocol)?;
        }
        for (name, value) in &self.header {
            request = request.header(name.clone(), value.clone())?;
        }
        if let Some(origin) = &self.origin {
            request = request.origin(origin.clone());
        }
        Ok(request.deflate(self.deflate.then(DeflateConfig::default)))
    }

    fn tls(&self) -> Result<ClientTls, CliError> {
        Ok(match &self.ca {
            Some(file) => tls::client_config_with_roots(&read(file)?)?.into(),
            None if self.insecure => tls::danger_accept_invalid_certs()?.into(),
            None => ClientTls::default(),
        })
    }

    async fn talk<D: Dial>(
        &self,
        connector: Connector<D>,
        request: ClientRequest,
        tls: ClientTls,
    ) -> Result<(), CliError> {
        let socket = connector
            .connection(Config::default().close_timeout(self.close_timeout))
            .handshake(HandshakeConfig::default().timeout(self.connect_timeout))
            .resolve_timeout(self.connect_timeout)
            .connect_timeout(self.connect_timeout)
            .tls_timeout(self.connect_timeout)
            .tls(tls)
            .connect(request)
            .await?;
        converse(socket, lines()).await
    }
}

/// The lines of standard input, read by a thread of their own.
fn lines() -> Lines<io::Result<String>> {
    let (sender, lines) = bounded(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let failed = line.is_err();
            if sender.send_blocking(line).is_err() || failed {
                break;
            }
        }
    });
    lines
}

async fn converse<T: Transport + Send + 'static, R: Runtime>(
    socket: WebSocket<T, R>,
    lines: Lines<io::Result<String>>,
) -> Result<(), CliError> {
    let (receiver, sender) = socket.split();
    let talking = async {
        match talk(sender, lines).await {
            // How the connection ended is for the other side of the conversation to say.
            Ok(()) | Err(CliError::Send(SendError::Closed)) => pending().await,
            failed => failed,
        }
    };
    or(listen(receiver), talking).await
}

async fn talk<T: Transport + Send + 'static, R: Runtime>(
    sender: Sender<T, R>,
    lines: Lines<io::Result<String>>,
) -> Result<(), CliError> {
    while let Ok(line) = lines.recv().await {
        sender.send(line.map_err(CliError::Stdin)?).await?;
    }
    Ok(sender.close(CloseFrame::from(CloseCode::NORMAL)).await?)
}

async fn listen<T: Transport + Send + 'static, R: Runtime>(
    mut receiver: Receiver<T, R>,
) -> Result<(), CliError> {
    while let Some(message) = receiver.recv().await? {
        writeln!(io::stdout(), "{}", printed(&message)).map_err(CliError::Stdout)?;
    }
    Ok(())
}

fn printed(message: &Message) -> String {
    match message {
        Message::Text(text) => text.to_string(),
        Message::Binary(bytes) => bytes.iter().fold("binary:".to_owned(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    }
}
