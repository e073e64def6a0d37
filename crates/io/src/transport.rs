//! The byte stream that a runtime provides.

use std::{
    io,
    task::{Context, Poll},
};

use bytes::BytesMut;
use squall_proto::Transmit;

/// A connected byte stream: TCP, TLS, a Unix socket, an in-memory pipe.
pub trait Transport: Unpin {
    /// Reads once and appends to `input`, into its spare capacity of at least one byte; `0` is the end of the stream.
    ///
    /// # Errors
    /// What the stream reports; `input` is unchanged then.
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Writes once from `output`, vectored where the stream can, and advances it by what was written.
    ///
    /// # Errors
    /// What the stream reports; [`io::ErrorKind::WriteZero`] where it takes nothing.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Transmit,
    ) -> Poll<io::Result<usize>>;

    /// Passes on what the stream itself has buffered.
    ///
    /// # Errors
    /// What the stream reports.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the writing side, so that the peer reads the end of the stream.
    ///
    /// # Errors
    /// What the stream reports.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
