//! The counting: which approvals of a request count at a moment, by the catalogue of that moment.
//!
//! Keeps the promise that it is distinct people with distinct keys who sign, never who asks, and that everything
//! else is told with its reason. A [`Tally`] is made here alone, so that who has one has counted.

use std::collections::BTreeSet;
use std::time::Duration;

use super::approval::{Answer, Approval, NAMESPACE};
use super::objection::{Difference, Objection};
use super::sheet::{Asked, Sheet};
use crate::model::catalogue::{ApprovalRule, Catalogue, LONGEST_WAIT, Person, Profile, SshKey};
use crate::model::name::{Digest, Id, PersonName, ProfileName};
use crate::model::sshsig::{self, SignatureError};
use crate::model::time::Timestamp;

/// How far two clocks may be apart (`docs/formats.md`, section 2).
pub const SKEW: Duration = Duration::from_secs(300);

/// By what is counted.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The groups, keys and rules that are in force.
    pub catalogue: &'a Catalogue,
    /// Now: see [`latest`].
    pub now: Timestamp,
    /// The session that has used the request, if one has.
    pub used: Option<&'a Id>,
}

/// The moment that counts as now: the latest that anybody knows of, so that a clock that was set back gains nothing.
///
/// `ledger` is the time of its last entry, `aws` the `Date` of its last answer.
pub fn latest(clock: Timestamp, ledger: Option<Timestamp>, aws: Option<Timestamp>) -> Timestamp {
    [ledger, aws].into_iter().flatten().fold(clock, Timestamp::max)
}

/// A request with its approvals, counted. Only [`count`] makes one.
#[must_use]
#[derive(Clone, Debug)]
pub struct Tally {
    sheet: Sheet,
    catalogue: Digest,
    needed: u32,
    counted: Vec<Signed>,
    others: Vec<NotCounted>,
    denied: Option<Denied>,
    may_sign: Vec<PersonName>,
    void: Vec<Difference>,
    used: Option<Id>,
    is_expired: bool,
}

/// A signature that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Who signed.
    pub person: PersonName,
    /// The fingerprint of the key.
    pub key: String,
    /// When, by their clock.
    pub at: Timestamp,
    /// The hash of what is stored.
    pub digest: Digest,
}

/// An approval that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCounted {
    /// Who is said to have signed.
    pub person: PersonName,
    /// The hash of what is stored.
    pub digest: Digest,
    /// Why it does not count.
    pub why: Objection,
}

/// A no that ends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Who said no.
    pub by: Signed,
    /// Why, in their words; may be empty.
    pub remark: String,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for approvals.
    Open,
    /// It can be used.
    Approved,
    /// Somebody said no.
    Denied,
    /// It was used.
    Used,
    /// Its time is over.
    Expired,
    /// It does not fit the catalogue.
    Void,
}

impl State {
    /// Its word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Approved => "approved",
            State::Denied => "denied",
            State::Used => "used",
            State::Expired => "expired",
            State::Void => "void",
        }
    }
}

impl Tally {
    /// The request.
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// The hash of the catalogue by which was counted.
    pub fn catalogue(&self) -> Digest {
        self.catalogue
    }

    /// How many approvals it takes; none for an override.
    pub fn needed(&self) -> u32 {
        self.needed
    }

    /// How many are missing.
    pub fn missing(&self) -> u32 {
        self.needed.saturating_sub(u32::try_from(self.counted.len()).unwrap_or(u32::MAX))
    }

    /// The approvals that count, in the order in which they were signed.
    pub fn counted(&self) -> &[Signed] {
        &self.counted
    }

    /// The approvals that do not.
    pub fn others(&self) -> &[NotCounted] {
        &self.others
    }

    /// The no that ended it.
    pub fn denied(&self) -> Option<&Denied> {
        self.denied.as_ref()
    }

    /// Who is asked, has a key, and has not signed.
    pub fn may_sign(&self) -> &[PersonName] {
        &self.may_sign
    }

    /// Why it is void; empty if it is not.
    pub fn void(&self) -> &[Difference] {
        &self.void
    }

    /// The session that has used it.
    pub fn used(&self) -> Option<&Id> {
        self.used.as_ref()
    }

    /// Whether its time is over.
    pub fn is_expired(&self) -> bool {
        self.is_expired
    }

    /// How it stands: what cannot be undone comes first.
    pub fn state(&self) -> State {
        if self.used.is_some() {
            State::Used
        } else if self.denied.is_some() {
            State::Denied
        } else if self.is_expired {
            State::Expired
        } else if !self.void.is_empty() {
            State::Void
        } else if self.missing() == 0 {
            State::Approved
        } else {
            State::Open
        }
    }
}

/// Counts the approvals of a request.
pub fn count(scene: Scene<'_>, sheet: &Sheet, approvals: &[Approval]) -> Tally {
    let asked = sheet.asked();
    let profile = scene.catalogue.profile(asked.profile.as_str());
    let mut count = Count::new(scene, sheet);
    for approval in in_order(approvals) {
        if let Err(why) = count.add(approval) {
            let person = approval.statement().person.clone();
            count.others.push(NotCounted { person, digest: approval.digest(), why });
        }
    }
    Tally {
        sheet: sheet.clone(),
        catalogue: scene.catalogue.digest(),
        needed: if asked.overrides { 0 } else { profile.map_or(0, Profile::approvals) },
        may_sign: count.may_sign(),
        counted: count.counted,
        others: count.others,
        denied: count.denied,
        void: differences(scene.catalogue, asked, scene.now),
        used: scene.used.cloned(),
        is_expired: scene.now >= asked.expires,
    }
}

/// Finds out whether a signed statement closes the review of an override, whichever answer it gives: one of
/// somebody who [may review][may_review] it. There is no limit to when.
///
/// # Errors
/// When it does not.
pub fn review(scene: Scene<'_>, sheet: &Sheet, statement: &Approval) -> Result<Signed, Objection> {
    let count = Count::new(scene, sheet);
    let (owner, _, signed) = count.consider(statement)?;
    let Asked { profile, person, .. } = sheet.asked();
    if !may_review(scene.catalogue, profile, person, owner) {
        return Err(count.not_asked());
    }
    count.check_not_before(statement.statement().at)?;
    Ok(signed)
}

/// Whether somebody may review an override of a profile: not who overrode, and one whom the profile asks. Where it asks
/// nobody any more, or is gone, it may be anybody who has a key, so that no review stays open for ever.
pub fn may_review(catalogue: &Catalogue, profile: &ProfileName, overrode: &PersonName, person: &Person) -> bool {
    let name = profile.as_str();
    let has_mistakes = catalogue.broken().iter().any(|broken| broken.name == name);
    let rule = catalogue.profile(name).and_then(|profile| profile.approval.as_ref());
    !person.is_one_with(overrode, catalogue)
        && !person.keys.is_empty()
        && rule.map_or(!has_mistakes, |rule| rule.from.includes(person))
}

/// Each approval once, in the order in which they say that they were signed.
fn in_order(approvals: &[Approval]) -> Vec<&Approval> {
    let mut sorted: Vec<&Approval> = approvals.iter().collect();
    sorted.sort_by_key(|approval| (approval.statement().at, approval.digest()));
    sorted.dedup_by_key(|approval| approval.digest());
    sorted
}

/// A count that goes on.
struct Count<'a> {
    scene: Scene<'a>,
    sheet: &'a Sheet,
    rule: Option<&'a ApprovalRule>,
    counted: Vec<Signed>,
    keys: BTreeSet<&'a [u8]>,
    others: Vec<NotCounted>,
    denied: Option<Denied>,
}

impl<'a> Count<'a> {
    fn new(scene: Scene<'a>, sheet: &'a Sheet) -> Self {
        let profile = scene.catalogue.profile(sheet.asked().profile.as_str());
        Count {
            scene,
            sheet,
            rule: profile.and_then(|profile| profile.approval.as_ref()),
            counted: Vec::new(),
            keys: BTreeSet::new(),
            others: Vec::new(),
            denied: None,
        }
    }

    fn add(&mut self, approval: &Approval) -> Result<(), Objection> {
        let (owner, key, signed) = self.consider(approval)?;
        if !self.rule.is_some_and(|rule| rule.from.includes(owner)) {
            return Err(self.not_asked());
        }
        match approval.statement().answer {
            // When it was said does not matter: no later yes takes it back.
            Answer::Deny => {
                self.denied.get_or_insert(Denied { by: signed, remark: approval.statement().remark.clone() });
            }
            Answer::Approve => {
                self.check_not_before(signed.at)?;
                if signed.at >= self.sheet.asked().expires {
                    return Err(Objection::Late(self.sheet.asked().expires));
                }
                if self.has_signed(owner) {
                    return Err(Objection::PersonTwice);
                }
                if !self.keys.insert(key.blob()) {
                    return Err(Objection::KeyTwice);
                }
                self.counted.push(signed);
            }
        }
        Ok(())
    }

    /// Whether a statement is of this request, genuine, and of who it says it is, who is not the requester.
    fn consider(&self, approval: &Approval) -> Result<(&'a Person, &'a SshKey, Signed), Objection> {
        let statement = approval.statement();
        if statement.request != self.sheet.digest() {
            return Err(Objection::OtherRequest);
        }
        let (owner, key) = self.signer(approval)?;
        let requester = &self.sheet.asked().person;
        if owner.is_one_with(requester, self.scene.catalogue) || statement.person == *requester {
            return Err(Objection::Requester);
        }
        if owner.name != statement.person {
            return Err(Objection::KeyOf(owner.name.clone()));
        }
        let (person, fingerprint) = (owner.name.clone(), key.fingerprint().to_string());
        Ok((owner, key, Signed { person, key: fingerprint, at: statement.at, digest: approval.digest() }))
    }

    fn not_asked(&self) -> Objection {
        Objection::NotAsked(self.rule.map_or(Vec::new(), |rule| rule.from.names().to_vec()))
    }

    /// Whose key has signed it, of all keys that the catalogue has now.
    fn signer(&self, approval: &Approval) -> Result<(&'a Person, &'a SshKey), Objection> {
        let of_all =
            || self.scene.catalogue.people().flat_map(|person| person.keys.iter().map(move |key| (person, key)));
        let keys = of_all().map(|(_, key)| key);
        let key = sshsig::verify(approval.signature(), NAMESPACE, approval.text().as_bytes(), keys);
        let key = key.map_err(|error| match error {
            SignatureError::NotTouched => Objection::NotTouched,
            SignatureError::OtherKey(fingerprint) => Objection::UnknownKey(fingerprint),
            error => Objection::Forged(error),
        })?;
        let owner = of_all().find(|(_, one)| one.blob() == key.blob());
        owner.ok_or_else(|| Objection::UnknownKey(key.fingerprint().to_string()))
    }

    fn check_not_before(&self, at: Timestamp) -> Result<(), Objection> {
        let asked = self.sheet.asked();
        if at.plus(SKEW) < asked.made {
            return Err(Objection::Early(asked.made));
        }
        let ahead = at.since(self.scene.now);
        if ahead > SKEW { Err(Objection::Ahead(ahead)) } else { Ok(()) }
    }

    fn has_signed(&self, person: &Person) -> bool {
        self.counted.iter().any(|signed| person.is_one_with(&signed.person, self.scene.catalogue))
    }

    fn may_sign(&self) -> Vec<PersonName> {
        let Some(rule) = self.rule else { return Vec::new() };
        let others = rule.signers(self.scene.catalogue, &self.sheet.asked().person);
        others.filter(|person| !self.has_signed(person)).map(|person| person.name.clone()).collect()
    }
}

/// All that makes a request void.
fn differences(catalogue: &Catalogue, asked: &Asked, now: Timestamp) -> Vec<Difference> {
    let mut found = Vec::new();
    if asked.organisation != *catalogue.organisation() {
        let (there, here) = (asked.organisation.clone(), catalogue.organisation().clone());
        found.push(Difference::Organisation { there, here });
    }
    let profile = catalogue.profile(asked.profile.as_str());
    let trigger = catalogue.trigger(asked.trigger.as_str());
    let person = catalogue.person(asked.person.as_str());
    found.extend(profile.is_none().then(|| Difference::NoProfile(asked.profile.clone())));
    found.extend(trigger.is_none().then(|| Difference::NoTrigger(asked.trigger.clone())));
    found.extend(person.is_none().then(|| Difference::NoPerson(asked.person.clone())));
    if let Some(profile) = profile.filter(|profile| profile.role != asked.role) {
        found.push(Difference::Role { there: asked.role.clone(), here: profile.role.clone() });
    }
    if let (Some(profile), Some(trigger), Some(person)) = (profile, trigger, person) {
        let parts = catalogue.parts(profile, trigger, person).differing(&asked.parts);
        found.extend((!parts.is_empty()).then_some(Difference::Parts(parts)));
    }
    let most = profile.and_then(|profile| profile.approval.as_ref()).map_or(LONGEST_WAIT, |rule| rule.within);
    if asked.expires.since(asked.made) > most {
        found.push(Difference::StandsTooLong(most));
    }
    let ahead = asked.made.since(now);
    found.extend((ahead > SKEW).then_some(Difference::Ahead(ahead)));
    found
}
