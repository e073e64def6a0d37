//! What a URL tells a client (RFC 6455 §3).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Uri, uri::PathAndQuery};
use percent_encoding::percent_decode_str;

use super::upgrade_request::is_host;

/// A URL that a client cannot connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It is not a URI at all, or has characters that a URI cannot have, such as those outside of ASCII (RFC 3986 §2).
    #[error("the URL is not valid")]
    Malformed,
    /// The scheme is none of `ws`, `wss`, `http` and `https`.
    #[error("the scheme of the URL is not ws, wss, http or https")]
    Scheme,
    /// There is no host.
    #[error("the URL has no host")]
    Host,
    /// There is a fragment, which a WebSocket URL cannot have (RFC 6455 §3); a literal `#` is written `%23`.
    #[error("the URL has a fragment")]
    Fragment,
    /// The user or the password cannot stand in an `Authorization` header.
    #[error("the user or the password in the URL is not valid")]
    Credentials,
}

/// Where to connect to, and what to ask for there.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) secure: bool,
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The path, `/` if it is empty, and the query (HC09).
    pub(super) resource: PathAndQuery,
}

impl Server {
    pub(super) fn from_uri(uri: &Uri) -> Result<Self, InvalidUrl> {
        let secure = match uri.scheme_str().map(str::to_ascii_lowercase).as_deref() {
            Some("ws" | "http") => false,
            Some("wss" | "https") => true,
            Some(_) => return Err(InvalidUrl::Scheme),
            None => return Err(InvalidUrl::Malformed),
        };
        let authority = uri.authority().ok_or(InvalidUrl::Host)?;
        let bracketed = authority.host();
        let host = bracketed
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(bracketed);
        if host.is_empty() {
            return Err(InvalidUrl::Host);
        }
        let address = authority.as_str();
        let address = address.rsplit_once('@').map_or(address, |(_, address)| address);
        // The parser of URIs reads over what stands between the host and the last colon, and over a plus sign behind it.
        let port = match address.strip_prefix(bracketed) {
            Some("") => default_port(secure),
            Some(port) => parse_port(port).ok_or(InvalidUrl::Malformed)?,
            None => return Err(InvalidUrl::Malformed),
        };
        let resource = match uri.path_and_query() {
            // That of `ws://host?query` has no path.
            Some(query) if !query.as_str().starts_with('/') => {
                format!("/{}", query.as_str()).parse().map_err(|_| InvalidUrl::Malformed)?
            }
            Some(resource) => resource.clone(),
            None => PathAndQuery::from_static("/"),
        };
        if !is_escaped(resource.as_str()) {
            return Err(InvalidUrl::Malformed);
        }
        Ok(Self { secure, host: host.to_owned(), port, resource })
    }

    /// The host, in brackets if it is an IPv6 address, and the port where it is not the default (HC10).
    pub(super) fn host_header(&self) -> Result<HeaderValue, InvalidUrl> {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let header = if self.port == default_port(self.secure) {
            host
        } else {
            format!("{host}:{}", self.port)
        };
        // The parser of URIs lets brackets of a user reach into the host.
        HeaderValue::try_from(header).ok().filter(is_host).ok_or(InvalidUrl::Host)
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// The number behind a colon, if it is that of a port.
fn parse_port(port: &str) -> Option<u16> {
    let digits = port.strip_prefix(':')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port != 0)
}

/// Whether everything that has to be escaped is, and whether every escape is one (RFC 3986 §2.1; HC02).
fn is_escaped(resource: &str) -> bool {
    let escapes = resource.bytes().enumerate().filter(|(_, byte)| *byte == b'%');
    let mut digits = escapes.map(|(at, _)| resource.as_bytes().get(at + 1..at + 3));
    resource.is_ascii()
        && digits
            .all(|digits| digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// The `Authorization` header for the user and the password of a URL, if one of them is not empty (RFC 7617 §2).
pub(super) fn basic_authorization(uri: &Uri) -> Result<Option<HeaderValue>, InvalidUrl> {
    let credentials = uri.authority().and_then(|authority| authority.as_str().rsplit_once('@'));
    let Some((credentials, _)) = credentials else { return Ok(None) };
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    if user.is_empty() && password.is_empty() {
        return Ok(None);
    }
    let user: Vec<u8> = percent_decode_str(user).collect();
    let password: Vec<u8> = percent_decode_str(password).collect();
    if user.contains(&b':') || user.iter().chain(&password).any(u8::is_ascii_control) {
        return Err(InvalidUrl::Credentials);
    }
    let pair = [user, b":".to_vec(), password].concat();
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
    let mut value = value.map_err(|_| InvalidUrl::Credentials)?;
    value.set_sensitive(true);
    Ok(Some(value))
}
