//! `glass audit verify`: whether the ledger is all that it was, as far as anything outside of it says so.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::against::{Archived, Other};
use crate::cli::args::AuditVerify;
use crate::cli::exit::Exit;
use crate::host::archive::kept::{Amount, Findings};
use crate::host::ledger::reader::Verified;
use crate::model::completeness::receipt::{Altered, Gone, Receipts};
use crate::model::completeness::{Answer, Claims, Completeness, Held, Kind, State};
use crate::model::note::key::WitnessKey;
use crate::model::text::escaped;
use crate::model::time::{Timestamp, show_duration};

/// How many lines of one sort are told to people; `--json` has them all.
const TOLD: usize = 5;

/// What was found outside, held against the ledger.
pub struct Judged {
    completeness: Completeness,
    findings: Findings,
    others: Vec<Other>,
    anchored: Option<Anchored>,
    /// How many entries the ledger has, and how many of them it has signed.
    entries: u64,
    signed: Option<u64>,
    /// Whether anything was named to hold it against.
    looked: Looked,
    now: Timestamp,
}

/// Whether anything was named to hold the ledger against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looked {
    Nowhere,
    Somewhere,
}

/// What is anchored of the ledger, the most of it.
#[derive(Serialize)]
struct Anchored {
    size: u64,
    kind: String,
    at: Option<Timestamp>,
    by: By,
    from: String,
}

/// Who says so.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum By {
    /// What was looked at.
    Found,
    /// The ledger alone.
    Receipt,
}

/// What is to be judged.
pub struct Evidence<'e> {
    /// The ledger.
    pub verified: &'e Verified,
    /// Its receipts.
    pub receipts: Receipts,
    /// The notes that were found.
    pub claims: Claims,
    /// The archives.
    pub archived: Archived,
    /// The witnesses that are believed.
    pub witnesses: &'e [WitnessKey],
    /// What CloudTrail says, if it was asked.
    pub cloudtrail: Option<&'e [Held]>,
}

impl Judged {
    /// Judges it.
    pub fn of(evidence: Evidence<'_>, args: &AuditVerify, now: Timestamp) -> Judged {
        let Evidence { verified, receipts, mut claims, archived, witnesses, cloudtrail } = evidence;
        let Verified { reading, signatures, .. } = verified;
        let cosigned = receipts.cosigned(witnesses);
        let is_asked = !args.against.is_empty() || cloudtrail.is_some() || !cosigned.is_empty();
        let looked = if is_asked { Looked::Somewhere } else { Looked::Nowhere };
        for note in cosigned {
            claims.take(note);
        }
        let mut completeness = claims.judge(signatures, witnesses, reading.walked.judgement.integrity);
        completeness.join(cloudtrail.unwrap_or_default());
        let anchored = match looked {
            Looked::Somewhere => completeness.newest().and_then(Anchored::found),
            Looked::Nowhere => receipts.newest(signatures).map(|receipt| Anchored {
                size: receipt.size,
                kind: receipt.kind.clone(),
                at: Some(receipt.at),
                by: By::Receipt,
                from: receipt.to.clone(),
            }),
        };
        let (findings, others) = archived.into_findings();
        Judged {
            findings,
            others,
            anchored,
            entries: reading.walked.verifier.next(),
            signed: signatures.last().map(|signed| signed.size),
            completeness,
            looked,
            now,
        }
    }

    /// Whether what was found contradicts the ledger: it is not what it was, an archive has not what it was sent, or a
    /// note that was named is not believed.
    pub fn contradicts(&self) -> bool {
        let named = self.completeness.foreign.iter().any(|foreign| foreign.kind == Kind::File);
        let Findings { gone, altered, read: _ } = &self.findings;
        named || self.completeness.contradicts() || !gone.is_empty() || !altered.is_empty()
    }

    /// 5 where the ledger is not anchored as is asked.
    pub fn unanchored(&self, args: &AuditVerify) -> Option<Exit> {
        let short = args.anchored && !self.is_anchored();
        let old = args.max_age.is_some_and(|most| self.age().is_none_or(|age| age > most));
        (short || old).then_some(Exit::NotAnchored)
    }

    /// Whether all that the ledger has signed is anchored.
    fn is_anchored(&self) -> bool {
        self.signed.zip(self.anchored.as_ref()).is_some_and(|(signed, anchored)| signed <= anchored.size)
    }

    fn age(&self) -> Option<Duration> {
        Some(self.now.since(self.anchored.as_ref()?.at?))
    }

    /// For `--json`: `anchored`, and `completeness`.
    pub fn as_json(&self) -> (Value, Value) {
        let Completeness { held, foreign } = &self.completeness;
        let told =
            held.iter().filter(|held| held.answer != Answer::Agrees || Some(*held) == self.completeness.newest());
        let completeness = json!({
            "state": self.completeness.state(),
            "size": self.completeness.newest().and_then(|held| held.size),
            "looked_at": held.len(),
            "held": told.collect::<Vec<_>>(),
            "foreign": foreign,
            "gone": self.findings.gone,
            "altered": self.findings.altered,
            "read": self.findings.read,
            "others": self.others,
        });
        (json!(self.anchored), completeness)
    }

    /// For people.
    pub fn described(&self) -> String {
        let mut text = format!("complete    {}\n", self.verdict());
        let mut lines = |what: &str, told: Vec<String>| {
            let more = told.len().saturating_sub(TOLD);
            told.into_iter().take(TOLD).for_each(|line| writeln!(text, "{what:<11} {line}").expect(WRITES));
            if more > 0 {
                writeln!(text, "{what:<11} and {more} more").expect(WRITES);
            }
        };
        let of = |answer| self.completeness.contradictions().filter(move |held| held.answer == answer);
        lines("rewritten", of(Answer::Rewritten).map(rewritten).collect());
        lines("cut", of(Answer::Cut).map(|held| self.cut(held)).collect());
        let gone = |Gone { to, name, seq }: &Gone| {
            format!("{} does not have {}, of which entry {seq} is the receipt", escaped(to), escaped(name))
        };
        lines("gone", self.findings.gone.iter().map(gone).collect());
        let altered = |Altered { to, name, seq, reason }: &Altered| {
            let (to, name, reason) = (escaped(to), escaped(name), escaped(reason));
            format!("{to} has something else as {name}, of which entry {seq} is the receipt: {reason}")
        };
        lines("altered", self.findings.altered.iter().map(altered).collect());
        let foreign = self.completeness.foreign.iter();
        lines("foreign", foreign.map(|one| format!("{}: {}", escaped(&one.place), escaped(&one.reason))).collect());
        let other = |Other { from, origin, size }: &Other| {
            format!("{} has {}, a ledger of {size} entries", escaped(from), escaped(origin))
        };
        lines("another", self.others.iter().map(other).collect());
        let Amount { objects, bytes } = self.findings.read;
        let read = (objects > 0).then(|| format!("{objects} objects of the archives, {bytes} bytes"));
        lines("read", read.into_iter().collect());
        lines("anchored", vec![self.described_anchor()]);
        text
    }

    fn verdict(&self) -> String {
        let newest = self.completeness.newest();
        let up_to = |Held { place, size, at, .. }: &Held| {
            let size = size.unwrap_or_default();
            (size, format!("{}{}", escaped(place), since(*at)))
        };
        match (self.completeness.state(), newest.map(up_to)) {
            (State::Complete, Some((size, by))) => {
                let after = self.entries.saturating_sub(size);
                format!("as far as the first {size} entries, by {by}; {after} came after these")
            }
            (State::Cut | State::Rewritten, Some((size, by))) => {
                format!("no; the first {size} entries are what they were, by {by}")
            }
            (State::Cut | State::Rewritten, None) => "no".to_owned(),
            (State::Unknown | State::Complete, _) => match self.looked {
                Looked::Nowhere => "unknown: nothing outside of it was asked how long it should be".to_owned(),
                Looked::Somewhere => "unknown: nothing that was asked knows how long it should be".to_owned(),
            },
        }
    }

    fn cut(&self, held: &Held) -> String {
        let (place, entries) = (escaped(&held.place), self.entries);
        match held.size {
            Some(size) => format!("{place} is of {size} entries, the ledger has {entries}"),
            None => format!("{place}{} is of an entry that the ledger does not have", since(held.at)),
        }
    }

    fn described_anchor(&self) -> String {
        let Some(Anchored { size, by, from, .. }) = &self.anchored else { return "nothing".to_owned() };
        let who = match by {
            By::Found => escaped(from),
            By::Receipt => format!("the ledger's own receipt from {}", escaped(from)),
        };
        let age = self.age().map_or_else(|| ", nobody knows when".to_owned(), |age| format!(", {} ago", rounded(age)));
        let missing = if self.is_anchored() { "" } else { "; what was signed after that is not" };
        format!("the first {size} entries, by {who}{age}{missing}")
    }
}

impl Anchored {
    fn found(held: &Held) -> Option<Anchored> {
        let kind = json!(held.kind).as_str().unwrap_or_default().to_owned();
        Some(Anchored { size: held.size?, kind, at: held.at, by: By::Found, from: held.place.clone() })
    }
}

fn rewritten(held: &Held) -> String {
    let place = escaped(&held.place);
    match held.size {
        Some(size) => format!("{place} is of {size} entries of which some are other ones here"),
        None => format!("{place}{} is of an entry that is another one here, or none", since(held.at)),
    }
}

fn since(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(" of {at}"))
}

/// A length of time without more of it than people want to know.
fn rounded(age: Duration) -> String {
    let seconds = age.as_secs();
    let of = [86_400, 3600, 60].into_iter().find(|unit| seconds >= 2 * unit).unwrap_or(1);
    match of {
        86_400 => format!("{} days", seconds / 86_400),
        unit => show_duration(Duration::from_secs(seconds - seconds % unit)),
    }
}

const WRITES: &str = "writing to a String cannot fail";
