//! Masking keys that a test knows.

use squall_proto::{Entropy, EntropyError};

/// Keys of zeros, so that what a client sends can be read as it is.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct PlainKeys;

impl PlainKeys {
    /// The source, as connections take it.
    pub fn boxed() -> Box<dyn Entropy> {
        Box::new(Self)
    }
}

impl Entropy for PlainKeys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(0);
        Ok(())
    }
}

/// A source that gives `keys` plain keys and fails from then on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FailingKeys {
    keys: usize,
}

impl FailingKeys {
    /// A source that fails after `keys` keys.
    pub fn after(keys: usize) -> Box<dyn Entropy> {
        Box::new(Self { keys })
    }
}

impl Entropy for FailingKeys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.keys = self.keys.checked_sub(1).ok_or_else(EntropyError::new)?;
        bytes.fill(0);
        Ok(())
    }
}
