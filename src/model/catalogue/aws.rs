//! `[aws]`: where AWS is reached, when not at its own addresses.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use super::file::{Files, NamedFile};
use super::mistake::quoted;
use super::reader::Value;

/// How AWS is reached.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// One endpoint for all calls.
    pub endpoint: Option<Endpoint>,
    /// The certificates that are trusted instead of the system's, as PEM.
    pub ca_bundle: Option<Arc<NamedFile>>,
}

/// The address of an endpoint: https, or plain http to loopback; without user, query or fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// Checks an address.
    ///
    /// # Errors
    /// When it is not such an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{} cannot be the endpoint: {why}", quoted(text)));
        let (encrypted, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return wrong("it must begin with https:// (or http:// to loopback)"),
        };
        if !rest.bytes().all(|b| b.is_ascii_graphic()) || rest.contains(['?', '#', '\\', '"', '<', '>']) {
            return wrong("it has a query, a fragment or a character that no address has");
        }
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.contains('@') {
            return wrong("it must not hold a user or a password");
        }
        let Some(host) = host_of(authority) else { return wrong("it must be <host> or <host>:<port>") };
        if !encrypted && !is_loopback(host) {
            return wrong("plain http is for loopback only, it must be https://");
        }
        Ok(Endpoint(text.trim_end_matches('/').to_owned()))
    }

    /// The checked address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`, when all of it is well formed.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
            let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            (named.then_some(host)?, port)
        }
    };
    match port {
        Some(port) if port.parse::<u16>().is_err() || port.starts_with(['+', '0']) => None,
        Some(_) | None => Some(host),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Reads `[aws]`.
pub(super) fn read(value: Value<'_>, files: &mut Files<'_>) -> Option<Aws> {
    let mut section = value.section("aws".to_owned())?;
    let endpoint = section.optional("endpoint").map_or(Some(None), |value| value.parsed(Endpoint::parse).map(Some));
    let ca_bundle = section.optional("ca_bundle").map_or(Some(None), |value| certificates(value, files).map(Some));
    section.close();
    Some(Aws { endpoint: endpoint?, ca_bundle: ca_bundle? })
}

fn certificates(value: Value<'_>, files: &mut Files<'_>) -> Option<Arc<NamedFile>> {
    let file = files.read(value)?;
    let text = String::from_utf8_lossy(&file.bytes);
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return value.wrong(format!("{} holds no PEM certificate", quoted(&file.named)));
    }
    Some(file)
}
