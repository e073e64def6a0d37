//! Applications on tokio, talked to over TCP: in literal bytes where the wire matters, else with Squall's client. Where time or the
//! cuts between bytes matter, they run on a pipe instead (`scene`).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod batches;
mod clients;
mod files;
mod handover;
mod handshakes;
mod pages;
mod remotes;
mod requests;
mod runtimes;
mod scene;
mod sessions;
mod shutdown;
mod timeouts;

use std::{net::SocketAddr, time::Duration};

use squall_tokio::{Listener, WebSocket, web::Application};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What is waited for takes far less; nothing that is tested here takes so long.
const LONG: Duration = Duration::from_secs(10);

/// Serves an application on a free port until the test ends.
async fn served(application: Application) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(application.serve(listener));
    address
}

/// A connection that bytes are written to and read from as they are.
struct Raw(TcpStream);

impl Raw {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next bytes, as many as are expected.
    async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let reading = self.0.read_exact(&mut bytes);
        tokio::time::timeout(LONG, reading).await.expect("in time").expect("so many bytes");
        bytes
    }

    /// The head of an answer, in lower case.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.read(1).await);
        }
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    }

    /// The status of an answer, and its body, whose length the head says.
    async fn answer(&mut self) -> (u16, String) {
        let head = self.head().await;
        let length = head
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        let body = String::from_utf8(self.read(length).await).unwrap();
        (status(&head), body)
    }

    /// Everything up to the end of the stream.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let reading = self.0.read_to_end(&mut bytes);
        tokio::time::timeout(LONG, reading).await.expect("in time").expect("no reset");
        bytes
    }

    /// A WebSocket on a path, with the answer's head.
    async fn upgraded(address: SocketAddr, path: &str) -> (Self, String) {
        let mut raw = Self::connect(address).await;
        raw.write(upgrade(path, "")).await;
        let head = raw.head().await;
        (raw, head)
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A request for a WebSocket, with further header lines.
fn upgrade(path: &str, lines: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

async fn connect(address: SocketAddr, path: &str) -> WebSocket {
    squall_tokio::connect(&format!("ws://{address}{path}")).await.unwrap()
}

/// The next message as text.
async fn text(socket: &mut WebSocket) -> String {
    let message = tokio::time::timeout(LONG, socket.recv()).await.expect("in time");
    message.unwrap().expect("a message").as_text().unwrap().to_owned()
}

/// Waits until something is true.
async fn until(is_true: impl Fn() -> bool) {
    let waiting = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("in time");
}
