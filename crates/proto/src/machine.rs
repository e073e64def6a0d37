//! The contract that every state machine of this crate keeps.

use std::time::Instant;

use bytes::BytesMut;

use crate::Transmit;

/// A protocol state machine: bytes and time go in, events and bytes come out, and no I/O happens.
///
/// The caller owns the transport, the clock and the input buffer. It appends what it reads to `input` and lends
/// the buffer to [`poll_event`](Self::poll_event); it writes what [`transmit`](Self::transmit) holds; and it calls
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) has passed. No call order is
/// wrong, no call blocks, and no call can fail: what goes wrong is an event.
pub trait Machine {
    /// What the machine has to tell.
    type Event;

    /// Takes the next event off the front of `input`; `None` means that more bytes are needed, or that nothing more
    /// will come.
    ///
    /// Call it until it answers `None`, and again after bytes were read, bytes were written or the timer fired.
    /// Between two calls the caller may append to `input` but must leave what is already there alone: payload at
    /// its front may already be unmasked. What a handshake leaves in `input` belongs to the connection after it.
    #[must_use]
    fn poll_event(&mut self, now: Instant, input: &mut BytesMut) -> Option<Self::Event>;

    /// The bytes to write, as a [`bytes::Buf`]: write from it and advance it.
    ///
    /// Advance it by what was written before the machine is called again: a ping that is queued in between may be put
    /// in front of bytes that have left already.
    #[must_use]
    fn transmit(&mut self) -> &mut Transmit;

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    #[must_use]
    fn poll_timeout(&self) -> Option<Instant>;

    /// Acts on every deadline that has passed at `now`; harmless when called early or late.
    fn handle_timeout(&mut self, now: Instant);

    /// Records that the transport will deliver no more bytes.
    fn handle_eof(&mut self, now: Instant);

    /// Whether bytes from the transport can still change anything.
    #[must_use]
    fn wants_read(&self) -> bool;

    /// How many bytes beyond those in the input would complete what is being read; `0` where that is unknown.
    ///
    /// It is a hint for sizing the read buffer and grows with what has arrived, never with what a header merely
    /// declares: at most 64 KiB, or three times as much as was already received of the same frame.
    #[must_use]
    fn read_hint(&self) -> usize;

    /// Whether all is said and written: shut down the writing side of the transport.
    ///
    /// While [`wants_read`](Self::wants_read) still holds after that, read and hand over (the machine discards it)
    /// until the end of the stream or until the timer fires: closing a socket with unread bytes in it can destroy the
    /// last bytes that were sent (RFC 6455 §7.1.1).
    #[must_use]
    fn is_finished(&self) -> bool;
}
