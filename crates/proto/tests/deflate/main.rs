//! permessage-deflate (RFC 7692) from handshake to message, held to literal bytes and to zlib itself.
//!
//! Comments cite the ids of the requirements that a test proves; `docs/RFC7692.md` maps them back.

#![cfg(feature = "deflate")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what goes wrong in a test should stop it, outside of test functions too"
)]

mod bombs;
mod contexts;
mod corrupt;
mod framing;
mod idle_memory;
mod limits;
mod memory;
mod opt_out;
mod peer;
mod promises;
mod vectors;
mod zlib;
mod zlib_peer;
