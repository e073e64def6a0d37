//! Squall on tokio.

use echo_server::{Error, Options};
use squall_tokio::{Listener, Server, Tokio};

fn main() -> Result<(), Error> {
    let options = echo_server::start()?;
    echo_server::runtime(options.threads)?.block_on(async {
        match options.connect {
            Some(server) => squall_echo::connect(Tokio::default(), server, options).await,
            None => serve(options).await,
        }
    })
}

async fn serve(options: Options) -> Result<(), Error> {
    let listener = Listener::bind(options.bind).await?;
    let address = listener.local_addr()?;
    let tls = options.tls.as_deref().map(echo_server::server_config).transpose()?;
    echo_server::announce(if tls.is_some() { "wss" } else { "ws" }, address)?;
    let mut server = Server::new(listener);
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    squall_echo::serve(server, options).await
}
