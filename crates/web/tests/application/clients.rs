//! The client in callback style.

use squall_tokio::{
    proto::handshake::ClientRequest,
    web::{
        Application, Close, CloseCode, ControlPayload, Failure, Handler, Message, Remote, Session,
        client,
    },
};

use crate::{LONG, connect, served};

struct Echo;

impl Handler for Echo {
    fn select_subprotocol(&mut self, offered: &[&str]) -> Option<String> {
        offered.first().map(|&name| name.to_owned())
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}

#[derive(Default)]
struct Tutorial {
    received: Vec<String>,
    closed: Option<CloseCode>,
    fails: bool,
}

impl client::Handler for Tutorial {
    async fn opened(&mut self, remote: &Remote) -> Result<(), Failure> {
        remote.write_message("Hello").await?;
        Ok(remote.write_message("bye").await?)
    }

    async fn on_message(&mut self, remote: &Remote, message: Message) -> Result<(), Failure> {
        self.received.push(message.as_text().unwrap().to_owned());
        if self.fails {
            return Err("told to".into());
        }
        if self.received.len() == 2 {
            remote.close(CloseCode::NORMAL, "");
        }
        Ok(())
    }

    async fn on_close(&mut self, close: &Close) {
        assert!(self.closed.is_none());
        self.closed = close.code();
    }
}

async fn server() -> std::net::SocketAddr {
    served(Application::new().websocket("/", |_| Echo).unwrap()).await
}

#[tokio::test]
async fn hooks_run_in_order_until_the_connection_is_closed() {
    let socket = connect(server().await, "/").await;
    let mut tutorial = Tutorial::default();
    let close = client::run(socket, &mut tutorial).await.unwrap();
    assert_eq!(tutorial.received, ["Hello", "bye"]);
    assert_eq!((tutorial.closed, close.is_clean()), (Some(CloseCode::NORMAL), true));
}

#[tokio::test]
async fn a_hook_that_fails_closes_the_connection_and_is_the_result() {
    let socket = connect(server().await, "/").await;
    let mut tutorial = Tutorial { fails: true, ..Tutorial::default() };
    let failure = client::run(socket, &mut tutorial).await.unwrap_err();
    assert_eq!(failure.to_string(), "told to");
    assert_eq!(tutorial.received, ["Hello"]);
    assert_eq!(tutorial.closed, Some(CloseCode::INTERNAL_ERROR));
}

#[tokio::test]
async fn a_handle_closes_the_connection_from_elsewhere() {
    let socket = connect(server().await, "/").await;
    let remote = client::remote(&socket);
    struct Silent;
    impl client::Handler for Silent {
        async fn on_message(&mut self, _: &Remote, _: Message) -> Result<(), Failure> {
            Ok(())
        }
    }
    let running = tokio::spawn(async move { client::run(socket, &mut Silent).await });
    remote.close(CloseCode::NORMAL, "done");
    let close = running.await.unwrap().unwrap();
    assert_eq!(close.code(), Some(CloseCode::NORMAL));
}

/// Pings, and closes at the pong; or fails behind the ping.
#[derive(Default)]
struct Pinging {
    pongs: Vec<ControlPayload>,
    fails: bool,
}

impl client::Handler for Pinging {
    async fn opened(&mut self, remote: &Remote) -> Result<(), Failure> {
        remote.ping(ControlPayload::new("p").unwrap()).await?;
        if self.fails { Err("told to".into()) } else { Ok(()) }
    }

    async fn on_message(&mut self, _: &Remote, _: Message) -> Result<(), Failure> {
        Ok(())
    }

    async fn on_pong(&mut self, remote: &Remote, payload: ControlPayload) -> Result<(), Failure> {
        self.pongs.push(payload);
        remote.close(CloseCode::NORMAL, "");
        Ok(())
    }
}

#[tokio::test]
async fn a_pong_is_handled_unless_a_hook_has_failed() {
    let address = server().await;
    let mut pinging = Pinging::default();
    let running = client::run(connect(address, "/").await, &mut pinging);
    let close = tokio::time::timeout(LONG, running).await.expect("in time").unwrap();
    assert_eq!(close.code(), Some(CloseCode::NORMAL));
    assert_eq!(pinging.pongs, [ControlPayload::new("p").unwrap()]);
    let mut failing = Pinging { fails: true, ..Pinging::default() };
    let failure = client::run(connect(address, "/").await, &mut failing).await.unwrap_err();
    assert_eq!((failure.to_string().as_str(), failing.pongs), ("told to", vec![]));
}

#[tokio::test]
async fn a_handle_knows_the_subprotocol_for_ever() {
    let request = ClientRequest::new(&format!("ws://{}/", server().await)).unwrap();
    let request = request.subprotocol("chat").unwrap();
    let socket = squall_tokio::connect(request).await.unwrap();
    let remote = client::remote(&socket);
    drop(socket);
    assert_eq!((remote.subprotocol(), remote.is_open()), (Some("chat"), false));
}
