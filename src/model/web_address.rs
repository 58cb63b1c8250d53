//! Addresses that glass speaks to over HTTP.
//!
//! Keeps the promise that nothing leaves this machine in the clear: https, or plain http to loopback.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An address: https, or plain http to loopback; without user, password or fragment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WebAddress(String);

impl WebAddress {
    /// Checks an address.
    ///
    /// # Errors
    /// When it is not such an address: what is wrong with it, as a clause.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (encrypted, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err("it must begin with https:// (or http:// to loopback)"),
        };
        if !rest.bytes().all(|b| b.is_ascii_graphic()) || rest.contains(['#', '\\', '"', '<', '>']) {
            return Err("it has a fragment or a character that no address has");
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err("it must not hold a user or a password");
        }
        let host = host_of(authority).ok_or("it must be <host> or <host>:<port>")?;
        if !encrypted && !is_loopback(host) {
            return Err("plain http is for loopback only, it must be https://");
        }
        Ok(WebAddress(text.to_owned()))
    }

    /// The address of what lies below the path of this one.
    pub fn below(&self, name: &str) -> WebAddress {
        let (path, query) = self.0.split_at(self.0.find('?').unwrap_or(self.0.len()));
        WebAddress(format!("{}/{name}{query}", path.trim_end_matches('/')))
    }

    /// Scheme, host and port: what may be shown of an address whose path or query may be a secret.
    pub fn site(&self) -> &str {
        let authority = self.0.find("://").map_or(0, |scheme| scheme + 3);
        let end = self.0[authority..].find(['/', '?']).map_or(self.0.len(), |path| authority + path);
        &self.0[..end]
    }

    /// The checked address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for WebAddress {
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
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_or_stays_here_is_an_address() {
        for good in [
            "https://hooks.example/services/T0/B0?token=a%20b",
            "https://hooks.example?a",
            "https://witness.example:8443",
            "https://[2001:db8::1]:8443/a",
            "http://localhost:1/a",
            "http://127.8.8.8/",
            "http://[::1]:80",
        ] {
            assert_eq!(WebAddress::parse(good).map(|address| address.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "hooks.example",
            "ftp://hooks.example",
            "HTTPS://hooks.example",
            "https://",
            "https:///a",
            "https://?a",
            "https://a:b@hooks.example",
            "https://hooks.example@evil.example/",
            "https://hooks.example/#a",
            "https://hooks.example/a b",
            "https://hooks.example/\r\nHost: evil.example",
            "https://hooks.exämple/",
            "https://hooks.example:0/",
            "https://hooks.example:65536/",
            "https://[::1/",
            "http://hooks.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "http://[2001:db8::1]/",
        ] {
            assert!(WebAddress::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_goes_below_the_path() {
        for (above, below) in [
            ("https://w.example", "https://w.example/add-checkpoint"),
            ("https://w.example/a/", "https://w.example/a/add-checkpoint"),
            ("https://w.example/a?key=/b", "https://w.example/a/add-checkpoint?key=/b"),
        ] {
            assert_eq!(WebAddress::parse(above).map(|address| address.below("add-checkpoint").0), Ok(below.to_owned()));
        }
    }
}
