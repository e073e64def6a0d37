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
        self.fill_from(getrandom::fill, bytes)
    }
}

impl SystemEntropy {
    /// Fills `bytes` with what was drawn, and draws more where that is used up.
    fn fill_from<E>(
        &mut self,
        draw: fn(&mut [u8]) -> Result<(), E>,
        bytes: &mut [u8],
    ) -> Result<(), EntropyError> {
        if let Some(drawn) = self.drawn.get(self.used..self.used + bytes.len()) {
            bytes.copy_from_slice(drawn);
            self.used += bytes.len();
            return Ok(());
        }
        if bytes.len() > BATCH {
            return draw(bytes).map_err(|_| EntropyError::new());
        }
        // What is left of the last batch is not enough, and what a generator leaves that fails is not random.
        self.used = BATCH;
        draw(&mut self.drawn).map_err(|_| EntropyError::new())?;
        self.used = 0;
        self.fill_from(draw, bytes)
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

    /// Keys that will be used have no place in a log.
    #[test]
    fn what_was_drawn_is_not_shown() {
        assert_eq!(format!("{:?}", SystemEntropy::new()), "SystemEntropy");
    }

    /// A generator that fails half-way leaves nothing behind that could pass for a key, then and later.
    #[test]
    fn a_generator_that_fails_gives_no_key() {
        fn fails(bytes: &mut [u8]) -> Result<(), ()> {
            bytes[..64].fill(7);
            Err(())
        }
        let mut entropy = SystemEntropy::new();
        for used in [0, 4, 124, 126] {
            if used > 0 {
                entropy.fill(&mut vec![0; used]).unwrap();
            }
            for length in [4, 16, 128, 129] {
                let drawn = entropy.drawn.len() - entropy.used;
                if length > drawn {
                    assert!(entropy.fill_from(fails, &mut vec![0; length]).is_err(), "{used}");
                }
            }
            assert!(entropy.fill_from(fails, &mut [0; 4]).is_err(), "nor what was left before");
        }
        let mut key = [0; 16];
        entropy.fill(&mut key).unwrap();
        assert!(key != [0; 16] && key != [7; 16], "it works again when the generator does");
    }

    /// Another process draws other keys: nothing is seeded, and nothing is kept for the process that a child could inherit.
    #[test]
    fn another_process_draws_other_keys() {
        const ASKED: &str = "SQUALL_TEST_DRAWS_A_KEY";
        let mut key = [0; 16];
        SystemEntropy::new().fill(&mut key).unwrap();
        if std::env::var_os(ASKED).is_some() {
            println!("key: {key:02X?}");
            return;
        }
        let drawn = || {
            let name = "entropy::tests::another_process_draws_other_keys";
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", name, "--nocapture"])
                .env(ASKED, "yes")
                .output()
                .unwrap();
            let output = String::from_utf8(child.stdout).unwrap();
            output.lines().find(|line| line.contains("key: ")).map(str::to_owned)
        };
        let (first, second) = (drawn().unwrap(), drawn().unwrap());
        assert!(first != second && !first.contains(&format!("{key:02X?}")), "{first} {second}");
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
