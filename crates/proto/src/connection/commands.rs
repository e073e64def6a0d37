//! What the application sends: messages, pieces of them, pings and pongs.

use std::time::Instant;

use super::{
    Connection,
    send::{Compression, FrameSender},
};
use crate::{ControlPayload, EntropyError, Fragment, Message, SendError, Transmit, frame::Opcode};

impl Connection {
    /// Queues a message.
    ///
    /// It is never refused for the length of the queue: ask [`is_write_blocked`](Self::is_write_blocked) first.
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued then.
    pub fn send(&mut self, now: Instant, message: Message) -> Result<(), SendError> {
        self.send_with(now, message, Compression::WhereWorth)
    }

    /// Queues a message that is never compressed, whatever was negotiated.
    ///
    /// A secret should not share a compression context with text that others choose, since the size of the result tells about
    /// it. The message leaves no trace in the context (RFC 7692 §6).
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued then.
    pub fn send_uncompressed(&mut self, now: Instant, message: Message) -> Result<(), SendError> {
        self.send_with(now, message, Compression::Never)
    }

    fn send_with(
        &mut self,
        now: Instant,
        message: Message,
        compression: Compression,
    ) -> Result<(), SendError> {
        self.check_open()?;
        let length = message.len();
        self.queue(now, |sender, transmit| sender.message(message, compression, transmit))?;
        self.counters.sent(length, true);
        Ok(())
    }

    /// Queues a piece of a message (RFC 6455 §5.4). Control frames may pass between the pieces, other messages may not.
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued then.
    pub fn send_fragment(&mut self, now: Instant, fragment: Fragment) -> Result<(), SendError> {
        self.send_fragment_with(now, fragment, Compression::WhereWorth)
    }

    /// Queues a piece of a message that is never compressed, as [`send_uncompressed`](Self::send_uncompressed) does for a whole
    /// one. The first piece decides for all of the message.
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued then.
    pub fn send_fragment_uncompressed(
        &mut self,
        now: Instant,
        fragment: Fragment,
    ) -> Result<(), SendError> {
        self.send_fragment_with(now, fragment, Compression::Never)
    }

    fn send_fragment_with(
        &mut self,
        now: Instant,
        fragment: Fragment,
        compression: Compression,
    ) -> Result<(), SendError> {
        self.check_open()?;
        let (length, is_final) = (fragment.payload.len(), fragment.is_final);
        self.queue(now, |sender, transmit| sender.fragment(fragment, compression, transmit))?;
        self.counters.sent(length, is_final);
        Ok(())
    }

    /// Queues a ping ahead of large messages that wait (RFC 6455 §5.5.2); small ones, up to 4 KiB, it follows.
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued then.
    pub fn ping(&mut self, now: Instant, payload: ControlPayload) -> Result<(), SendError> {
        self.check_open()?;
        self.queue_control(now, Opcode::Ping, &payload)?;
        Ok(())
    }

    /// Queues a pong that nobody asked for (RFC 6455 §5.5.3); pings are answered without it.
    ///
    /// # Errors
    /// [`SendError`]; nothing was queued then.
    pub fn pong(&mut self, now: Instant, payload: ControlPayload) -> Result<(), SendError> {
        self.check_open()?;
        self.queue_control(now, Opcode::Pong, &payload)?;
        Ok(())
    }

    const fn check_open(&self) -> Result<(), SendError> {
        if self.can_send() { Ok(()) } else { Err(SendError::Closed) }
    }

    /// Queues something, and keeps the watches over the queue.
    fn queue<T>(
        &mut self,
        now: Instant,
        add: impl FnOnce(&mut FrameSender, &mut Transmit) -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let was_blocked = self.is_write_blocked();
        let added = match add(&mut self.sender, &mut self.transmit) {
            Err(SendError::Entropy(error)) if self.sender.compresses() => {
                // The compressor has moved on, and the peer's inflater has not.
                self.fail_without_entropy(error);
                return Err(SendError::Entropy(error));
            }
            added => added?,
        };
        self.watch_queue_from(now, was_blocked);
        if let Some(idle) = &mut self.idle {
            idle.touch(now);
        }
        Ok(added)
    }

    /// Queues a ping or a pong; the count of written bytes at which it has left.
    pub(super) fn queue_control(
        &mut self,
        now: Instant,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<u64, EntropyError> {
        let was_blocked = self.is_write_blocked();
        let leaves_at = self.sender.control(opcode, payload, &mut self.transmit)?;
        self.watch_queue_from(now, was_blocked);
        Ok(leaves_at)
    }
}
