//! Waiting for a sign-off: who has signed, whom to ring, and what is pasted meanwhile.
//!
//! Keeps the promise that it goes on as soon as enough is signed or nothing can come of it any more, and that giving
//! up leaves the request as it is.

use std::time::Duration;

use super::BreakError;
use super::request::{Made, desk};
use super::sign_off::{counted, keep, look_beside, tell};
use crate::model::catalogue::Catalogue;
use crate::model::destination::Destination;
use crate::model::identity::Identity;
use crate::model::name::{Digest, PersonName};
use crate::model::sign_off::block::LONGEST_PASTE;
use crate::model::sign_off::count::{NotCounted, State, Tally};
use crate::model::sign_off::gather::gather;
use crate::model::sign_off::papers::{Bundle, Paper};
use crate::model::sign_off::sheet::Sheet;
use crate::model::text::escaped;
use crate::model::time::{BootTime, Timestamp};
use crate::world::World;
use crate::world::desk::Desk;
use crate::world::machine::AskError;

/// How long is listened to the terminal before the next look.
const LISTENING: Duration = Duration::from_millis(250);

/// How often is looked into a bucket.
const BUCKET_PERIOD: Duration = Duration::from_secs(5);

/// How often the time that is left is told.
const REMINDER: Duration = Duration::from_secs(60);

/// Waits until a request is approved, or cannot be any more: which of both is the judgement's to say. What else shows
/// the request than its block comes first.
///
/// # Errors
/// When the person gives up, the ledger cannot be read, or another request of the id or too many answers have come.
pub(super) fn wait(
    world: World<'_>,
    catalogue: &Catalogue,
    identity: &Identity,
    Made { bundle, troubles }: Made,
    show: &dyn Fn(&Sheet),
) -> Result<Bundle, BreakError> {
    // The block fills a screen, so what is read comes below it.
    show(&bundle.sheet);
    world.terminal.say(bundle.to_paste().trim_end());
    tell(world, &troubles);
    let desk = desk(world, catalogue, identity);
    let period = match catalogue.store().map(|store| &store.place) {
        Some(Destination::Bucket { .. }) => BUCKET_PERIOD,
        Some(Destination::Folder(_)) | None => LISTENING,
    };
    let mut waiting =
        Waiting { world, desk: desk.as_ref(), bundle, paste: String::new(), looked: None, troubles: Vec::new() };
    let mut told = Told { world, catalogue, people: Vec::new(), others: Vec::new(), reminded: None };
    loop {
        waiting.look(period)?;
        let tally = counted(world, catalogue, &waiting.bundle)?.tally;
        if tally.state() != State::Open {
            told.tell_new(&tally);
            // The rest of a mail that was pasted is neither a code nor a command of the session.
            world.terminal.forget_unread();
            return Ok(waiting.bundle);
        }
        told.tell(&tally);
        waiting.listen()?;
    }
}

/// A request that is waited for.
struct Waiting<'w> {
    world: World<'w>,
    desk: &'w dyn Desk,
    bundle: Bundle,
    /// What was pasted since the last block was whole.
    paste: String,
    looked: Option<BootTime>,
    /// What was wrong with the places at the last look.
    troubles: Vec<String>,
}

impl Waiting<'_> {
    /// Takes what has come to where requests lie, and tells what is newly wrong with these places.
    fn look(&mut self, period: Duration) -> Result<(), BreakError> {
        let now = self.world.clock.boot();
        if self.looked.is_some_and(|looked| now.since(looked) < period) {
            return Ok(());
        }
        let troubles = look_beside(self.desk, &mut self.bundle)?;
        self.looked = Some(now);
        let troubles: Vec<String> = troubles.iter().map(ToString::to_string).collect();
        for trouble in troubles.iter().filter(|trouble| !self.troubles.contains(trouble)) {
            self.world.terminal.warn(&trouble);
        }
        self.troubles = troubles;
        Ok(())
    }

    /// Listens to the terminal, if there is one.
    fn listen(&mut self) -> Result<(), BreakError> {
        match self.world.terminal.hear(LISTENING) {
            Ok(None) => {}
            Ok(Some(text)) => self.take(&text),
            Err(AskError::NoTerminal) => self.world.clock.wait(LISTENING),
            Err(AskError::Interrupted | AskError::Closed | AskError::Failed(_)) => {
                let asked = self.bundle.sheet.asked();
                return Err(BreakError::LeftOpen { request: asked.id.clone(), profile: asked.profile.clone() });
            }
        }
        Ok(())
    }

    /// Takes what was pasted, once a block is whole.
    fn take(&mut self, text: &str) {
        self.paste.push_str(text);
        if !self.paste.contains("END GLASS") && self.paste.len() < LONGEST_PASTE {
            return;
        }
        match gather(std::mem::take(&mut self.paste).as_bytes()) {
            Err(error) => self.world.terminal.say(&format!("glass: what was pasted cannot be used: {error}")),
            Ok(gathered) => {
                for approval in gathered.approvals {
                    if !self.bundle.approvals.contains(&approval) {
                        keep(self.world, self.desk, &self.bundle, Paper::Approval(&approval));
                        self.bundle.approvals.push(approval);
                    }
                }
            }
        }
    }
}

/// What was told of a request already.
struct Told<'w> {
    world: World<'w>,
    catalogue: &'w Catalogue,
    people: Vec<PersonName>,
    others: Vec<Digest>,
    reminded: Option<Timestamp>,
}

impl Told<'_> {
    fn tell(&mut self, tally: &Tally) {
        let say = |line: &str| self.world.terminal.say(line);
        let now = self.world.clock.now();
        let left = minutes_left(tally, now);
        let is_first = self.reminded.is_none();
        if is_first {
            introduce(tally, left, &say);
            if self.world.terminal.is_there() {
                say("glass: what they send back can be pasted here");
                say("glass: Ctrl-C leaves the request open");
            } else {
                say("glass: it goes on as soon as they have signed; whoever ends it leaves the request open");
            }
        }
        if self.tell_new(tally) || is_first {
            self.tell_whom_to_ring(tally);
        }
        let is_due = self.reminded.is_some_and(|reminded| now.since(reminded) >= REMINDER);
        if is_due {
            say(&format!("glass: {left} min left"));
        }
        if is_first || is_due {
            self.reminded = Some(now);
        }
    }

    /// Tells what was signed since; says whether anything was that counts.
    fn tell_new(&mut self, tally: &Tally) -> bool {
        let say = |line: &str| self.world.terminal.say(line);
        let people = tally.counted().iter().map(|signed| &signed.person);
        let new: Vec<PersonName> = people.filter(|person| !self.people.contains(person)).cloned().collect();
        for person in &new {
            say(&format!("glass: {person} has signed"));
        }
        for NotCounted { person, digest, why } in tally.others() {
            if !self.others.contains(digest) {
                say(&format!("glass: {person}'s does not count: {why}"));
                self.others.push(*digest);
            }
        }
        let is_new = !new.is_empty();
        self.people.extend(new);
        is_new
    }

    /// Tells who may still sign, and how they are reached: a number is not broken where a line ends.
    fn tell_whom_to_ring(&self, tally: &Tally) {
        let columns = self.world.terminal.size().map_or(usize::MAX, |(columns, _)| columns.into());
        let mut line = format!("glass: {} more: ring", tally.missing());
        let may_sign = tally.may_sign();
        for (index, name) in may_sign.iter().enumerate() {
            let contact = self.catalogue.person(name.as_str()).and_then(|person| person.contact.as_ref());
            let contact = contact.map(|contact| format!(" ({})", escaped(contact))).unwrap_or_default();
            let comma = if index + 1 < may_sign.len() { "," } else { "" };
            let person = format!(" {name}{contact}{comma}");
            if index > 0 && line.chars().count() + person.chars().count() > columns {
                self.world.terminal.say(&line);
                line = "      ".to_owned();
            }
            line += &person;
        }
        self.world.terminal.say(&line);
    }
}

/// How many minutes a request still stands.
fn minutes_left(tally: &Tally, now: Timestamp) -> u64 {
    tally.sheet().asked().expires.since(now).as_secs().div_ceil(60)
}

/// Says what is waited for, and what those who are asked have to do.
fn introduce(tally: &Tally, left: u64, say: &dyn Fn(&str)) {
    let asked = tally.sheet().asked();
    let approvals =
        if tally.needed() == 1 { "an approval".to_owned() } else { format!("{} approvals", tally.needed()) };
    say(&format!("glass: request {} needs {approvals}; {left} min left", asked.id));
    say(&format!("glass: they type `glass approve {}`,", asked.id));
    say("glass: or `glass approve -` and paste the block there");
}
