//! What is fuzzed, with oracles: each function takes bytes and panics where something does not hold.
//!
//! The targets in `fuzz_targets/` are one line each, so that `tests/replay.rs` runs the same functions over the committed
//! corpus on stable Rust.

mod agreement;
mod client_request;
mod connection;
mod extensions;
mod frames;
mod handshake;
mod inflate;
mod pair;
mod world;

pub use agreement::agreement;
pub use client_request::client_request;
pub use connection::connection_bytes;
pub use extensions::extensions;
pub use frames::{header, utf8};
pub use handshake::{client_head, server_head};
pub use inflate::inflate;
pub use pair::connection_pair;

/// A function with oracles.
pub type Target = fn(&[u8]);

/// The functions by the names of their targets and of their corpora.
pub const TARGETS: [(&str, Target); 10] = [
    ("connection_bytes", connection_bytes),
    ("connection_pair", connection_pair),
    ("header", header),
    ("utf8", utf8),
    ("server_head", server_head),
    ("client_head", client_head),
    ("extensions", extensions),
    ("inflate", inflate),
    ("agreement", agreement),
    ("client_request", client_request),
];
