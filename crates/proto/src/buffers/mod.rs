//! Buffers that belong to the thread that works, not to the connection that waits.
//!
//! A connection needs them for as long as bytes are on their way. Kept by each connection they would be most of its memory.

mod assembly;
mod block;
mod outgoing;
mod pool;
mod read_buffer;

pub(crate) use self::{
    assembly::AssemblyBuffer,
    block::copied,
    outgoing::{give_back, lend},
};
pub use read_buffer::ReadBuffer;
