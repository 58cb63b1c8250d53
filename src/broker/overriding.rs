//! Going on without the approvals that a profile takes: judged, confirmed by hand, and left for somebody else to review.
//!
//! Keeps the promise that an override is never quiet: it has a request of its own, whose id is the session's, so that
//! who signs that request afterwards says what of the session they have reviewed.

use super::{About, BreakError, Setting, ask, elevate_granted, find, judge, obtain, refuse, request, review, sign_off};
use crate::model::catalogue::{ApprovalRule, OpenReviews, Profile};
use crate::model::event::{Event, NamedRequest};
use crate::model::name::Id;
use crate::model::policy::{self, Agreed, Overriding, SignOff, Standing};
use crate::model::request::Wish;
use crate::model::sign_off::papers::{Bundle, Paper};
use crate::model::sign_off::reviews::Reviews;
use crate::model::sign_off::sheet::Sheet;
use crate::model::time::show_duration;
use crate::world::ledger::Record;
use crate::world::{Session, World};

/// Breaks the glass without approvals.
///
/// # Errors
/// As [`break_glass`](super::break_glass), and when the profile takes none, or nobody confirms it.
pub fn override_approvals(world: World<'_>, setting: Setting<'_>, wish: &Wish) -> Result<Session, BreakError> {
    let Setting { catalogue, identity, .. } = setting;
    let profile = find(catalogue, &wish.profile)?;
    let Some(rule) = &profile.approval else { return Err(BreakError::NeedsNoApproval(profile.name.clone())) };
    let open_reviews = open_reviews(world, setting, profile)?;
    let overriding = Overriding { open_reviews: &open_reviews, typed: None };
    let standing = Standing { overriding: Some(overriding), ..setting.standing(profile, wish, SignOff::Awaited) };
    let request = ask::complete(world, standing, wish)?;
    let agreed = policy::examine(standing, &request);
    let agreed = agreed.map_err(|rules| refuse(world, About::standing(standing), rules))?;
    obtain::check(world, setting, standing)?;
    warn(world, rule, &agreed);
    let typed = ask::confirmation(world, profile)?;
    let sheet = request::write(world, standing, rule, agreed)?;
    let bundle = Bundle::of(sheet);
    let counted = sign_off::counted(world, catalogue, &bundle)?.in_the_making();
    let overriding = Some(Overriding { typed: typed.as_deref(), ..overriding });
    let grant = judge(world, Standing { sign_off: counted.sign_off(), overriding, ..standing }, &request)?;
    let session = grant.session().clone();
    let made = Record {
        who: Some(identity.person.clone()),
        session: Some(session.clone()),
        event: Event::RequestMade(NamedRequest::of(&bundle.sheet)),
    };
    world.ledger.append(&made).map_err(BreakError::Ledger)?;
    let desk = request::desk(world, catalogue, identity);
    sign_off::keep(world, desk.as_ref(), &bundle, Paper::Request);
    let setting = Setting { bundle: Some(&bundle), ..setting };
    let elevated = elevate_granted(world, setting, profile, grant);
    if elevated.is_ok() || is_open(world, &bundle) {
        sign_off::mark_used(world, setting, &bundle, &session);
    }
    elevated
}

/// The sessions of the person's overrides that nobody has reviewed. Where one forbids the next, those count too that only
/// lie where requests lie: of another ledger of theirs, or of entries that are not here any more.
fn open_reviews(world: World<'_>, setting: Setting<'_>, profile: &Profile) -> Result<Vec<Id>, BreakError> {
    let Setting { catalogue, identity, .. } = setting;
    let own = &identity.person;
    let names = catalogue.person(own.as_str()).map_or_else(|| vec![own.clone()], |person| person.names(catalogue));
    let settled = review::settle(world, catalogue, identity).map_err(BreakError::Ledger)?;
    let here = settled.open.iter().filter(|one| names.iter().any(|name| one.may_be_of(name)));
    let mut sessions: Vec<Id> = here.map(|one| one.session.clone()).collect();
    match profile.level.open_reviews {
        OpenReviews::Remind => {}
        OpenReviews::Refuse => {
            let (sheets, troubles) = review::elsewhere(world, catalogue, identity, &settled);
            sign_off::tell(world, &troubles);
            let theirs = sheets.iter().map(Sheet::asked).filter(|asked| names.contains(&asked.person));
            sessions.extend(theirs.map(|asked| asked.id.clone()));
        }
    }
    Ok(sessions)
}

/// Tells what it comes to before it is confirmed.
fn warn(world: World<'_>, rule: &ApprovalRule, agreed: &Agreed<'_>) {
    world.terminal.say(&format!("glass: this goes on without approvals, for {}", show_duration(agreed.duration)));
    let reviewers = rule.from.names().join(", ");
    world.terminal.say(&format!("glass: its review stays open until one of {reviewers} has signed it"));
}

/// Whether something may have come of it although there is no session here.
fn is_open(world: World<'_>, bundle: &Bundle) -> bool {
    let mut reviews = Reviews::default();
    let read = world.ledger.read_back(bundle.sheet.asked().ledger.size, &mut |entry| reviews.read(entry));
    read.is_ok() && reviews.is_open_under(&bundle.sheet)
}
