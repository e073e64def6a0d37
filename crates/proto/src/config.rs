//! Limits and timeouts, finite by default.

use std::{num::NonZeroUsize, time::Duration};

/// The longest time there is. A sum of an instant and a time never overflows, as longer times count as this.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

const fn at_most_a_century(time: Duration) -> Duration {
    if time.as_secs() < CENTURY.as_secs() { time } else { CENTURY }
}

/// The limits and timeouts of a connection.
///
/// Every default is finite, and a time longer than a hundred years counts as a hundred years. Share one `Arc<Config>`
/// among all connections of a server: it is never copied.
///
/// ```
/// use std::time::Duration;
/// use squall_proto::{Config, KeepAlive};
///
/// let config = Config::default()
///     .max_message_size(1 << 20)
///     .keep_alive(KeepAlive::every(Duration::from_secs(30)));
/// assert_eq!(config.message_limit(), 1 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(crate) max_message_size: usize,
    pub(crate) max_frame_size: usize,
    pub(crate) max_fragments: usize,
    pub(crate) outgoing_frame_size: NonZeroUsize,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) message_timeout: Duration,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) write_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) write_marks: WriteMarks,
    pub(crate) delivery: Delivery,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message_size: 16 << 20,
            max_frame_size: 16 << 20,
            max_fragments: 65_536,
            outgoing_frame_size: const { NonZeroUsize::new(1 << 20).unwrap() },
            keep_alive: Some(KeepAlive::every(Duration::from_secs(20))),
            message_timeout: Duration::from_secs(5 * 60),
            idle_timeout: None,
            write_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_marks: WriteMarks::default(),
            delivery: Delivery::Messages,
        }
    }
}

impl Config {
    /// The largest message to receive, in bytes (default 16 MiB). A larger one fails the connection with 1009 as soon as a
    /// header or a running total says so, before its payload is read (RFC 6455 §10.4).
    #[must_use]
    pub const fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// The largest frame to receive, in bytes of payload (default 16 MiB). A larger one fails the connection with 1009 at
    /// its header (RFC 6455 §10.4).
    #[must_use]
    pub const fn max_frame_size(mut self, bytes: usize) -> Self {
        self.max_frame_size = bytes;
        self
    }

    /// The most frames one message may come in (default 65,536), empty ones included. One more fails the connection with
    /// 1008.
    #[must_use]
    pub const fn max_fragments(mut self, frames: usize) -> Self {
        self.max_fragments = frames;
        self
    }

    /// The most payload that one outgoing frame carries, in bytes (default 1 MiB). A larger message leaves in several
    /// frames, so that control frames can pass between them (RFC 6455 §5.4).
    #[must_use]
    pub const fn outgoing_frame_size(mut self, bytes: NonZeroUsize) -> Self {
        self.outgoing_frame_size = bytes;
        self
    }

    /// Pings and the time allowed for an answer (default: every 20 s, 20 s); `None` for neither.
    ///
    /// Without it only [`idle_timeout`](Self::idle_timeout) notices a peer that has silently gone.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = keep_alive.into();
        self
    }

    /// How long a message may be under way from its first byte to its last (default 5 minutes). After that the connection is closed with
    /// 1008, whatever signs of life there are: what has arrived of a message takes memory. Where messages come in pieces
    /// ([`Delivery::Fragments`]) nothing is collected, and there is no such limit.
    #[must_use]
    pub const fn message_timeout(mut self, timeout: Duration) -> Self {
        self.message_timeout = at_most_a_century(timeout);
        self
    }

    /// How long a connection may go without a message in either direction before it is closed with 1001 (default `None`:
    /// a peer that answers pings may be silent for ever).
    #[must_use]
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into().map(at_most_a_century);
        self
    }

    /// How long the peer may take none of the bytes that wait to be written (default 20 s). After that the connection is
    /// ended without a farewell, as nobody is reading.
    #[must_use]
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = at_most_a_century(timeout);
        self
    }

    /// How long the closing handshake and the end of the transport may take in all (default 5 s; RFC 6455 §7.1.1).
    #[must_use]
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = at_most_a_century(timeout);
        self
    }

    /// Over how many outgoing bytes the sending waits, and at how few it goes on (default 64 KiB and 16 KiB).
    #[must_use]
    pub const fn write_marks(mut self, marks: WriteMarks) -> Self {
        self.write_marks = marks;
        self
    }

    /// Whether messages are delivered whole (the default) or in pieces as they arrive.
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The limit that [`max_message_size`](Self::max_message_size) set.
    #[must_use]
    pub const fn message_limit(&self) -> usize {
        self.max_message_size
    }
}

/// Keepalive: how often to ping and how long to wait for a sign of life (RFC 6455 §5.5.2).
///
/// Any byte from the peer is a sign of life, and the wait starts when the ping has left. A peer that gives none is closed
/// with 1011 `keepalive timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    pub(crate) interval: Duration,
    pub(crate) timeout: Option<Duration>,
}

impl KeepAlive {
    /// A ping every `interval`, and as long again for a sign of life after it. Intervals below 1 ms count as 1 ms.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        let interval = at_most_a_century(interval.max(Duration::from_millis(1)));
        Self { interval, timeout: Some(interval) }
    }

    /// How long to wait for a sign of life after a ping; `None` pings without ever giving up.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into().map(at_most_a_century);
        self
    }
}

/// When outgoing bytes hold back the sending, and when they let it go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteMarks {
    high: usize,
    low: usize,
}

impl WriteMarks {
    /// Holds back over `high` bytes and lets go on at `low` or fewer; a `low` above `high` counts as `high`.
    #[must_use]
    pub const fn new(high: usize, low: usize) -> Self {
        Self { high, low: if low < high { low } else { high } }
    }

    /// The mark over which the sending waits, in bytes.
    #[must_use]
    pub const fn high(self) -> usize {
        self.high
    }

    /// The mark at which the sending goes on, in bytes.
    #[must_use]
    pub const fn low(self) -> usize {
        self.low
    }
}

impl Default for WriteMarks {
    fn default() -> Self {
        Self::new(64 << 10, 16 << 10)
    }
}

/// How incoming messages are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a message comes whole or it does not")]
pub enum Delivery {
    /// Whole, as [`Event::Message`](crate::Event::Message).
    #[default]
    Messages,
    /// In pieces as they arrive, as [`Event::Fragment`](crate::Event::Fragment), in memory bounded by the read buffer.
    Fragments,
}

/// The limits and the timeout of an opening handshake, on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeConfig {
    pub(crate) max_head_size: usize,
    pub(crate) max_line_size: usize,
    pub(crate) max_headers: usize,
    pub(crate) max_refusal_body: usize,
    pub(crate) timeout: Duration,
}

impl Default for HandshakeConfig {
    fn default() -> Self {
        Self {
            max_head_size: 16 << 10,
            max_line_size: 8 << 10,
            max_headers: 100,
            max_refusal_body: 64 << 10,
            timeout: Duration::from_secs(10),
        }
    }
}

impl HandshakeConfig {
    /// The most bytes of a request or response head (default 16 KiB). A larger request is answered with 431.
    #[must_use]
    pub const fn max_head_size(mut self, bytes: usize) -> Self {
        self.max_head_size = bytes;
        self
    }

    /// The most bytes of one line of a head (default 8 KiB): 414 for a longer request line, 431 for a longer header.
    #[must_use]
    pub const fn max_line_size(mut self, bytes: usize) -> Self {
        self.max_line_size = bytes;
        self
    }

    /// The most header fields in a head (default 100, never more than 256). More are answered with 431.
    #[must_use]
    pub const fn max_headers(mut self, count: usize) -> Self {
        self.max_headers = if count < 256 { count } else { 256 };
        self
    }

    /// The most bytes of a refusal's body that a client keeps (default 64 KiB); the rest is not read.
    #[must_use]
    pub const fn max_refusal_body(mut self, bytes: usize) -> Self {
        self.max_refusal_body = bytes;
        self
    }

    /// How long the opening handshake may take in all (default 10 s).
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = at_most_a_century(timeout);
        self
    }

    /// The time that [`timeout`](Self::timeout) set.
    #[must_use]
    pub const fn time_limit(&self) -> Duration {
        self.timeout
    }
}
