//! Runs a state machine over a transport and a timer.

use std::{
    io,
    task::{Context, Poll},
    time::Instant,
};

use bytes::{Buf, BytesMut};
use squall_proto::{Machine, ReadBuffer};

use crate::{Timer, Transport};

/// How many bytes are read for one task before others get their turn.
const BUDGET: u32 = 256 << 10;

/// A transport and a timer with what belongs between them and a [`Machine`]: the bytes that were read and not taken yet.
///
/// It outlives the handshake and goes on with the connection, so what a handshake leaves in the input is never lost.
#[derive(Debug)]
pub(crate) struct Driver<T, C> {
    transport: T,
    timer: C,
    input: ReadBuffer,
    /// Whether the transport has delivered its last byte.
    at_eof: bool,
    writing: Writing,
    /// Why the transport failed, until somebody asks.
    error: Option<io::Error>,
    /// When something was read last.
    read_at: Instant,
    /// How many bytes may still be read before other tasks get their turn.
    budget: u32,
}

/// What the writing side of the transport is still good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// Everything that was written has been passed on.
    Flushed,
    /// The transport may hold bytes back.
    Unflushed,
    /// It was shut down.
    ShutDown,
    /// It failed: what is still to be written has nowhere to go.
    Failed,
}

impl<T: Transport, C: Timer> Driver<T, C> {
    pub(crate) fn new(transport: T, timer: C) -> Self {
        Self::with_input(transport, timer, BytesMut::new())
    }

    /// A driver that begins with bytes that were read already.
    pub(crate) fn with_input(transport: T, timer: C, input: BytesMut) -> Self {
        Self {
            read_at: timer.now(),
            transport,
            timer,
            input: ReadBuffer::new(input),
            at_eof: false,
            writing: Writing::Flushed,
            error: None,
            budget: BUDGET,
        }
    }

    pub(crate) const fn transport(&self) -> &T {
        &self.transport
    }

    pub(crate) const fn timer(&mut self) -> &mut C {
        &mut self.timer
    }

    /// Whether bytes were read that the machine has not taken.
    pub(crate) fn has_input(&self) -> bool {
        !self.input.bytes().is_empty()
    }

    /// When something was read last.
    pub(crate) const fn read_at(&self) -> Instant {
        self.read_at
    }

    /// Whether nothing can be written any more.
    pub(crate) fn cannot_write(&self) -> bool {
        self.writing == Writing::Failed
    }

    /// Why the transport failed, if it did.
    pub(crate) const fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Takes an event off what was read already, as of the time when it was read.
    pub(crate) fn next_event<M: Machine>(&mut self, machine: &mut M) -> Option<M::Event> {
        if self.input.bytes().is_empty() {
            return None;
        }
        machine.poll_event(self.read_at, self.input.bytes_mut())
    }

    /// The next event; `None` once the machine has finished and the transport is shut down and may be dropped.
    ///
    /// Before it waits it writes what is queued. What there is to read is read before a deadline is judged, so that a peer is
    /// not blamed for this task's absence.
    pub(crate) fn poll_event<M: Machine>(
        &mut self,
        cx: &mut Context<'_>,
        machine: &mut M,
    ) -> Poll<Option<M::Event>> {
        // Nothing in here takes long: the clock is asked once.
        self.read_at = self.timer.now();
        loop {
            if let Some(event) = machine.poll_event(self.read_at, self.input.bytes_mut()) {
                return Poll::Ready(Some(event));
            }
            if self.write(cx, machine) {
                // The machine looks at what has left by now.
                continue;
            }
            if machine.is_finished() && self.poll_shut_down(cx, machine).is_ready() {
                return Poll::Ready(None);
            }
            let rests = self.budget == 0;
            // A sender that looked for a sign of life may have come across the end.
            if machine.wants_read()
                && (self.at_eof || !rests && self.poll_read(cx, machine.read_hint()).is_ready())
            {
                if self.at_eof {
                    machine.handle_eof(self.read_at);
                }
                continue;
            }
            if self.poll_timeout(cx, machine).is_ready() {
                continue;
            }
            self.budget = BUDGET;
            if rests {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
    }

    /// Ready once all that the machine has to write is written and passed on, or has nowhere to go.
    pub(crate) fn poll_flush<M: Machine>(
        &mut self,
        cx: &mut Context<'_>,
        machine: &mut M,
    ) -> Poll<()> {
        while self.write(cx, machine) {}
        let done = !machine.transmit().has_remaining() && self.writing != Writing::Unflushed;
        if done { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Acts on a deadline of the machine once it has passed: ready then, and pending while there is none.
    pub(crate) fn poll_timeout<M: Machine>(
        &mut self,
        cx: &mut Context<'_>,
        machine: &mut M,
    ) -> Poll<()> {
        let Some(deadline) = machine.poll_timeout() else { return Poll::Pending };
        std::task::ready!(self.timer.poll_until(cx, deadline));
        machine.handle_timeout(self.timer.now());
        Poll::Ready(())
    }

    /// Reads without handing anything to the machine; whether the peer has given a sign of life, or what was read before has yet to
    /// be taken.
    pub(crate) fn looks_alive(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.has_input() && !self.at_eof {
            let _ = self.poll_read(cx, 0);
        }
        self.has_input()
    }

    /// Writes what there is to write, as far as the transport takes it; whether it took anything.
    fn write<M: Machine>(&mut self, cx: &mut Context<'_>, machine: &mut M) -> bool {
        let output = machine.transmit();
        let before = output.remaining();
        while output.has_remaining() {
            if matches!(self.writing, Writing::Failed | Writing::ShutDown) {
                output.advance(output.remaining());
                break;
            }
            match self.transport.poll_write(cx, output) {
                Poll::Ready(Ok(_)) => self.writing = Writing::Unflushed,
                Poll::Ready(Err(error)) => self.fail_writing(error),
                Poll::Pending => break,
            }
        }
        let left = output.remaining();
        while left == 0 && self.writing == Writing::Unflushed {
            match self.transport.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.writing = Writing::Flushed,
                Poll::Ready(Err(error)) => self.fail_writing(error),
                Poll::Pending => break,
            }
        }
        left < before
    }

    fn fail_writing(&mut self, error: io::Error) {
        if error.kind() != io::ErrorKind::Interrupted {
            self.writing = Writing::Failed;
            self.error.get_or_insert(error);
        }
    }

    /// Shuts down the writing side and reads to the end (RFC 6455 §7.1.1), for as long as the machine has a deadline for it.
    fn poll_shut_down<M: Machine>(&mut self, cx: &mut Context<'_>, machine: &M) -> Poll<()> {
        if !matches!(self.writing, Writing::ShutDown | Writing::Failed) {
            match self.transport.poll_shutdown(cx) {
                Poll::Ready(Ok(())) => self.writing = Writing::ShutDown,
                // All has been said, so nobody needs to hear of it.
                Poll::Ready(Err(_)) => self.writing = Writing::Failed,
                Poll::Pending if machine.poll_timeout().is_some() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        if machine.wants_read() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Reads once: ready when there are more bytes in the input, or at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, hint: usize) -> Poll<()> {
        self.input.make_room(hint);
        match self.transport.poll_read(cx, self.input.bytes_mut()) {
            Poll::Ready(Ok(0)) => self.at_eof = true,
            Poll::Ready(Ok(count)) => {
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                self.budget = self.budget.saturating_sub(count);
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Poll::Ready(Err(error)) => {
                self.at_eof = true;
                self.error.get_or_insert(error);
            }
            // All that had arrived before the failure is read.
            Poll::Pending if self.writing == Writing::Failed => self.at_eof = true,
            Poll::Pending => {
                self.input.give_back();
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}
