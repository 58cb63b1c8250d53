//! Signed notes: a text and the signatures of one or more keys below it, as C2SP's signed-note has them.
//!
//! Keeps the promise that nothing in a note is believed before a key that was known beforehand has signed it.
//! Strict where the specification lets one be: a signature of a known key that does not verify spoils the note.

pub mod cosignature;
pub mod key;

use std::fmt;

use base64ct::{Base64, Encoding};

use crate::model::text::escaped;
use key::{SigningKey, VerifierKey};

/// The largest note that is read. The text of a checkpoint is short, and a signature has at most 5 kB.
const LARGEST: usize = 1_000_000;

/// The most signatures that are read; the specification demands 16 at least.
const MOST_SIGNATURES: usize = 100;

/// What a line with a signature begins with.
const MARK: &str = "\u{2014} ";

/// A note that was read and not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'n> {
    text: &'n str,
    signatures: Vec<Signature<'n>>,
}

/// One line below the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature<'n> {
    name: &'n str,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// Why a note is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// It is none.
    Malformed(&'static str),
    /// The signature of a known key is not one of this text.
    Wrong(String),
    /// No known key has signed it.
    Unknown(Vec<String>),
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoteError::Malformed(why) => write!(f, "the note is malformed: {why}"),
            NoteError::Wrong(name) => write!(f, "the signature of {} is wrong", escaped(name)),
            NoteError::Unknown(names) => {
                write!(f, "the note is signed by {}, and by no key that is known", escaped(&names.join(", ")))
            }
        }
    }
}

impl std::error::Error for NoteError {}

impl<'n> Note<'n> {
    /// Reads a note.
    ///
    /// # Errors
    /// When it is none: text, an empty line, signatures.
    pub fn parse(bytes: &'n [u8]) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        if bytes.len() > LARGEST {
            return Err(malformed("it is larger than a note may be"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(malformed("it has control characters"));
        }
        let end = note.rfind("\n\n").ok_or(malformed("there is no empty line before the signatures"))?;
        let (text, below) = (&note[..=end], &note[end + 2..]);
        let lines = below.strip_suffix('\n').ok_or(malformed("it does not end with a line of a signature"))?;
        if lines.split('\n').count() > MOST_SIGNATURES {
            return Err(malformed("it has more signatures than a note may have"));
        }
        let signatures = lines.split('\n').map(|line| Signature::parse(line).ok_or(malformed("a signature is none")));
        Ok(Note { text, signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// The text, if one of the keys has signed it, with those that have.
    ///
    /// # Errors
    /// When none of them has, or what is said to be a signature of one of them is none.
    pub fn open<'k>(&self, keys: &'k [VerifierKey]) -> Result<(&'n str, Vec<&'k VerifierKey>), NoteError> {
        let mut signers: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            // Two keys may share a name and an id; the signature is then of either.
            let mut named =
                keys.iter().filter(|key| key.name() == signature.name && key.id() == signature.id).peekable();
            if named.peek().is_none() {
                continue;
            }
            let signer = named.find(|key| key.verifies(self.text, &signature.bytes));
            let signer = signer.ok_or_else(|| NoteError::Wrong(signature.name.to_owned()))?;
            if !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        if signers.is_empty() {
            let mut names: Vec<String> = self.signatures.iter().map(|one| one.name.to_owned()).collect();
            names.dedup();
            return Err(NoteError::Unknown(names));
        }
        Ok((self.text, signers))
    }

    /// The text, whoever may have written it.
    pub fn unverified_text(&self) -> &'n str {
        self.text
    }
}

impl<'n> Signature<'n> {
    fn parse(line: &'n str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(MARK)?.split_once(' ')?;
        let bytes = Base64::decode_vec(signature).ok()?;
        let (id, bytes) = bytes.split_first_chunk()?;
        (key::is_name(name) && !bytes.is_empty()).then(|| Signature { name, id: *id, bytes: bytes.to_vec() })
    }
}

/// Signs a text, which must end with LF and hold no other control characters.
///
/// # Errors
/// When it is not such a text.
pub fn sign(text: &str, key: &SigningKey) -> Result<String, NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("the text does not end with LF"));
    }
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(NoteError::Malformed("it has control characters"));
    }
    let mut bytes = key.verifier().id().to_vec();
    bytes.extend(key.sign(text));
    Ok(format!("{text}\n{MARK}{} {}\n", key.verifier().name(), Base64::encode_string(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;

    // The keys and notes of golang.org/x/mod/sumdb/note and of C2SP's signed-note.
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PETERS: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const BY_PETER: &str =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    const BY_ENOCH: &str =
        "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

    fn keys(texts: &[&str]) -> Vec<VerifierKey> {
        texts.iter().map(|text| VerifierKey::parse(text).expect("a key")).collect()
    }

    fn signers(note: &str, known: &[&str]) -> Result<Vec<String>, NoteError> {
        let known = keys(known);
        let note = Note::parse(note.as_bytes())?;
        note.open(&known).map(|(_, signers)| signers.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_example_of_the_specification_verifies() {
        let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        assert_eq!(signers(note, &[key]), Ok(vec![key.to_owned()]));
    }

    #[test]
    fn a_text_is_signed_as_others_sign_it() {
        let key = SigningKey::parse(&Secret::new(PETERS.to_owned())).expect("a key");
        assert_eq!(sign(TEXT, &key), Ok(format!("{TEXT}\n{BY_PETER}")));
        for wrong in ["abc", "", "a\u{1}b\n", "a\r\n"] {
            assert!(sign(wrong, &key).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn signatures_of_unknown_keys_count_for_nothing() {
        let both = format!("{TEXT}\n{BY_PETER}{BY_ENOCH}");
        assert_eq!(signers(&both, &[PETER]), Ok(vec![PETER.to_owned()]));
        assert_eq!(signers(&both, &[ENOCH]), Ok(vec![ENOCH.to_owned()]));
        assert_eq!(signers(&both, &[ENOCH, PETER]), Ok(vec![PETER.to_owned(), ENOCH.to_owned()]));
        let unknown = NoteError::Unknown(vec!["PeterNeumann".to_owned(), "EnochRoot".to_owned()]);
        assert_eq!(signers(&both, &[]), Err(unknown));
        let garbage = format!("{TEXT}\n— PeterNeumann AAAAAAAA\n{BY_PETER}");
        assert_eq!(signers(&garbage, &[PETER]), Ok(vec![PETER.to_owned()]), "another id is another key");
    }

    #[test]
    fn a_signature_twice_counts_once() {
        let twice = format!("{TEXT}\n{BY_PETER}{BY_PETER}");
        assert_eq!(signers(&twice, &[PETER]), Ok(vec![PETER.to_owned()]));
        assert_eq!(signers(&twice, &[PETER, PETER]), Ok(vec![PETER.to_owned()]));
        let many = format!("{TEXT}\n{}", BY_PETER.repeat(101));
        assert!(matches!(signers(&many, &[PETER]), Err(NoteError::Malformed(_))));
    }

    #[test]
    fn a_wrong_signature_of_a_known_key_spoils_the_note() {
        let spoilt = BY_PETER.replacen("UG/S", "UG/T", 1);
        let wrong = Err(NoteError::Wrong("PeterNeumann".to_owned()));
        assert_eq!(signers(&format!("{TEXT}\n{spoilt}"), &[PETER]), wrong);
        assert_eq!(signers(&format!("{TEXT}\n{BY_ENOCH}{BY_PETER}{spoilt}"), &[PETER, ENOCH]), wrong);
        let longer = BY_PETER.replacen("AM=", "AMAAAA=", 1).replacen("AAAA=", "AAA=", 1);
        assert!(signers(&format!("{TEXT}\n{longer}"), &[PETER]).is_err());
    }

    #[test]
    fn a_note_with_empty_lines_is_split_at_the_last() {
        let text = "a\n\n\nb\n";
        let key = SigningKey::parse(&Secret::new(PETERS.to_owned())).expect("a key");
        let signed = sign(text, &key).expect("a text");
        let known = keys(&[PETER]);
        let note = Note::parse(signed.as_bytes()).expect("a note");
        assert_eq!(note.open(&known).map(|(text, _)| text), Ok(text));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let end = BY_PETER.trim_end();
        for wrong in [
            TEXT.to_owned(),
            format!("{TEXT}\n"),
            format!("{TEXT}\n{end}"),
            format!("{TEXT}{BY_PETER}"),
            format!("\u{1}{TEXT}\n{BY_PETER}"),
            format!("{TEXT}\n{BY_PETER}").replace('\n', "\r\n"),
            format!("{TEXT}\n{BY_PETER}\t\n"),
            format!("{TEXT}\n{BY_PETER}Unexpected line.\n"),
            format!("{TEXT}\n{BY_PETER}\n"),
            format!("{TEXT}\n{}", BY_PETER.replace("— ", "- ")),
            format!("{TEXT}\n{}", BY_PETER.replace("— ", "—  ")),
            format!("{TEXT}\n{}", BY_PETER.replace("PeterNeumann", "Peter Neumann")),
            format!("{TEXT}\n{}", BY_PETER.replace("PeterNeumann", "Peter+Neumann")),
            format!("{TEXT}\n{}", BY_PETER.replace("PeterNeumann", "Peter\u{2003}Neumann")),
            format!("{TEXT}\n{}", BY_PETER.replace("PeterNeumann ", "")),
            format!("{TEXT}\n{end} \n"),
            format!("{TEXT}\n{end}=\n"),
            format!("{TEXT}\n{}", BY_PETER.replace("AM=", "AN=")),
            format!("{TEXT}\n{}", BY_PETER.replace("AM=", "AM")),
            format!("{TEXT}\n— PeterNeumann x08gow==\n"),
            format!("{}\n{BY_PETER}", "a".repeat(LARGEST)),
        ] {
            let shown: String = wrong.chars().take(300).collect();
            assert!(matches!(Note::parse(wrong.as_bytes()), Err(NoteError::Malformed(_))), "{shown:?}");
        }
        let mut latin1 = format!("{TEXT}\n{BY_PETER}").into_bytes();
        latin1[0] = 0xff;
        assert_eq!(Note::parse(&latin1), Err(NoteError::Malformed("it is not UTF-8")));
    }

    #[test]
    fn a_note_that_is_changed_anywhere_is_not_believed() {
        let note = format!("{TEXT}\n{BY_PETER}").into_bytes();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut changed = note.clone();
                changed[at] ^= 1 << bit;
                let believed = Note::parse(&changed).is_ok_and(|note| note.open(&keys(&[PETER])).is_ok());
                assert!(!believed, "byte {at} bit {bit}");
            }
        }
    }
}
