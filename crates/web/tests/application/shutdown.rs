//! The end of a server.

use squall_tokio::{
    Listener,
    proto::{CloseCode, Closed},
    web::{Application, Failure, Handler, Message, Session},
};

use crate::{LONG, Raw, connect};

struct Quiet;

impl Handler for Quiet {
    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn connections_are_told_that_the_server_goes_away() {
    let application = Application::new().websocket("/ws", |_| Quiet).unwrap();
    let application = application.get("/", async |_| "page").unwrap();
    let shutdown = application.shutdown();
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(application.serve(listener));
    let mut socket = connect(address, "/ws").await;
    let mut idle = Raw::connect(address).await;
    idle.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(idle.answer().await, (200, "page".to_owned()));
    shutdown.start();
    assert!(socket.recv().await.unwrap().is_none());
    let Some(Closed::Clean(Some(frame))) = socket.closed() else { panic!("not closed") };
    assert_eq!(frame.code(), CloseCode::GOING_AWAY);
    assert!(idle.rest().await.is_empty());
    drop(socket);
    let aborted = tokio::time::timeout(LONG, serving).await.expect("in time").unwrap();
    assert_eq!(aborted, 0);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
