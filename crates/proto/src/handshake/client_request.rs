//! What a client asks for (RFC 6455 §3, §4.1).

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::PathAndQuery};

use super::{
    AwaitingResponse,
    accept::is_reserved,
    client_url::{InvalidUrl, Server, basic_authorization},
    header_list::{is_token, tokens},
    key::Key,
    upgrade_request::is_host,
};
use crate::{Entropy, EntropyError};

/// A request for a WebSocket connection.
///
/// ```
/// use squall_proto::handshake::ClientRequest;
///
/// let request = ClientRequest::new("wss://user:secret@example.com/chat?room=1")?
///     .subprotocol("chat")?
///     .header("X-Trace".parse()?, "7".parse()?)?;
/// assert_eq!((request.host(), request.port(), request.is_secure()), ("example.com", 443, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientRequest {
    server: Server,
    host: HeaderValue,
    origin: Option<HeaderValue>,
    authorization: Option<HeaderValue>,
    headers: HeaderMap,
    subprotocols: Vec<String>,
    strict_subprotocol: bool,
    #[cfg(feature = "deflate")]
    deflate: Vec<crate::deflate::DeflateConfig>,
}

/// Something that cannot stand in a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The URL cannot be connected to.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The method is not GET (RFC 6455 §4.1).
    #[error("the method is not GET")]
    Method,
    /// The `Host` is not a host with an optional port.
    #[error("the host header is not valid")]
    Host,
    /// The handshake itself sets this header.
    #[error("the handshake itself sets the header {0}")]
    ReservedHeader(HeaderName),
    /// A list of subprotocols that is not a list of tokens (RFC 6455 §4.1).
    #[error("the list of subprotocols is not valid")]
    InvalidSubprotocols,
    /// A subprotocol that is not a token (RFC 6455 §4.1).
    #[error("the subprotocol {0:?} is not a token")]
    InvalidSubprotocol(String),
    /// A subprotocol that is offered twice (RFC 6455 §4.1).
    #[error("the subprotocol {0:?} is offered twice")]
    DuplicateSubprotocol(String),
}

impl ClientRequest {
    /// A request for a URL: `ws:` or `http:`, `wss:` or `https:`.
    ///
    /// A user and a password in it become an `Authorization: Basic` header.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn new(url: &str) -> Result<Self, InvalidUrl> {
        // The parser of URIs drops a fragment (HC01).
        if url.contains('#') {
            return Err(InvalidUrl::Fragment);
        }
        Self::from_uri(&url.parse().map_err(|_| InvalidUrl::Malformed)?)
    }

    /// A request for a parsed URL, as [`new`](Self::new).
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn from_uri(uri: &Uri) -> Result<Self, InvalidUrl> {
        let server = Server::from_uri(uri)?;
        Ok(Self {
            host: server.host_header()?,
            authorization: basic_authorization(uri)?,
            server,
            origin: None,
            headers: HeaderMap::new(),
            subprotocols: Vec::new(),
            strict_subprotocol: false,
            #[cfg(feature = "deflate")]
            deflate: Vec::new(),
        })
    }

    /// A request from one of the `http` crate: its URL, which has to be absolute, and its headers. A `Sec-WebSocket-Protocol`
    /// among them is the list of subprotocols to offer. The version does not matter: HTTP/1.1 is spoken.
    ///
    /// # Errors
    /// [`InvalidRequest`], also for headers that the handshake sets itself.
    pub fn from_http(request: Request<()>) -> Result<Self, InvalidRequest> {
        let (parts, ()) = request.into_parts();
        if parts.method != Method::GET {
            return Err(InvalidRequest::Method);
        }
        let mut this = Self::from_uri(&parts.uri)?;
        let offered = tokens(&parts.headers, &header::SEC_WEBSOCKET_PROTOCOL);
        for subprotocol in offered.map_err(|_| InvalidRequest::InvalidSubprotocols)? {
            this = this.subprotocol(subprotocol)?;
        }
        for (name, value) in &parts.headers {
            if name != header::SEC_WEBSOCKET_PROTOCOL {
                this = this.header(name.clone(), value.clone())?;
            }
        }
        Ok(this)
    }

    /// Adds a header. `Host`, `Origin` and `Authorization` take the place of the one before; a `Host` other than the URL's is for
    /// servers that are reached by another name.
    ///
    /// # Errors
    /// [`InvalidRequest::ReservedHeader`] for one that the handshake sets itself, [`InvalidRequest::Host`].
    ///
    /// # Panics
    /// Where there are more headers than a [`HeaderMap`](http::HeaderMap) holds, some ten thousands.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Result<Self, InvalidRequest> {
        match name {
            header::ORIGIN => self.origin = Some(value),
            header::AUTHORIZATION => self.authorization = Some(value),
            header::HOST if is_host(&value) => self.host = value,
            header::HOST => return Err(InvalidRequest::Host),
            name if is_reserved(&name) => return Err(InvalidRequest::ReservedHeader(name)),
            name => drop(self.headers.append(name, value)),
        }
        Ok(self)
    }

    /// Takes a header out again, the `Authorization` from the URL for example. What the handshake itself sets stays.
    #[must_use]
    pub fn without_header(mut self, name: &HeaderName) -> Self {
        match *name {
            header::ORIGIN => self.origin = None,
            header::AUTHORIZATION => self.authorization = None,
            ref name => drop(self.headers.remove(name)),
        }
        self
    }

    /// Sends an `Origin` header, as browsers do (RFC 6455 §4.1; default: none).
    #[must_use]
    pub fn origin(mut self, origin: HeaderValue) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Offers a subprotocol; the first one offered is the most preferred.
    ///
    /// # Errors
    /// [`InvalidRequest`] for one that is not a token or is offered already.
    pub fn subprotocol(mut self, subprotocol: impl Into<String>) -> Result<Self, InvalidRequest> {
        let subprotocol = subprotocol.into();
        if !is_token(&subprotocol) {
            return Err(InvalidRequest::InvalidSubprotocol(subprotocol));
        }
        if self.subprotocols.contains(&subprotocol) {
            return Err(InvalidRequest::DuplicateSubprotocol(subprotocol));
        }
        self.subprotocols.push(subprotocol);
        Ok(self)
    }

    /// Fails the handshake if the server selects none of the subprotocols, as browsers do (default: that is fine, as RFC 6455 has it).
    #[must_use]
    pub const fn strict_subprotocol(mut self, strict: bool) -> Self {
        self.strict_subprotocol = strict;
        self
    }

    /// Offers permessage-deflate (RFC 7692), or nothing.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, config: impl Into<Option<crate::deflate::DeflateConfig>>) -> Self {
        self.deflate = config.into().into_iter().collect();
        self
    }

    /// Offers permessage-deflate once more, for servers that decline what was offered before (RFC 7692 §5).
    ///
    /// ```
    /// use squall_proto::{deflate::{DeflateConfig, WindowBits}, handshake::ClientRequest};
    ///
    /// // Not every server can do with a small window. Those that cannot may use theirs.
    /// let small = DeflateConfig::default().server_max_window_bits(WindowBits::MIN);
    /// let request = ClientRequest::new("ws://example.com/")?.deflate(small).or_deflate(DeflateConfig::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn or_deflate(mut self, config: crate::deflate::DeflateConfig) -> Self {
        self.deflate.push(config);
        self
    }

    /// The host to connect to: a name, or an IP address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.server.host
    }

    /// The port to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.server.port
    }

    /// Whether everything has to go through TLS (RFC 6455 §4.1).
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.server.secure
    }

    /// The path and the query.
    #[must_use]
    pub const fn path_and_query(&self) -> &PathAndQuery {
        &self.server.resource
    }

    /// Begins the handshake: the HTTP request to send, and what judges the response to it.
    ///
    /// # Errors
    /// [`EntropyError`] where no key could be drawn.
    pub fn begin(
        self,
        mut entropy: Box<dyn Entropy>,
    ) -> Result<(Request<()>, AwaitingResponse), EntropyError> {
        let key = Key::draw(entropy.as_mut())?;
        let mut request = Request::new(());
        *request.uri_mut() = self.server.resource.into();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host);
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_KEY, key.header().clone());
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        // Tokens are valid header values.
        if let (false, Ok(offered)) =
            (self.subprotocols.is_empty(), HeaderValue::try_from(self.subprotocols.join(",")))
        {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, offered);
        }
        #[cfg(feature = "deflate")]
        let offers: Vec<String> = self.deflate.iter().map(crate::deflate::offer).collect();
        #[cfg(feature = "deflate")]
        if let (false, Ok(offered)) = (offers.is_empty(), HeaderValue::try_from(offers.join(", ")))
        {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, offered);
        }
        headers.extend(self.origin.map(|origin| (header::ORIGIN, origin)));
        headers
            .extend(self.authorization.map(|authorization| (header::AUTHORIZATION, authorization)));
        headers.extend(self.headers);
        let awaiting = AwaitingResponse {
            key,
            entropy,
            subprotocols: self.subprotocols,
            strict_subprotocol: self.strict_subprotocol,
            #[cfg(feature = "deflate")]
            deflate: self.deflate,
        };
        Ok((request, awaiting))
    }
}
