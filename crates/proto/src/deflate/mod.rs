//! permessage-deflate (RFC 7692): negotiation, and messages compressed with contexts that belong to the thread.

mod config;
mod contexts;
mod deflater;
mod inflater;
mod negotiate;
mod window;

pub use config::{DeflateConfig, Level, WindowBits};
pub use negotiate::DeflateNegotiationError;

/// What every flush ends with: taken off by the sender, put back by the receiver (RFC 7692 §7.2.1, §7.2.2).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
