//! A transport as hyper wants it, with what hyper leaves to others: no client may stop taking bytes for ever, and none loses the
//! last answer because it was still sending.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use hyper::rt::{Read, ReadBufCursor, Write};
use squall_io::{Timer, Transport};
use squall_proto::Transmit;

/// How much is read at once, and how much is taken for writing before it is written.
const BUFFER: usize = 16 << 10;

/// How long a client may still send after the end of the last answer.
const LINGER: Duration = Duration::from_secs(2);

/// How much of that is read.
const LINGER_BYTES: usize = 1 << 20;

/// A transport with its buffers.
pub(super) struct Bridge<T, C> {
    transport: T,
    timer: C,
    input: BytesMut,
    output: Transmit,
    write_timeout: Duration,
    /// Until when the client has to take something of what waits to be written.
    write_deadline: Option<Instant>,
    /// The end of the connection, once it has begun.
    lingering: Option<Lingering>,
    /// Whether bytes have been read since the last write.
    has_unanswered: bool,
}

#[derive(Clone, Copy)]
struct Lingering {
    deadline: Instant,
    left: usize,
}

impl<T: Transport, C: Timer> Bridge<T, C> {
    pub(super) fn new(transport: T, timer: C, write_timeout: Duration) -> Self {
        Self {
            transport,
            timer,
            input: BytesMut::new(),
            output: Transmit::default(),
            write_timeout,
            write_deadline: None,
            lingering: None,
            has_unanswered: false,
        }
    }

    /// Whether the client has begun a request that has no answer yet.
    pub(super) const fn has_unanswered(&self) -> bool {
        self.has_unanswered
    }

    /// The transport, and what was read and not yet taken by hyper.
    pub(super) fn into_parts(self) -> (T, BytesMut) {
        (self.transport, self.input)
    }

    /// Writes everything that was taken.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.output.has_remaining() {
            if self.transport.poll_write(cx, &mut self.output)?.is_ready() {
                self.write_deadline = None;
                continue;
            }
            let now = self.timer.now();
            let deadline = *self.write_deadline.get_or_insert(now + self.write_timeout);
            ready!(self.timer.poll_until(cx, deadline));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Ready(Ok(()))
    }

    /// Reads to the end, for as long as that makes sense: an end with unread bytes makes TCP take back what the client has not read.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let deadline = self.timer.now() + LINGER;
        let lingering = self.lingering.get_or_insert(Lingering { deadline, left: LINGER_BYTES });
        while lingering.left > 0 && self.timer.poll_until(cx, lingering.deadline).is_pending() {
            self.input.clear();
            self.input.reserve(BUFFER);
            match ready!(self.transport.poll_read(cx, &mut self.input)) {
                Ok(0) | Err(_) => break,
                Ok(count) => lingering.left = lingering.left.saturating_sub(count),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport, C: Timer> Read for Bridge<T, C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.input.is_empty() {
            this.input.reserve(BUFFER);
            let Poll::Ready(read) = this.transport.poll_read(cx, &mut this.input) else {
                // An idle connection holds no buffer.
                this.input = BytesMut::new();
                return Poll::Pending;
            };
            this.has_unanswered |= read? > 0;
        }
        // Copied once, as hyper reads into a buffer of its own.
        let length = this.input.len().min(buffer.remaining());
        buffer.put_slice(&this.input.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport, C: Timer> Write for Bridge<T, C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.output.remaining() >= BUFFER {
            ready!(self.poll_drain(cx))?;
        }
        let taken = bytes.get(..BUFFER).unwrap_or(bytes);
        self.output.append(taken);
        self.has_unanswered = false;
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        self.transport.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(self.poll_drain(cx))?;
            ready!(self.transport.poll_shutdown(cx))?;
        }
        self.poll_linger(cx)
    }
}
