//! Reviews of overrides: which are open, and closing one with what somebody else has signed.
//!
//! Keeps the promise that no review closes but by a statement of somebody who may review it, signed under the very
//! request of the override, and that the ledger has both before it is told anywhere.

use std::fmt;

use super::approve::{ApproveError, Approver, Case, Handed, case_of, find, known, sign};
use super::request::desk;
use super::sign_off::keep_all;
use crate::model::catalogue::Catalogue;
use crate::model::chain::origin::Origin;
use crate::model::event::{ClosedReview, Event};
use crate::model::identity::Identity;
use crate::model::name::PersonName;
use crate::model::sign_off::approval::{Answer, Approval};
use crate::model::sign_off::count::{SKEW, Scene, Signed, latest, may_review, review};
use crate::model::sign_off::gather::Gathered;
use crate::model::sign_off::objection::{Difference, Objection};
use crate::model::sign_off::papers::{Bundle, Paper};
use crate::model::sign_off::reviews::{Override, Reviews};
use crate::model::sign_off::sheet::{Asked, Sheet};
use crate::model::text::escaped;
use crate::world::World;
use crate::world::desk::{Found, Trouble, Wanted};
use crate::world::ledger::{LedgerError, Record};

/// The overrides of this ledger whose review was open, and what has become of them.
#[derive(Debug)]
pub struct Settled {
    /// The ledger.
    pub origin: Origin,
    /// The number of its first entry that is here.
    pub first: u64,
    /// Those that still are, oldest first.
    pub open: Vec<Override>,
    /// Those that are closed now, by what lay where requests are left.
    pub closed: Vec<Closed>,
}

/// A review that is closed, in this ledger.
#[derive(Debug)]
pub struct Closed {
    /// The request of the override.
    pub sheet: Sheet,
    /// What was signed.
    pub statement: Approval,
    /// Who has signed it.
    pub by: Signed,
    /// The places that did not take it.
    pub troubles: Vec<Trouble>,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (asked, Signed { person, at, .. }) = (self.sheet.asked(), &self.by);
        write!(f, "the review of {}'s override {} is closed, by {person} at {at}", asked.person, asked.id)?;
        match self.statement.statement().remark.as_str() {
            "" => Ok(()),
            remark => write!(f, ": {}", escaped(remark)),
        }
    }
}

/// Finds the open reviews of this ledger, and closes those for which a good statement has come to where requests lie,
/// which is told.
///
/// # Errors
/// When the ledger cannot be read or does not take it.
pub fn settle(world: World<'_>, catalogue: &Catalogue, identity: &Identity) -> Result<Settled, LedgerError> {
    let mut reviews = Reviews::default();
    let past = world.ledger.read_back(0, &mut |entry| reviews.read(entry))?;
    let mut settled = Settled { origin: past.origin, first: past.first, open: Vec::new(), closed: Vec::new() };
    if reviews.open().next().is_none() {
        return Ok(settled);
    }
    let scene = Scene { catalogue, now: latest(world.clock.now(), past.latest, None), used: None };
    let desk = desk(world, catalogue, identity);
    let mut places = Vec::new();
    for one in reviews.open() {
        let mut found = desk.look(Wanted::Id(&one.session));
        let bundle = found.papers.every().find(|bundle| reviews.is_open_under(&bundle.sheet));
        // Whoever was killed in between has left no mark for those who look there.
        if let Some(unmarked) = bundle.as_ref().filter(|bundle| bundle.used.is_empty()) {
            found.troubles.extend(desk.keep(&unmarked.sheet, Paper::Used(&one.session)));
        }
        for trouble in found.troubles {
            // What is wrong with a place is told once, however many reviews are open.
            if !places.contains(&trouble.place) {
                world.terminal.warn(&trouble);
                places.push(trouble.place);
            }
        }
        match bundle.and_then(|bundle| closing(world, scene, one, bundle)) {
            None => settled.open.push(one.clone()),
            Some(closed) => {
                write_down(world, &identity.person, &closed)?;
                world.terminal.say(&format!("glass: {closed}"));
                settled.closed.push(closed);
            }
        }
    }
    Ok(settled)
}

/// The requests of overrides that lie where requests lie, that the ledger here cannot tell of, and that nobody has reviewed
/// there. Of several with one id each is given.
pub fn elsewhere(
    world: World<'_>,
    catalogue: &Catalogue,
    identity: &Identity,
    here: &Settled,
) -> (Vec<Sheet>, Vec<Trouble>) {
    let scene = Scene { catalogue, now: world.clock.now(), used: None };
    let Found { papers, troubles } = desk(world, catalogue, identity).look(Wanted::All);
    let is_told_here = |asked: &Asked| {
        tells_of(&here.origin, here.first, asked) || here.open.iter().any(|one| one.session == asked.id)
    };
    let is_one =
        |asked: &Asked| asked.overrides && asked.organisation == *catalogue.organisation() && !is_told_here(asked);
    // Without the mark nothing came of it, or its own ledger has not told yet.
    let lying = papers.every().filter(|bundle| is_one(bundle.sheet.asked()) && !bundle.used.is_empty());
    let is_open = |bundle: &Bundle| bundle.approvals.iter().all(|said| review(scene, &bundle.sheet, said).is_err());
    (lying.filter(is_open).map(|bundle| bundle.sheet).collect(), troubles)
}

/// Whether a ledger tells what has become of a request: it is of this ledger, and made when no entry was that is gone now.
fn tells_of(origin: &Origin, first: u64, asked: &Asked) -> bool {
    asked.origin == *origin && asked.ledger.size >= first
}

/// What of the answers to an override's request closes its review. That one would, had it not been too early, is told.
fn closing(world: World<'_>, scene: Scene<'_>, one: &Override, bundle: Bundle) -> Option<Closed> {
    let Bundle { sheet, approvals, .. } = bundle;
    let good = |statement: Approval| review(scene, &sheet, &statement).ok().map(|by| (statement, by));
    let (in_time, early): (Vec<_>, Vec<_>) =
        approvals.into_iter().filter_map(good).partition(|(_, by)| one.goes_on_at(by.at).is_none());
    if let Some((statement, by)) = in_time.into_iter().next() {
        return Some(Closed { sheet, statement, by, troubles: Vec::new() });
    }
    for (_, Signed { person, at, .. }) in early {
        if let Some(over) = one.goes_on_at(at) {
            let why = Objection::NotOver(over);
            world.terminal.warn(&format_args!("{person}'s review of {} does not count: {why}", one.session));
        }
    }
    None
}

/// Finds an override's request and what was said to it.
///
/// # Errors
/// When there is none, or more than one that it could be.
pub fn look(world: World<'_>, approver: Approver<'_>, handed: &Handed) -> Result<Case, ApproveError> {
    let mut papers = find(world, approver, handed, Wanted::All);
    // Of several with one id it is the one that was handed over, or that this ledger has.
    let meant = match handed {
        Handed::Papers(Gathered { sheets, approvals, .. }) => {
            let answered = || approvals.first().map(|approval| approval.statement().request);
            sheets.first().map(Sheet::digest).or_else(answered)
        }
        Handed::Id(id) if !papers.twins.is_empty() => {
            let mut reviews = Reviews::default();
            world.ledger.read_back(0, &mut |entry| reviews.read(entry)).map_err(ApproveError::Ledger)?;
            reviews.request_of(id)
        }
        Handed::Id(_) => None,
    };
    meant.into_iter().for_each(|request| papers.single_out(request));
    case_of(world, approver, handed, papers)
}

/// Finds every reason for which nothing is signed; the person is asked only when there is none.
///
/// # Errors
/// When what they sign would close nothing.
pub fn check(approver: Approver<'_>, case: &Case) -> Result<(), ApproveError> {
    let asked = case.tally().sheet().asked();
    check_override(case)?;
    if asked.person == approver.identity.person {
        return Err(ApproveError::OwnOverride(asked.id.clone()));
    }
    let person = known(approver.catalogue, &approver.identity.person)?;
    if !may_review(approver.catalogue, &asked.profile, &asked.person, person) {
        let rule = approver.catalogue.profile(asked.profile.as_str()).and_then(|profile| profile.approval.as_ref());
        let from = rule.map_or(Vec::new(), |rule| rule.from.names().to_vec());
        return Err(ApproveError::NotAsked { profile: asked.profile.to_string(), from });
    }
    let scene = Scene { catalogue: approver.catalogue, now: case.now, used: None };
    // What may have come too early for the ledger of the override keeps nobody from signing once it cannot any more.
    let is_enough = |signed: &Signed| case.may_go_on() || signed.at.plus(SKEW) >= case.longest();
    let mut signed = case.approvals.iter().filter_map(|statement| review(scene, case.tally().sheet(), statement).ok());
    match signed.find(is_enough) {
        Some(signed) => Err(ApproveError::Reviewed(signed)),
        None => Ok(()),
    }
}

/// Finds that somebody says that the override was used: a request alone is written before AWS is asked.
///
/// # Errors
/// When nobody does.
pub fn check_used(case: &Case) -> Result<(), ApproveError> {
    if case.said_used.is_empty() { Err(ApproveError::NotUsed(case.tally().sheet().asked().id.clone())) } else { Ok(()) }
}

/// That it is an override, and of this organisation. A catalogue that has changed since voids no review.
fn check_override(case: &Case) -> Result<(), ApproveError> {
    let id = || case.tally().sheet().asked().id.clone();
    if !case.tally().sheet().asked().overrides {
        return Err(ApproveError::NotAnOverride(id()));
    }
    let foreign = case.tally().void().iter().find(|why| matches!(why, Difference::Organisation { .. }));
    match foreign {
        Some(why) => Err(ApproveError::Void { id: id(), differences: vec![why.clone()] }),
        None => Ok(()),
    }
}

/// Signs that an override was reviewed, writes that down, and leaves it where who overrode may look.
///
/// # Errors
/// When nothing is signed, it would close nothing, or it is not certain that it is in the ledger: then it goes nowhere.
pub fn answer(world: World<'_>, approver: Approver<'_>, case: &Case, remark: &str) -> Result<Closed, ApproveError> {
    let statement = sign(world, approver, case.tally().sheet(), Answer::Approve, remark)?;
    close(world, approver, case, statement)
}

/// Takes in statements that were signed elsewhere: each must close the review.
///
/// # Errors
/// When one does not, or it is not certain that it is in the ledger.
pub fn take_in(
    world: World<'_>,
    approver: Approver<'_>,
    case: &Case,
    statements: &[Approval],
) -> Result<Vec<Closed>, ApproveError> {
    check_override(case)?;
    statements.iter().map(|statement| close(world, approver, case, statement.clone())).collect()
}

/// Writes a statement that closes a review down, and lets it out.
fn close(world: World<'_>, approver: Approver<'_>, case: &Case, statement: Approval) -> Result<Closed, ApproveError> {
    let sheet = case.tally().sheet().clone();
    let mut reviews = Reviews::default();
    let past = world.ledger.read_back(0, &mut |entry| reviews.read(entry));
    let past = past.map_err(ApproveError::Ledger)?;
    let now = latest(world.clock.now(), past.latest, None);
    let signed = review(Scene { catalogue: approver.catalogue, now, used: None }, &sheet, &statement);
    let by = signed.map_err(|why| {
        let person = statement.statement().person.clone();
        ApproveError::WouldNotCount { person, why }
    })?;
    // Elsewhere nobody can know what the ledger of the override says; but nobody closes by it what is open here.
    let is_here = tells_of(&past.origin, past.first, sheet.asked()) || reviews.knows(&sheet.asked().id);
    let open = reviews.open_under(&sheet);
    if is_here && open.is_none() {
        return Err(ApproveError::NotOpenHere(sheet.asked().id.clone()));
    }
    if let Some(over) = open.and_then(|one| one.goes_on_at(by.at)) {
        return Err(ApproveError::WouldNotCount { person: by.person, why: Objection::NotOver(over) });
    }
    let mut closed = Closed { sheet, statement, by, troubles: Vec::new() };
    write_down(world, &approver.identity.person, &closed).map_err(ApproveError::Ledger)?;
    let places = desk(world, approver.catalogue, approver.identity);
    let papers = [Paper::Request, Paper::Approval(&closed.statement)];
    closed.troubles = keep_all(places.as_ref(), &closed.sheet, &papers);
    Ok(closed)
}

fn write_down(world: World<'_>, who: &PersonName, closed: &Closed) -> Result<(), LedgerError> {
    for content in [closed.sheet.line(), closed.statement.stored()] {
        world.ledger.keep(content.as_bytes())?;
    }
    let session = closed.sheet.asked().id.clone();
    let event = Event::ReviewClosed(ClosedReview::of(session.clone(), &closed.by));
    world.ledger.append(&Record { who: Some(who.clone()), session: Some(session), event }).map(drop)
}
