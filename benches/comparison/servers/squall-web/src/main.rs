//! An application of Squall with one WebSocket route, whose handler sends every message back.

use echo_server::Error;
use squall_tokio::{
    Listener,
    web::{Application, Failure, Handler, Message, Session},
};

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}

fn main() -> Result<(), Error> {
    let options = echo_server::start()?;
    echo_server::runtime(options.threads)?.block_on(async {
        let application = Application::new().websocket("/", |_| Echo)?;
        let listener = Listener::bind(options.bind).await?;
        echo_server::announce("ws", listener.local_addr()?)?;
        application.serve(listener).await;
        Ok(())
    })
}
