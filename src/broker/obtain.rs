//! Obtaining the approvals that an elevation takes: of others, who are asked now if they were not before, and are
//! waited for.
//!
//! Keeps the promise that nobody is asked, and nobody waits, for what would come to nothing anyway.

use super::request::{Made, make_request};
use super::{About, BreakError, Setting, ask, find, refuse, sign_off, untraced, wait};
use crate::model::catalogue::Profile;
use crate::model::policy::{self, Rule, SignOff, Standing};
use crate::model::request::Wish;
use crate::model::sign_off::papers::Bundle;
use crate::model::sign_off::sheet::Sheet;
use crate::world::World;

/// Gets a request approved: the one that there is, or one that is made now. Gives what came of it, which is the
/// judgement's to judge; none for a profile that takes no approvals. `show` shows a request that is waited for in another
/// way than as a block.
///
/// # Errors
/// When the request cannot be made or would be refused whoever signs it, the person gives up, or the ledger fails.
pub fn obtain(
    world: World<'_>,
    setting: Setting<'_>,
    wish: &Wish,
    show: &dyn Fn(&Sheet),
) -> Result<Option<Bundle>, BreakError> {
    let profile = find(setting.catalogue, &wish.profile)?;
    let made = match setting.bundle {
        None if profile.approvals() == 0 => return Ok(None),
        None => make(world, setting, profile, wish)?,
        Some(bundle) if is_awaited(world, setting, profile, wish, bundle)? => {
            Made { bundle: bundle.clone(), troubles: Vec::new() }
        }
        Some(bundle) => return Ok(Some(bundle.clone())),
    };
    wait::wait(world, setting.catalogue, setting.identity, made, show).map(Some)
}

fn make(world: World<'_>, setting: Setting<'_>, profile: &Profile, wish: &Wish) -> Result<Made, BreakError> {
    let standing = setting.standing(profile, wish, SignOff::Awaited);
    let no = policy::foregone(standing);
    if !no.is_empty() {
        return Err(refuse(world, About::standing(standing), no));
    }
    check(world, setting, standing)?;
    let made = make_request(world, setting.catalogue, setting.identity, wish)?;
    world.hooks.start(setting.catalogue.hooks());
    Ok(made)
}

/// Whether a request lacks approvals and nothing else.
fn is_awaited(
    world: World<'_>,
    setting: Setting<'_>,
    profile: &Profile,
    wish: &Wish,
    bundle: &Bundle,
) -> Result<bool, BreakError> {
    let counted = sign_off::counted(world, setting.catalogue, bundle)?;
    let standing = setting.standing(profile, wish, counted.sign_off());
    let request = ask::complete(world, standing, &wish.clone().or_asked(Some(bundle)))?;
    let is_awaited = policy::lacks_only_approvals(standing, &request);
    if is_awaited {
        check(world, setting, standing)?;
    }
    Ok(is_awaited)
}

/// Finds what the approvals would come too early for.
pub(super) fn check(world: World<'_>, setting: Setting<'_>, standing: Standing<'_>) -> Result<(), BreakError> {
    if let Some(why) = untraced(world, standing.profile) {
        return Err(refuse(world, About::standing(standing), vec![Rule::NotTraced(why)]));
    }
    if setting.identity.source.is_none() { Err(BreakError::NoSource) } else { Ok(()) }
}
