//! `squall chat`: a chat room in the browser.

mod page;
mod room;

use std::{io, net::SocketAddr, num::NonZeroUsize, sync::Arc};

use clap::Args;
use squall_io::server::Listen;
use squall_tokio::web::{Application, Config, RouteError, Settings};

use self::room::{Member, Room};
use crate::{
    error::CliError,
    runtime::{RuntimeName, block_on_async_std, block_on_tokio},
};

/// The largest message to take from a page, in bytes: a line of the longest kind, escaped, and what is around it.
const MAX_MESSAGE: usize = 32 << 10;

/// Serve a chat room: open the printed address in as many browsers as you like.
///
/// Lines are kept in memory only, the latest 200. SIGINT and SIGTERM end it; pages connect again by themselves when it is back.
#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// Where to listen; port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8888")]
    bind: String,
    /// The runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    runtime: RuntimeName,
    /// How many threads to use [default: one a processor]; with 1 the runtime is single-threaded.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

impl Chat {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let application = application().map_err(CliError::Routes)?;
        let shutdown = application.shutdown();
        ctrlc::set_handler(move || shutdown.start())?;
        let address = self.bind.as_str();
        match self.runtime {
            RuntimeName::Tokio => block_on_tokio(self.threads, async {
                let listener = bound(address, squall_tokio::Listener::bind(address).await)?;
                let local = bound(address, listener.local_addr())?;
                serve(application, listener, local).await;
                Ok(())
            })?,
            RuntimeName::AsyncStd => block_on_async_std(self.threads, async {
                let listener = bound(address, squall_async_std::Listener::bind(address).await)?;
                let local = bound(address, listener.local_addr())?;
                serve(application, listener, local).await;
                Ok(())
            }),
        }
    }
}

/// The page, what it loads, and the socket that it opens.
fn application() -> Result<Application, RouteError> {
    let room = Arc::new(Room::new());
    let settings = Settings::default().websocket(Config::default().max_message_size(MAX_MESSAGE));
    page::routes(Application::new().settings(settings))?
        .websocket("/ws", move |_| Member::new(Arc::clone(&room)))
}

async fn serve<L: Listen>(application: Application, listener: L, address: SocketAddr)
where
    L::Runtime: Default,
{
    crate::announce(format_args!("listening on ws://{address}"));
    crate::announce(format_args!("the chat room is at http://{address}/"));
    application.serve(listener).await;
}

fn bound<O>(address: &str, result: io::Result<O>) -> Result<O, CliError> {
    result.map_err(|error| CliError::Bind { address: address.to_owned(), error })
}
