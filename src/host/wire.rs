//! What goes over the wire, to AWS and to others: proxies, trust anchors, time-outs, bounds.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::model::text::escaped;
use crate::world::aws::{CONNECT_TIMEOUT, SourceError};

/// The most that is read of an answer which says no.
const LONGEST_REFUSAL: usize = 1024 * 1024;

/// Why nothing can be sent at all.
#[derive(Debug)]
pub enum WireError {
    /// A certificate bundle that cannot be used.
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The system gives no means of reaching a network.
    Network(io::Error),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::CaBundle { path, message } => {
                write!(f, "the certificate bundle {} cannot be used: {}", path.display(), escaped(message))
            }
            WireError::Network(_) => f.write_str("the system gives no access to a network"),
        }
    }
}

impl Error for WireError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WireError::Network(source) => Some(source),
            WireError::CaBundle { .. } => None,
        }
    }
}

impl From<WireError> for SourceError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::CaBundle { path, message } => SourceError::CaBundle { path, message },
            WireError::Network(error) => SourceError::Network(error),
        }
    }
}

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In the clear, and so no further than loopback.
    Plain,
    /// Over TLS.
    Encrypted,
}

impl Way {
    /// The way to an address.
    pub fn to(address: &str) -> Self {
        if address.starts_with("http://") { Way::Plain } else { Way::Encrypted }
    }
}

/// Makes what sends requests: in the clear, or over TLS to servers that the bundle's certificates,
/// or without one the system's, vouch for. An answer that is longer fails as it is read.
///
/// # Errors
/// When the bundle cannot be used, or the system has no TLS.
pub fn connector(way: Way, ca_bundle: Option<&Path>, longest: usize) -> Result<SharedHttpConnector, WireError> {
    let proxies = match way {
        // It must not leave the machine through a proxy.
        Way::Plain => ProxyConfig::disabled(),
        Way::Encrypted => ProxyConfig::from_env(),
    };
    let anchors = match ca_bundle {
        Some(path) => {
            let unusable = |message| WireError::CaBundle { path: path.to_owned(), message };
            bundle(&fs::read(path).map_err(|error| unusable(error.to_string()))?).map_err(unusable)?
        }
        None => TrustStore::empty().with_native_roots(way == Way::Encrypted),
    };
    let tls = TlsContext::builder()
        .with_trust_store(anchors)
        .build()
        .map_err(|error| WireError::Network(io::Error::other(error)))?;
    let connector = Connector::builder()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .proxy_config(proxies)
        // A connection that is never used twice is never found stale, and a request is never sent again because of it.
        .pool_max_idle_per_host(0)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build();
    Ok(SharedHttpConnector::new(Wire { connector: SharedHttpConnector::new(connector), longest }))
}

/// Checks a certificate bundle, which the SDK would take on trust and panic over.
fn bundle(pem: &[u8]) -> Result<TrustStore, String> {
    let mut anchors = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        anchors.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    if anchors.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

/// Bounds every answer, and marks the failures before which nothing was sent.
#[derive(Debug)]
struct Wire {
    connector: SharedHttpConnector,
    longest: usize,
}

impl HttpConnector for Wire {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let (answer, longest) = (self.connector.call(request), self.longest);
        HttpConnectorFuture::new(async move {
            match answer.await {
                Ok(answer) => {
                    // A refusal is read whole, also where the answer would be read piece by piece.
                    let longest = if answer.status().is_success() { longest } else { longest.min(LONGEST_REFUSAL) };
                    Ok(answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, longest))))
                }
                Err(error) if connection.get().is_none() => Err(ConnectorError::io(NotConnected(error).into())),
                Err(error) => Err(error),
            }
        })
    }
}

/// There was no connection, so nothing was sent over it.
#[derive(Debug)]
pub struct NotConnected(ConnectorError);

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection")
    }
}

impl Error for NotConnected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// The two innermost causes of an error, which say most: `tcp connect error: Connection refused`.
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    let told = causes.split_off(causes.len().saturating_sub(2)).join(": ");
    told.chars().take(500).collect()
}
