//! The one TLS configuration that every server has.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::Error;

/// A configuration with the certificate and the key in the PEM file at `path`.
///
/// # Errors
///
/// When it holds none, or rustls refuses them.
pub fn server_config(path: &Path) -> Result<Arc<ServerConfig>, Error> {
    let certificate = CertificateDer::from_pem_file(path)?;
    let key = PrivateKeyDer::from_pem_file(path)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(Arc::new(config))
}
