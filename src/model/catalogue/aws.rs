//! `[aws]`: where AWS is reached, when not at its own addresses.

use std::fmt;
use std::sync::Arc;

use super::file::{Files, NamedFile};
use super::mistake::quoted;
use super::reader::Value;
use crate::model::web_address::WebAddress;

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
        let wrong = |why: &str| format!("{} cannot be the endpoint: {why}", quoted(text));
        WebAddress::parse(text).map_err(wrong)?;
        if text.contains('?') {
            return Err(wrong("it has a query"));
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
