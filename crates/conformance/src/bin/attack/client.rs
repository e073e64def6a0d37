//! The client under attack: `attack --echo-client HONEST HOSTILE`, a process of its own.
//!
//! It echoes on one connection to an honest server, and on some more to a hostile one while it is told to: `go` on a line of its standard
//! input, and `stop`. Nothing that a server does ends it.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use squall_io::{
    Runtime, Transport, WebSocket,
    client::{Connector, Dial},
};
use squall_proto::{
    Config, HandshakeConfig, KeepAlive, deflate::DeflateConfig, handshake::ClientRequest,
};

use crate::scene::{HANDSHAKE_LIMIT, MESSAGE_LIMIT};

/// How many connections to the hostile server there are at a time.
pub(crate) const CONNECTIONS: u64 = 16;

/// Runs until standard input ends.
pub(crate) fn run(runtime: &str, [honest, hostile]: [SocketAddr; 2]) -> io::Result<()> {
    let goes = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&goes);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            switch.store(line == "go", Ordering::Relaxed);
        }
        // Whoever told us is gone.
        std::process::exit(0);
    });
    println!("ready");
    match runtime {
        "async-std" => {
            async_std::task::block_on(talk::<squall_async_std::AsyncStd>(honest, hostile, goes))
        }
        _ => tokio::runtime::Runtime::new()?
            .block_on(talk::<squall_tokio::Tokio>(honest, hostile, goes)),
    }
    Ok(())
}

async fn talk<D: Dial + Default>(honest: SocketAddr, hostile: SocketAddr, goes: Arc<AtomicBool>) {
    let keep_alive = KeepAlive::every(Duration::from_secs(2)).timeout(Some(Duration::from_secs(2)));
    let config = Config::default()
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .keep_alive(Some(keep_alive))
        .close_timeout(Duration::from_secs(1));
    let connector = Connector::<D>::default()
        .connection(config)
        .handshake(HandshakeConfig::default().timeout(HANDSHAKE_LIMIT));
    let runtime = D::default();
    for _ in 0..CONNECTIONS {
        let (connector, goes) = (connector.clone(), Arc::clone(&goes));
        let again = async move {
            loop {
                if goes.load(Ordering::Relaxed) {
                    echo_from(&connector, hostile).await;
                }
                sleep(&D::default(), Duration::from_millis(20)).await;
            }
        };
        // Both runtimes are there.
        let _ = runtime.spawn(again);
    }
    loop {
        echo_from(&connector, honest).await;
        sleep(&runtime, Duration::from_millis(20)).await;
    }
}

/// Echoes until the server or the connection ends; how it ends is what the other side looks at.
async fn echo_from<D: Dial>(connector: &Connector<D>, server: SocketAddr) {
    let request = ClientRequest::new(&format!("ws://{server}/"));
    let Ok(request) = request.map(|request| request.deflate(DeflateConfig::default())) else {
        return;
    };
    if let Ok(socket) = connector.connect(request).await {
        echo(socket).await;
    }
}

async fn echo<T: Transport + Send + 'static, R: Runtime>(mut socket: WebSocket<T, R>) {
    while let Ok(Some(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

async fn sleep<R: Runtime>(runtime: &R, time: Duration) {
    use squall_io::Timer;
    let mut timer = runtime.timer();
    let deadline = timer.now() + time;
    std::future::poll_fn(|cx| timer.poll_until(cx, deadline)).await;
}
