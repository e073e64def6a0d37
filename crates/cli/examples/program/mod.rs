//! What the example servers share: their flags, the choice of a runtime, and the end on Ctrl-C.

use std::{error::Error, io::Write, net::SocketAddr};

use clap::{Parser, ValueEnum};
use squall_async_std::AsyncStd;
use squall_io::{Runtime, server::Listen};
use squall_tokio::{Tokio, web::Application};

/// The flags of an example server.
#[derive(Debug, Parser)]
pub(crate) struct Flags {
    /// Where to listen; port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8888")]
    bind: String,
    /// The runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    runtime: RuntimeName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RuntimeName {
    Tokio,
    AsyncStd,
}

/// Makes an application for whichever runtime it is.
pub(crate) trait Program {
    /// The application.
    fn application<R: Runtime>(runtime: R) -> Result<Application, Box<dyn Error>>;
}

/// Serves the application of a program as its flags say.
pub(crate) fn run<P: Program>() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    match flags.runtime {
        RuntimeName::Tokio => tokio::runtime::Runtime::new()?.block_on(async {
            let listener = squall_tokio::Listener::bind(&flags.bind).await?;
            let address = listener.local_addr()?;
            serve(P::application(Tokio::default())?, listener, address).await
        }),
        RuntimeName::AsyncStd => async_std::task::block_on(async {
            let listener = squall_async_std::Listener::bind(&flags.bind).await?;
            let address = listener.local_addr()?;
            serve(P::application(AsyncStd::default())?, listener, address).await
        }),
    }
}

async fn serve<L: Listen>(
    application: Application,
    listener: L,
    address: SocketAddr,
) -> Result<(), Box<dyn Error>>
where
    L::Runtime: Default,
{
    let shutdown = application.shutdown();
    ctrlc::set_handler(move || shutdown.start())?;
    println!("listening on ws://{address}");
    // Whoever reads it through a pipe waits for it.
    std::io::stdout().flush()?;
    application.serve(listener).await;
    Ok(())
}
