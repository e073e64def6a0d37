//! A request that may be accepted (RFC 6455 §4.2.1).

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header, uri::Authority,
};

use super::{
    Accept, AcceptError, Acceptance, HandshakeError,
    header_list::{extensions, has_token, tokens},
    key::Key,
};

/// A request for a WebSocket connection that has been checked. Only such a request can be accepted.
#[derive(Debug, Clone)]
pub struct UpgradeRequest {
    request: Request<()>,
    /// `None` over HTTP/2, which has no keys.
    key: Option<Key>,
    subprotocols: Vec<String>,
}

impl UpgradeRequest {
    /// Checks an HTTP/1.1 request (RFC 6455 §4.2.1): version, method and target, then `Upgrade`, `Connection`, `Host`, that there
    /// is no body, the WebSocket version, the key, and that the lists of subprotocols and extensions are lists.
    ///
    /// The origin is not judged here: ask an [`OriginPolicy`](super::OriginPolicy).
    ///
    /// # Errors
    /// The first thing that is wrong; [`HandshakeError::status`] and [`Rejection::from`](super::Rejection) say how to answer.
    pub fn from_http(request: Request<()>) -> Result<Self, HandshakeError> {
        let headers = request.headers();
        if request.version() != Version::HTTP_11 {
            return Err(HandshakeError::HttpVersion);
        }
        if request.method() != Method::GET {
            return Err(HandshakeError::Method);
        }
        if !is_resource(request.uri()) {
            return Err(HandshakeError::Target);
        }
        if !has_token(headers, &header::UPGRADE, "websocket") {
            return Err(HandshakeError::Upgrade);
        }
        if !has_token(headers, &header::CONNECTION, "upgrade") {
            return Err(HandshakeError::Connection);
        }
        if !single(headers, &header::HOST).is_some_and(is_host) {
            return Err(HandshakeError::Host);
        }
        // What a proxy takes for a body would be taken for frames here.
        let has_length = headers.get_all(header::CONTENT_LENGTH).iter().any(|length| length != "0");
        if has_length || headers.contains_key(header::TRANSFER_ENCODING) {
            return Err(HandshakeError::Body);
        }
        check_version(headers)?;
        let key = single(headers, &header::SEC_WEBSOCKET_KEY)
            .and_then(Key::from_header)
            .ok_or(HandshakeError::Key)?;
        Self::with_key(request, Some(key))
    }

    /// Checks an extended CONNECT over HTTP/2 (RFC 8441 §5). That its `:protocol` is `websocket` is for the HTTP/2 server to
    /// check; `Upgrade`, `Connection` and the key play no part, and the response is 200.
    ///
    /// # Errors
    /// As [`from_http`](Self::from_http).
    pub fn from_http2(request: Request<()>) -> Result<Self, HandshakeError> {
        if request.version() != Version::HTTP_2 {
            return Err(HandshakeError::HttpVersion);
        }
        if request.method() != Method::CONNECT {
            return Err(HandshakeError::Method);
        }
        if !is_resource(request.uri()) {
            return Err(HandshakeError::Target);
        }
        check_version(request.headers())?;
        Self::with_key(request, None)
    }

    fn with_key(request: Request<()>, key: Option<Key>) -> Result<Self, HandshakeError> {
        let headers = request.headers();
        let subprotocols = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL)
            .map_err(|_| HandshakeError::MalformedProtocols)?;
        let subprotocols = subprotocols.into_iter().map(str::to_owned).collect();
        extensions(headers, &header::SEC_WEBSOCKET_EXTENSIONS)
            .map_err(|_| HandshakeError::MalformedExtensions)?;
        Ok(Self { request, key, subprotocols })
    }

    /// Accepts the request.
    ///
    /// # Errors
    /// [`AcceptError`] where `accept` asks for what cannot be; the request is as before.
    pub fn accept(&self, accept: Accept) -> Result<Acceptance, AcceptError> {
        Acceptance::new(self, self.key.as_ref(), accept)
    }

    /// The request as it came.
    #[must_use]
    pub const fn request(&self) -> &Request<()> {
        &self.request
    }

    /// The path, as it came: percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// The query, as it came, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.request.uri().query()
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The cookies: name and value of each, in order, as they came (RFC 6265 §4.2.1). One that is not UTF-8 is passed over.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.headers().get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        values.flat_map(|value| value.split(|byte| *byte == b';')).filter_map(|cookie| {
            let (name, value) = std::str::from_utf8(cookie).ok()?.split_once('=')?;
            Some((name.trim(), value.trim()))
        })
    }

    /// The `Origin`: the page that a browser connects from. `None` where there is none, or where it is not ASCII.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok())
    }

    /// The host that the request is addressed to, with the port as it was written: that of an absolute target (RFC 9112 §3.2.2) or
    /// the `:authority` of HTTP/2, else the `Host` header.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let host = || self.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        self.request.uri().authority().map(Authority::as_str).or_else(host)
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.subprotocols.iter().map(String::as_str)
    }

    /// The first subprotocol in the client's order that the server supports too.
    ///
    /// A server whose own order counts looks for the first of its own among [`subprotocols`](Self::subprotocols) instead.
    #[must_use]
    pub fn select_subprotocol<S: AsRef<str>>(&self, supported: &[S]) -> Option<String> {
        let is_supported = |offered: &&String| {
            supported.iter().any(|supported| supported.as_ref() == offered.as_str())
        };
        self.subprotocols.iter().find(is_supported).cloned()
    }

    /// The answer to the first permessage-deflate offer that can be met (RFC 7692 §5; EX04, EX05).
    #[cfg(feature = "deflate")]
    pub(super) fn answer_deflate(
        &self,
        config: &crate::deflate::DeflateConfig,
    ) -> Option<(crate::deflate::Agreement, HeaderValue)> {
        use crate::deflate::{EXTENSION, answer};
        let offers = extensions(self.headers(), &header::SEC_WEBSOCKET_EXTENSIONS).ok()?;
        let offers = offers.iter().filter(|offer| offer.name == EXTENSION);
        let (agreed, value) =
            offers.filter_map(|offer| answer(offer.parameters(), config).ok()).next()?;
        Some((agreed, value.try_into().ok()?))
    }
}

/// The value of a header that may stand only once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// RFC 6455 §4.2.1, §4.4, §11.3.5: version 13, once.
fn check_version(headers: &HeaderMap) -> Result<(), HandshakeError> {
    let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
    match (versions.next(), versions.next()) {
        (Some(_), Some(_)) => Err(HandshakeError::RepeatedVersion),
        (Some(version), None) if version == "13" => Ok(()),
        _ => Err(HandshakeError::Version),
    }
}

/// Whether this is an absolute path, or an absolute URI of HTTP with one (RFC 6455 §4.2.1), in ASCII as URIs are (RFC 3986 §2).
fn is_resource(uri: &Uri) -> bool {
    let is_of_http = match uri.scheme_str() {
        Some(scheme) => ["http", "https", "ws", "wss"].contains(&scheme),
        None => uri.authority().is_none(),
    };
    is_of_http
        && uri
            .path_and_query()
            .is_some_and(|target| target.as_str().is_ascii() && target.path().starts_with('/'))
}

/// Whether this is a host, with an optional port and nothing else (RFC 9110 §7.2).
pub(super) fn is_host(value: &HeaderValue) -> bool {
    let authority = value.to_str().ok().and_then(|value| value.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let host = authority.host();
        let port = authority.as_str().strip_prefix(host).filter(|_| !host.is_empty());
        port.is_some_and(|port| match port.strip_prefix(':') {
            Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
            None => port.is_empty(),
        })
    })
}
