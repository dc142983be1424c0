//! TLS for the client: rustls on ring, and the certificate authorities that this system trusts.

use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, OnceLock};

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use rustls::client::WantsClientCert;
use rustls::crypto::ring;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::{Error, ErrorKind, Result};

/// Connects to `http` and `https` servers.
pub(crate) type Connector<R = GaiResolver> = HttpsConnector<HttpConnector<R>>;

/// The configuration with the system's authorities, once somebody has connected over `https`. It is made outside of any lock, so that a
/// process that is forked meanwhile does not wait for one for ever.
static SYSTEM: OnceLock<ClientConfig> = OnceLock::new();

/// A connector for servers of a scheme.
///
/// # Errors
///
/// [`Connect`](ErrorKind::Connect) if this system has no certificate authorities, and they are needed.
pub(crate) async fn connector<R>(tcp: HttpConnector<R>, is_https: bool) -> Result<Connector<R>> {
    let config = if is_https {
        match SYSTEM.get() {
            Some(config) => config.clone(),
            None => {
                let config = system().await?;
                SYSTEM.get_or_init(|| config).clone()
            }
        }
    } else {
        config(|builder| Ok(builder.with_root_certificates(RootCertStore::empty())))
            .map_err(|error| Error::new(ErrorKind::Internal, "TLS cannot be set up").with_source(error))?
    };
    Ok(with_config(tcp, config))
}

async fn system() -> Result<ClientConfig> {
    // To read and parse all of them takes too long for a thread on which other tasks wait.
    let read = tokio::task::spawn_blocking(|| config(|builder| builder.with_native_roots())).await;
    read.map_err(io::Error::other).flatten().map_err(|error| {
        let message = "no https server can be trusted, because the certificate authorities of this system cannot be read; \
            SSL_CERT_FILE and SSL_CERT_DIR say where they are";
        Error::new(ErrorKind::Connect, message).with_source(error)
    })
}

/// What went wrong with TLS, if that is among the causes of an error.
pub(super) fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // An I/O error speaks for what is in it, instead of naming it as its source.
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
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

fn with_config<R>(mut tcp: HttpConnector<R>, config: ClientConfig) -> Connector<R> {
    tcp.enforce_http(false);
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(tcp)
}
