//! Cosignatures: what witnesses sign of a log's checkpoint, with the time, as C2SP's tlog-cosignature has them.
//!
//! Keeps the promise that what a witness has said, and when, cannot be taken back by whoever owns the log. Ed25519
//! only: a cosignature of another kind counts as one of a key that is not known.

use base64ct::{Base64, Encoding};

use super::key::WitnessKey;
use super::{MARK, Note, NoteError};
use crate::model::time::Timestamp;

/// That a witness knew a checkpoint, and no larger one of the same log, at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature<'k> {
    /// The witness's key.
    pub by: &'k WitnessKey,
    /// By the witness's clock.
    pub at: Timestamp,
    /// Its line in the note, with its LF.
    pub line: String,
}

impl Note<'_> {
    /// The cosignatures of these witnesses, each once, in the order in which they stand; those of others are left out.
    ///
    /// # Errors
    /// When what is said to be one of them is none.
    pub fn cosignatures<'k>(&self, witnesses: &'k [WitnessKey]) -> Result<Vec<Cosignature<'k>>, NoteError> {
        let mut cosignatures = Vec::new();
        for signature in &self.signatures {
            let mut named =
                witnesses.iter().filter(|key| key.name() == signature.name && key.id() == signature.id).peekable();
            if named.peek().is_none() {
                continue;
            }
            let signed = named.find_map(|by| Some((by, by.time_of(self.text, &signature.bytes)?)));
            let (by, at) = signed.ok_or_else(|| NoteError::Wrong(signature.name.to_owned()))?;
            let bytes = [&signature.id[..], &signature.bytes].concat();
            let line = format!("{MARK}{} {}\n", signature.name, Base64::encode_string(&bytes));
            let cosignature = Cosignature { by, at, line };
            if !cosignatures.contains(&cosignature) {
                cosignatures.push(cosignature);
            }
        }
        Ok(cosignatures)
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;
    use crate::model::checkpoint::Checkpoint;
    use crate::model::name::Digest;
    use crate::model::note::key::VerifierKey;

    // A checkpoint of a public log and the cosignatures of public witnesses.
    const TEXT: &str =
        "arche2025h1.staging.ct.transparency.dev\n1432088532\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n";
    const BY_LOG: &str = "— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n";
    const BY_OTHER: &str = "— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n";
    const BY_REMORA: &str = "— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n";
    const LOG: &str = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
    const REMORA: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

    fn key(text: &str) -> WitnessKey {
        WitnessKey::parse(text).expect("a key")
    }

    /// Who has cosigned, when, in which lines.
    fn cosigned(note: &str, keys: &[WitnessKey]) -> Result<Vec<(String, String, String)>, NoteError> {
        let cosignatures = Note::parse(note.as_bytes())?.cosignatures(keys)?;
        Ok(cosignatures.into_iter().map(|one| (one.by.to_string(), one.at.to_string(), one.line)).collect())
    }

    /// A witness of the tests' own, which cosigns whatever it is told to.
    struct Cosigner {
        key: WitnessKey,
        pair: Ed25519KeyPair,
    }

    impl Cosigner {
        fn new(seed: u8) -> Self {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
            let public = [&[4], pair.public_key().as_ref()].concat();
            let id = Digest::of(&[b"w.example/1\n", &public[..]].concat()).to_string();
            let key = key(&format!("w.example/1+{}+{}", &id[..8], Base64::encode_string(&public)));
            Cosigner { key, pair }
        }

        fn line(&self, time: u64, message: &str) -> String {
            let signature = self.pair.sign(message.as_bytes());
            let bytes = [&self.key.id()[..], &time.to_be_bytes(), signature.as_ref()].concat();
            format!("{MARK}w.example/1 {}\n", Base64::encode_string(&bytes))
        }
    }

    #[test]
    fn a_cosignature_of_a_public_witness_verifies() {
        let note = format!("{TEXT}\n{BY_LOG}{BY_OTHER}{BY_REMORA}");
        let remora = (REMORA.to_owned(), "2026-05-23T21:50:24Z".to_owned(), BY_REMORA.to_owned());
        assert_eq!(cosigned(&note, &[key(REMORA)]), Ok(vec![remora]));
        assert_eq!(cosigned(&note, &[]), Ok(Vec::new()));
        let log = [VerifierKey::parse(LOG).expect("a key")];
        assert!(Checkpoint::open(note.as_bytes(), &log).is_ok(), "and so does the log's own signature beside it");
    }

    #[test]
    fn the_example_of_the_specification_has_its_time() {
        let note = format!(
            "{}\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n",
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        );
        let note = Note::parse(note.as_bytes()).expect("a note");
        let (time, signature) = note.signatures[0].bytes.split_first_chunk().expect("a time");
        assert_eq!((u64::from_be_bytes(*time), signature.len()), (1_679_315_147, 64));
    }

    #[test]
    fn a_cosignature_is_of_one_witness_one_text_and_one_time() {
        let (ours, other) = (Cosigner::new(1), Cosigner::new(2));
        let message = format!("cosignature/v1\ntime 1700000000\n{TEXT}");
        let good = ours.line(1_700_000_000, &message);
        let keys = [ours.key.clone()];
        let verified = |line: &str| cosigned(&format!("{TEXT}\n{line}"), &keys).map(|found| found.len());
        assert_eq!(verified(&good), Ok(1));
        assert_eq!(verified(&format!("{good}{good}")), Ok(1), "twice is once");
        let wrong = Err(NoteError::Wrong("w.example/1".to_owned()));
        assert_eq!(verified(&ours.line(1_700_000_001, &message)), wrong, "another time than was signed");
        assert_eq!(verified(&ours.line(1_700_000_000, TEXT)), wrong, "a checkpoint's signature");
        assert_eq!(verified(&ours.line(1_700_000_000, &message.replace("v1", "v2"))), wrong);
        assert_eq!(verified(&ours.line(1_700_000_000, &message.replace("1432088532", "1432088533"))), wrong);
        assert_eq!(verified(&format!("{good}{}", ours.line(1, &message))), wrong, "one that is wrong spoils the note");
        assert_eq!(verified(&other.line(1_700_000_000, &message)), Ok(0), "another key is another witness's");
        let by_other = other.pair.sign(message.as_bytes());
        let forged = [&ours.key.id()[..], &1_700_000_000_u64.to_be_bytes(), by_other.as_ref()].concat();
        assert_eq!(verified(&format!("{MARK}w.example/1 {}\n", Base64::encode_string(&forged))), wrong);
        let short = [&ours.key.id()[..], &[0; 7]].concat();
        assert_eq!(verified(&format!("{MARK}w.example/1 {}\n", Base64::encode_string(&short))), wrong);
    }

    #[test]
    fn a_time_that_is_none_is_not_believed_however_well_signed() {
        let cosigner = Cosigner::new(1);
        let keys = [cosigner.key.clone()];
        let verified = |time: u64| {
            let line = cosigner.line(time, &format!("cosignature/v1\ntime {time}\n{TEXT}"));
            cosigned(&format!("{TEXT}\n{line}"), &keys).map(|found| found[0].1.clone())
        };
        assert_eq!(verified(1).as_deref(), Ok("1970-01-01T00:00:01Z"));
        assert_eq!(verified(253_402_300_799).as_deref(), Ok("9999-12-31T23:59:59Z"));
        for time in [0, 253_402_300_800, (1 << 63) - 1, 1 << 63, u64::MAX] {
            assert!(verified(time).is_err(), "{time}");
        }
    }

    #[test]
    fn a_cosigned_note_that_is_changed_anywhere_is_not_believed() {
        let note = format!("{TEXT}\n{BY_REMORA}").into_bytes();
        let keys = [key(REMORA)];
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut changed = note.clone();
                changed[at] ^= 1 << bit;
                let believed = Note::parse(&changed)
                    .and_then(|note| note.cosignatures(&keys).map(|found| !found.is_empty()))
                    .unwrap_or(false);
                assert!(!believed, "byte {at} bit {bit}");
            }
        }
    }
}
