//! Conversations with a connection: literal wire bytes on a clock moved by hand (RFC 6455 §5–§8).
//!
//! Comments cite the ids of the requirements that a test proves; `docs/RFC6455.md` maps them back.

#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what goes wrong in a test should stop it, outside of test functions too"
)]

mod any_order;
mod closing;
mod closing_states;
#[cfg(feature = "deflate")]
mod compressed_text;
mod control_frames;
mod conversation;
mod cuts;
mod fragmentation;
mod framing;
mod keep_alive;
mod limits;
mod masking;
mod model;
mod pieces;
mod sending;
mod text;
mod write_queue;
