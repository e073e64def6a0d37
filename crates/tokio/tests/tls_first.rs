//! What is on the wire before there is a connection: nothing but TLS where TLS was asked for (RFC 6455 §4.1, §4.2.2).

#![cfg(feature = "tls")]
#![expect(
    clippy::unwrap_used,
    reason = "what goes wrong in a test should stop it, outside of test functions too"
)]

use std::{net::SocketAddr, sync::Arc};

use squall_tokio::{
    ConnectError, Connector, Listener, Resolving, Server, ServerConfig, Shutdown, UpgradeError, tls,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::rustls::{
    self,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// The first byte of a TLS record that is an alert, and of one that is a part of the handshake (RFC 8446 §5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// All that a peer says until it ends the stream or resets it.
async fn all_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    // What came before a reset is in there.
    let _ = stream.read_to_end(&mut said).await;
    said
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// HC06: the server sees a ClientHello, and not a byte of HTTP after it has answered with anything else than TLS.
#[tokio::test]
async fn a_client_says_nothing_before_tls_is_established() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = vec![0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await.unwrap();
        hello.extend(all_of(&mut stream).await);
        hello
    });
    let error = connector(address).connect("wss://squall.example/a-path").await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls(_)), "{error}");
    let heard = server.await.unwrap();
    assert_eq!(heard[0], HANDSHAKE);
    for secret in ["GET /", "a-path", "Upgrade", "Sec-WebSocket"] {
        assert!(!contains(&heard, secret), "{secret}");
    }
}

/// HS17: whoever speaks HTTP to a listener with TLS is answered in TLS, if at all.
#[tokio::test]
async fn a_listener_with_tls_says_nothing_in_the_clear() {
    let (errors, mut told) = tokio::sync::mpsc::unbounded_channel();
    let shutdown = Shutdown::new();
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(listener)
        .config(ServerConfig::default().shutdown(shutdown.clone()))
        .tls(without_certificate())
        .on_error(move |error, _| errors.send(error).unwrap());
    let server = tokio::spawn(server.serve(async |_| ()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await
        .unwrap();
    let heard = all_of(&mut client).await;
    assert!(heard.first().is_none_or(|first| *first == ALERT), "{heard:?}");
    assert!(!contains(&heard, "HTTP"));
    assert!(matches!(told.recv().await, Some(UpgradeError::Tls(_))));
    shutdown.start();
    assert_eq!(server.await.unwrap(), 0);
}

/// A client that finds every host at this address.
fn connector(address: SocketAddr) -> Connector {
    Connector::default()
        .tls(tls::danger_accept_invalid_certs().unwrap())
        .resolver(move |_: &str, _| -> Resolving { Box::pin(async move { Ok(vec![address]) }) })
}

/// A server that never gets as far as a certificate.
fn without_certificate() -> Arc<rustls::ServerConfig> {
    #[derive(Debug)]
    struct NoCertificate;
    impl ResolvesServerCert for NoCertificate {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            None
        }
    }
    let provider = Arc::new(ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider);
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(config.with_cert_resolver(Arc::new(NoCertificate)))
}
