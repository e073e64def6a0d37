//! The server of the tutorial: a page at `/`, a WebSocket at `/socket`.

mod program;

use std::error::Error;

use squall_io::Runtime;
use squall_tokio::web::{
    Application, Close, Failure, Handler, Message, Request, Response, Session,
};

struct Socket;

impl Handler for Socket {
    async fn open(&mut self, _session: &Session) -> Result<(), Failure> {
        println!("Socket opened");
        Ok(())
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(message.as_bytes());
        session.write_message(format!("Msg is {text}")).await?;
        Ok(())
    }

    async fn on_close(&mut self, _session: &Session, _close: Close) {
        println!("Socket closed");
    }
}

async fn main_page(_request: Request) -> Response {
    println!("It Works!");
    Response::text("It Works!")
}

struct Tutorial;

impl program::Program for Tutorial {
    fn application<R: Runtime>(_runtime: R) -> Result<Application, Box<dyn Error>> {
        Ok(Application::new().get("/", main_page)?.websocket("/socket", |_| Socket)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    program::run::<Tutorial>()
}
