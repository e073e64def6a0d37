//! The answer to a request that is accepted (RFC 6455 §4.2.2).

use std::{sync::Arc, time::Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::{UpgradeRequest, key::Key};
use crate::{Config, Connection};

/// How to accept a request: which subprotocol, which further response headers, whether with compression.
#[derive(Debug, Clone, Default)]
pub struct Accept {
    subprotocol: Option<String>,
    headers: HeaderMap,
    #[cfg(feature = "deflate")]
    deflate: Option<crate::deflate::DeflateConfig>,
}

impl Accept {
    /// No subprotocol, no further headers, no compression.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects a subprotocol, which has to be one that the client offered.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: impl Into<Option<String>>) -> Self {
        self.subprotocol = subprotocol.into();
        self
    }

    /// Adds a header to the response.
    ///
    /// # Panics
    /// Where there are more headers than a [`HeaderMap`](http::HeaderMap) holds, some ten thousands.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Accepts the first permessage-deflate offer that can be met, if there is one (RFC 7692 §5).
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, config: impl Into<Option<crate::deflate::DeflateConfig>>) -> Self {
        self.deflate = config.into();
        self
    }
}

/// Why a request cannot be accepted in that way. It is the server's own mistake, not the client's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The client did not offer the subprotocol (RFC 6455 §4.2.2).
    #[error("the client did not offer the subprotocol {0:?}")]
    UnofferedSubprotocol(String),
    /// The handshake itself sets this header.
    #[error("the handshake itself sets the header {0}")]
    ReservedHeader(HeaderName),
}

/// Whether a header is the handshake's own.
pub(super) fn is_reserved(name: &HeaderName) -> bool {
    is_framing(name) || name.as_str().starts_with("sec-websocket-")
}

/// Whether a header says where the message ends, or what becomes of the connection after it.
pub(super) fn is_framing(name: &HeaderName) -> bool {
    [header::CONNECTION, header::UPGRADE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        .contains(name)
}

/// An accepted request: the response to send, and the connection to go on with.
#[derive(Debug)]
pub struct Acceptance {
    response: Response<()>,
    subprotocol: Option<String>,
    #[cfg(feature = "deflate")]
    deflate: Option<(crate::deflate::Agreement, crate::deflate::DeflateConfig)>,
}

impl Acceptance {
    /// Accepts a request; `key` is `None` where HTTP/2 has already agreed to the upgrade (RFC 8441 §5).
    pub(super) fn new(
        request: &UpgradeRequest,
        key: Option<&Key>,
        accept: Accept,
    ) -> Result<Self, AcceptError> {
        let mut response = Response::new(());
        if let Some(key) = key {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            // One of each and nothing beside it: deployed clients compare the whole value.
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            if let Ok(value) = key.accept_value().try_into() {
                response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, value);
            }
        }
        if let Some(subprotocol) = &accept.subprotocol {
            let offered = request.subprotocols().any(|offered| offered == subprotocol);
            match HeaderValue::from_str(subprotocol) {
                Ok(value) if offered => {
                    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value)
                }
                _ => return Err(AcceptError::UnofferedSubprotocol(subprotocol.clone())),
            };
        }
        if let Some(name) = accept.headers.keys().find(|name| is_reserved(name)) {
            return Err(AcceptError::ReservedHeader(name.clone()));
        }
        #[cfg(feature = "deflate")]
        let deflate = accept.deflate.and_then(|config| {
            let (agreed, value) = request.answer_deflate(&config)?;
            response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, value);
            Some((agreed, config))
        });
        response.headers_mut().extend(accept.headers);
        Ok(Self {
            response,
            subprotocol: accept.subprotocol,
            #[cfg(feature = "deflate")]
            deflate,
        })
    }

    /// The response: 101 with everything that RFC 6455 §4.2.2 asks for, or 200 over HTTP/2.
    #[must_use]
    pub const fn response(&self) -> &Response<()> {
        &self.response
    }

    /// The selected subprotocol.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The connection that begins once the response is sent.
    #[must_use]
    pub fn into_connection(self, config: Arc<Config>, now: Instant) -> Connection {
        let connection = Connection::server(config, now);
        #[cfg(feature = "deflate")]
        if let Some((agreed, config)) = &self.deflate {
            return connection.with_deflate(*agreed, config);
        }
        connection
    }
}
