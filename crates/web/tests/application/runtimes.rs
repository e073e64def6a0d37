//! One application on both adapters, with and without TLS: only the name of the runtime differs.

use std::net::SocketAddr;

use squall_io::Runtime;
use squall_testkit::certificates::Authority;
use squall_tokio::{
    ClientTls, ServerTls, tls,
    web::{Application, Failure, Handler, Message, Response, Session},
};

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        session.set_nodelay(true)?;
        Ok(session.write_message(message).await?)
    }
}

fn application() -> Application {
    Application::new()
        .get("/", async |_| Response::text("page"))
        .unwrap()
        .websocket("/ws", |_| Echo)
        .unwrap()
}

/// The TLS settings of a server at this name, and of a client that trusts it.
fn tls_for(name: &str) -> (ServerTls, ClientTls) {
    let authority = Authority::new();
    let identity = authority.issue(name);
    let server = tls::server_config(identity.certificate.as_bytes(), identity.key.as_bytes());
    let client = tls::client_config_with_roots(authority.pem().as_bytes());
    (server.unwrap().into(), client.unwrap().into())
}

#[tokio::test]
async fn on_tokio() {
    use squall_tokio::{Connector, Listener, Server};
    for is_secure in [false, true] {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server_tls, client_tls) = tls_for("127.0.0.1");
        let server = Server::new(listener);
        let server = if is_secure { server.tls(server_tls) } else { server };
        tokio::spawn(application().serve(server));
        let connector = Connector::default().tls(client_tls);
        let mut socket = connector.connect(url(address, is_secure)).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
        socket.close(None).await.unwrap();
    }
}

#[test]
fn on_async_std() {
    use squall_async_std::{AsyncStd, Connector, Listener, Server};
    futures_lite::future::block_on(async {
        for is_secure in [false, true] {
            let listener = Listener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (server_tls, client_tls) = tls_for("127.0.0.1");
            let server = Server::new(listener);
            let server = if is_secure { server.tls(server_tls) } else { server };
            let serving = async {
                application().serve(server).await;
            };
            assert!(AsyncStd::default().spawn(serving));
            let connector = Connector::default().tls(client_tls);
            let mut socket = connector.connect(url(address, is_secure)).await.unwrap();
            socket.send("hello").await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
            socket.close(None).await.unwrap();
        }
    });
}

fn url(address: SocketAddr, is_secure: bool) -> String {
    format!("{}://{address}/ws", if is_secure { "wss" } else { "ws" })
}
