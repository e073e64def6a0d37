//! The settings of an application.

use std::{sync::Arc, time::Duration};

use squall_proto::{Config, HandshakeConfig};

/// Limits and timeouts of an application; all of them are finite.
///
/// ```
/// use std::time::Duration;
/// use squall_web::{Config, KeepAlive, Settings};
///
/// // Tornado: websocket_ping_interval=30, websocket_ping_timeout=10, websocket_max_message_size=10 << 20
/// let keep_alive = KeepAlive::every(Duration::from_secs(30)).timeout(Duration::from_secs(10));
/// let settings = Settings::default()
///     .websocket(Config::default().keep_alive(keep_alive).max_message_size(10 << 20))
///     .trusted_origins(["https://example.com"]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Settings {
    websocket: Arc<Config>,
    trusted_origins: Arc<[String]>,
    pub(crate) handshake: HandshakeConfig,
    pub(crate) max_headers: usize,
    pub(crate) max_head_size: usize,
    pub(crate) max_body_size: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) write_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            websocket: Arc::default(),
            trusted_origins: Arc::default(),
            handshake: HandshakeConfig::default(),
            max_headers: 100,
            max_head_size: 16 << 10,
            max_body_size: 1 << 20,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(20),
        }
    }
}

impl Settings {
    /// The limits and timeouts of WebSocket connections (default: those of [`Config`]); a handler's
    /// [`options`](crate::Handler::options) may have others.
    pub fn websocket(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.websocket = config.into();
        self
    }

    /// The origins, each exactly as a browser writes it, from which pages may connect too (default: none).
    pub fn trusted_origins<S: Into<String>>(
        mut self,
        origins: impl IntoIterator<Item = S>,
    ) -> Self {
        self.trusted_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// How long [`prepare`](crate::Handler::prepare) may take before the request is answered with 503 (default 10 s).
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake = self.handshake.timeout(limit);
        self
    }

    /// The most header fields of a request (default 100). More are answered with 431.
    pub const fn max_headers(mut self, count: usize) -> Self {
        self.max_headers = count;
        self
    }

    /// The most bytes of a request's head (default 16 KiB, at least 8 KiB). A larger one is answered with 431.
    pub const fn max_head_size(mut self, bytes: usize) -> Self {
        self.max_head_size = bytes;
        self
    }

    /// The most bytes of a request's body (default 1 MiB). A larger one is answered with 413.
    pub const fn max_body_size(mut self, bytes: usize) -> Self {
        self.max_body_size = bytes;
        self
    }

    /// How long a request's head may take to arrive, and how long a connection may be idle before its next request (default 10 s).
    /// A head that has begun is answered with 408.
    pub const fn head_timeout(mut self, limit: Duration) -> Self {
        self.head_timeout = limit;
        self
    }

    /// How long a request's body may take to arrive (default 30 s). A slower one is answered with 408.
    pub const fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_timeout = limit;
        self
    }

    /// How long a client may take none of the bytes of a page before the connection is dropped (default 20 s).
    pub const fn write_timeout(mut self, limit: Duration) -> Self {
        self.write_timeout = limit;
        self
    }

    /// Whether an origin is among the trusted ones.
    #[must_use]
    pub fn trusts(&self, origin: &str) -> bool {
        self.trusted_origins.iter().any(|trusted| trusted == origin)
    }

    pub(crate) const fn websocket_config(&self) -> &Arc<Config> {
        &self.websocket
    }
}
