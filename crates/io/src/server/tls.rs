//! What a server asks of TLS.

/// The TLS settings of a server: its certificate and its key, as a configuration of rustls.
///
/// Without the feature `tls` there is no way to make one.
#[derive(Debug, Clone)]
pub struct ServerTls {
    #[cfg(feature = "tls")]
    config: std::sync::Arc<rustls::ServerConfig>,
    #[cfg(not(feature = "tls"))]
    _never: std::convert::Infallible,
}

#[cfg(feature = "tls")]
mod rustls_config {
    use std::sync::Arc;

    use rustls::ServerConfig;

    use super::ServerTls;

    impl ServerTls {
        /// The configuration to use.
        #[must_use]
        pub fn config(&self) -> Arc<ServerConfig> {
            Arc::clone(&self.config)
        }
    }

    impl From<Arc<ServerConfig>> for ServerTls {
        fn from(config: Arc<ServerConfig>) -> Self {
            Self { config }
        }
    }
}
