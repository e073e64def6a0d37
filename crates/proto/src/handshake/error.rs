//! Why an opening handshake failed.

use http::StatusCode;

use super::Refusal;
use crate::EntropyError;

/// Why an opening handshake failed, on either side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The head is not HTTP/1.1 (RFC 6455 §4.2.1: any violation of the grammar).
    #[error("malformed HTTP head")]
    MalformedHead,
    /// The request line is longer than [`HandshakeConfig::max_line_size`](crate::HandshakeConfig::max_line_size).
    #[error("request line is too long")]
    RequestLineTooLong,
    /// The head exceeds a limit of [`HandshakeConfig`](crate::HandshakeConfig).
    #[error("HTTP head is too large")]
    HeadTooLarge,
    /// The version of HTTP is not 1.1.
    #[error("HTTP version is not supported")]
    HttpVersion,
    /// The method is not GET.
    #[error("method is not GET")]
    Method,
    /// The target of the request is neither a path nor an absolute `http` or `https` URI, or not in ASCII (RFC 6455 §4.2.1).
    #[error("request target is not valid")]
    Target,
    /// The `Host` header is missing, repeated or not a host with an optional port.
    #[error("host header is missing or not valid")]
    Host,
    /// The `Upgrade` header does not have `websocket`.
    #[error("upgrade header does not ask for websocket")]
    Upgrade,
    /// The `Connection` header does not have `Upgrade`.
    #[error("connection header does not ask for an upgrade")]
    Connection,
    /// The request has a body, which an upgrade cannot have.
    #[error("upgrade request has a body")]
    Body,
    /// The `Origin` is not one that may connect.
    #[error("cross-origin connections are not allowed")]
    Origin,
    /// The `Sec-WebSocket-Version` is missing or not 13.
    #[error("websocket version is not 13")]
    Version,
    /// The `Sec-WebSocket-Version` stands more than once (RFC 6455 §11.3.5).
    #[error("websocket version is repeated")]
    RepeatedVersion,
    /// The `Sec-WebSocket-Key` is missing, repeated or not 16 bytes in base64.
    #[error("websocket key is missing or not valid")]
    Key,
    /// The `Sec-WebSocket-Protocol` header is not a list of tokens.
    #[error("malformed list of subprotocols")]
    MalformedProtocols,
    /// The `Sec-WebSocket-Extensions` header is not a list of extensions.
    #[error("malformed list of extensions")]
    MalformedExtensions,
    /// The server refused the upgrade, or is no WebSocket server.
    #[error("server refused the upgrade with {}", .0.status())]
    Refused(Box<Refusal>),
    /// The `Sec-WebSocket-Accept` header is missing or does not fit the key.
    #[error("server's accept value does not fit the key")]
    AcceptMismatch,
    /// The server answered before the request was sent.
    #[error("server answered before it had the request")]
    PrematureResponse,
    /// The server selected a subprotocol that was not offered.
    #[error("server selected a subprotocol that was not offered")]
    UnofferedSubprotocol,
    /// The server selected none of the offered subprotocols, and the request asked for that to be an error.
    #[error("server selected none of the offered subprotocols")]
    NoSubprotocol,
    /// The server uses an extension that was not offered.
    #[error("server uses an extension that was not offered")]
    UnofferedExtension,
    /// The server's answer to the offered compression does not fit the offer.
    #[cfg(feature = "deflate")]
    #[error(transparent)]
    Deflate(#[from] crate::deflate::DeflateNegotiationError),
    /// The handshake took longer than [`HandshakeConfig::timeout`](crate::HandshakeConfig::timeout).
    #[error("opening handshake timed out")]
    TimedOut,
    /// The transport ended before the handshake did.
    #[error("connection lost during the opening handshake")]
    Eof,
    /// No key could be drawn.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl HandshakeError {
    /// The status with which a server answers the request that failed so (RFC 6455 §4.2.1, §4.4, §10.7).
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::RequestLineTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HttpVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
