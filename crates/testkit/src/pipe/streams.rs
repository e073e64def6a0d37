//! An end of a pipe as a transport, and as a stream of the traits of futures-io.

use std::{
    io::{self, IoSlice, IoSliceMut},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use futures_io::{AsyncRead, AsyncWrite};
use squall_io::Transport;
use squall_proto::Transmit;

use super::End;

impl Transport for End {
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        self.side.poll_read(cx, |slice| {
            // As much as there is room for, as a socket does.
            let count = slice.len().min(input.capacity() - input.len());
            input.extend_from_slice(&slice[..count]);
            count
        })
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Transmit,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = output.chunks_vectored(&mut slices);
        let written = match self.side.poll_write(cx, &slices[..filled]) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => written,
            other => return other,
        };
        output.advance(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.side.poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.side.poll_shutdown(cx)
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = IoSliceMut::new(buffer);
        self.side.poll_read(cx, |slice| {
            let count = slice.len().min(buffer.len());
            buffer[..count].copy_from_slice(&slice[..count]);
            buffer.advance(count);
            count
        })
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.side.poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.side.poll_write(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.side.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.side.poll_shutdown(cx)
    }
}
