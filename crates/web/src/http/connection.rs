//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use hyper::{
    body::Incoming,
    rt::Write,
    server::conn::http1,
    service::service_fn,
    upgrade::{OnUpgrade, Parts},
};
use squall_io::{Runtime, Timer, Transport, WebSocket, server::Listen};

use super::{answer::Answering, bridge::Bridge, timer::Clock};
use crate::{
    application::Shared,
    channel::Socket,
    negotiate::{Accepted, Start},
    response::Content,
    settings::Settings,
};

/// hyper needs a buffer of at least this size.
const MIN_HEAD: usize = 8 << 10;

/// RFC 9110 §15.5.9, where hyper itself just closes the connection.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

type BridgeOf<L> = Bridge<<L as Listen>::Stream, <<L as Listen>::Runtime as Runtime>::Timer>;

/// Serves requests on a stream until it ends, and the WebSocket that it may become.
pub(crate) async fn serve<L: Listen>(
    application: Arc<Shared>,
    runtime: L::Runtime,
    stream: L::Stream,
    peer: Option<SocketAddr>,
) {
    // In a box, so that a WebSocket does not hold the room of the HTTP server that it came from.
    let pages = Box::pin(serve_pages::<L>(Arc::clone(&application), runtime.clone(), stream, peer));
    let Some((upgrade, accepted)) = pages.await else { return };
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(Parts { mut io, read_buf, .. }) = upgraded.downcast::<BridgeOf<L>>() else { return };
    // Where this fails, the WebSocket will find out.
    let _ = poll_fn(|cx| Pin::new(&mut io).poll_flush(cx)).await;
    let (socket, start) = resume::<L>(io, read_buf, accepted, runtime, &application);
    // The application is the session's from here.
    drop(application);
    start(socket).await;
}

/// The WebSocket that goes on where hyper stopped, and who runs it.
fn resume<L: Listen>(
    bridge: BridgeOf<L>,
    read: Bytes,
    accepted: Accepted,
    runtime: L::Runtime,
    application: &Shared,
) -> (Socket, Start) {
    let (stream, rest) = bridge.into_parts();
    // What hyper took and did not use comes before what it did not take. Copied, as both lie in buffers that are gone then.
    let mut input = BytesMut::new();
    input.extend_from_slice(&read);
    input.extend_from_slice(&rest);
    let Accepted { acceptance, config, start } = accepted;
    let connection = acceptance.into_connection(config, runtime.timer().now());
    let shutdown = Some(&application.shutdown);
    let socket = WebSocket::resume(connection, stream, runtime, input, shutdown);
    (Socket::new(socket, L::set_nodelay), start)
}

/// Serves pages until the connection ends or is accepted as a WebSocket.
async fn serve_pages<L: Listen>(
    application: Arc<Shared>,
    runtime: L::Runtime,
    stream: L::Stream,
    peer: Option<SocketAddr>,
) -> Option<(OnUpgrade, Accepted)> {
    let settings = &application.settings;
    let bridge = Bridge::new(stream, runtime.timer(), settings.write_timeout);
    let http = builder(settings, runtime.clone());
    let mut stop = application.shutdown.started();
    let answering = Arc::new(Answering { application: Arc::clone(&application), runtime, peer });
    let upgrade = Arc::new(Mutex::new(None));
    let service = {
        let upgrade = Arc::clone(&upgrade);
        service_fn(move |request: hyper::Request<Incoming>| {
            let (answering, upgrade) = (Arc::clone(&answering), Arc::clone(&upgrade));
            async move {
                let answer = answering.answer(request).await?;
                if answer.upgrade.is_some() {
                    *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = answer.upgrade;
                }
                Ok::<hyper::Response<Content>, Infallible>(answer.response)
            }
        })
    };
    let mut connection = http.serve_connection(bridge, service).with_upgrades();
    let mut is_stopping = false;
    let ended = poll_fn(|cx| {
        if !is_stopping && Pin::new(&mut stop).poll(cx).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        Pin::new(&mut connection).poll(cx)
    });
    match ended.await {
        Err(error) if error.is_timeout() => {
            let parts = connection.into_parts().filter(|parts| has_begun(&parts.read_buf));
            say_too_slow(parts.map(|parts| parts.io)).await;
            None
        }
        Err(_) => None,
        Ok(()) => {
            drop(connection);
            upgrade.lock().unwrap_or_else(PoisonError::into_inner).take()
        }
    }
}

fn builder<R: Runtime>(settings: &Settings, runtime: R) -> http1::Builder {
    let max_head_size = settings.max_head_size.max(MIN_HEAD);
    let mut http = http1::Builder::new();
    http.timer(Clock(runtime))
        .header_read_timeout(settings.head_timeout)
        .max_header_size(max_head_size)
        // Alone it would be no exact limit, as buffers grow to powers of two.
        .max_buf_size(max_head_size)
        .max_headers(settings.max_headers)
        // Clients that compare header names as they are written expect them so.
        .title_case_headers(true);
    http
}

/// Whether what hyper has read and not used is a request: an empty line before one is none (RFC 9112 §2.2).
fn has_begun(read: &[u8]) -> bool {
    read.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
}

/// Tells a client that its request takes too long.
async fn say_too_slow<T: Transport, C: Timer>(bridge: Option<Bridge<T, C>>) {
    let Some(mut bridge) = bridge else { return };
    let mut bridge = Pin::new(&mut bridge);
    let written = poll_fn(|cx| bridge.as_mut().poll_write(cx, REQUEST_TIMEOUT)).await;
    if written.is_ok() {
        // Nothing can be done about a client that does not want to hear it.
        let _ = poll_fn(|cx| bridge.as_mut().poll_shutdown(cx)).await;
    }
}
