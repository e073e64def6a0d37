//! Opening handshakes: literal bytes on a clock moved by hand (RFC 6455 §3, §4, §9.1, §10).
//!
//! Comments cite the ids of the requirements that a test proves; `docs/RFC6455.md` maps them back.

#![expect(
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "what goes wrong in a test should stop it, outside of test functions too"
)]

mod accepting;
mod anything;
mod client_answers;
mod client_refusals;
mod client_requests;
mod client_urls;
#[cfg(feature = "deflate")]
mod deflate;
mod header_list;
mod http_types;
mod origin;
mod server_grammar;
mod server_limits;
mod server_requests;
mod server_time;
mod talk;
