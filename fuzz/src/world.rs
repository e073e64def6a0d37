//! Time and masking keys for fuzzing: the same in every run.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use squall_proto::{
    Config, Connection, Entropy, EntropyError,
    deflate::DeflateConfig,
    frame::{Header, Opcode},
    handshake::{Accept, ClientRequest, UpgradeRequest},
};

/// The instant at which everything begins.
pub(crate) fn beginning() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(Instant::now)
}

/// Keys that count and, if asked to, fail after some.
pub(crate) struct CountingKeys {
    pub(crate) left: u32,
}

impl Entropy for CountingKeys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.left = self.left.checked_sub(1).ok_or_else(EntropyError::new)?;
        for (place, key) in bytes.iter_mut().zip(self.left.to_be_bytes().iter().cycle()) {
            *place = *key;
        }
        Ok(())
    }
}

/// A server and a client that have shaken hands, with permessage-deflate as each is configured or without it.
pub(crate) fn shake_hands(
    config: &Arc<Config>,
    keys: u32,
    deflate: Option<&[DeflateConfig; 2]>,
) -> [Connection; 2] {
    let now = beginning();
    let [server, client] = [0, 1].map(|side| deflate.map(|configs| configs[side].clone()));
    let request = ClientRequest::new("ws://example.com/").expect("a URL").deflate(client);
    let keys = Box::new(CountingKeys { left: keys.saturating_add(1) });
    let (request, awaiting) = request.begin(keys).expect("one key at least");
    let request = UpgradeRequest::from_http(request).expect("a valid request");
    let acceptance = request.accept(Accept::new().deflate(server)).expect("a valid response");
    let established = awaiting.check(acceptance.response().clone()).expect("a valid response");
    [
        acceptance.into_connection(config.clone(), now),
        established.into_connection(config.clone(), now),
    ]
}

/// The frames that somebody wrote, unmasked. Each has to be whole, and nothing may follow a Close (RFC 6455 §5.5.1).
pub(crate) fn frames(mut wire: &[u8]) -> Vec<(Opcode, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((header, length)) = Header::parse(wire).expect("a valid header") {
        assert!(
            frames.iter().all(|(opcode, _)| *opcode != Opcode::Close),
            "Close is the last frame"
        );
        let end = length + usize::try_from(header.payload_len).expect("a length in memory");
        let mut payload = wire[length..end].to_vec();
        for (place, byte) in payload.iter_mut().enumerate() {
            *byte ^= header.mask.unwrap_or_default()[place % 4];
        }
        frames.push((header.opcode, payload));
        wire = &wire[end..];
    }
    assert!(wire.is_empty(), "whole frames");
    frames
}
