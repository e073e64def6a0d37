//! Judging the server's answer (RFC 6455 §4.1).

use std::{sync::Arc, time::Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::{
    HandshakeError,
    header_list::{extensions, has_token},
    key::Key,
};
use crate::{Config, Connection, Entropy, Machine};

/// A handshake whose request is sent: it waits for the response.
#[derive(Debug)]
pub struct AwaitingResponse {
    pub(super) key: Key,
    pub(super) entropy: Box<dyn Entropy>,
    pub(super) subprotocols: Vec<String>,
    pub(super) strict_subprotocol: bool,
    #[cfg(feature = "deflate")]
    pub(super) deflate: Vec<crate::deflate::DeflateConfig>,
}

impl AwaitingResponse {
    /// Judges a response with status 101 (RFC 6455 §4.1).
    ///
    /// # Errors
    /// The first thing that is wrong: the connection has to be failed. A status other than 101 is
    /// [`HandshakeError::Refused`] with an empty body, as the body is not known here.
    pub fn check(self, response: Response<()>) -> Result<Established, HandshakeError> {
        let headers = response.headers();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(HandshakeError::Refused(Box::new(super::Refusal::without_body(response))));
        }
        if !is_exactly(headers, &header::UPGRADE, |value| value.eq_ignore_ascii_case(b"websocket"))
        {
            return Err(HandshakeError::Upgrade);
        }
        if !has_token(headers, &header::CONNECTION, "upgrade") {
            return Err(HandshakeError::Connection);
        }
        let accept = self.key.accept_value();
        if !is_exactly(headers, &header::SEC_WEBSOCKET_ACCEPT, |value| {
            value.trim_ascii() == accept.as_bytes()
        }) {
            return Err(HandshakeError::AcceptMismatch);
        }
        let subprotocol = self.subprotocol(headers)?;
        #[cfg(feature = "deflate")]
        let deflate = self.agreed_deflate(headers)?;
        #[cfg(not(feature = "deflate"))]
        if !extensions(headers, &header::SEC_WEBSOCKET_EXTENSIONS)
            .map_err(|_| HandshakeError::MalformedExtensions)?
            .is_empty()
        {
            return Err(HandshakeError::UnofferedExtension);
        }
        Ok(Established {
            response,
            subprotocol,
            entropy: self.entropy,
            at_eof: false,
            #[cfg(feature = "deflate")]
            deflate,
        })
    }

    /// The selected subprotocol: one of those offered, or none (HC22).
    fn subprotocol(&self, headers: &HeaderMap) -> Result<Option<String>, HandshakeError> {
        let mut selected = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        match (selected.next(), selected.next()) {
            (None, _) if self.strict_subprotocol && !self.subprotocols.is_empty() => {
                Err(HandshakeError::NoSubprotocol)
            }
            (None, _) => Ok(None),
            (Some(selected), None) => {
                let offered = self.subprotocols.iter().find(|offered| selected == offered.as_str());
                offered.cloned().map(Some).ok_or(HandshakeError::UnofferedSubprotocol)
            }
            (Some(_), Some(_)) => Err(HandshakeError::MalformedProtocols),
        }
    }

    /// The compression that the server agreed to, with the first offer that its answer fits; nothing else was offered (HC21,
    /// HC25, HC26, EX04, EX06, EX15).
    #[cfg(feature = "deflate")]
    fn agreed_deflate(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<(crate::deflate::Agreement, crate::deflate::DeflateConfig)>, HandshakeError>
    {
        use crate::deflate::{EXTENSION, accept_answer};
        let answered = extensions(headers, &header::SEC_WEBSOCKET_EXTENSIONS)
            .map_err(|_| HandshakeError::MalformedExtensions)?;
        let answer = match answered.as_slice() {
            [] => return Ok(None),
            [answer] if answer.name == EXTENSION => answer,
            _ => return Err(HandshakeError::UnofferedExtension),
        };
        let mut failure = HandshakeError::UnofferedExtension;
        for config in &self.deflate {
            match accept_answer(answer.parameters(), config) {
                Ok(agreed) => return Ok(Some((agreed, config.clone()))),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }
}

/// A handshake that has succeeded.
#[derive(Debug)]
pub struct Established {
    response: Response<()>,
    subprotocol: Option<String>,
    entropy: Box<dyn Entropy>,
    /// Whether the transport has delivered its last byte, which the connection has to know.
    pub(super) at_eof: bool,
    #[cfg(feature = "deflate")]
    deflate: Option<(crate::deflate::Agreement, crate::deflate::DeflateConfig)>,
}

impl Established {
    /// The server's response.
    #[must_use]
    pub const fn response(&self) -> &Response<()> {
        &self.response
    }

    /// The subprotocol that the server selected.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The connection that begins here. What the input still holds belongs to it.
    #[must_use]
    pub fn into_connection(self, config: Arc<Config>, now: Instant) -> Connection {
        let mut connection = Connection::client(config, self.entropy, now);
        #[cfg(feature = "deflate")]
        if let Some((agreed, config)) = &self.deflate {
            connection = connection.with_deflate(*agreed, config);
        }
        if self.at_eof {
            connection.handle_eof(now);
        }
        connection
    }
}

/// Whether the header stands once and its value is right.
fn is_exactly(headers: &HeaderMap, name: &HeaderName, is_right: impl Fn(&[u8]) -> bool) -> bool {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    values.next().is_some_and(is_right) && values.next().is_none()
}
