//! A certificate for this run: the servers read it from a file, and the load generator trusts it.

use std::{io::Write, net::Ipv4Addr, path::Path, sync::Arc};

use anyhow::Result;
use rcgen::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tempfile::NamedTempFile;

/// A certificate for 127.0.0.1, signed by itself, and its key.
#[derive(Debug)]
pub struct Certificate {
    file: NamedTempFile,
    client: Arc<ClientConfig>,
}

impl Certificate {
    /// Makes one, in a file that is removed with it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn new() -> Result<Self> {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
        let mut file = NamedTempFile::new()?;
        file.write_all(cert.pem().as_bytes())?;
        file.write_all(signing_key.serialize_pem().as_bytes())?;
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone())?;
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { file, client: Arc::new(client) })
    }

    /// Where the certificate and the key are, in PEM.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The configuration of a client that trusts it.
    pub fn client_config(&self) -> &Arc<ClientConfig> {
        &self.client
    }

    /// Whom it is for.
    pub fn name() -> ServerName<'static> {
        ServerName::IpAddress(Ipv4Addr::LOCALHOST.into())
    }

    /// The configuration of a server that shows it.
    #[cfg(test)]
    pub fn server_config(&self) -> Result<Arc<rustls::ServerConfig>> {
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(
                    vec![CertificateDer::from_pem_file(self.path())?],
                    PrivateKeyDer::from_pem_file(self.path())?,
                )?;
        Ok(Arc::new(config))
    }
}
