//! Checkpoints: what a log signs of itself at some moment. C2SP's tlog-checkpoint.
//!
//! Keeps the promise that a size and a root that were sent away stay bound to one ledger: its origin is the
//! first line, and the name of the key that signs.

pub mod proof;

use std::fmt;

use base64ct::{Base64, Encoding};

use crate::model::name::Digest;
use crate::model::note::key::{SigningKey, VerifierKey};
use crate::model::note::{self, Note, NoteError};

/// The tree of a log at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is.
    pub origin: String,
    /// How many entries the tree has.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// What else is signed; glass writes none.
    pub extensions: Vec<String>,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// The note is not believed.
    Note(NoteError),
    /// The note's text is no checkpoint.
    Malformed(&'static str),
    /// It is another log's than the key's.
    Origin {
        /// The log's that the key is of.
        expected: String,
        /// The log's that it is.
        found: String,
    },
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointError::Note(error) => error.fmt(f),
            CheckpointError::Malformed(why) => write!(f, "the note is no checkpoint: {why}"),
            CheckpointError::Origin { expected, found } => {
                let found = crate::model::text::escaped(found);
                write!(f, "the checkpoint is one of {found}, signed by the key of {expected}")
            }
        }
    }
}

impl std::error::Error for CheckpointError {}

impl From<NoteError> for CheckpointError {
    fn from(error: NoteError) -> Self {
        CheckpointError::Note(error)
    }
}

impl Checkpoint {
    /// Reads the text of a note.
    ///
    /// # Errors
    /// When it is not origin, size, root, and lines that are not empty.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let text = text.strip_suffix('\n').ok_or(malformed("it does not end with LF"))?;
        let lines: Vec<&str> = text.split('\n').collect();
        if lines.iter().any(|line| line.is_empty()) {
            return Err(malformed("it has an empty line"));
        }
        let [origin, size, root, extensions @ ..] = lines.as_slice() else {
            return Err(malformed("it has fewer than three lines"));
        };
        Ok(Checkpoint {
            origin: (*origin).to_owned(),
            size: decimal(size).ok_or(malformed("its second line is no size"))?,
            root: hash(root).ok_or(malformed("its third line is no root"))?,
            extensions: extensions.iter().map(|&line| line.to_owned()).collect(),
        })
    }

    /// Reads a note that one of the keys has signed, which must be a key of the checkpoint's log.
    ///
    /// # Errors
    /// When none of them has, or it is no checkpoint of the log that the key is named for.
    pub fn open<'k>(note: &[u8], keys: &'k [VerifierKey]) -> Result<(Self, &'k VerifierKey), CheckpointError> {
        let note = Note::parse(note)?;
        let (text, signers) = note.open(keys)?;
        let checkpoint = Checkpoint::parse(text)?;
        match signers.iter().find(|key| key.name() == checkpoint.origin) {
            Some(key) => Ok((checkpoint, key)),
            None => {
                let expected = signers.first().map_or_else(String::new, |key| key.name().to_owned());
                Err(CheckpointError::Origin { expected, found: checkpoint.origin })
            }
        }
    }

    /// Makes the note: this, signed by the log's key.
    ///
    /// # Errors
    /// When the origin or a further line cannot stand in a note.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CheckpointError> {
        let text = self.to_string();
        // What cannot be read back is not signed.
        Checkpoint::parse(&text)?;
        Ok(note::sign(&text, key)?)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, Base64::encode_string(self.root.bytes()))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A number in digits, without sign or leading zeros.
pub(in crate::model) fn decimal(text: &str) -> Option<u64> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain)
}

/// A hash in base64.
pub(in crate::model) fn hash(text: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    let length = Base64::decode(text, &mut bytes).ok()?.len();
    (length == bytes.len()).then(|| Digest::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    // The example of C2SP's tlog-checkpoint.
    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn key(name: &str) -> SigningKey {
        SigningKey::of_seed(name, Zeroizing::new([1; 32])).expect("a name")
    }

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let note = format!(
            "{TEXT}\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        );
        let text = Note::parse(note.as_bytes()).expect("a note").unverified_text();
        let checkpoint = Checkpoint::parse(text).expect("a checkpoint");
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.to_string(), TEXT);
        let more = format!("{TEXT}more\n");
        assert_eq!(Checkpoint::parse(&more).map(|one| (one.to_string(), one.extensions.len())), Ok((more, 1)));
    }

    #[test]
    fn what_is_not_exactly_a_checkpoint_is_none() {
        for (from, to) in [
            ("20852163", "020852163"),
            ("20852163", "+20852163"),
            ("20852163", "-1"),
            ("20852163", ""),
            ("20852163", "20852163 "),
            ("20852163", "18446744073709551616"),
            ("example.com/behind-the-sofa", ""),
            ("q2I=", "q2I"),
            ("q2I=", "q2J="),
            ("q2I=", "q2I=\n"),
            ("CsUY", "CsUYCsUY"),
            ("CsUY", ""),
            ("\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", ""),
            ("q2I=\n", "q2I="),
        ] {
            let wrong = TEXT.replacen(from, to, 1);
            assert!(matches!(Checkpoint::parse(&wrong), Err(CheckpointError::Malformed(_))), "{wrong:?}");
        }
        assert!(Checkpoint::parse(&TEXT.replace("20852163", "0")).is_ok());
    }

    #[test]
    fn a_checkpoint_is_believed_if_it_is_of_the_log_whose_key_signed_it() {
        let (ours, others) = (key("example.com/behind-the-sofa"), key("example.com/elsewhere"));
        let checkpoint = Checkpoint::parse(TEXT).expect("a checkpoint");
        let keys = [ours.verifier().clone(), others.verifier().clone()];
        let note = checkpoint.sign(&ours).expect("a text");
        assert_eq!(Checkpoint::open(note.as_bytes(), &keys), Ok((checkpoint.clone(), &keys[0])));
        let wrong = checkpoint.sign(&others).expect("a text");
        assert!(matches!(Checkpoint::open(wrong.as_bytes(), &keys), Err(CheckpointError::Origin { .. })));
        assert!(matches!(Checkpoint::open(note.as_bytes(), &keys[1..]), Err(CheckpointError::Note(_))));
        let spoilt = Checkpoint { extensions: vec!["a\n\n— b".to_owned()], ..checkpoint };
        assert!(spoilt.sign(&ours).is_err());
    }
}
