//! Where a profile's session may be used from, and the statement that AWS enforces it with.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::mistake::quoted;
use super::reader::{Section, Value};

/// The address ranges and VPC endpoints that a session is pinned to; at least one of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Address ranges, `203.0.113.0/24`, v4 and v6.
    pub source_ip: Vec<String>,
    /// VPC endpoints, `vpce-0123456789abcdef0`.
    pub source_vpce: Vec<String>,
}

impl Network {
    /// The statement that denies everything from outside the ranges and outside the endpoints.
    ///
    /// A negated condition holds when its key is absent: through an endpoint there is no
    /// `aws:SourceIp`, from the internet no `aws:SourceVpce`. Calls that an AWS service makes on
    /// behalf of the session come from the service's address and are let through; a call that
    /// does not say which it is, is not.
    pub(super) fn deny_outside(&self) -> Json {
        let mut condition = serde_json::Map::new();
        if !self.source_ip.is_empty() {
            condition.insert("NotIpAddress".to_owned(), json!({ "aws:SourceIp": self.source_ip }));
        }
        if !self.source_vpce.is_empty() {
            condition.insert("StringNotEquals".to_owned(), json!({ "aws:SourceVpce": self.source_vpce }));
        }
        condition.insert("BoolIfExists".to_owned(), json!({ "aws:ViaAWSService": "false" }));
        json!({ "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition })
    }
}

/// Reads `network`; `name` is the section's.
pub(super) fn read(value: Value<'_>, name: String) -> Option<Network> {
    let mut section: Section<'_> = value.section(name)?;
    let source_ip =
        section.optional("source_ip").map_or(Some(Vec::new()), |value| value.list(|item| item.parsed(range)));
    let source_vpce =
        section.optional("source_vpce").map_or(Some(Vec::new()), |value| value.list(|item| item.parsed(endpoint)));
    section.close();
    let network = Network { source_ip: source_ip?, source_vpce: source_vpce? };
    if network.source_ip.is_empty() && network.source_vpce.is_empty() {
        return value.wrong_because(
            "`network` pins the session to nothing",
            "leave `network` out, or name a range or an endpoint",
        );
    }
    Some(network)
}

fn range(text: &str) -> Result<String, String> {
    let wrong = |why: &str| Err(format!("{} is not an address range: {why}", quoted(text)));
    let Some((address, length)) = text.split_once('/') else {
        return wrong("it must be <address>/<prefix length>, such as 203.0.113.7/32");
    };
    let Ok(address) = address.parse::<IpAddr>() else { return wrong("what is before the slash is no IP address") };
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    match length.parse::<u32>() {
        Ok(prefix) if prefix <= width && !length.starts_with('+') => {
            let host_bits = width - prefix;
            let host = if host_bits == 128 { bits } else { bits & ((1 << host_bits) - 1) };
            if host == 0 { Ok(text.to_owned()) } else { wrong("the address has bits set after the prefix") }
        }
        Ok(_) | Err(_) => wrong(&format!("the prefix length must be 0 to {width}")),
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    let id = text.strip_prefix("vpce-").unwrap_or_default();
    if (8..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    Err(format!("{} is not a VPC endpoint such as vpce-0123456789abcdef0", quoted(text)))
}
