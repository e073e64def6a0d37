//! TLS: whom a client trusts, and that not a byte of HTTP is said to anybody else (RFC 6455 §4.1).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::channel::mpsc;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use squall_io::{
    client::{ConnectError, Phase},
    server::{Server, UpgradeError},
    tls,
};
use squall_proto::{HandshakeConfig, Message};

use super::{
    Adapter, blocking, connector, conversations::large_messages_come_back, echo, run, spawn,
};
use crate::certificates::{Authority, Identity};

const BRIEF: Duration = Duration::from_millis(50);

/// A server with TLS, and what goes wrong on it.
struct Secured {
    address: SocketAddr,
    errors: mpsc::UnboundedReceiver<UpgradeError>,
    _ending: Pin<Box<dyn Future<Output = Option<usize>>>>,
}

async fn serves<A: Adapter>(config: Arc<rustls::ServerConfig>) -> Secured {
    serves_within::<A>(config, HandshakeConfig::default()).await
}

async fn serves_within<A: Adapter>(
    config: Arc<rustls::ServerConfig>,
    handshake: HandshakeConfig,
) -> Secured {
    let listener = A::bind().await;
    let address = A::address(&listener);
    let (sender, errors) = mpsc::unbounded();
    let server = Server::new(listener)
        .tls(config)
        .config(squall_io::server::ServerConfig::default().handshake(handshake))
        .on_error(move |error, _| drop(sender.unbounded_send(error)))
        .serve(echo);
    Secured { address, errors, _ending: Box::pin(spawn::<A, _>(server)) }
}

fn identity(identity: &Identity) -> Arc<rustls::ServerConfig> {
    tls::server_config(identity.certificate.as_bytes(), identity.key.as_bytes()).unwrap()
}

impl Secured {
    fn url(&self, host: &str) -> String {
        format!("wss://{host}:{}/", self.address.port())
    }

    /// The server has seen no request: TLS had failed before.
    async fn has_heard_nothing(mut self) {
        let error = futures::StreamExt::next(&mut self.errors).await;
        assert!(matches!(error, Some(UpgradeError::Tls(_))), "{error:?}");
    }
}

/// HC06, HS17.
pub fn messages_pass_through_tls<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        for host in ["example.com", "127.0.0.1"] {
            let server = serves::<A>(identity(&authority.issue(host))).await;
            let roots = tls::client_config_with_roots(authority.pem().as_bytes()).unwrap();
            let connector = connector::<A>().tls(roots);
            let mut socket = connector.connect(server.url(host)).await.unwrap();
            for length in [5, 100_000] {
                let message = Message::from(vec![7; length]);
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.recv().await.unwrap(), Some(message));
            }
            socket.close(None).await.unwrap();
        }
    });
}

/// As without TLS.
pub fn large_messages_pass_both_ways_at_once_through_tls<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        let server = serves::<A>(identity(&authority.issue("example.com"))).await;
        let roots = tls::client_config_with_roots(authority.pem().as_bytes()).unwrap();
        let connector = connector::<A>().tls(roots);
        let socket = connector.connect(server.url("example.com")).await.unwrap();
        large_messages_come_back::<A>(socket).await;
    });
}

/// A client that trusts `trusted` meets a server with this certificate, and will have none of it.
async fn refuses<A: Adapter>(trusted: &Authority, server: &Identity, reason: &str) {
    let server = serves::<A>(identity(server)).await;
    let roots = tls::client_config_with_roots(trusted.pem().as_bytes()).unwrap();
    let connecting = connector::<A>().tls(roots);
    let error = connecting.connect(server.url("example.com")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
    assert!(error.to_string().contains(reason), "{error}");
    server.has_heard_nothing().await;
}

/// CVE-2018-8034 and its kin.
pub fn a_certificate_for_another_host_is_refused<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        refuses::<A>(&authority, &authority.issue("example.org"), "not valid for name").await;
    });
}

/// Its time is over.
pub fn an_expired_certificate_is_refused<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        refuses::<A>(&authority, &authority.issue_expired("example.com"), "expired").await;
    });
}

/// By a client with roots of its own, and by one with the system's.
pub fn a_certificate_of_an_unknown_authority_is_refused<A: Adapter>() {
    run::<A>(async {
        let stranger = Authority::new().issue("example.com");
        refuses::<A>(&Authority::new(), &stranger, "invalid peer certificate").await;
        let server = serves::<A>(identity(&stranger)).await;
        let connecting = connector::<A>();
        let error = connecting.connect(server.url("example.com")).await.unwrap_err();
        assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
    });
}

/// A plain HTTP server on the port.
pub fn a_server_that_speaks_no_tls_is_refused<A: Adapter>() {
    run::<A>(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = blocking(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut hello = [0; 4096];
            let count = stream.read(&mut hello).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            hello[..count].to_vec()
        });
        let error =
            connector::<A>().connect(format!("wss://example.com:{port}/")).await.unwrap_err();
        assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
        // A record of the type handshake, and nothing of HTTP.
        assert_eq!(server.await.first(), Some(&22));
    });
}

/// A plain client on a port with TLS.
pub fn a_client_that_speaks_no_tls_is_refused<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        let server = serves::<A>(identity(&authority.issue("example.com"))).await;
        let url = format!("ws://{}/", server.address);
        assert!(connector::<A>().connect(url).await.is_err());
        server.has_heard_nothing().await;
    });
}

/// On either side.
pub fn a_tls_handshake_that_takes_too_long_is_given_up<A: Adapter>() {
    run::<A>(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("wss://{}/", listener.local_addr().unwrap());
        let error = connector::<A>().tls_timeout(BRIEF).connect(url).await.unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut(Phase::Tls)), "{error:?}");

        let authority = Authority::new();
        let identity = identity(&authority.issue("example.com"));
        let brief = HandshakeConfig::default().timeout(BRIEF);
        let mut server = serves_within::<A>(identity, brief).await;
        let silent = TcpStream::connect(server.address).unwrap();
        let error = futures::StreamExt::next(&mut server.errors).await.unwrap();
        assert_eq!(error.to_string(), "opening handshake timed out");
        drop(silent);
    });
}

/// Remembers which hosts were asked for.
#[derive(Debug)]
struct Recording {
    resolver: Arc<dyn ResolvesServerCert>,
    names: Arc<Mutex<Vec<Option<String>>>>,
}

impl ResolvesServerCert for Recording {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.names.lock().unwrap().push(hello.server_name().map(str::to_owned));
        self.resolver.resolve(hello)
    }
}

/// HC07.
pub fn the_server_is_told_the_name_of_the_host<A: Adapter>() {
    run::<A>(async {
        let authority = Authority::new();
        let mut config = (*identity(&authority.issue("example.com"))).clone();
        let names = Arc::new(Mutex::new(Vec::new()));
        let resolver = Arc::clone(&config.cert_resolver);
        config.cert_resolver = Arc::new(Recording { resolver, names: Arc::clone(&names) });
        let server = serves::<A>(Arc::new(config)).await;
        let roots = tls::client_config_with_roots(authority.pem().as_bytes()).unwrap();
        let connector = connector::<A>().tls(roots);
        drop(connector.connect(server.url("example.com")).await.unwrap());
        assert_eq!(*names.lock().unwrap(), [Some("example.com".to_owned())]);
    });
}
