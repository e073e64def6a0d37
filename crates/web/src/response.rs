//! What a page answers.

use std::{
    fs::File,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::http::{HeaderName, HeaderValue, StatusCode, header};
use blocking::Unblock;
use bytes::Bytes;
use futures_io::AsyncRead;
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;

use crate::json;

/// How much of a body is handed out at once.
const CHUNK: usize = 32 << 10;

/// The answer of a page: a status, headers and a body.
#[derive(Debug)]
pub struct Response {
    inner: ::http::Response<Content>,
}

impl Response {
    /// An answer with this status, and its phrase as a body where it is an error.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let is_error = status.is_client_error() || status.is_server_error();
        let text = status.canonical_reason().filter(|_| is_error).unwrap_or_default();
        let response =
            if text.is_empty() { Self::new(Content::empty(), None) } else { Self::text(text) };
        response.with_status(status)
    }

    /// Plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Bytes(text.into().into()), Some("text/plain; charset=utf-8"))
    }

    /// A page in HTML.
    #[must_use]
    pub fn html(page: impl Into<String>) -> Self {
        Self::new(Content::Bytes(page.into().into()), Some("text/html; charset=utf-8"))
    }

    /// A value as JSON; 500 where it cannot be.
    #[must_use]
    pub fn json<V: Serialize + ?Sized>(value: &V) -> Self {
        json::encode(value).map_or_else(
            |_| Self::status(StatusCode::INTERNAL_SERVER_ERROR),
            |text| Self::new(Content::Bytes(text.into()), Some("application/json")),
        )
    }

    /// Bytes of a media type.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>, media_type: &'static str) -> Self {
        Self::new(Content::Bytes(bytes.into()), Some(media_type))
    }

    /// A redirect (302); 500 where the target cannot stand in a header.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        HeaderValue::from_str(to).map_or_else(
            |_| Self::status(StatusCode::INTERNAL_SERVER_ERROR),
            |to| Self::status(StatusCode::FOUND).header(header::LOCATION, to),
        )
    }

    pub(crate) fn file(file: File, length: u64, media_type: &'static str) -> Self {
        let file = Unblock::with_capacity(CHUNK, file);
        Self::new(Content::File { file, left: length }, Some(media_type))
    }

    fn new(content: Content, media_type: Option<&'static str>) -> Self {
        let mut inner = ::http::Response::new(content);
        if let Some(media_type) = media_type {
            inner.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        Self { inner }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        *self.inner.status_mut() = status;
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.inner.headers_mut().insert(name, value);
        self
    }

    /// Adds a header beside those of the same name, a cookie for example.
    #[must_use]
    pub fn add_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.inner.headers_mut().append(name, value);
        self
    }

    pub(crate) fn into_http(self) -> ::http::Response<Content> {
        self.inner
    }
}

impl From<&str> for Response {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Response {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<::http::Response<Bytes>> for Response {
    fn from(response: ::http::Response<Bytes>) -> Self {
        Self { inner: response.map(Content::Bytes) }
    }
}

/// A body.
#[derive(Debug)]
pub(crate) enum Content {
    Bytes(Bytes),
    File { file: Unblock<File>, left: u64 },
}

impl Content {
    pub(crate) const fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            // What is handed out is copied, so that a slow reader of a large page would hold it twice.
            Self::Bytes(bytes) => {
                let chunk = bytes.split_to(bytes.len().min(CHUNK));
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Self::File { left: 0, .. } => Poll::Ready(None),
            Self::File { file, left } => {
                let length = usize::try_from(*left).map_or(CHUNK, |left| left.min(CHUNK));
                let mut chunk = vec![0; length];
                let read = ready!(Pin::new(file).poll_read(cx, &mut chunk))?;
                if read == 0 {
                    // It became shorter than the length that the answer has promised.
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                chunk.truncate(read);
                *left -= read as u64;
                Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { left, .. } => *left,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, task::Waker};

    use futures_lite::future::block_on;
    use http_body_util::BodyExt;

    use super::*;

    /// A file of so many bytes, as the body of an answer that promises `promised` of them.
    fn file(length: usize, promised: u64) -> Content {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'x'; length]).unwrap();
        Response::file(file.reopen().unwrap(), promised, "text/plain").into_http().into_body()
    }

    /// The next bytes of a body.
    fn next(body: &mut Content) -> Option<io::Result<Bytes>> {
        block_on(body.frame()).map(|frame| frame.map(|frame| frame.into_data().unwrap()))
    }

    #[test]
    fn few_bytes_are_one_piece_and_then_the_body_is_over() {
        let mut body = Response::text("hello").into_http().into_body();
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(next(&mut body).unwrap().unwrap(), "hello");
        assert!(body.is_end_stream());
        assert!(next(&mut body).is_none());
    }

    #[test]
    fn no_bytes_are_no_piece() {
        let mut body = Response::text("").into_http().into_body();
        assert!(body.is_end_stream());
        let polled = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(None)));
    }

    #[test]
    fn a_large_body_comes_in_chunks_and_says_what_is_left() {
        let length = 2 * CHUNK + 1;
        let bytes = Response::text("x".repeat(length)).into_http().into_body();
        for mut body in [bytes, file(length, length as u64)] {
            let mut left = length;
            while left > 0 {
                assert!(!body.is_end_stream());
                assert_eq!(body.size_hint().exact(), Some(left as u64));
                let chunk = next(&mut body).unwrap().unwrap();
                assert!((1..=CHUNK.min(left)).contains(&chunk.len()), "{}", chunk.len());
                left -= chunk.len();
            }
            assert!(body.is_end_stream());
            assert!(next(&mut body).is_none());
        }
    }

    #[test]
    fn of_a_file_that_grew_only_what_was_promised_is_read() {
        let mut body = file(10, 4);
        assert_eq!(next(&mut body).unwrap().unwrap(), "xxxx");
        assert!(next(&mut body).is_none());
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let mut body = file(4, 10);
        assert_eq!(next(&mut body).unwrap().unwrap(), "xxxx");
        assert_eq!(next(&mut body).unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
