//! What an elevation that takes approvals rests on: a request that is found where it lies or is handed over, with
//! all that claims to be an answer to it, counted.
//!
//! Keeps the promise that nothing is believed because of where it lay: what counts is found out here, each time anew.

use super::request::desk;
use super::{About, BreakError, Setting, refuse};
use crate::model::catalogue::Catalogue;
use crate::model::chain::origin::Origin;
use crate::model::identity::Identity;
use crate::model::name::{Digest, Id};
use crate::model::policy::{Brought, Grant, NoSignOff, Rule, SignOff};
use crate::model::request::Wish;
use crate::model::sign_off::approval::Approval;
use crate::model::sign_off::count::{Scene, State, Tally, count, latest};
use crate::model::sign_off::gather::Gathered;
use crate::model::sign_off::history::Spending;
use crate::model::sign_off::papers::{Bundle, Paper, Papers};
use crate::model::sign_off::sheet::Sheet;
use crate::model::time::Timestamp;
use crate::world::World;
use crate::world::desk::{Desk, Trouble, Wanted};
use crate::world::ledger::LedgerError;

/// What somebody hands over with an elevation.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    /// The request that is to be used.
    pub request: Option<Id>,
    /// What was in files, or pasted.
    pub papers: Gathered,
}

/// A request whose approvals are counted, and the ledger that it can be used with.
pub(super) struct Counted {
    pub(super) tally: Tally,
    origin: Origin,
}

impl Counted {
    /// The same as the judgement takes it.
    pub(super) fn sign_off(&self) -> SignOff<'_> {
        SignOff::Brought(Brought { tally: &self.tally, origin: &self.origin })
    }
}

/// Finds the request that is to be used, if one was named or handed over, with all that is there of answers to it.
///
/// # Errors
/// When it is nowhere, or not the only one of its id.
pub fn find_request(
    world: World<'_>,
    catalogue: &Catalogue,
    identity: &Identity,
    offered: &Offered,
) -> Result<Option<Bundle>, BreakError> {
    let papers = &offered.papers;
    let Some(wanted) = offered.wanted()? else { return Ok(None) };
    let desk = desk(world, catalogue, identity);
    let found = desk.look(match &wanted {
        Named::Id(id) => Wanted::Id(id),
        Named::Digest(_) => Wanted::Recent(world.clock.now()),
    });
    for trouble in &found.troubles {
        world.terminal.say(&format!("glass: warning: {trouble}"));
    }
    let mut bundle = wanted.choose(found.papers, papers)?;
    let is_own = bundle.sheet.asked().person == identity.person;
    if is_own && papers.sheets.contains(&bundle.sheet) {
        keep(world, desk.as_ref(), &bundle, Paper::Request);
    }
    for approval in &papers.approvals {
        if approval.statement().request == bundle.sheet.digest() && !bundle.approvals.contains(approval) {
            if is_own {
                keep(world, desk.as_ref(), &bundle, Paper::Approval(approval));
            }
            bundle.approvals.push(approval.clone());
        }
    }
    Ok(Some(bundle))
}

/// Finds an own request that fits what is wished for and can be used, or can still be approved: one that is approved
/// if there is any, the latest otherwise.
///
/// # Errors
/// When the ledger cannot be read.
pub fn fitting_request(
    world: World<'_>,
    catalogue: &Catalogue,
    identity: &Identity,
    wish: &Wish,
) -> Result<Option<Bundle>, BreakError> {
    let found = desk(world, catalogue, identity).look(Wanted::Recent(world.clock.now()));
    for trouble in &found.troubles {
        world.terminal.say(&format!("glass: warning: {trouble}"));
    }
    let mut best = None;
    for bundle in found.papers.bundles {
        let asked = bundle.sheet.asked();
        if asked.person != identity.person || asked.overrides || !wish.is_met_by(asked) {
            continue;
        }
        let Counted { tally, origin } = counted(world, catalogue, &bundle)?;
        let is_approved = match tally.state() {
            _ if asked.origin != origin => continue,
            State::Approved => true,
            State::Open => false,
            State::Denied | State::Used | State::Expired | State::Void => continue,
        };
        let rank = (is_approved, asked.made);
        if best.as_ref().is_none_or(|(other, _)| rank > *other) {
            best = Some((rank, bundle));
        }
    }
    Ok(best.map(|(_, bundle)| bundle))
}

/// By what a request is looked for.
enum Named {
    Id(Id),
    Digest(Digest),
}

impl Offered {
    /// What was named, or else what was handed over is of.
    fn wanted(&self) -> Result<Option<Named>, BreakError> {
        let Offered { request, papers } = self;
        let mut sheets = papers.sheets.iter();
        match (request, sheets.next(), sheets.next(), papers.approvals.first()) {
            (Some(id), ..) => Ok(Some(Named::Id(id.clone()))),
            (None, Some(sheet), None, _) => Ok(Some(Named::Id(sheet.asked().id.clone()))),
            (None, Some(_), Some(_), _) => {
                Err(BreakError::SeveralRequests(papers.sheets.iter().map(|sheet| sheet.asked().id.clone()).collect()))
            }
            (None, None, _, Some(approval)) => Ok(Some(Named::Digest(approval.statement().request))),
            (None, None, _, None) => Ok(None),
        }
    }
}

impl Named {
    fn choose(self, found: Papers, handed: &Gathered) -> Result<Bundle, BreakError> {
        let lying = found.bundles.into_iter().find(|bundle| match &self {
            Named::Id(id) => bundle.sheet.asked().id == *id,
            Named::Digest(digest) => bundle.sheet.digest() == *digest,
        });
        let Named::Id(id) = self else { return lying.ok_or(BreakError::NoRequest(None)) };
        if let Some(twins) = found.twins.into_iter().find(|twins| twins.id == id) {
            return Err(BreakError::TwinRequests { request: id, sheets: twins.sheets });
        }
        let handed = handed.sheets.iter().find(|sheet| sheet.asked().id == id);
        match (lying, handed) {
            (Some(bundle), Some(sheet)) if bundle.sheet != *sheet => {
                let sheets = vec![bundle.sheet.digest(), sheet.digest()];
                Err(BreakError::TwinRequests { request: id, sheets })
            }
            (Some(bundle), _) => Ok(bundle),
            (None, Some(sheet)) => Ok(Bundle::of(sheet.clone())),
            (None, None) => Err(BreakError::NoRequest(Some(id))),
        }
    }
}

/// Puts something where it is found again; that it could not be put is told, and stops nothing.
pub(super) fn keep(world: World<'_>, desk: &dyn Desk, bundle: &Bundle, paper: Paper<'_>) {
    for trouble in desk.keep(&bundle.sheet, paper) {
        world.terminal.say(&format!("glass: warning: {trouble}"));
    }
}

/// Counts the approvals of a request, by the catalogue and at the latest moment that is known.
pub(super) fn counted(world: World<'_>, catalogue: &Catalogue, bundle: &Bundle) -> Result<Counted, BreakError> {
    let asked = bundle.sheet.asked();
    let mut spending = Spending::new(asked.id.clone());
    let past = world.ledger.read_back(asked.ledger.size, &mut |entry| spending.read(entry));
    let past = past.map_err(BreakError::Ledger)?;
    let is_here = asked.origin == past.origin;
    if is_here && asked.ledger.size > past.size {
        let reason = format!("it had {} entries when {} was made, and has {}", asked.ledger.size, asked.id, past.size);
        return Err(BreakError::Ledger(LedgerError::RolledBack { segment: "its end".to_owned(), reason }));
    }
    let scene = Scene {
        catalogue,
        now: latest(world.clock.now(), past.latest, None),
        used: spending.used().filter(|_| is_here),
    };
    Ok(Counted { tally: count(scene, &bundle.sheet, &bundle.approvals), origin: past.origin })
}

/// Refuses if another session has used the request meanwhile; gives the latest time of the ledger since it was made.
pub(super) fn still_unspent(world: World<'_>, grant: &Grant) -> Result<Option<Timestamp>, BreakError> {
    let Some(asked) = grant.sheet().map(Sheet::asked) else { return Ok(None) };
    let mut spending = Spending::new(asked.id.clone());
    let past = world.ledger.read_back(asked.ledger.size, &mut |entry| spending.read(entry));
    let latest = past.map_err(BreakError::Ledger)?.latest;
    let Some(session) = spending.used().cloned() else { return Ok(latest) };
    let no = NoSignOff::Used { request: asked.id.clone(), session };
    Err(refuse(world, About::grant(grant), vec![Rule::SignOff(no)]))
}

/// Keeps the request and the approvals that count as contents of the ledger, so that they can be verified when no store has them.
pub(super) fn keep_evidence(world: World<'_>, bundle: &Bundle, grant: &Grant) -> Result<(), LedgerError> {
    world.ledger.keep(bundle.sheet.line().as_bytes())?;
    let counts = |approval: &&Approval| grant.approvals().contains(&approval.digest());
    for approval in bundle.approvals.iter().filter(counts) {
        world.ledger.keep(approval.stored().as_bytes())?;
    }
    Ok(())
}

/// Leaves a mark where the request lies that it was used: a hint for those who look there.
pub(super) fn mark_used(world: World<'_>, setting: Setting<'_>, bundle: &Bundle, session: &Id) {
    let desk = desk(world, setting.catalogue, setting.identity);
    keep(world, desk.as_ref(), bundle, Paper::Used(session));
}

/// Puts papers where they are found again. A place that did not take one does not take the others either, and is
/// told once.
pub(super) fn keep_all(desk: &dyn Desk, sheet: &Sheet, papers: &[Paper<'_>]) -> Vec<Trouble> {
    let mut troubles: Vec<Trouble> = Vec::new();
    for paper in papers {
        for trouble in desk.keep(sheet, *paper) {
            if troubles.iter().all(|told| told.place != trouble.place) {
                troubles.push(trouble);
            }
        }
    }
    troubles
}
