//! Squall on tokio.

use echo_server::Error;
use squall_tokio::Listener;

fn main() -> Result<(), Error> {
    let options = echo_server::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = Listener::bind(options.bind).await?;
        echo_server::announce("ws", listener.local_addr()?)?;
        squall_echo::serve(listener, options).await
    })
}
