//! Whose ledger it is: the name it carries for its whole life, and the check that it is ours.

use std::fmt;

use super::entry::Opened;
use crate::model::name::{Digest, Id};

/// `glass/<organisation, or ->/<host>/<user>/<8 random characters>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    organisation: String,
    host: String,
    user: String,
    id: String,
}

impl Origin {
    /// Makes the origin of a new ledger; what cannot stand in a part becomes `_`.
    pub fn new(organisation: Option<&str>, host: &str, user: &str, id: &Id) -> Self {
        Origin {
            organisation: organisation.map_or_else(|| "-".to_owned(), sanitised),
            host: sanitised(host),
            user: sanitised(user),
            id: id.as_str().to_owned(),
        }
    }

    /// Reads an origin, if the text is one.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let ["glass", organisation, host, user, id] = parts.as_slice() else { return None };
        let valid = [organisation, host, user].iter().all(|part| sanitised(part) == **part) && Id::parse(id).is_ok();
        valid.then(|| Origin {
            organisation: (*organisation).to_owned(),
            host: (*host).to_owned(),
            user: (*user).to_owned(),
            id: (*id).to_owned(),
        })
    }

    /// The 8 random characters, which no two ledgers share.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "glass/{}/{}/{}/{}", self.organisation, self.host, self.user, self.id)
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Origin::parse(&text).ok_or_else(|| serde::de::Error::custom("it names no ledger"))
    }
}

fn sanitised(part: &str) -> String {
    // Origins are the names of folders too: none leads out of where it lies.
    if part.chars().all(|c| c == '.') {
        return "_".to_owned();
    }
    part.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}

/// The user and the machine that a ledger must be of.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The user's name.
    pub user: String,
    /// SHA-256 of the machine id.
    pub machine: Digest,
}

impl Owner {
    /// Checks that a ledger is this owner's. A host that was renamed is still the same machine.
    ///
    /// # Errors
    /// With what was expected and what was found, when it is somebody else's.
    pub fn check(&self, opened: &Opened) -> Result<(), String> {
        self.check_of(&opened.origin, opened.machine())
    }

    /// The same of a ledger by its origin, and by the hash of its machine's id if it says that.
    pub(super) fn check_of(&self, origin: &str, machine: Option<Digest>) -> Result<(), String> {
        let origin = Origin::parse(origin).ok_or("its origin is malformed")?;
        let user = sanitised(&self.user);
        if origin.user != user {
            return Err(format!("the ledger is of user {}, not of {user}", origin.user));
        }
        if machine != Some(self.machine) {
            return Err(format!("the ledger is of another machine, {}", origin.host));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::chain::entry::Entry;

    fn id() -> Id {
        Id::parse("0123abcd").expect("an id")
    }

    fn owner(user: &str, machine: &[u8]) -> Owner {
        Owner { user: user.into(), machine: Digest::of(machine) }
    }

    fn opened(origin: &Origin, machine: &[u8]) -> Opened {
        let line = format!(
            "{{\"v\":1,\"seq\":0,\"prev\":\"{0}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"7\",\"boot\":\"b\",\
             \"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"\",\"ev\":\"ledger.open\",\"session\":\"\",\
             \"d\":{{\"origin\":\"{origin}\",\"machine\":\"{0}\",\"version\":\"0\",\"previous\":null}}}}\n",
            Digest::of(machine)
        );
        Entry::parse(line.as_bytes()).expect("an entry").opened().expect("ledger.open")
    }

    #[test]
    fn an_origin_has_five_parts_of_safe_characters() {
        let origin = Origin::new(Some("acme"), "host name/é", "DOM\\al", &id());
        assert_eq!(origin.to_string(), "glass/acme/host_name__/DOM_al/0123abcd");
        assert_eq!(Origin::parse(&origin.to_string()), Some(origin));
        assert_eq!(Origin::new(None, "", "u", &id()).to_string(), "glass/-/_/u/0123abcd");
        assert_eq!(Origin::new(Some("."), "..", "a.b", &id()).to_string(), "glass/_/_/a.b/0123abcd");
        for wrong in [
            "",
            "glass/-/h/u",
            "glass/../h/u/0123abcd",
            "glass/-/./u/0123abcd",
            "glass/-/h/u/0123abcd/x",
            "glas/-/h/u/0123abcd",
            "glass/-/h h/u/0123abcd",
        ] {
            assert_eq!(Origin::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_ledger_is_ours_by_user_and_machine_whatever_the_host_is_called() {
        let renamed = opened(&Origin::new(None, "old-name", "al", &id()), b"m");
        assert_eq!(owner("al", b"m").check(&renamed), Ok(()));
        assert!(owner("eve", b"m").check(&renamed).is_err());
        assert!(owner("al", b"other").check(&renamed).is_err());
    }
}
