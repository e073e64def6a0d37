//! HTTP/1.1, by hyper, until a request becomes a WebSocket.

mod answer;
mod bridge;
mod connection;
mod timer;

pub(crate) use connection::serve;
