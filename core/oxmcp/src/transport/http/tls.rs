//! TLS for the client: rustls on ring, and the certificate authorities that this system trusts.

use std::io;
use std::sync::{Arc, OnceLock};

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::client::WantsClientCert;
use rustls::crypto::ring;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::{Error, ErrorKind, Result};

/// Connects to `http` and `https` servers.
pub(super) type Connector = HttpsConnector<HttpConnector>;

/// The configuration with the system's authorities. They are read once, and only if somebody connects over `https`.
static SYSTEM: OnceLock<ClientConfig> = OnceLock::new();

/// A connector for servers of a scheme.
///
/// # Errors
///
/// [`Connect`](ErrorKind::Connect) if this system has no certificate authorities, and they are needed.
pub(super) fn connector(tcp: HttpConnector, is_https: bool) -> Result<Connector> {
    let config = match (is_https, SYSTEM.get()) {
        (true, Some(config)) => config.clone(),
        (true, None) => {
            let failed = |error: io::Error| {
                let message = "the certificate authorities of this system cannot be read, so no https server can be trusted";
                Error::new(ErrorKind::Connect, message).with_source(error)
            };
            let config = config(|builder| builder.with_native_roots()).map_err(failed)?;
            SYSTEM.get_or_init(|| config).clone()
        }
        (false, _) => config(|builder| Ok(builder.with_root_certificates(RootCertStore::empty())))
            .map_err(|error| Error::new(ErrorKind::Internal, "TLS cannot be set up").with_source(error))?,
    };
    Ok(with_config(tcp, config))
}

fn config(
    roots: impl FnOnce(
        ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> io::Result<ConfigBuilder<ClientConfig, WantsClientCert>>,
) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(roots(builder)?.with_no_client_auth())
}

fn with_config(mut tcp: HttpConnector, config: ClientConfig) -> Connector {
    tcp.enforce_http(false);
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(tcp)
}

/// A connector that trusts one certificate.
#[cfg(test)]
pub(super) fn trusting(certificate: rustls::pki_types::CertificateDer<'static>) -> Connector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    with_config(tcp, config(|builder| Ok(builder.with_root_certificates(roots))).unwrap())
}
