//! A person's long-lived access key, as the system keyring holds it.
//!
//! The keyring is the only place glass ever writes one to.

use serde::{Deserialize, Serialize};

use super::name::PersonName;
use super::secret::Secret;

/// A long-lived access key. Only its second half is secret.
#[derive(Debug)]
pub struct DailyKey {
    /// `aws_access_key_id`.
    pub access_key_id: String,
    /// `aws_secret_access_key`.
    pub secret_access_key: Secret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Serialize)]
struct Storing<'k> {
    access_key_id: &'k str,
    secret_access_key: &'k str,
}

impl DailyKey {
    /// The name of a person's entry in the keyring.
    pub fn entry(person: &PersonName) -> String {
        format!("access-key/{person}")
    }

    /// Reads what [`DailyKey::format`] wrote; nothing when it is something else.
    pub fn parse(stored: &Secret) -> Option<Self> {
        let Stored { access_key_id, secret_access_key } = serde_json::from_str(stored.expose()).ok()?;
        let key = DailyKey { access_key_id, secret_access_key: Secret::new(secret_access_key) };
        key.is_plausible().then_some(key)
    }

    /// The text that the keyring keeps.
    pub fn format(&self) -> Secret {
        let storing =
            Storing { access_key_id: &self.access_key_id, secret_access_key: self.secret_access_key.expose() };
        Secret::new(serde_json::to_string(&storing).expect("two strings are always JSON"))
    }

    /// Whether both halves look like what AWS gives out: 16 to 128 of A-Z and 0-9, and 16 to 128 printable characters.
    pub fn is_plausible(&self) -> bool {
        let secret = self.secret_access_key.expose();
        (16..=128).contains(&self.access_key_id.len())
            && self.access_key_id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && (16..=128).contains(&secret.len())
            && secret.bytes().all(|b| b.is_ascii_graphic())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DailyKey {
        DailyKey {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()),
        }
    }

    #[test]
    fn what_was_stored_comes_back() {
        let back = DailyKey::parse(&key().format()).expect("it was written by format");
        assert_eq!(back.access_key_id, key().access_key_id);
        assert_eq!(back.secret_access_key.expose(), key().secret_access_key.expose());
        assert!(!format!("{back:?}").contains("wJalr"));
    }

    #[test]
    fn what_is_no_key_is_not_taken_for_one() {
        for text in [
            "",
            "AKIAIOSFODNN7EXAMPLE",
            "{}",
            r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE"}"#,
            r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":""}"#,
            r#"{"access_key_id":"alice alice alice alice","secret_access_key":"wJalrXUtnFEMI/K7MDENG"}"#,
        ] {
            assert!(DailyKey::parse(&Secret::new(text.into())).is_none(), "{text}");
        }
    }
}
