//! The head: what the ledger was last known to hold, so that a cut is seen.
//!
//! It is overwritten in place and never synced, so on the disk it can lag. After another boot only
//! what was synced is held against the ledger: a loss of power is no crime.

use serde::{Deserialize, Serialize};

use crate::model::name::Digest;

/// The length of the head file: 511 bytes and LF.
pub const HEAD_BYTES: usize = 512;

/// What the head file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The boot in which it was written.
    pub boot: String,
    /// The number of the last entry.
    pub seq: u64,
    /// The hash of its line, in hex.
    pub hash: String,
    /// The segment it is in.
    pub segment: String,
    /// That segment's length.
    pub bytes: u64,
    /// The number of the last entry that is on the disk for good.
    pub synced_seq: u64,
    /// The segment it is in.
    pub synced_segment: String,
    /// That segment's length then.
    pub synced_bytes: u64,
}

/// What the ledger must hold, by its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number of an entry.
    pub seq: u64,
    /// The hash of its line, where the head can be held to it.
    pub hash: Option<Digest>,
    /// The segment that the entry ends in.
    pub segment: String,
    /// Where in it.
    pub bytes: u64,
    /// Whether the machine was started since: then what follows may be torn.
    pub restarted: bool,
}

impl Head {
    /// Reads the head file, if it is one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = bytes.strip_suffix(b"\n").filter(|text| text.len() == HEAD_BYTES - 1)?;
        let head: Head = serde_json::from_slice(text).ok()?;
        Digest::parse(&head.hash).map(|_| head)
    }

    /// Writes the head file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).expect("every field is text or a number");
        text.resize(HEAD_BYTES - 1, b' ');
        text.push(b'\n');
        text
    }

    /// What this head says the ledger must hold, in the boot that is now.
    pub fn known(&self, boot: &str) -> Known {
        if self.boot == boot {
            Known {
                seq: self.seq,
                hash: Digest::parse(&self.hash),
                segment: self.segment.clone(),
                bytes: self.bytes,
                restarted: false,
            }
        } else {
            Known {
                seq: self.synced_seq,
                hash: None,
                segment: self.synced_segment.clone(),
                bytes: self.synced_bytes,
                restarted: true,
            }
        }
    }
}

impl Known {
    /// What is wrong with the line of entry [`Known::seq`], which ends at `bytes` of its segment.
    pub fn differs(&self, line: &[u8], bytes: u64) -> Option<String> {
        let found = Digest::of(line);
        if let Some(hash) = self.hash.filter(|hash| *hash != found) {
            return Some(format!("the head says that its hash is {hash}, it is {found}"));
        }
        (bytes != self.bytes).then(|| format!("the head says that it ends at byte {}, it ends at {bytes}", self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            boot: "b05b68d6-8b9b-4ffe-a67a-6c3d5323b3e5".into(),
            seq: u64::MAX,
            hash: Digest::of(b"").to_string(),
            segment: "log-0000000000000000.jsonl".into(),
            bytes: u64::MAX,
            synced_seq: 7,
            synced_segment: "log-0000000000000000.jsonl".into(),
            synced_bytes: 70,
        }
    }

    #[test]
    fn a_head_is_512_bytes_also_with_the_largest_numbers() {
        let bytes = head().to_bytes();
        assert_eq!((bytes.len(), bytes.last()), (HEAD_BYTES, Some(&b'\n')));
        assert_eq!(Head::parse(&bytes), Some(head()));
    }

    #[test]
    fn what_is_not_a_whole_head_is_none() {
        let bytes = head().to_bytes();
        assert_eq!(Head::parse(&bytes[..511]), None);
        assert_eq!(Head::parse(&[0; 512]), None);
        assert_eq!(Head::parse(b""), None);
    }

    #[test]
    fn after_another_boot_only_what_was_synced_counts() {
        let same = head().known("b05b68d6-8b9b-4ffe-a67a-6c3d5323b3e5");
        assert_eq!((same.seq, same.restarted, same.hash), (u64::MAX, false, Some(Digest::of(b""))));
        let other = head().known("another");
        assert_eq!((other.seq, other.bytes, other.restarted, other.hash), (7, 70, true, None));
    }
}
