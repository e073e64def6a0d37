//! How a server treats those who knock.

use std::sync::Arc;

#[cfg(feature = "deflate")]
use squall_proto::deflate::DeflateConfig;
use squall_proto::{
    Config, HandshakeConfig,
    handshake::{Accept, OriginPolicy, UpgradeRequest},
};

use crate::Shutdown;

/// The settings of a server's handshakes and connections. Cloning it is cheap.
///
/// ```
/// use squall_io::server::ServerConfig;
/// use squall_proto::{Config, handshake::OriginPolicy};
///
/// let config = ServerConfig::default()
///     .connection(Config::default().max_message_size(1 << 20))
///     .origin(OriginPolicy::List(vec!["https://example.com".into()]))
///     .subprotocols(["chat.v2", "chat"]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ServerConfig {
    connection: Arc<Config>,
    handshake: HandshakeConfig,
    origin: Arc<OriginPolicy>,
    subprotocols: Arc<[String]>,
    #[cfg(feature = "deflate")]
    deflate: Option<DeflateConfig>,
    shutdown: Shutdown,
}

impl ServerConfig {
    /// The limits and timeouts of the connections (default: those of [`Config`]).
    pub fn connection(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.connection = config.into();
        self
    }

    /// The limits and the timeout of the handshakes (default: those of [`HandshakeConfig`]). The timeout is for everything from
    /// the first byte of TLS to the last of the answer.
    pub const fn handshake(mut self, config: HandshakeConfig) -> Self {
        self.handshake = config;
        self
    }

    /// Which web pages may connect (default: those of the same authority). Others are answered with 403.
    pub fn origin(mut self, policy: OriginPolicy) -> Self {
        self.origin = Arc::new(policy);
        self
    }

    /// The subprotocols to select from (default: none): the first of the client's that is among them.
    pub fn subprotocols<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// Compression for clients that offer it, permessage-deflate (default: none).
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, config: impl Into<Option<DeflateConfig>>) -> Self {
        self.deflate = config.into();
        self
    }

    /// The switch that ends the connections: each starts its closing handshake with 1001 when it is turned on.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// The acceptance that these settings give a request: its subprotocol selected, compression where it is wanted.
    pub(super) fn acceptance(&self, request: &UpgradeRequest) -> Accept {
        let accept = Accept::new().subprotocol(request.select_subprotocol(&self.subprotocols));
        #[cfg(feature = "deflate")]
        let accept = accept.deflate(self.deflate.clone());
        accept
    }

    pub(super) fn connection_config(&self) -> Arc<Config> {
        Arc::clone(&self.connection)
    }

    pub(super) const fn handshake_config(&self) -> &HandshakeConfig {
        &self.handshake
    }

    pub(super) fn origin_policy(&self) -> &OriginPolicy {
        &self.origin
    }

    pub(super) const fn shutdown_switch(&self) -> &Shutdown {
        &self.shutdown
    }
}
