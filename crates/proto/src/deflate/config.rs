//! What to offer, what to accept and how to compress.

/// The size of an LZ77 window as a power of two: 9 (512 bytes) to 15 (32 KiB).
///
/// RFC 7692 §7.1.2 also has 8, which zlib cannot compress with; where a peer announces it for its own messages, they are inflated
/// with a larger window, which reads the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 9: a window of 512 bytes.
    pub const MIN: Self = Self(9);
    /// 12: a window of 4 KiB, what this crate uses where nothing is said.
    pub const DEFAULT: Self = Self(12);
    /// 15: a window of 32 KiB.
    pub const MAX: Self = Self(15);

    /// A window of two to the power of `bits` bytes, if `bits` is 9 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            9..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The exponent.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The size of the window in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        1 << self.0
    }
}

/// How hard to compress: 1 (fastest) to 9 (smallest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// 1: the fastest.
    pub const FASTEST: Self = Self(1);
    /// 6: what zlib and Tornado use where nothing is said.
    pub const BALANCED: Self = Self(6);
    /// 9: the smallest.
    pub const SMALLEST: Self = Self(9);

    /// The level, if it is 1 to 9.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        match level {
            1..=9 => Some(Self(level)),
            _ => None,
        }
    }

    /// The level as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// How much memory a compressor takes besides its window: 1 (least) to 9 (most), zlib's `memLevel`.
///
/// It buffers so many symbols before it writes a block: 64 KiB of them at 8, and half as much with each level below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryLevel(u8);

impl MemoryLevel {
    /// 1: the least.
    pub const LEAST: Self = Self(1);
    /// 8: what zlib and Tornado use where nothing is said.
    pub const DEFAULT: Self = Self(8);
    /// 9: the most.
    pub const MOST: Self = Self(9);

    /// The level, if it is 1 to 9.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        match level {
            1..=9 => Some(Self(level)),
            _ => None,
        }
    }

    /// The level as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// permessage-deflate (RFC 7692): what to negotiate and how to compress.
///
/// The default compresses at level 1 with context takeover in both directions and windows of 4 KiB where the peer lets us choose:
/// a connection then holds at most 4 KiB of recent plaintext for what it sends, and at most 4 KiB (32 KiB where the
/// client did not offer `client_max_window_bits`) for what it receives. The compressors themselves belong to the thread,
/// not to the connection.
///
/// A secret and text that an attacker chose should not be compressed in one context: the size of the result tells
/// about the secret (CRIME, BREACH). Send such messages uncompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeflateConfig {
    pub(crate) level: Level,
    pub(crate) memory_level: MemoryLevel,
    pub(crate) threshold: usize,
    pub(crate) server_window: Option<WindowBits>,
    pub(crate) client_window: Option<WindowBits>,
    pub(crate) server_takeover: bool,
    pub(crate) client_takeover: bool,
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self {
            level: Level::FASTEST,
            memory_level: MemoryLevel::DEFAULT,
            threshold: 64,
            server_window: None,
            client_window: None,
            server_takeover: true,
            client_takeover: true,
        }
    }
}

impl DeflateConfig {
    /// How hard to compress (default: fastest).
    #[must_use]
    pub const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// How much memory a compressor takes besides its window (default 8). There are a few for each thread, whatever the number of
    /// connections.
    #[must_use]
    pub const fn memory_level(mut self, level: MemoryLevel) -> Self {
        self.memory_level = level;
        self
    }

    /// The smallest message worth compressing, in bytes (default 64); smaller ones are sent as they are (RFC 7692 §6.1 leaves it to
    /// the sender).
    #[must_use]
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// The most window that the server's messages may use (RFC 7692 §7.1.2.1).
    ///
    /// A server compresses with at most this; unless it is set, with 12 bits (4 KiB). A client offers `server_max_window_bits` only
    /// where it is set, and then fails the handshake if the server does not agree.
    #[must_use]
    pub const fn server_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.server_window = Some(bits);
        self
    }

    /// The most window that the client's messages may use (RFC 7692 §7.1.2.2).
    ///
    /// A client compresses with at most this; unless it is set, with 12 bits (4 KiB). A server asks it, or 12 bits, of every client
    /// that offers `client_max_window_bits`; the messages of one that does not may use 32 KiB.
    #[must_use]
    pub const fn client_max_window_bits(mut self, bits: WindowBits) -> Self {
        self.client_window = Some(bits);
        self
    }

    /// Whether the server starts each message without the context of the one before (default no).
    #[must_use]
    pub const fn server_no_context_takeover(mut self, without: bool) -> Self {
        self.server_takeover = !without;
        self
    }

    /// Whether the client starts each message without the context of the one before (default no).
    ///
    /// A server that is configured so demands it of every client; some deployed clients break on that demand, which is why it is
    /// not made unasked.
    #[must_use]
    pub const fn client_no_context_takeover(mut self, without: bool) -> Self {
        self.client_takeover = !without;
        self
    }
}
