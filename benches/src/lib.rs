//! What the benches, the instruction counts and the allocation counts all measure: the core in memory, without a socket.

pub mod echo;
pub mod growth;

use bytes::{Buf, BytesMut};
use squall_proto::{
    Entropy, EntropyError, Transmit, apply_mask,
    frame::{Header, Opcode},
};

/// The masking key of every frame to a server.
pub const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The wire bytes of one frame; masked as a client sends it, or unmasked as a server does.
#[must_use]
pub fn frame(opcode: Opcode, fin: bool, payload: &[u8], masked: bool) -> Vec<u8> {
    let mut wire = Vec::new();
    let mask = masked.then_some(KEY);
    let payload_len = payload.len() as u64;
    Header { fin, rsv1: false, opcode, mask, payload_len }.encode(&mut wire);
    let mut payload = payload.to_vec();
    if masked {
        apply_mask(KEY, 0, &mut payload);
    }
    wire.append(&mut payload);
    wire
}

/// Takes everything that a machine wants written, as a transport would that never blocks; returns how much that was.
pub fn write_all(transmit: &mut Transmit) -> usize {
    let mut written = 0;
    while transmit.has_remaining() {
        let count = std::hint::black_box(transmit.chunk()).len();
        transmit.advance(count);
        written += count;
    }
    written
}

/// Makes the buffer that a driver reads into hold `bytes` more.
pub fn read_into(input: &mut BytesMut, bytes: &[u8]) {
    input.reserve(bytes.len());
    input.extend_from_slice(bytes);
}

/// Keys that cost nothing to draw, so that the core is measured and not a generator.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "only measurements use it")]
pub struct FixedKeys;

impl Entropy for FixedKeys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.iter_mut().zip(KEY.iter().cycle()).for_each(|(byte, key)| *byte = *key);
        Ok(())
    }
}
