//! What a client is told when there is no connection: the phase, and why.

use std::{
    io::{self, Read, Write},
    net::TcpListener,
    time::Duration,
};

use squall_io::client::{ConnectError, Connector, Phase, Resolving};
use squall_proto::{HandshakeConfig, Message};

use super::{Adapter, blocking, connector, plain_echo_server, run};

const BRIEF: Duration = Duration::from_millis(50);

/// A port of this machine that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that takes one connection and keeps silent until its client gives up.
fn silent_server() -> (u16, impl Future<Output = Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    (port, heard)
}

/// HC05.
pub fn a_port_that_nobody_listens_on_is_named<A: Adapter>() {
    run::<A>(async {
        let url = format!("ws://127.0.0.1:{}/", free_port());
        let error = connector::<A>().connect(url).await.unwrap_err();
        let ConnectError::Connect(source) = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().starts_with("cannot connect: "));
    });
}

/// HC05: the resolver fails, or finds nothing.
pub fn a_host_that_is_not_found_is_named<A: Adapter>() {
    run::<A>(async {
        type Resolver = fn(&str, u16) -> Resolving;
        let fails: Resolver = |host, _| {
            assert_eq!(host, "nowhere.invalid");
            Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
        };
        let finds_nothing: Resolver = |_, _| Box::pin(async { Ok(vec![]) });
        for resolver in [fails, finds_nothing] {
            let connector = Connector::<A::Runtime>::default().resolver(resolver);
            let error = connector.connect("ws://nowhere.invalid/").await.unwrap_err();
            assert!(matches!(&error, ConnectError::Resolve(_)), "{error:?}");
        }
        let never: Resolver = |_, _| Box::pin(std::future::pending());
        let connector = Connector::<A::Runtime>::default().resolver(never).resolve_timeout(BRIEF);
        let error = connector.connect("ws://nowhere.invalid/").await.unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut(Phase::Resolve)));
    });
}

/// By name, whichever family it has first, to a listener that has only one.
pub fn localhost_is_found_by_the_runtime<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let url = format!("ws://localhost:{}/", server.address.port());
        let mut socket = Connector::<A::Runtime>::default().connect(url).await.unwrap();
        socket.send("found").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::text("found")));
        drop(socket);
        server.stop().await;
    });
}

/// HC17.
pub fn a_refusal_carries_its_status_headers_and_body<A: Adapter>() {
    run::<A>(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = blocking(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let answer =
                b"HTTP/1.1 404 Not Found\r\nX-Why: gone\r\nContent-Length: 9\r\n\r\nnot here\n";
            stream.write_all(answer).unwrap();
        });
        let error = connector::<A>().connect(url).await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (refusal.status().as_u16(), refusal.body().as_ref()),
            (404, b"not here\n".as_slice())
        );
        assert_eq!(refusal.headers()["x-why"], "gone");
        assert_eq!(error.to_string(), "server refused the upgrade with 404 Not Found");
        server.await;
    });
}

/// HC16: the request is all that it has said by then.
pub fn a_server_that_does_not_answer_is_given_up<A: Adapter>() {
    run::<A>(async {
        let (port, heard) = silent_server();
        let connector = connector::<A>().handshake(HandshakeConfig::default().timeout(BRIEF));
        let error = connector.connect(format!("ws://127.0.0.1:{port}/")).await.unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut(Phase::Handshake)), "{error:?}");
        let heard = String::from_utf8(heard.await).unwrap();
        assert!(heard.starts_with("GET / HTTP/1.1\r\n") && heard.ends_with("\r\n\r\n"));
    });
}

/// HC02.
pub fn a_url_that_is_none_is_refused_before_anything_is_opened<A: Adapter>() {
    run::<A>(async {
        for url in ["", "ws://", "ftp://example.com/", "ws://example.com/#fragment", "ws://a b/"] {
            let error = connector::<A>().connect(url).await.unwrap_err();
            assert!(matches!(error, ConnectError::Request(_)), "{url}: {error:?}");
        }
    });
}

/// RFC 8305.
pub fn a_second_address_is_tried_where_the_first_refuses<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let (refusing, port) = (free_port(), server.address.port());
        let connector =
            Connector::<A::Runtime>::default().resolver(move |_: &str, _| -> Resolving {
                let ports = [refusing, refusing, port];
                Box::pin(
                    async move { Ok(ports.map(|port| ([127, 0, 0, 1], port).into()).to_vec()) },
                )
            });
        let socket = connector.connect("ws://example.com/").await.unwrap();
        drop(socket);
        server.stop().await;
    });
}
