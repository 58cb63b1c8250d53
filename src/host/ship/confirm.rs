//! A checkpoint that somebody waits for: sent to all places at once, and the first that has it is enough.

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::cosign::{anchor, cosign};
use super::fault::ShipError;
use super::put::{put_note, text_in};
use super::sent::SentNotes;
use crate::host::clock::HostClock;
use crate::host::ledger::spool::Spool;
use crate::host::witness::Witness;
use crate::model::anchor::{Anchor, AnchorPlace, AnchorReceipt};
use crate::model::checkpoint::Checkpoint;
use crate::model::completeness::receipt::checkpoint_name;
use crate::model::destination::Destination;
use crate::model::identity::Source;
use crate::model::name::PersonName;
use crate::world::anchor::{Anchoring, Anchors, NotAnchored};
use crate::world::archive::{Archives, Sender};
use crate::world::aws;
use crate::world::ledger::{Checkpointed, LedgerError};
use crate::world::machine::Clock;

/// How long the places have, all together.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far a witness's clock may be behind.
const BEHIND: Duration = Duration::from_secs(5 * 60);

/// Sends to archives, and has witnesses cosign.
pub struct HostAnchors {
    ledger: PathBuf,
    archives: &'static dyn Archives,
    patience: Duration,
}

impl HostAnchors {
    /// Of the ledger in a folder, through archives that this opens.
    pub fn of(ledger: PathBuf, archives: &'static dyn Archives) -> Self {
        HostAnchors { ledger, archives, patience: PATIENCE }
    }
}

/// A checkpoint on its way to one place, with all that this takes: a place that hangs is left behind.
struct Sending {
    ledger: PathBuf,
    archives: &'static dyn Archives,
    to: AnchorPlace,
    person: PersonName,
    source: Option<Source>,
    place: aws::Place,
    retain_days: Option<u32>,
    checkpoint: Checkpoint,
    note: String,
}

impl Anchors for HostAnchors {
    fn confirm(&self, checkpoint: &Checkpointed, anchoring: Anchoring<'_>) -> Result<Vec<Anchor>, NotAnchored> {
        let sendings = anchoring.places.iter().filter_map(|to| Sending::of(self, to, checkpoint, anchoring));
        let (tell, answers) = mpsc::channel();
        for sending in sendings {
            let tell = tell.clone();
            // Nobody may be listening any more.
            thread::spawn(move || drop(tell.send((sending.to.to_string(), sending.send()))));
        }
        drop(tell);
        let (until, mut anchors, mut failed) = (Instant::now() + self.patience, Vec::new(), Vec::new());
        loop {
            // What has been said by now is heard before the first answer is taken for enough.
            let longest =
                if anchors.is_empty() { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            match answers.recv_timeout(longest) {
                Ok((_, Ok(anchor))) => anchors.push(anchor),
                Ok((to, Err(error @ ShipError::Contradicted(_)))) => {
                    return Err(NotAnchored::Contradicted { to, why: error.to_string() });
                }
                Ok((to, Err(error))) => failed.push((to, error.in_one_line())),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) if !anchors.is_empty() => {
                    return Ok(anchors);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let silent = anchoring.places.iter().map(ToString::to_string);
                    let silent = silent.filter(|to| failed.iter().all(|(known, _)| known != to));
                    let silent: Vec<_> =
                        silent.map(|to| (to, format!("no answer within {:?}", self.patience))).collect();
                    failed.extend(silent);
                    return Err(NotAnchored::Nowhere(failed));
                }
            }
        }
    }
}

impl Sending {
    fn of(
        anchors: &HostAnchors,
        to: &AnchorPlace,
        checkpoint: &Checkpointed,
        Anchoring { sender, .. }: Anchoring<'_>,
    ) -> Option<Self> {
        let note = checkpoint.note.clone();
        Some(Sending {
            ledger: anchors.ledger.clone(),
            archives: anchors.archives,
            to: to.clone(),
            person: sender.person.clone(),
            source: sender.source.cloned(),
            place: sender.place.clone(),
            retain_days: sender.retain_days,
            checkpoint: text_in(note.as_bytes()).and_then(|text| Checkpoint::parse(text).ok())?,
            note,
        })
    }

    fn send(&self) -> Result<Anchor, ShipError> {
        match &self.to {
            AnchorPlace::Archive(to) => self.put(to),
            AnchorPlace::Witness { address, keys } => {
                let ca_bundle = self.place.ca_bundle.clone();
                self.show(&Witness { address: address.clone(), keys: keys.clone(), ca_bundle })
            }
        }
    }

    fn show(&self, witness: &Witness) -> Result<Anchor, ShipError> {
        let asked = HostClock.now();
        let gone = || LedgerError::Untrusted { reason: "it is gone".to_owned() };
        let spool = Spool::of(&self.ledger)?.ok_or_else(gone)?;
        let known = SentNotes::of(&self.ledger).of_place(&self.to.to_string()).checkpoint;
        let cosigned = cosign(witness, &spool, (&self.checkpoint, &self.note), known)?;
        if cosigned.at.plus(BEHIND) < asked {
            return Err(ShipError::Stale(cosigned.at));
        }
        Ok(anchor(&self.checkpoint, witness, cosigned, known))
    }

    fn put(&self, to: &Destination) -> Result<Anchor, ShipError> {
        let Sending { person, place, retain_days, .. } = self;
        let sender = Sender { person, source: self.source.as_ref(), place, retain_days: *retain_days };
        let archive = self.archives.open(to, &sender)?;
        let Checkpoint { size, root, .. } = self.checkpoint;
        let name = format!("{}/{}", self.checkpoint.origin, checkpoint_name(size));
        let receipt = put_note(archive.as_ref(), to, &name, &self.note)?.receipt;
        let (kind, to, receipt) = (to.kind(), to.to_string(), AnchorReceipt::Archive(receipt));
        Ok(Anchor { size, root, kind, to, receipt, segment: None, recording: None })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;
    use std::sync::Mutex;

    use zeroize::Zeroizing;

    use super::*;
    use crate::model::chain::origin::Origin;
    use crate::model::name::{Digest, Region};
    use crate::model::note::key::SigningKey;
    use crate::model::time::Timestamp;
    use crate::world::archive::{Archive, ArchiveError, Brought, Content, Receipt};

    /// Places that do as their names say: `/takes`, `/refuses`, `/hangs`, and `/other`, which has something else.
    struct Made;

    struct Place(String);

    /// Never given back by whoever hangs.
    static HELD: Mutex<()> = Mutex::new(());

    impl Archives for Made {
        fn open(&self, to: &Destination, _: &Sender<'_>) -> Result<Box<dyn Archive>, ArchiveError> {
            Ok(Box::new(Place(to.to_string())))
        }
    }

    impl Archive for Place {
        fn put(&self, name: &str, _: Content<'_>) -> Result<Receipt, ArchiveError> {
            match self.0.as_str() {
                "/takes" => Ok(Receipt { name: name.to_owned(), version: None, retained_until: None }),
                "/other" => Err(ArchiveError::Taken),
                "/hangs" => {
                    let _held = HELD.lock();
                    Err(ArchiveError::NoSource)
                }
                _ => Err(ArchiveError::Unfit("it refuses".to_owned())),
            }
        }

        fn oldest(&self, _: &str, into: &mut dyn Write) -> Result<Option<Timestamp>, ArchiveError> {
            into.write_all(b"something else").expect("it takes everything");
            Ok(Some(Timestamp::from_seconds(0)))
        }

        fn names(&self, _: &str) -> Result<Vec<String>, ArchiveError> {
            Ok(Vec::new())
        }

        fn bring(&self, names: &[String], _: usize) -> Result<Vec<Option<Brought>>, ArchiveError> {
            Ok(names.iter().map(|_| None).collect())
        }
    }

    fn confirmed(places: &[&str], patience: Duration) -> Result<Vec<Anchor>, NotAnchored> {
        let origin = "glass/-/laptop/alice/0123abcd";
        let key = SigningKey::of_seed(origin, Zeroizing::new([1; 32])).expect("a name");
        let checkpoint =
            Checkpoint { origin: origin.to_owned(), size: 7, root: Digest::of(b"root"), extensions: Vec::new() };
        let note = checkpoint.sign(&key).expect("a text");
        let places: Vec<_> =
            places.iter().map(|path| AnchorPlace::Archive(Destination::Folder(Path::new(path).to_owned()))).collect();
        let place = aws::Place { region: Region::parse("eu-west-1").expect("one"), endpoint: None, ca_bundle: None };
        let person = PersonName::parse("alice").expect("a name");
        let sender = Sender { person: &person, source: None, place: &place, retain_days: None };
        let anchors = HostAnchors { ledger: PathBuf::new(), archives: &Made, patience };
        let checkpointed = Checkpointed {
            origin: Origin::parse(origin).expect("an origin"),
            size: 7,
            root: Digest::of(b"root"),
            note,
            new_key: None,
        };
        anchors.confirm(&checkpointed, Anchoring { places: &places, sender })
    }

    #[test]
    fn one_place_that_takes_it_is_enough_and_the_others_are_not_waited_for() {
        let _held = HELD.lock();
        let anchors = confirmed(&["/hangs", "/refuses", "/takes"], Duration::from_secs(600)).expect("one takes it");
        assert_eq!(anchors.iter().map(|anchor| (anchor.to.as_str(), anchor.size)).collect::<Vec<_>>(), [("/takes", 7)]);
        let error = confirmed(&["/refuses", "/hangs"], Duration::from_millis(50)).expect_err("none takes it");
        let told = error.to_string();
        assert!(told.contains("/refuses: it refuses; /hangs: no answer within 50ms"), "{told}");
    }

    #[test]
    fn a_place_that_has_something_else_is_no_anchor() {
        let error = confirmed(&["/other"], Duration::from_secs(600)).expect_err("it has something else");
        assert!(matches!(error, NotAnchored::Contradicted { to, .. } if to == "/other"));
    }
}
