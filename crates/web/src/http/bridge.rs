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
        }
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
            read?;
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use hyper::rt::ReadBuf;
    use squall_io::Runtime;
    use squall_testkit::{
        pipe::{End, Probe, pipe_of},
        simulation::{Alarm, Simulation},
    };

    use super::*;

    const KIB: usize = 1 << 10;

    /// A bridge over a pipe that holds a kibibyte, the other end of which nobody reads.
    fn bridge() -> (Bridge<End, Alarm>, Probe, End) {
        let (own, end) = pipe_of(KIB);
        let bridge = Bridge::new(own, Simulation::new().timer(), Duration::from_secs(1));
        (bridge, end.probe(), end)
    }

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    /// Reads at most `N` bytes as hyper does; `None` where there are none yet.
    fn read<const N: usize>(bridge: &mut Bridge<End, Alarm>) -> Option<Vec<u8>> {
        let mut bytes = [0; N];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(bridge).poll_read(&mut context(), buffer.unfilled()) {
            Poll::Ready(result) => result.map(|()| Some(buffer.filled().to_vec())).unwrap(),
            Poll::Pending => None,
        }
    }

    fn write(bridge: &mut Bridge<End, Alarm>, bytes: &[u8]) -> Option<usize> {
        match Pin::new(bridge).poll_write(&mut context(), bytes) {
            Poll::Ready(result) => Some(result.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn of_a_page_that_nobody_reads_two_buffers_are_taken() {
        let (mut bridge, client, _end) = bridge();
        let page = vec![b'x'; 5 * BUFFER];
        assert_eq!(write(&mut bridge, &page), Some(BUFFER));
        // The first kibibyte of it goes into the pipe, which makes room for one more buffer.
        let taken: Vec<_> = (0..10).map(|_| write(&mut bridge, &page)).collect();
        assert_eq!(taken[..2], [None, Some(BUFFER)]);
        assert_eq!(taken[2..], [None; 8]);
        assert_eq!(client.hear().len(), KIB);
    }

    #[test]
    fn what_fills_no_buffer_waits_for_its_flush() {
        let (mut bridge, client, _end) = bridge();
        assert_eq!(write(&mut bridge, b"head "), Some(5));
        assert_eq!(write(&mut bridge, b"body"), Some(4));
        assert_eq!(client.hear(), b"");
        assert!(Pin::new(&mut bridge).poll_flush(&mut context()).is_ready());
        assert_eq!(client.hear(), b"head body");
    }

    #[test]
    fn an_idle_connection_holds_no_buffer() {
        let (mut bridge, client, _end) = bridge();
        client.say("request");
        assert_eq!(read::<8>(&mut bridge).unwrap(), b"request");
        assert_eq!(read::<8>(&mut bridge), None);
        assert_eq!(bridge.input.capacity(), 0);
    }

    #[test]
    fn what_is_not_taken_at_once_is_kept() {
        let (mut bridge, client, _end) = bridge();
        client.say("0123456789");
        assert_eq!(read::<4>(&mut bridge).unwrap(), b"0123");
        assert_eq!(read::<4>(&mut bridge).unwrap(), b"4567");
        assert_eq!(bridge.into_parts().1, "89");
    }
}
