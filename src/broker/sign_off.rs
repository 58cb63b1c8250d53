//! What an elevation that takes approvals rests on: a request that is found where it lies or is handed over, with
//! all that claims to be an answer to it, counted.
//!
//! Keeps the promise that nothing is believed because of where it lay: what counts is found out here, each time anew.

use super::request::desk;
use super::{About, BreakError, Setting, give_up, refuse};
use crate::model::catalogue::Catalogue;
use crate::model::chain::origin::Origin;
use crate::model::identity::Identity;
use crate::model::name::{Digest, Id};
use crate::model::policy::{Brought, Grant, NoSignOff, Rule, SignOff};
use crate::model::request::Wish;
use crate::model::sign_off::approval::Approval;
use crate::model::sign_off::count::{Scene, State, Tally, count, latest};
use crate::model::sign_off::gather::Gathered;
use crate::model::sign_off::history::{Spending, is_making};
use crate::model::sign_off::papers::{Bundle, Paper, Papers};
use crate::model::sign_off::sheet::Sheet;
use crate::model::time::Timestamp;
use crate::world::World;
use crate::world::desk::{Desk, Found, Trouble, Wanted};
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
    /// Whether the ledger says that it made the request.
    is_made_here: bool,
    /// The latest time that the ledger tells.
    latest: Option<Timestamp>,
}

impl Counted {
    /// The same as the judgement takes it.
    pub(super) fn sign_off(&self) -> SignOff<'_> {
        SignOff::Brought(self.brought())
    }

    /// The same of a request that is made here and now, and that the ledger is told of once it is judged.
    pub(super) fn in_the_making(self) -> Self {
        Counted { is_made_here: true, ..self }
    }

    fn brought(&self) -> Brought<'_> {
        Brought { tally: &self.tally, origin: &self.origin, is_made_here: self.is_made_here }
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
    tell(world, &found.troubles);
    let mut bundle = wanted.choose(found.papers, papers)?;
    not_flooded(&bundle)?;
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
    tell(world, &found.troubles);
    let mut best = None;
    for bundle in found.papers.bundles {
        let asked = bundle.sheet.asked();
        if asked.person != identity.person || asked.overrides || !wish.is_met_by(asked) {
            continue;
        }
        let counted = counted(world, catalogue, &bundle)?;
        if asked.origin != counted.origin {
            continue;
        }
        let unfit = if counted.is_made_here {
            not_flooded(&bundle).err().map(|error| error.to_string())
        } else {
            Some(NoSignOff::NotMadeHere { request: asked.id.clone() }.to_string())
        };
        if let Some(why) = unfit {
            world.terminal.warn(&why);
            continue;
        }
        let is_approved = match counted.tally.state() {
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
            return Err(BreakError::TwinRequests { request: id, sheets: twins.hashes() });
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
    tell(world, &desk.keep(&bundle.sheet, paper));
}

/// Tells of the places that are left out.
pub(super) fn tell(world: World<'_>, troubles: &[Trouble]) {
    for trouble in troubles {
        world.terminal.warn(&trouble);
    }
}

/// Counts the approvals of a request, by the catalogue and at the latest moment that is known.
pub(super) fn counted(world: World<'_>, catalogue: &Catalogue, bundle: &Bundle) -> Result<Counted, BreakError> {
    let asked = bundle.sheet.asked();
    let digest = bundle.sheet.digest();
    let (mut spending, mut is_made_here) = (Spending::new(asked.id.clone()), false);
    let past = world.ledger.read_back(asked.ledger.size, &mut |entry| {
        spending.read(entry);
        is_made_here |= is_making(entry, digest);
    });
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
    let tally = count(scene, &bundle.sheet, &bundle.approvals);
    Ok(Counted { tally, origin: past.origin, is_made_here, latest: past.latest })
}

/// Takes the answers that have come to where requests lie; gives the places that could not be read.
///
/// # Errors
/// When another request of the id has come, or too many answers.
pub(super) fn look_beside(desk: &dyn Desk, bundle: &mut Bundle) -> Result<Vec<Trouble>, BreakError> {
    let Found { papers, troubles } = desk.look(Wanted::Beside(&bundle.sheet));
    if let Some(twins) = papers.twins.into_iter().next() {
        return Err(BreakError::TwinRequests { sheets: twins.hashes(), request: twins.id });
    }
    for found in papers.bundles {
        not_flooded(&found)?;
        for approval in found.approvals {
            if !bundle.approvals.contains(&approval) {
                bundle.approvals.push(approval);
            }
        }
    }
    Ok(troubles)
}

fn not_flooded(bundle: &Bundle) -> Result<(), BreakError> {
    if bundle.is_flooded { Err(BreakError::Flooded(bundle.sheet.asked().id.clone())) } else { Ok(()) }
}

/// Refuses if another session has used the request since it was judged, or somebody has said no; gives the latest time
/// of the ledger since it was made. A store that is silent by now stops nothing.
pub(super) fn still_stands(
    world: World<'_>,
    setting: Setting<'_>,
    grant: &Grant,
) -> Result<Option<Timestamp>, BreakError> {
    let Some(mut bundle) = setting.bundle.cloned() else { return Ok(None) };
    let desk = desk(world, setting.catalogue, setting.identity);
    tell(world, &look_beside(desk.as_ref(), &mut bundle).map_err(|error| give_up(world, grant, "NoRequest", error))?);
    let counted = counted(world, setting.catalogue, &bundle)?;
    let no = counted.brought().ended();
    if no.is_empty() {
        return Ok(counted.latest);
    }
    Err(refuse(world, About::grant(grant), no.into_iter().map(Rule::SignOff).collect()))
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
