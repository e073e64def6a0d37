//! Any stream of tokio's traits as a transport.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, BytesMut};
use squall_io::Transport;
use squall_proto::Transmit;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::{poll_read_buf, poll_write_buf};

/// How much is read at once: so little that it is still in the processor's cache when it is unmasked.
const READ: usize = 128 << 10;

/// Any [`AsyncRead`] and [`AsyncWrite`] of tokio as a [`Transport`]: reads go into spare capacity, writes are vectored where
/// the stream can.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a newtype, open in both directions")]
pub struct Io<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for Io<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        poll_read_buf(Pin::new(&mut self.0), cx, &mut input.limit(READ))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Transmit,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.0);
        // A vectored write of one slice costs the system more than a plain one.
        let written = if output.chunk().len() == output.remaining() {
            let written = ready!(stream.poll_write(cx, output.chunk()))?;
            output.advance(written);
            written
        } else {
            ready!(poll_write_buf(stream, cx, output))?
        };
        match written {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => Poll::Ready(Ok(written)),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
