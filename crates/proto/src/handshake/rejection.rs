//! The answer to a request that is not accepted.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::{AcceptError, HandshakeError, accept::is_framing};

/// An HTTP response that refuses an upgrade: any status, headers and body.
///
/// It always says `Connection: close` and the length of its body; 204 and 304 have none (RFC 9110 §8.6).
#[derive(Debug, Clone)]
pub struct Rejection {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Rejection {
    /// A rejection with this status and its standard phrase as a body. A status of 1xx, which is no final answer, counts as 500.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        let status =
            if status.is_informational() { StatusCode::INTERNAL_SERVER_ERROR } else { status };
        let body = Bytes::from_static(status.canonical_reason().unwrap_or_default().as_bytes());
        Self { status, headers: HeaderMap::new(), body }
    }

    /// The body; it is `text/plain` in UTF-8 unless a `Content-Type` header says otherwise.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a header. `Connection`, `Content-Length`, `Transfer-Encoding` and `Upgrade` are set by the handshake itself and
    /// are passed over.
    ///
    /// # Panics
    /// Where there are more headers than a [`HeaderMap`](http::HeaderMap) holds, some ten thousands.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if !is_framing(&name) {
            self.headers.append(name, value);
        }
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The whole response.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let Self { status, mut headers, mut body } = self;
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            body.clear();
        } else {
            headers.insert(header::CONTENT_LENGTH, body.len().into());
        }
        if !body.is_empty() {
            headers
                .entry(header::CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            // What the client would have to ask for (RFC 6455 §4.4, RFC 9110 §15.5.22).
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("close, upgrade"));
        } else {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// The answer to a request that fails so: its status, and the error as a body.
impl From<&HandshakeError> for Rejection {
    fn from(error: &HandshakeError) -> Self {
        let rejection = Self::new(error.status()).body(format!("{error}\n"));
        match error {
            HandshakeError::Method => {
                rejection.header(header::ALLOW, HeaderValue::from_static("GET"))
            }
            _ => rejection,
        }
    }
}

/// The answer where the server cannot accept in the way it wanted: 500, without a word about why.
impl From<&AcceptError> for Rejection {
    fn from(_: &AcceptError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
