//! What the tests of Squall share. Nothing here is published.
//!
//! - [`pipe`]: two ends of a byte stream in memory, which fail and stall as they are told and count what is asked of them.
//! - [`simulation`]: a runtime whose clock is moved by hand.
//! - [`wire`]: the bytes of frames and handshakes.
//! - [`certificates`]: an authority that only tests trust.
//! - [`suite`]: what every adapter must be able to do, over real sockets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that goes wrong panics"
)]

pub mod certificates;
pub mod entropy;
pub mod pipe;
pub mod simulation;
pub mod suite;
pub mod wire;
