//! Asking for a sign-off: a request is judged, written down, and left where those find it who are to sign it.
//!
//! Keeps the promises that nobody is asked for what would be refused anyway, and that a request is in the ledger
//! before anybody else has it.

use std::cmp::Reverse;

use super::{About, BreakError, ask, confirm, find_wanted, place_of, refuse};
use crate::model::catalogue::{ApprovalRule, Catalogue};
use crate::model::event::{Event, NamedRequest, SessionKind};
use crate::model::identity::Identity;
use crate::model::name::PersonName;
use crate::model::policy::{self, Agreed, Rule, SignOff, Standing};
use crate::model::request::Wish;
use crate::model::sign_off::growth::{Growth, STEPS};
use crate::model::sign_off::papers::{Bundle, Paper};
use crate::model::sign_off::sheet::{Asked, Extent, Sheet};
use crate::model::time::Timestamp;
use crate::world::World;
use crate::world::archive::Sender;
use crate::world::desk::{Desk, Store, Trouble, Wanted};
use crate::world::ledger::{Checkpointed, LedgerError, Measure, Record, Unsigned};

/// A request that is in the ledger.
#[derive(Debug)]
pub struct Made {
    /// The request, with what shows that the ledger goes on from the last ones.
    pub bundle: Bundle,
    /// The places that did not take it: it can be pasted all the same.
    pub troubles: Vec<Trouble>,
}

/// The places where requests lie: the user's own, and the catalogue's store.
pub fn desk<'w>(world: World<'w>, catalogue: &Catalogue, identity: &Identity) -> Box<dyn Desk + 'w> {
    let Some(store) = catalogue.store() else { return world.desks.open(None) };
    let place = place_of(catalogue, store.region());
    let sender =
        Sender { person: &identity.person, source: identity.source.as_ref(), place: &place, retain_days: None };
    world.desks.open(Some(&Store { place: &store.place, sender }))
}

/// Makes a request of a wish; what is missing is asked.
///
/// # Errors
/// When it would be refused whoever signs it, the profile takes no approvals, or the ledger does not take it.
pub fn make_request(
    world: World<'_>,
    catalogue: &Catalogue,
    identity: &Identity,
    wish: &Wish,
) -> Result<Made, BreakError> {
    let profile = find_wanted(world, catalogue, &identity.person, &wish.profile, None)?;
    let Some(rule) = &profile.approval else { return Err(BreakError::NeedsNoApproval(profile.name.clone())) };
    let standing = Standing {
        catalogue,
        profile,
        person: &identity.person,
        kind: if wish.step.is_some() { SessionKind::Command } else { SessionKind::Shell },
        inside: None,
        step: wish.step.as_deref(),
        sign_off: SignOff::Awaited,
        overriding: None,
    };
    let refused = |rules| refuse(world, About::standing(standing), rules);
    let request = ask::complete(world, standing, wish)?;
    let agreed = policy::examine(standing, &request).map_err(refused)?;
    confirm(world, profile, &identity.person, agreed.trigger, &agreed.incident)
        .map_err(|why| refused(vec![Rule::NotConfirmed(why)]))?;
    let sheet = write(world, standing, rule, agreed)?;
    let made = Record {
        who: Some(identity.person.clone()),
        session: None,
        event: Event::RequestMade(NamedRequest::of(&sheet)),
    };
    world.ledger.append(&made).map_err(BreakError::Ledger)?;
    let desk = desk(world, catalogue, identity);
    let bundle = Bundle { growths: growth(world, desk.as_ref(), &sheet), ..Bundle::of(sheet) };
    let mut troubles = desk.keep(&bundle.sheet, Paper::Request);
    if troubles.is_empty() {
        troubles = bundle.growths.iter().flat_map(|growth| desk.keep(&bundle.sheet, Paper::Proof(growth))).collect();
    }
    Ok(Made { bundle, troubles })
}

/// What shows that the ledger goes on from what the last requests told of it; nothing where there were none. Who lacks
/// it is told so, and nothing depends on it here.
fn growth(world: World<'_>, desk: &dyn Desk, sheet: &Sheet) -> Vec<Growth> {
    let asked = sheet.asked();
    let mut earlier: Vec<Sheet> = desk.look(Wanted::Own).papers.bundles.into_iter().map(|one| one.sheet).collect();
    earlier.retain(|one| one.asked().origin == asked.origin && one.asked().ledger.size < asked.ledger.size);
    earlier.sort_by_key(|one| Reverse(one.asked().ledger.size));
    let mut sizes: Vec<u64> = earlier.iter().map(|one| one.asked().ledger.size).collect();
    sizes.dedup();
    sizes.truncate(STEPS);
    if sizes.is_empty() {
        return Vec::new();
    }
    match world.ledger.growth(&sizes, asked.ledger.size) {
        Ok(steps) => vec![Growth::write(sheet.digest(), &steps)],
        Err(error) => {
            world.terminal.warn(&format_args!("nothing shows how the ledger grew: {error}"));
            Vec::new()
        }
    }
}

/// What the ledger holds: signed, unless its key cannot be used. A keyring that is locked must keep nobody from asking, and
/// whoever signs the request signs its root.
fn held(world: World<'_>, person: &PersonName) -> Result<Measure, LedgerError> {
    match world.ledger.checkpoint(Some(person), None) {
        Ok(Checkpointed { origin, size, root, new_key, .. }) => {
            if let Some(key) = new_key {
                world.terminal.say(&format!("glass: the ledger's key was lost; it signs with another now: {key}"));
            }
            Ok(Measure { origin, size, root })
        }
        Err(Unsigned::Ledger(error)) => Err(error),
        Err(Unsigned::Key(fault)) => {
            world.terminal.warn(&format_args!("the ledger is not signed: {fault}"));
            world.ledger.measure()
        }
    }
}

/// Writes the request down over what the ledger holds.
pub(super) fn write(
    world: World<'_>,
    standing: Standing<'_>,
    rule: &ApprovalRule,
    agreed: Agreed<'_>,
) -> Result<Sheet, BreakError> {
    let Standing { catalogue, profile, person, .. } = standing;
    let ledger = held(world, person).map_err(BreakError::Ledger)?;
    let made = Timestamp::from_seconds(world.clock.now().seconds());
    let asked = Asked {
        id: world.chance.id(),
        organisation: catalogue.organisation().clone(),
        origin: ledger.origin,
        person: person.clone(),
        profile: profile.name.clone(),
        parts: catalogue.parts(profile, agreed.trigger, agreed.person),
        role: profile.role.clone(),
        trigger: agreed.trigger.name.clone(),
        incident: agreed.incident,
        reason: agreed.reason,
        duration: agreed.duration.as_secs(),
        step: standing.step.and_then(|name| profile.steps.get(name)).map(|step| step.name().clone()),
        overrides: standing.overriding.is_some(),
        made,
        expires: made.plus(rule.within),
        ledger: Extent { size: ledger.size, root: ledger.root },
        nonce: world.chance.nonce(),
    };
    Sheet::write(&asked).map_err(BreakError::Sheet)
}
