//! What goes over the wire, for every call to AWS: proxies, trust anchors, time-outs, bounds.

use std::error::Error;
use std::{fmt, fs, io};

use aws_sdk_sts::config::SharedHttpClient;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::world::aws::{CONNECT_TIMEOUT, Place, SourceError};

/// The most that is read of an answer. AWS's own are a few KiB.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Makes the one HTTP client of a daily identity.
pub fn client(place: &Place) -> Result<SharedHttpClient, SourceError> {
    let plain = place.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    // Plain HTTP is for loopback only: it must not leave the machine through a proxy.
    let proxies = if plain { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
    let anchors = match &place.ca_bundle {
        Some(path) => {
            let unusable = |message| SourceError::CaBundle { path: path.clone(), message };
            bundle(&fs::read(path).map_err(|error| unusable(error.to_string()))?).map_err(unusable)?
        }
        None => TrustStore::empty().with_native_roots(!plain),
    };
    let tls = TlsContext::builder()
        .with_trust_store(anchors)
        .build()
        .map_err(|error| SourceError::Network(io::Error::other(error)))?;
    let connector = Connector::builder()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .proxy_config(proxies)
        // A connection that is never used twice is never found stale, and a request is never sent again because of it.
        .pool_max_idle_per_host(0)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build();
    let wire = SharedHttpConnector::new(Wire { connector: SharedHttpConnector::new(connector) });
    Ok(http_client_fn(move |_, _| wire.clone()))
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
}

impl HttpConnector for Wire {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            match answer.await {
                Ok(answer) => Ok(answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, LONGEST_ANSWER)))),
                Err(error) if connection.get().is_none() => Err(ConnectorError::io(NotConnected(error).into())),
                Err(error) => Err(error),
            }
        })
    }
}

/// There was no connection to AWS, so nothing was sent over it.
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
