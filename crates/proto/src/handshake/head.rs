//! The head of an HTTP/1.1 message: found as its bytes arrive, held to its limits, parsed once.

use bytes::{Buf, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};

use super::{HandshakeError, header_list::is_token_byte};
use crate::{HandshakeConfig, Transmit};

/// Looks for the end of a head. Each byte is looked at once, however few arrive at a time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HeadScanner {
    scanned: usize,
    line_start: usize,
    lines: usize,
}

impl HeadScanner {
    /// Whether nothing has arrived yet.
    pub(super) const fn is_untouched(&self) -> bool {
        self.scanned == 0
    }

    /// The length of the head once all of it is in `input`.
    ///
    /// # Errors
    /// The limit that the head exceeds, a line that does not end in CR LF, or a first byte that no head has (that of TLS on a
    /// plain port), as soon as it shows and wherever the input was cut.
    pub(super) fn poll(
        &mut self,
        input: &[u8],
        limits: &HandshakeConfig,
    ) -> Result<Option<usize>, HandshakeError> {
        if input.first().is_some_and(|first| !is_token_byte(*first)) {
            return Err(HandshakeError::MalformedHead);
        }
        // What lies beyond the limit is not looked at: where the input was cut must not matter.
        let input = input.get(..limits.max_head_size).unwrap_or(input);
        while let Some(fresh) = input.get(self.scanned..)
            && let Some(length) = fresh.iter().position(|byte| *byte == b'\n')
        {
            let end = self.scanned + length;
            let line = input.get(self.line_start..end).unwrap_or_default();
            self.check_line(line, limits)?;
            if !line.ends_with(b"\r") {
                return Err(HandshakeError::MalformedHead);
            }
            if line == b"\r" {
                return Ok(Some(end + 1));
            }
            self.scanned = end + 1;
            self.line_start = end + 1;
            self.lines += 1;
        }
        self.scanned = input.len();
        self.check_line(input.get(self.line_start..).unwrap_or_default(), limits)?;
        if input.len() == limits.max_head_size {
            Err(HandshakeError::HeadTooLarge)
        } else {
            Ok(None)
        }
    }

    /// Holds a line, or what has arrived of it, to its limits.
    fn check_line(&self, line: &[u8], limits: &HandshakeConfig) -> Result<(), HandshakeError> {
        let length = line.strip_suffix(b"\r").unwrap_or(line).len();
        // The empty line at the end is none of the headers.
        let has_too_many = length > 0 && self.lines > limits.max_headers;
        match self.lines {
            0 if length > limits.max_line_size => Err(HandshakeError::RequestLineTooLong),
            _ if length > limits.max_line_size || has_too_many => Err(HandshakeError::HeadTooLarge),
            _ => Ok(()),
        }
    }
}

/// Takes a request head of this length off the input.
pub(super) fn take_request(
    input: &mut BytesMut,
    length: usize,
) -> Result<Request<()>, HandshakeError> {
    let mut headers = vec![httparse::EMPTY_HEADER; count_lines(input, length)];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(input.get(..length).unwrap_or_default()) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::Version) => return Err(HandshakeError::HttpVersion),
        Ok(httparse::Status::Partial) | Err(_) => return Err(HandshakeError::MalformedHead),
    }
    let mut request = Request::new(());
    *request.version_mut() = version(parsed.version);
    *request.method_mut() = parsed
        .method
        .and_then(|method| Method::from_bytes(method.as_bytes()).ok())
        .ok_or(HandshakeError::MalformedHead)?;
    *request.uri_mut() = parsed
        .path
        .and_then(|path| Uri::try_from(path).ok())
        .ok_or(HandshakeError::MalformedHead)?;
    *request.headers_mut() = header_map(parsed.headers)?;
    input.advance(length);
    Ok(request)
}

/// Takes a response head of this length off the input.
pub(super) fn take_response(
    input: &mut BytesMut,
    length: usize,
) -> Result<Response<()>, HandshakeError> {
    let mut headers = vec![httparse::EMPTY_HEADER; count_lines(input, length)];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(input.get(..length).unwrap_or_default()) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::Version) => return Err(HandshakeError::HttpVersion),
        Ok(httparse::Status::Partial) | Err(_) => return Err(HandshakeError::MalformedHead),
    }
    let mut response = Response::new(());
    *response.version_mut() = version(parsed.version);
    *response.status_mut() = parsed
        .code
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(HandshakeError::MalformedHead)?;
    *response.headers_mut() = header_map(parsed.headers)?;
    input.advance(length);
    Ok(response)
}

/// Queues a request head, its target in the form that an origin server reads.
pub(super) fn put_request(request: &Request<()>, out: &mut Transmit) {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    put_head(&format!("{} {target} HTTP/1.1", request.method()), request.headers(), out);
}

/// Queues a response, its body included.
pub(super) fn put_response<B: AsRef<[u8]>>(response: &Response<B>, out: &mut Transmit) {
    put_head(&format!("HTTP/1.1 {}", response.status()), response.headers(), out);
    out.append(response.body().as_ref());
}

fn put_head(first_line: &str, headers: &HeaderMap, out: &mut Transmit) {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(first_line.as_bytes());
    for (name, value) in headers {
        head.extend_from_slice(b"\r\n");
        put_name(name, &mut head);
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
    }
    head.extend_from_slice(b"\r\n\r\n");
    out.append(&head);
}

/// Writes a header name as people do, `Sec-WebSocket-Key`: there are peers that compare it letter by letter.
fn put_name(name: &HeaderName, head: &mut Vec<u8>) {
    for (i, part) in name.as_str().split('-').enumerate() {
        if i > 0 {
            head.push(b'-');
        }
        match part.as_bytes() {
            b"websocket" => head.extend_from_slice(b"WebSocket"),
            [first, rest @ ..] => {
                head.push(first.to_ascii_uppercase());
                head.extend_from_slice(rest);
            }
            [] => {}
        }
    }
}

/// How many lines a head has, which is more than it has headers.
fn count_lines(input: &BytesMut, length: usize) -> usize {
    input.iter().take(length).filter(|byte| **byte == b'\n').count()
}

const fn version(minor: Option<u8>) -> Version {
    match minor {
        Some(1) => Version::HTTP_11,
        _ => Version::HTTP_10,
    }
}

fn header_map(parsed: &[httparse::Header<'_>]) -> Result<HeaderMap, HandshakeError> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .map_err(|_| HandshakeError::MalformedHead)?;
        let value =
            HeaderValue::from_bytes(header.value).map_err(|_| HandshakeError::MalformedHead)?;
        headers.try_append(name, value).map_err(|_| HandshakeError::HeadTooLarge)?;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CVE-2023-43669: 64 KiB in single bytes are looked at once, not two billion times.
    #[test]
    fn no_byte_is_scanned_twice() {
        let limits = HandshakeConfig::default().max_head_size(1 << 20).max_line_size(1 << 20);
        let head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 << 10));
        let mut scanner = HeadScanner::default();
        for length in 1..head.len() {
            assert_eq!(scanner.poll(&head.as_bytes()[..length], &limits).unwrap(), None);
            assert_eq!(scanner.scanned, length);
        }
        assert_eq!(scanner.poll(head.as_bytes(), &limits).unwrap(), Some(head.len()));
    }
}
