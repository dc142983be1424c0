//! Clients of `https` servers: whom they trust, and what they say of whom they do not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oxmcp::{Client, Error, ErrorKind, Server};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn pem(&self) -> String {
        let base64 = STANDARD.encode(&self.certificate);
        let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// Puts TLS before a server, with a certificate for `localhost`. Returns the port.
    async fn vouch_for(&self, server: SocketAddr) -> u16 {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let accepted = acceptor.accept(stream);
                tokio::spawn(async move {
                    let Ok(mut outside) = accepted.await else { return };
                    let mut inside = TcpStream::connect(server).await.unwrap();
                    // Either side may leave without a word.
                    let _ = copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
        port
    }
}

fn main() {
    let trusted = Authority::new();
    let mut authorities = tempfile("oxmcp-authorities");
    authorities.1.write_all(trusted.pem().as_bytes()).unwrap();
    // SAFETY: no other thread runs yet.
    unsafe {
        std::env::set_var("SSL_CERT_FILE", &authorities.0);
        std::env::remove_var("SSL_CERT_DIR");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::new("behind", "0").tool("hello", "Greet.", || async { "hello" });
        let server = server.listen(0).await.unwrap();
        let address = server.local_addr();

        let port = trusted.vouch_for(address).await;
        let client = connect(&format!("https://localhost:{port}/mcp")).await.unwrap();
        let result = client.call_tool("hello", serde_json::json!({})).await.unwrap();
        assert_eq!(result.joined_text(), "hello");
        client.close().await.unwrap();

        let stranger = Authority::new().vouch_for(address).await;
        let plain = address.port();
        for (what, url, words) in [
            (
                "an authority that nobody trusts",
                format!("https://localhost:{stranger}/mcp"),
                "certificate was refused",
            ),
            (
                "a certificate for another name",
                format!("https://127.0.0.1:{port}/mcp"),
                "certificate was refused",
            ),
            ("a server without TLS", format!("https://localhost:{plain}/mcp"), "speak https"),
        ] {
            let error = connect(&url).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connect, "{what}: {error}");
            assert!(error.to_string().contains(words), "{what}: {error}");
        }
        server.close().await;
    });
    std::fs::remove_file(authorities.0).unwrap();
    println!("https: ok");
}

async fn connect(url: &str) -> Result<Client, Error> {
    tokio::time::timeout(PATIENCE, Client::connect(url).into_future()).await.expect("it does not settle")
}

fn tempfile(name: &str) -> (std::path::PathBuf, std::fs::File) {
    let path = std::env::temp_dir().join(format!("{name}-{}.pem", std::process::id()));
    let file = std::fs::File::create(&path).unwrap();
    (path, file)
}
