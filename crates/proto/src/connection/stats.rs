//! What a connection counts.

use std::time::Duration;

/// What a connection has counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Whole messages received.
    pub messages_received: u64,
    /// Whole messages queued to be sent.
    pub messages_sent: u64,
    /// Bytes of payload received in messages and pieces of messages, after inflation.
    pub bytes_received: u64,
    /// Bytes of payload queued in messages and pieces of messages, before compression.
    pub bytes_sent: u64,
    /// Bytes of payload that the data frames received have declared: what came over the wire.
    pub wire_bytes_received: u64,
    /// Bytes of payload in the data frames queued: what goes over the wire.
    pub wire_bytes_sent: u64,
    /// The latest time from a keepalive ping's leaving to its pong's arrival.
    pub round_trip: Option<Duration>,
}

/// What is counted beside the bytes on the wire, which those count who make and take frames.
#[derive(Debug, Default)]
pub(super) struct Counters {
    messages_received: u64,
    messages_sent: u64,
    bytes_received: u64,
    bytes_sent: u64,
    round_trip: Option<Duration>,
}

impl Counters {
    pub(super) const fn sent(&mut self, bytes: usize, ends_message: bool) {
        self.bytes_sent += bytes as u64;
        self.messages_sent += ends_message as u64;
    }

    pub(super) const fn received(&mut self, bytes: usize, ends_message: bool) {
        self.bytes_received += bytes as u64;
        self.messages_received += ends_message as u64;
    }

    pub(super) const fn took_round_trip(&mut self, time: Duration) {
        self.round_trip = Some(time);
    }

    /// All that is counted, with the bytes on the wire.
    pub(super) const fn with_wire_bytes(&self, received: u64, sent: u64) -> Stats {
        Stats {
            messages_received: self.messages_received,
            messages_sent: self.messages_sent,
            bytes_received: self.bytes_received,
            bytes_sent: self.bytes_sent,
            wire_bytes_received: received,
            wire_bytes_sent: sent,
            round_trip: self.round_trip,
        }
    }
}
