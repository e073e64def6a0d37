//! Which web pages may connect (RFC 6455 §4.2.2, §10.2).

use std::{fmt, sync::Arc};

use http::{HeaderMap, header, uri::Authority};

use super::UpgradeRequest;

/// What a browser calls an origin that equals no other.
const OPAQUE: &str = "null";

/// Which origins may connect.
///
/// A browser lets any page open a WebSocket to any server, with the cookies of that server, and only says in `Origin` where the
/// page is from. Whoever recognises users by cookies must therefore check it; the default does.
///
/// A request is judged so, as Tornado does:
/// 1. `Sec-Fetch-Site: same-origin` or `none` is allowed whatever `Origin` says: the browser itself vouches for it.
/// 2. Without `Sec-Fetch-Site`, a request without `Origin` is allowed (it is not from a browser), and one whose `Origin` has the
///    authority of `Host`: host and port as they are written, letter case and scheme aside. A default port is left out of both
///    by every browser, so that `example.com` and `example.com:80` are two authorities here.
/// 3. Everything else is allowed if it has an `Origin` and the policy allows that.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum OriginPolicy {
    /// Allows no other origin than the server's own.
    #[default]
    SameAuthority,
    /// Allows these origins too, each as a browser writes it: `https://example.com`, with the port if it is not the
    /// default, no slash at the end.
    List(Vec<String>),
    /// Allows the hosts below these domains too, under any scheme and port, and the domains themselves: `example.com`.
    Subdomains(Vec<String>),
    /// Allows every origin. Only for servers that do not recognise their users by cookies.
    Any,
    /// Allows what the function says, which sees the `Origin`: `null` where it is not ASCII or stands more than once.
    Custom(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl OriginPolicy {
    /// A policy that allows what `allows` says of the `Origin`.
    pub fn custom(allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(allows))
    }

    /// Whether a request with these headers may connect.
    #[must_use]
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        self.allows_to(host, headers)
    }

    /// Whether a request may connect. Unlike [`allows`](Self::allows) this knows the host of HTTP/2, which is in the target.
    #[must_use]
    pub fn allows_request(&self, request: &UpgradeRequest) -> bool {
        self.allows_to(request.host(), request.headers())
    }

    fn allows_to(&self, host: Option<&str>, headers: &HeaderMap) -> bool {
        Self::judge(host, headers, |origin| self.allows_origin(origin))
    }

    /// Judges a request as described above, with a rule of the caller's for step 3. It sees the `Origin`: `null` where that is not
    /// ASCII or stands more than once.
    #[must_use]
    pub fn judge(
        host: Option<&str>,
        headers: &HeaderMap,
        allows: impl FnOnce(&str) -> bool,
    ) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => None,
            (Some(origin), None) => Some(origin.to_str().unwrap_or(OPAQUE)),
            (Some(_), Some(_)) => Some(OPAQUE),
        };
        match (headers.get("sec-fetch-site"), origin) {
            (Some(site), _) if site == "same-origin" || site == "none" => true,
            (None, None) => true,
            (Some(_), None) => false,
            (None, Some(origin)) if is_same_authority(origin, host) => true,
            (_, Some(origin)) => allows(origin),
        }
    }

    /// Whether the policy itself allows an origin that is not the server's own.
    fn allows_origin(&self, origin: &str) -> bool {
        match self {
            Self::SameAuthority => false,
            Self::List(origins) => {
                origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
            }
            Self::Subdomains(domains) => {
                let authority =
                    authority(origin).and_then(|authority| authority.parse::<Authority>().ok());
                authority.is_some_and(|authority| {
                    domains.iter().any(|domain| is_below(authority.host(), domain))
                })
            }
            Self::Any => true,
            Self::Custom(allows) => allows(origin),
        }
    }
}

/// Whether `host` is `domain` or ends in a dot and `domain`.
fn is_below(host: &str, domain: &str) -> bool {
    let (host, domain) =
        (host.to_ascii_lowercase(), domain.trim_start_matches('.').to_ascii_lowercase());
    let rest = host.strip_suffix(&domain).filter(|_| !domain.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether the authority of an origin is the one that the request is addressed to.
fn is_same_authority(origin: &str, host: Option<&str>) -> bool {
    match (authority(origin), host) {
        (Some(authority), Some(host)) => authority.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// The authority of an origin, whatever path may follow it; without a scheme there is none.
fn authority(origin: &str) -> Option<&str> {
    let (scheme, rest) = origin.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let authority = rest.split(['/', '?', '#']).next()?;
    (is_scheme && !authority.is_empty()).then_some(authority)
}

impl fmt::Debug for OriginPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameAuthority => f.write_str("SameAuthority"),
            Self::List(origins) => f.debug_tuple("List").field(origins).finish(),
            Self::Subdomains(domains) => f.debug_tuple("Subdomains").field(domains).finish(),
            Self::Any => f.write_str("Any"),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}
