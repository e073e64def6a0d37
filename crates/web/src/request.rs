//! What a client asked for.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use ::http::{HeaderMap, HeaderValue, Method, Uri, header, uri::Authority};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::{PathArguments, Settings, application::Shared};

/// A request: Tornado's `self.request`, for pages and, with its whole life, for WebSocket handlers.
#[derive(Debug, Clone)]
pub struct Request {
    head: ::http::Request<()>,
    body: Bytes,
    arguments: PathArguments,
    peer: Option<SocketAddr>,
    application: Arc<Shared>,
}

impl Request {
    pub(crate) const fn new(
        head: ::http::Request<()>,
        body: Bytes,
        arguments: PathArguments,
        peer: Option<SocketAddr>,
        application: Arc<Shared>,
    ) -> Self {
        Self { head, body, arguments, peer, application }
    }

    /// The same in memory of its own: what hyper has read lies in its read buffer, which a session would hold for its whole life.
    pub(crate) fn detached(mut self) -> Self {
        for value in self.head.headers_mut().values_mut() {
            if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
                *value = own;
            }
        }
        if let Ok(own) = self.head.uri().to_string().parse() {
            *self.head.uri_mut() = own;
        }
        self
    }

    pub(crate) const fn application(&self) -> &Arc<Shared> {
        &self.application
    }

    /// The request in the types of the crate `http`.
    #[must_use]
    pub const fn head(&self) -> &::http::Request<()> {
        &self.head
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.head.method()
    }

    /// The target.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.head.uri()
    }

    /// The path, as it came: percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.uri().path()
    }

    /// What the route's pattern captured of the path.
    #[must_use]
    pub const fn arguments(&self) -> &PathArguments {
        &self.arguments
    }

    /// The query, as it came, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head.uri().query()
    }

    /// The first value of a name in the query, decoded as forms are: Tornado's `get_query_argument`.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        form_value(self.query()?, name)
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The first value of a header; `None` where there is none, or it is not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The value of a cookie, as it came (RFC 6265 §4.2.1).
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let values = self.headers().get_all(header::COOKIE).iter();
        let cookies = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(';'));
        let mut pairs = cookies.filter_map(|cookie| cookie.split_once('='));
        pairs.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
    }

    /// The host that the request is addressed to, with the port as it was written.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let host = || self.headers().get(header::HOST).map(HeaderValue::to_str)?.ok();
        self.uri().authority().map(Authority::as_str).or_else(host)
    }

    /// The body; empty for everything but POST.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The first value of a name in a body that is a form in `application/x-www-form-urlencoded`: Tornado's
    /// `get_body_argument`.
    #[must_use]
    pub fn form_value(&self, name: &str) -> Option<String> {
        form_value(std::str::from_utf8(&self.body).ok()?, name)
    }

    /// The address of the peer, where the listener knows it.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The settings of the application.
    pub fn settings(&self) -> &Settings {
        &self.application.settings
    }

    /// A part of the state that the application was [given](crate::Application::state), by its type.
    #[must_use]
    pub fn state<S: Clone + Send + Sync + 'static>(&self) -> Option<&S> {
        self.application.state.get()
    }
}

/// The first value of a name in `a=1&b=2`, decoded.
fn form_value(pairs: &str, name: &str) -> Option<String> {
    pairs.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key)? == name).then(|| decode(value))?
    })
}

/// Decodes one side of a pair of a form; `None` where it is not UTF-8 then.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Application;

    #[test]
    fn a_detached_request_holds_no_read_buffer() {
        let buffer = Bytes::from(vec![b'/'; 8192]);
        let mut head = ::http::Request::new(());
        *head.uri_mut() = Uri::from_maybe_shared(buffer.slice(..4)).unwrap();
        let value = HeaderValue::from_maybe_shared(buffer.slice(..4)).unwrap();
        head.headers_mut().insert("x-test", value);
        let application = Arc::new(Application::new().shared);
        let arguments = PathArguments::default();
        let request = Request::new(head, Bytes::new(), arguments, None, application);
        assert!(!buffer.is_unique());
        let request = request.detached();
        assert!(buffer.is_unique());
        assert_eq!((request.path(), request.header("x-test")), ("////", Some("////")));
    }

    #[test]
    fn forms_are_decoded_and_the_first_value_counts() {
        assert_eq!(form_value("a=1&b=x+y%21&b=2&c", "b").as_deref(), Some("x y!"));
        assert_eq!(form_value("a=1&c", "c").as_deref(), Some(""));
        assert_eq!(form_value("a=%FF", "a"), None);
        assert_eq!(form_value("a=1", "b"), None);
    }
}
