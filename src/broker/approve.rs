//! Saying yes or no to a request: what is known of it, what is not signed, and the order of what is done.
//!
//! Keeps the promise that nobody signs what would not count, and that an answer is in the ledger of who gave it before
//! anybody else has it.

mod error;

use std::path::Path;
use std::time::Duration;

use super::request::desk;
use super::sign_off::{keep_all, tell};
use crate::model::catalogue::{Catalogue, Person, ShorterLedger};
use crate::model::event::{AnsweredRequest, Event};
use crate::model::identity::Identity;
use crate::model::name::{Digest, Id, PersonName};
use crate::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use crate::model::sign_off::count::{Scene, Signed, Tally, count};
use crate::model::sign_off::gather::Gathered;
use crate::model::sign_off::growth::Growth;
use crate::model::sign_off::papers::{Bundle, Paper, Papers};
use crate::model::sign_off::seen::{Contradiction, Going, Known, Seen};
use crate::model::sign_off::sheet::Sheet;
use crate::model::time::Timestamp;
use crate::world::World;
use crate::world::desk::{Trouble, Wanted};
use crate::world::ledger::Record;
use crate::world::seen::Memory;

pub use error::ApproveError;

/// Who answers, and by which catalogue.
#[derive(Clone, Copy)]
pub struct Approver<'a> {
    /// The catalogue.
    pub catalogue: &'a Catalogue,
    /// The person's identity file; it needs to name no source.
    pub identity: &'a Identity,
    /// The key to sign with that it names.
    pub key: Option<&'a Path>,
    /// The ledgers that were seen before.
    pub memory: &'a dyn Memory,
}

/// Where a request is found.
#[derive(Clone, Debug)]
pub enum Handed {
    /// By its id, where requests are left.
    Id(Id),
    /// In what the person was handed.
    Papers(Gathered),
}

/// A request as it stands, with all that is known of it here.
#[derive(Debug)]
pub struct Case {
    tally: Tally,
    pub(super) approvals: Vec<Approval>,
    growths: Vec<Growth>,
    /// The sessions that somebody says have used it; nothing vouches for that.
    pub said_used: Vec<Id>,
    /// When it was looked at.
    pub now: Timestamp,
    /// What is remembered of the person and their ledgers.
    pub known: Known,
}

impl Case {
    /// The request with its approvals, counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// When its session is over at the latest, if it began when the request was made.
    pub(super) fn longest(&self) -> Timestamp {
        let asked = self.tally.sheet().asked();
        asked.made.plus(Duration::from_secs(asked.duration))
    }

    /// Whether its session may still go on, for all that the request says.
    pub fn may_go_on(&self) -> bool {
        self.now < self.longest()
    }

    /// What the request says of its ledger that an earlier one contradicts.
    pub fn contradiction(&self) -> Option<Contradiction> {
        self.going().err()
    }

    /// Whether the request's ledger goes on from what was seen of it; it does where nothing was seen.
    ///
    /// # Errors
    /// When what the request says of its ledger contradicts an earlier one.
    pub fn going(&self) -> Result<Going, Contradiction> {
        let check = |seen: &Seen| seen.check(self.tally.sheet(), &self.growths);
        self.known.ledger.as_ref().map_or(Ok(Going::On), check)
    }
}

/// An answer that counts and is in the ledger.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub approval: Approval,
    /// The request with it, counted again.
    pub tally: Tally,
    /// The places that did not take it.
    pub troubles: Vec<Trouble>,
}

/// Finds a request and counts what has been said to it.
///
/// # Errors
/// When there is none, or more than one that it could be.
pub fn look(world: World<'_>, approver: Approver<'_>, handed: &Handed) -> Result<Case, ApproveError> {
    let papers = find(world, approver, handed, Wanted::Recent(world.clock.now()));
    case_of(world, approver, handed, papers)
}

/// Finds what lies of a request where requests lie; of all these, where only an answer was handed over.
pub(super) fn find(world: World<'_>, approver: Approver<'_>, handed: &Handed, answered: Wanted<'_>) -> Papers {
    let found = desk(world, approver.catalogue, approver.identity).look(match handed {
        Handed::Id(id) => Wanted::Id(id),
        Handed::Papers(Gathered { sheets, .. }) if let [sheet] = sheets.as_slice() => Wanted::Beside(sheet),
        Handed::Papers(_) => answered,
    });
    // A request that is not found may lie where nobody could look.
    tell(world, &found.troubles);
    found.papers
}

/// Counts what has been said to the request that was handed over.
pub(super) fn case_of(
    world: World<'_>,
    approver: Approver<'_>,
    handed: &Handed,
    papers: Papers,
) -> Result<Case, ApproveError> {
    let now = world.clock.now();
    let bundle = match handed {
        Handed::Id(id) => found_one(papers, id),
        Handed::Papers(Gathered { sheets, approvals, .. }) => match (sheets.as_slice(), approvals.as_slice()) {
            ([sheet], _) => found_one(papers, &sheet.asked().id),
            ([], [first, ..]) => answered_one(papers, first.statement().request),
            (several, _) => Err(ApproveError::Several(several.iter().map(|sheet| sheet.asked().id.clone()).collect())),
        },
    };
    let Bundle { sheet, mut approvals, mut growths, used, .. } = bundle?;
    if let Handed::Papers(gathered) = handed {
        approvals.extend(gathered.approvals.iter().cloned());
        growths.extend(gathered.growths.iter().cloned());
    }
    let tally = count(Scene { catalogue: approver.catalogue, now, used: None }, &sheet, &approvals);
    let known = Known::among(approver.memory.all().map_err(ApproveError::Memory)?, sheet.asked());
    Ok(Case { tally, approvals, growths, said_used: used, now, known })
}

fn found_one(papers: Papers, id: &Id) -> Result<Bundle, ApproveError> {
    if let Some(twins) = papers.twins.into_iter().find(|twins| twins.id == *id) {
        return Err(ApproveError::Twins { sheets: twins.hashes(), id: twins.id });
    }
    let bundle = papers.bundles.into_iter().find(|bundle| bundle.sheet.asked().id == *id);
    bundle.ok_or_else(|| ApproveError::Absent(id.clone()))
}

fn answered_one(papers: Papers, request: Digest) -> Result<Bundle, ApproveError> {
    let bundle = papers.bundles.into_iter().find(|bundle| bundle.sheet.digest() == request);
    bundle.ok_or(ApproveError::AnswerToUnknown(request))
}

/// Finds every reason for which nothing is signed; the person is asked only when there is none.
///
/// # Errors
/// When the answer would not count, or changes nothing.
pub fn check(approver: Approver<'_>, case: &Case) -> Result<(), ApproveError> {
    let (tally, person) = (&case.tally, &approver.identity.person);
    let asked = tally.sheet().asked();
    check_not_void(tally)?;
    let person = known(approver.catalogue, person)?;
    if person.is_one_with(&asked.person, approver.catalogue) {
        return Err(ApproveError::Own);
    }
    if asked.overrides {
        return Err(ApproveError::Override(asked.id.clone()));
    }
    let rule = approver.catalogue.profile(asked.profile.as_str()).and_then(|profile| profile.approval.as_ref());
    if !rule.is_some_and(|rule| rule.from.includes(person)) {
        let from = rule.map_or(Vec::new(), |rule| rule.from.names().to_vec());
        return Err(ApproveError::NotAsked { profile: asked.profile.to_string(), from });
    }
    if let Some(denied) = tally.denied() {
        return Err(ApproveError::Denied { by: denied.by.person.clone(), remark: denied.remark.clone() });
    }
    if tally.is_expired() {
        return Err(ApproveError::Expired(asked.expires));
    }
    Ok(())
}

fn check_not_void(tally: &Tally) -> Result<(), ApproveError> {
    match tally.void() {
        [] => Ok(()),
        differences => {
            let id = tally.sheet().asked().id.clone();
            Err(ApproveError::Void { id, differences: differences.to_vec() })
        }
    }
}

/// Finds every reason more for which no yes is given: who has given one already can only say no, and who doubts a
/// requester's ledger too.
///
/// # Errors
/// When there is one.
pub fn check_yes(approver: Approver<'_>, case: &Case) -> Result<(), ApproveError> {
    check(approver, case)?;
    if let Some(signed) = case.tally.counted().iter().find(|signed| signed.person == approver.identity.person) {
        return Err(ApproveError::Signed(signed.clone()));
    }
    match (case.contradiction(), approver.catalogue.shorter_ledger()) {
        (Some(contradiction), ShorterLedger::Refuse) => Err(ApproveError::Ledgers(contradiction)),
        (Some(_), ShorterLedger::Warn) | (None, _) => Ok(()),
    }
}

pub(super) fn known<'a>(catalogue: &'a Catalogue, name: &PersonName) -> Result<&'a Person, ApproveError> {
    let person = catalogue.person(name.as_str()).ok_or_else(|| ApproveError::UnknownPerson(name.clone()))?;
    if person.keys.is_empty() { Err(ApproveError::NoKeys(name.clone())) } else { Ok(person) }
}

/// Signs an answer, writes it down, and leaves it where the requester may look.
///
/// # Errors
/// When nothing is signed, it would not count, or it is not certain that it is in the ledger: then it goes nowhere.
pub fn answer(
    world: World<'_>,
    approver: Approver<'_>,
    case: &Case,
    answer: Answer,
    remark: &str,
) -> Result<Answered, ApproveError> {
    let approval = sign(world, approver, case.tally.sheet(), answer, remark)?;
    let asked = case.tally.sheet().asked();
    if answer == Answer::Approve && case.contradiction().is_none() {
        // Only who said yes has made sure who asks: anybody could have written the request.
        let seen = case.known.ledger.clone().map_or_else(|| Seen::of(asked), |seen| seen.or_larger(asked));
        approver.memory.keep(&seen).map_err(ApproveError::Memory)?;
    }
    hand_out(world, approver, case, approval)
}

/// Signs an answer with a key of the person's.
pub(super) fn sign(
    world: World<'_>,
    approver: Approver<'_>,
    sheet: &Sheet,
    answer: Answer,
    remark: &str,
) -> Result<Approval, ApproveError> {
    let person = known(approver.catalogue, &approver.identity.person)?;
    let statement = Statement {
        answer,
        person: person.name.clone(),
        at: Timestamp::from_seconds(world.clock.now().seconds()),
        request: sheet.digest(),
        remark: remark.trim().to_owned(),
    };
    let text = statement.to_text().map_err(ApproveError::Approval)?;
    let signer = world.keys.find(approver.key, &person.keys).map_err(ApproveError::Signing)?;
    let signature = signer.sign(NAMESPACE, text.as_bytes()).map_err(ApproveError::Signing)?;
    Approval::new(&statement, &signature).map_err(ApproveError::Approval)
}

/// Takes in answers that were signed elsewhere, by hand: each must count.
///
/// # Errors
/// When one does not, or it is not certain that those of the person's own are in the ledger.
pub fn take_in(
    world: World<'_>,
    approver: Approver<'_>,
    case: &Case,
    approvals: &[Approval],
) -> Result<Vec<Answered>, ApproveError> {
    check_not_void(&case.tally)?;
    approvals.iter().map(|approval| hand_out(world, approver, case, approval.clone())).collect()
}

/// Writes an answer that counts down, and lets it out.
fn hand_out(
    world: World<'_>,
    approver: Approver<'_>,
    case: &Case,
    approval: Approval,
) -> Result<Answered, ApproveError> {
    let sheet = case.tally.sheet();
    let all: Vec<Approval> = case.approvals.iter().cloned().chain([approval.clone()]).collect();
    let scene = Scene { catalogue: approver.catalogue, now: world.clock.now(), used: None };
    let tally = count(scene, sheet, &all);
    let signed = counted(&tally, &approval)?;
    write_down(world, approver, sheet, &approval, &signed)?;
    let places = desk(world, approver.catalogue, approver.identity);
    let troubles = keep_all(places.as_ref(), sheet, &[Paper::Request, Paper::Approval(&approval)]);
    Ok(Answered { approval, tally, troubles })
}

/// What the count makes of an answer.
fn counted(tally: &Tally, approval: &Approval) -> Result<Signed, ApproveError> {
    let denied = tally.denied().map(|denied| &denied.by);
    let signed = tally.counted().iter().chain(denied).find(|signed| signed.digest == approval.digest());
    match (signed, tally.others().iter().find(|other| other.digest == approval.digest())) {
        (Some(signed), _) => Ok(signed.clone()),
        (None, Some(other)) => {
            Err(ApproveError::WouldNotCount { person: other.person.clone(), why: other.why.clone() })
        }
        (None, None) => {
            let by = denied.map_or_else(|| approval.statement().person.clone(), |by| by.person.clone());
            Err(ApproveError::Denied { by, remark: String::new() })
        }
    }
}

fn write_down(
    world: World<'_>,
    approver: Approver<'_>,
    sheet: &Sheet,
    approval: &Approval,
    signed: &Signed,
) -> Result<(), ApproveError> {
    for content in [sheet.line(), approval.stored()] {
        world.ledger.keep(content.as_bytes()).map_err(ApproveError::Ledger)?;
    }
    let answered = AnsweredRequest::of(sheet, signed);
    let event = match approval.statement().answer {
        Answer::Approve => Event::RequestSigned(answered),
        Answer::Deny => Event::RequestDenied(answered),
    };
    let record = Record { who: Some(approver.identity.person.clone()), session: None, event };
    world.ledger.append(&record).map(drop).map_err(ApproveError::Ledger)
}
