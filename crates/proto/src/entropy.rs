//! The source of masking keys and handshake keys, which the caller provides.

use std::fmt;

/// A source of unpredictable bytes.
///
/// A client draws its handshake key (RFC 6455 §4.1) and the masking key of every frame from it (§5.3: "derived from a
/// strong source of entropy"), so anything less than the operating system's generator, or a cryptographic generator
/// seeded by it, is only fit for tests.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    ///
    /// # Errors
    /// [`EntropyError`] where the source fails. Nothing is sent with a key that could not be drawn.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

impl fmt::Debug for dyn Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, thiserror::Error)]
#[error("the source of randomness failed")]
#[non_exhaustive]
pub struct EntropyError;

impl EntropyError {
    /// The error, for implementations of [`Entropy`].
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}
