//! What a client asks of TLS.

/// The TLS settings of a client: the system's root certificates, or a configuration of its own.
///
/// Without the feature `tls` it has no settings.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ClientTls {
    #[cfg(feature = "tls")]
    config: Option<std::sync::Arc<rustls::ClientConfig>>,
}

#[cfg(feature = "tls")]
mod rustls_config {
    use std::sync::Arc;

    use rustls::{ClientConfig, pki_types::ServerName};

    use super::ClientTls;
    use crate::tls::{TlsError, client_config, server_name};

    impl ClientTls {
        /// The configuration to use, and the name that the certificate has to be valid for.
        ///
        /// # Errors
        /// [`TlsError`] where the system has no root certificates, or `host` cannot have a certificate.
        pub fn for_host(
            &self,
            host: &str,
        ) -> Result<(Arc<ClientConfig>, ServerName<'static>), TlsError> {
            let name = server_name(host)?;
            let config = self.config.as_ref().map_or_else(client_config, |own| Ok(Arc::clone(own)));
            Ok((config?, name))
        }
    }

    impl From<Arc<ClientConfig>> for ClientTls {
        fn from(config: Arc<ClientConfig>) -> Self {
            Self { config: Some(config) }
        }
    }
}
