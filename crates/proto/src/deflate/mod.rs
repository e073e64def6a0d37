//! permessage-deflate (RFC 7692): negotiation, and messages compressed with contexts that belong to the thread.
//!
//! It is negotiated where a [`DeflateConfig`] is given to the handshake, and not otherwise.

#[cfg(not(feature = "deflate"))]
mod absent;
#[cfg(feature = "deflate")]
mod capped;
#[cfg(feature = "deflate")]
mod config;
#[cfg(feature = "deflate")]
mod contexts;
#[cfg(feature = "deflate")]
mod deflater;
#[cfg(feature = "deflate")]
mod inflater;
#[cfg(feature = "deflate")]
mod negotiate;
#[cfg(feature = "deflate")]
mod window;

#[cfg(not(feature = "deflate"))]
pub(crate) use absent::{Deflater, Inflater};
#[cfg(feature = "deflate")]
pub use config::{DeflateConfig, Level, MemoryLevel, WindowBits};
#[cfg(feature = "deflate")]
pub(crate) use deflater::Deflater;
#[cfg(feature = "deflate")]
pub(crate) use inflater::Inflater;
#[cfg(feature = "deflate")]
pub use negotiate::DeflateNegotiationError;
#[cfg(feature = "deflate")]
pub(crate) use negotiate::{Agreement, EXTENSION, accept_answer, answer, offer};

/// What every flush ends with: taken off by the sender, put back by the receiver (RFC 7692 §7.2.1, §7.2.2).
#[cfg(feature = "deflate")]
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
