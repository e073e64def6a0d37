//! The client of the tutorial: says hello, prints what comes back, and closes on Ctrl-C.

use clap::{Parser, ValueEnum};
use squall_io::{
    Runtime,
    client::{Connector, Dial},
};
use squall_tokio::{
    proto::handshake::ClientRequest,
    web::{
        Close, CloseCode, Failure, Message, Remote,
        client::{self, Handler},
    },
};

/// Connects, says `Hello Chetan`, prints what comes back, and closes on Ctrl-C.
#[derive(Debug, Parser)]
struct Flags {
    /// Where to connect: ws://, wss://, http:// or https://.
    #[arg(default_value = "http://localhost:8888/socket")]
    url: String,
    /// The runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    runtime: RuntimeName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RuntimeName {
    Tokio,
    AsyncStd,
}

struct EchoClient;

impl Handler for EchoClient {
    async fn opened(&mut self, remote: &Remote) -> Result<(), Failure> {
        Ok(remote.write_message("Hello Chetan").await?)
    }

    async fn on_message(&mut self, _remote: &Remote, message: Message) -> Result<(), Failure> {
        println!("Received from server: {}", String::from_utf8_lossy(message.as_bytes()));
        Ok(())
    }

    async fn on_close(&mut self, close: &Close) {
        // RFC 6455 §7.1.5: 1005 stands for a Close frame without a code, 1006 for no Close frame at all.
        let without_code = if close.is_clean() { 1005 } else { 1006 };
        let code = close.code().map_or(without_code, CloseCode::get);
        println!(
            "{}",
            format!("Closed down {code} {}", close.reason().unwrap_or_default()).trim_end()
        );
    }
}

async fn run<D: Dial + Runtime>(connector: Connector<D>, url: &str) -> Result<(), Failure> {
    let request = ClientRequest::new(url)?.subprotocol("http-only")?.subprotocol("chat")?;
    let socket = connector.connect(request).await?;
    let remote = client::remote(&socket);
    ctrlc::set_handler(move || remote.close(CloseCode::NORMAL, ""))?;
    client::run(socket, &mut EchoClient).await?;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let flags = Flags::parse();
    match flags.runtime {
        RuntimeName::Tokio => tokio::runtime::Runtime::new()?
            .block_on(run(squall_tokio::Connector::default(), &flags.url)),
        RuntimeName::AsyncStd => {
            async_std::task::block_on(run(squall_async_std::Connector::default(), &flags.url))
        }
    }
}
