//! `glass audit ship`: the ledger is sent to the places that the catalogue names.

use std::ffi::OsStr;

use serde::Serialize;

use super::own;
use crate::broker::place_of;
use crate::cli::args::AuditShip;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, hint_for_archive};
use crate::cli::out::{self, Paint};
use crate::host::archive::ARCHIVES;
use crate::host::keychain::Keychain;
use crate::host::recorded::Recorded;
use crate::host::ship::background::{self, Due};
use crate::host::ship::{self, ShipError, Shipper, Told, Waiting};
use crate::host::witness::WitnessError;
use crate::model::anchor::AnchorPlace;
use crate::model::destination::Destination;
use crate::model::identity::Source;
use crate::model::text::escaped;
use crate::world::archive::Sender;

/// What to do about a place that does not take what is sent.
const NEXT_TIME: &str = "what it lacks is sent by the next call";

/// What became of the places.
struct Report {
    json: bool,
    paint: Paint,
    /// What was sent to the place whose turn it is.
    sent: Vec<String>,
    places: Vec<Shipped>,
    exit: Exit,
}

/// What became of one place.
#[derive(Serialize)]
struct Shipped {
    to: String,
    sent: Vec<String>,
    failed: Option<String>,
    contradicts: bool,
}

/// Sends what the places do not have yet.
pub fn run(args: &AuditShip, context: &Context) -> Result<Exit, Failure> {
    if args.background {
        background::leave_terminal();
    }
    let catalogue = context.catalogue()?;
    let shipping = catalogue.shipping();
    if shipping.ship.is_empty() {
        return Err(Failure::new(Exit::Usage, "the catalogue names no place that the ledger is sent to")
            .hint("its owners name one with `ship` in [ledger]: see docs/catalogue.md"));
    }
    let identity = context.identity()?;
    let place = place_of(&catalogue, shipping.region());
    let source = shipping.source.as_ref().or(identity.source.as_ref());
    let (places, waiting) = if args.background {
        (unasked(&shipping.ship, source), Waiting::Never)
    } else {
        (shipping.ship.clone(), Waiting::Allowed)
    };
    let ledger = own(context)?;
    let shipper = Shipper {
        ledger: &ledger,
        who: Some(&identity.person),
        recordings: Recorded::of_own(&context.places().recordings()),
        archives: &ARCHIVES,
        sender: Sender { person: &identity.person, source, place: &place, retain_days: shipping.retain_days },
    };
    let paint = Paint::for_stderr(context.color());
    let mut report = Report { json: args.json, paint, sent: Vec::new(), places: Vec::new(), exit: Exit::Done };
    shipper.ship(&places, waiting, &mut |to, told| report.take(&to.to_string(), told))?;
    if places.len() < shipping.ship.len() {
        Due::of(&context.places().ledger()).note();
    }
    report.conclude()
}

/// The places that can be sent to without asking anybody: no buckets while the keyring that has the key is locked.
fn unasked(places: &[AnchorPlace], source: Option<&Source>) -> Vec<AnchorPlace> {
    let is_locked = matches!(source, Some(Source::Keyring(store)) if !Keychain.is_open(*store));
    let is_silent =
        |place: &&AnchorPlace| !is_locked || !matches!(place, AnchorPlace::Archive(Destination::Bucket { .. }));
    places.iter().filter(is_silent).cloned().collect()
}

/// Has what is due sent by a process that nobody waits for. Not within a session, which that would have to end with.
pub fn see_to(context: &Context) {
    let due = Due::of(&context.places().ledger());
    if !due.is_to_be_tried() || context.inside().is_some() {
        return;
    }
    let Ok(catalogue) = context.catalogue() else { return };
    if catalogue.shipping().ship.is_empty() {
        return due.forget();
    }
    due.tried();
    let named = context.named_by_flag().map(|file| [OsStr::new("--catalogue"), file.as_os_str()]);
    let words = ["audit", "ship", "--background"].map(OsStr::new);
    if let Err(error) = background::start(named.into_iter().flatten().chain(words)) {
        tracing::debug!(%error, "what is due cannot be sent");
    }
}

/// Tells of places that do not have all of the ledger, as far as the last attempt to send it says.
pub fn tell_of_failures(context: &Context) {
    let Ok(catalogue) = context.catalogue() else { return };
    for sent in ship::failed(&context.places().ledger(), &catalogue.shipping().ship) {
        let Some(failed) = &sent.failed else { continue };
        let [to, at, why] = [&sent.to, &failed.at, &failed.why].map(|text| escaped(text));
        out::warn(&format_args!("{to} does not have all of the ledger, as of {at}: {why}"));
    }
}

impl Report {
    fn take(&mut self, to: &str, told: Told) {
        let failed = match told {
            Told::Sent(name) => return self.sent.push(name),
            Told::Forgot => {
                let to = escaped(to);
                return out::warn(&format_args!("{to} has lost what it had of this ledger: it is sent again"));
            }
            Told::Done => None,
            Told::Failed(error) => Some(error),
        };
        if let Some(error) = &failed {
            let failure = not_sent(to, error);
            out::say(failure.show(self.paint).trim_end());
            if self.exit != Exit::Evidence {
                self.exit = failure.exit();
            }
        }
        self.places.push(Shipped {
            to: to.to_owned(),
            sent: std::mem::take(&mut self.sent),
            contradicts: matches!(failed, Some(ShipError::Contradicted(_))),
            failed: failed.as_ref().map(ShipError::in_one_line),
        });
    }

    fn conclude(self) -> Result<Exit, Failure> {
        if self.json {
            out::print_json(&self.places)?;
            return Ok(self.exit);
        }
        let lines = |Shipped { to, sent, .. }: &Shipped| -> String {
            sent.iter().map(|name| format!("sent  {}/{}\n", escaped(to), escaped(name))).collect()
        };
        let lines: String = self.places.iter().map(lines).collect();
        if lines.is_empty() && self.exit == Exit::Done {
            out::say("glass: nothing is left to send");
        }
        out::print(&lines).map(|()| self.exit)
    }
}

fn not_sent(to: &str, error: &ShipError) -> Failure {
    let failure = |exit, fact| Failure::new(exit, format!("{to} {fact}")).caused_by(error);
    match error {
        ShipError::Contradicted(_) => failure(Exit::Evidence, "contradicts this ledger").hint(
            "keep the ledger's folder as it is, and have whoever owns that place look into it; `glass audit verify` \
             tells what the ledger itself shows",
        ),
        ShipError::Ledger(_) => failure(Exit::Evidence, "does not have all of this ledger"),
        ShipError::Archive(error) => {
            let hint = hint_for_archive(error).unwrap_or_else(|| NEXT_TIME.to_owned());
            failure(Exit::Failed, "does not have all of this ledger").hint(hint)
        }
        ShipError::Witness(WitnessError::Refused { .. }) => failure(Exit::Failed, "does not cosign this ledger")
            .hint("if it does not know the ledger, have whoever runs it add the key that `glass audit key` prints"),
        ShipError::Witness(WitnessError::NoProof(_)) => failure(Exit::Failed, "has not cosigned this ledger").hint(
            "that takes entries which are not here any more: put the segments back that were deleted, from an archive, \
             until it has cosigned a checkpoint of what follows them",
        ),
        ShipError::Witness(_) | ShipError::Stale(_) => {
            failure(Exit::Failed, "has not cosigned this ledger").hint("the next call asks it again")
        }
        ShipError::Recording(_) | ShipError::Spoilt(_) | ShipError::File { .. } => {
            failure(Exit::Failed, "does not have all of this ledger").hint(NEXT_TIME)
        }
    }
}
