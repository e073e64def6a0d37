//! Squall on async-std; the runner asks for one thread with `ASYNC_STD_THREAD_COUNT`.

use echo_server::Error;
use squall_async_std::{AsyncStd, Listener, Server};

fn main() -> Result<(), Error> {
    let options = echo_server::start()?;
    async_std::task::block_on(async {
        if let Some(server) = options.connect {
            return squall_echo::connect(AsyncStd::default(), server, options).await;
        }
        let listener = Listener::bind(options.bind).await?;
        echo_server::announce("ws", listener.local_addr()?)?;
        squall_echo::serve(Server::new(listener), options).await
    })
}
