//! Any stream of the traits of futures-io as a transport (feature `futures-io`).

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use futures_io::{AsyncRead, AsyncWrite};
use squall_proto::Transmit;

use crate::Transport;

/// How much is read at once.
const READ: usize = 64 << 10;

/// How many slices one vectored write has at most.
const SLICES: usize = 64;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Any [`AsyncRead`] and [`AsyncWrite`] of futures-io as a [`Transport`].
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a newtype, open in both directions")]
pub struct FuturesIo<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for FuturesIo<S> {
    /// futures-io reads into initialised memory only. A buffer of the thread's is initialised once and what arrived is copied out of
    /// it, so that a short read costs what it brought and not a buffer filled with zeros.
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut scratch = SCRATCH.try_with(RefCell::take).unwrap_or_default();
        scratch.resize(READ, 0);
        let read = Pin::new(&mut self.0).poll_read(cx, &mut scratch);
        if let Poll::Ready(Ok(count)) = read {
            input.extend_from_slice(scratch.get(..count).unwrap_or_default());
        }
        // A thread that is ending keeps nothing.
        let _ = SCRATCH.try_with(|kept| kept.replace(scratch));
        read
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Transmit,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.0);
        // A vectored write of one slice costs the system more than a plain one.
        let written = if output.chunk().len() == output.remaining() {
            ready!(stream.poll_write(cx, output.chunk()))?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = output.chunks_vectored(&mut slices);
            ready!(stream.poll_write_vectored(cx, slices.get(..filled).unwrap_or_default()))?
        };
        output.advance(written);
        match written {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => Poll::Ready(Ok(written)),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
