//! Masking keys and handshake keys from the operating system's generator.

use squall_proto::{Entropy, EntropyError};

/// How many bytes are drawn at once: the keys of 32 frames.
const BATCH: usize = 128;

/// The operating system's generator.
///
/// It draws 128 bytes at a time, so that a frame does not cost a system call. They belong to one connection and are used once.
pub struct SystemEntropy {
    drawn: [u8; BATCH],
    /// How many bytes at the front of `drawn` are used.
    used: usize,
}

impl SystemEntropy {
    /// The generator, with nothing drawn yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { drawn: [0; BATCH], used: BATCH }
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for SystemEntropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemEntropy")
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if let Some(drawn) = self.drawn.get(self.used..self.used + bytes.len()) {
            bytes.copy_from_slice(drawn);
            self.used += bytes.len();
            return Ok(());
        }
        if bytes.len() > BATCH {
            return getrandom::fill(bytes).map_err(|_| EntropyError::new());
        }
        getrandom::fill(&mut self.drawn).map_err(|_| EntropyError::new())?;
        self.used = 0;
        self.fill(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_hundred_thousand_keys_hardly_repeat() {
        let (mut entropy, mut seen) = (SystemEntropy::new(), BTreeSet::new());
        for _ in 0..100_000 {
            let mut key = [0; 4];
            entropy.fill(&mut key).unwrap();
            seen.insert(key);
        }
        // About one pair is expected to be equal.
        assert!(seen.len() > 99_980, "{}", seen.len());
    }

    #[test]
    fn any_length_can_be_drawn() {
        let mut entropy = SystemEntropy::new();
        for length in [0, 1, 16, 127, 128, 129, 1000] {
            let mut bytes = vec![0; length];
            entropy.fill(&mut bytes).unwrap();
            assert!(length < 16 || bytes.iter().any(|byte| *byte != 0));
        }
    }

    /// What is drawn for one connection is not drawn for another.
    #[test]
    fn a_new_source_starts_anew() {
        let (mut first, mut second) = ([0; 16], [0; 16]);
        SystemEntropy::new().fill(&mut first).unwrap();
        SystemEntropy::new().fill(&mut second).unwrap();
        assert_ne!(first, second);
    }
}
