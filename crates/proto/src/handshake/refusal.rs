//! A response other than 101, with as much of its body as is wanted (RFC 6455 §4.1).

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// The most bytes of the line with the size of a chunk, its extensions included.
const MAX_SIZE_LINE: usize = 1024;

/// A server's refusal of an upgrade: an HTTP response.
#[derive(Debug, Clone)]
pub struct Refusal {
    response: Response<Bytes>,
    truncated: bool,
}

impl Refusal {
    pub(super) fn without_body(response: Response<()>) -> Self {
        Self { response: response.map(|()| Bytes::new()), truncated: true }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The body, at most [`HandshakeConfig::max_refusal_body`](crate::HandshakeConfig::max_refusal_body) bytes of it.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.response.body()
    }

    /// Whether the body is incomplete: over the limit, or cut off by the end of the stream or of the time.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }
}

/// Reads the body of a refusal.
#[derive(Debug)]
pub(super) struct BodyReader {
    response: Response<()>,
    body: BytesMut,
    part: Part,
    limit: usize,
}

/// The part of a body that comes next (RFC 9112 §6.3, §7.1).
#[derive(Debug, Clone, Copy)]
enum Part {
    /// The last so many bytes.
    Rest(u64),
    /// Everything to the end of the stream.
    Stream,
    /// The line with the size of a chunk.
    ChunkSize,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The line break after a chunk.
    ChunkEnd,
    /// Nothing that could be told from the body.
    Garbled,
}

impl BodyReader {
    pub(super) fn new(response: Response<()>, limit: usize) -> Self {
        let headers = response.headers();
        let bodiless =
            [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
        let part = match headers.get_all(header::TRANSFER_ENCODING).iter().next_back() {
            _ if bodiless => Part::Rest(0),
            Some(coding) if is_chunked(coding.as_bytes()) => Part::ChunkSize,
            Some(_) => Part::Stream,
            None => headers
                .get(header::CONTENT_LENGTH)
                .and_then(length)
                .map_or(Part::Stream, Part::Rest),
        };
        Self { response, body: BytesMut::new(), part, limit }
    }

    /// Takes body off the input; whether that was all there is to take.
    pub(super) fn poll(&mut self, input: &mut BytesMut) -> bool {
        loop {
            let next = match self.part {
                Part::Rest(0) | Part::Garbled => return true,
                _ if self.body.len() >= self.limit => return true,
                Part::Rest(left) => self.take(input, left).map(Part::Rest),
                Part::Stream => self.take(input, u64::MAX).map(|_| Part::Stream),
                Part::ChunkSize => next_size(input),
                Part::Chunk(0) => Some(Part::ChunkEnd),
                Part::Chunk(left) => self.take(input, left).map(Part::Chunk),
                Part::ChunkEnd => line_break(input),
            };
            match next {
                Some(part) => self.part = part,
                None => return false,
            }
        }
    }

    /// Moves bytes into the body, no more than `left` and than the limit; how many are left then, `None` where none came.
    fn take(&mut self, input: &mut BytesMut, left: u64) -> Option<u64> {
        let room = self.limit.saturating_sub(self.body.len()).min(input.len());
        let count = usize::try_from(left).map_or(room, |left| left.min(room));
        self.body.extend_from_slice(input.get(..count).unwrap_or_default());
        input.advance(count);
        (count > 0).then(|| left - count as u64)
    }

    /// The refusal, whether its body is complete or not; `at_eof`: whether the stream has ended.
    pub(super) fn finish(self, at_eof: bool) -> Refusal {
        let complete = match self.part {
            Part::Rest(left) => left == 0,
            Part::Stream => at_eof && self.body.len() < self.limit,
            Part::ChunkSize | Part::Chunk(_) | Part::ChunkEnd | Part::Garbled => false,
        };
        Refusal { response: self.response.map(|()| self.body.freeze()), truncated: !complete }
    }
}

/// Whether the last of these transfer codings is `chunked`.
fn is_chunked(codings: &[u8]) -> bool {
    let last = codings.rsplit(|byte| *byte == b',').next();
    last.is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

fn length(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok().filter(|value| !value.starts_with('+'))?.parse().ok()
}

/// Takes the line with the size of a chunk off the input; `None` where it is not complete.
fn next_size(input: &mut BytesMut) -> Option<Part> {
    let line = input.get(..MAX_SIZE_LINE).unwrap_or(input);
    match httparse::parse_chunk_size(line) {
        // Without a digit there is no size, though the parser finds one.
        Ok(httparse::Status::Complete(_)) if !input.first().is_some_and(u8::is_ascii_hexdigit) => {
            Some(Part::Garbled)
        }
        Ok(httparse::Status::Complete((length, size))) => {
            input.advance(length);
            Some(if size == 0 { Part::Rest(0) } else { Part::Chunk(size) })
        }
        Ok(httparse::Status::Partial) if line.len() < MAX_SIZE_LINE => None,
        Ok(httparse::Status::Partial) | Err(_) => Some(Part::Garbled),
    }
}

/// Takes the line break after a chunk off the input; `None` where it is not complete.
fn line_break(input: &mut BytesMut) -> Option<Part> {
    match input.first_chunk() {
        Some(b"\r\n") => {
            input.advance(2);
            Some(Part::ChunkSize)
        }
        Some(_) => Some(Part::Garbled),
        None => None,
    }
}
