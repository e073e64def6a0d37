//! TLS configurations for `wss`: rustls with the ring provider (feature `tls`).
//!
//! The provider is always passed explicitly, so no other crate's choice of one can make these functions panic or change
//! what they do. Every configuration here offers `http/1.1` by ALPN, as the handshake of RFC 6455 is HTTP/1.1.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme, WantsVerifier, WantsVersions,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
};

const ALPN_HTTP_1_1: &[u8] = b"http/1.1";

/// Why a TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The system has no root certificates, or none could be read; without them no server can be trusted.
    #[error("no root certificates were found on this system")]
    NoSystemRoots,
    /// The PEM text holds no certificate.
    #[error("no certificate in the PEM text")]
    NoCertificate,
    /// The PEM text holds no private key.
    #[error("no private key in the PEM text")]
    NoPrivateKey,
    /// The text is not PEM.
    #[error("not PEM: {0}")]
    Pem(#[source] pem::Error),
    /// rustls refuses the certificate or the key.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    /// The host of a URL is neither a DNS name nor an IP address, so no certificate can be valid for it.
    #[error("no certificate can be valid for this host")]
    InvalidHost,
}

/// The configuration of a client that trusts the system's root certificates.
///
/// They are read from disk by the first call that finds any, and shared from then on.
///
/// # Errors
/// [`TlsError::NoSystemRoots`].
pub fn client_config() -> Result<Arc<ClientConfig>, TlsError> {
    static SYSTEM: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = SYSTEM.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsError::NoSystemRoots);
    }
    let config = client_trusting(roots)?;
    Ok(Arc::clone(SYSTEM.get_or_init(|| config)))
}

/// The configuration of a client that trusts the certificates in `pem`, and no others.
///
/// # Errors
/// [`TlsError`] where `pem` holds no certificate, or one that rustls refuses.
pub fn client_config_with_roots(pem: &[u8]) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate)?;
    }
    client_trusting(roots)
}

/// The configuration of a client that trusts **every** certificate, for any host name and of any age: whoever sits between
/// the two ends can read and change everything. For tests.
///
/// # Errors
/// [`TlsError::Rustls`] where the provider supports no protocol version; ring does.
pub fn danger_accept_invalid_certs() -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(DangerAcceptAnyServer(Arc::clone(&provider)));
    let config = versions(ClientConfig::builder_with_provider(provider))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(with_client_alpn(config))
}

/// The configuration of a server with its certificate chain, the end entity's first, and its private key, both in PEM.
///
/// # Errors
/// [`TlsError`] where one of them is missing, or rustls refuses it.
pub fn server_config(
    certificate_pem: &[u8],
    key_pem: &[u8],
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(certificate_pem)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoPrivateKey,
        error => TlsError::Pem(error),
    })?;
    let provider = Arc::new(ring::default_provider());
    let mut config = versions(ServerConfig::builder_with_provider(provider))?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN_HTTP_1_1.to_vec()];
    Ok(Arc::new(config))
}

/// The name that a server's certificate has to be valid for: the host of a URL, an IPv6 address with or without its
/// brackets.
///
/// # Errors
/// [`TlsError::InvalidHost`].
pub fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::InvalidHost)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(TlsError::Pem)?;
    if certificates.is_empty() { Err(TlsError::NoCertificate) } else { Ok(certificates) }
}

fn client_trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let config = versions(ClientConfig::builder_with_provider(provider))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(with_client_alpn(config))
}

fn versions<S: rustls::ConfigSide>(
    builder: ConfigBuilder<S, WantsVersions>,
) -> Result<ConfigBuilder<S, WantsVerifier>, TlsError> {
    Ok(builder.with_safe_default_protocol_versions()?)
}

fn with_client_alpn(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![ALPN_HTTP_1_1.to_vec()];
    Arc::new(config)
}

/// Accepts every certificate; still checks that the server holds the key of the one it shows.
#[derive(Debug)]
struct DangerAcceptAnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for DangerAcceptAnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
