//! `glass status`: the live sessions of this user on this machine.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::args;
use super::audit;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::hooks;
use super::out::{self, Paint, Style};
use super::reminder;
use crate::host::live::{self, Marked};
use crate::host::socket::{self, AskError};
use crate::model::event::SessionKind;
use crate::model::live::{Answer, Ask, Live};
use crate::model::name::{Id, Incident, PersonName, ProfileName, RoleArn};
use crate::model::text::escaped;
use crate::model::time::Timestamp;

/// How long a session has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A live session as the JSON document tells it.
#[derive(Serialize)]
struct Told {
    session: Id,
    profile: ProfileName,
    person: PersonName,
    role: RoleArn,
    expires: Timestamp,
    remaining: u64,
    pid: u32,
    kind: SessionKind,
    incident: Incident,
}

impl Told {
    fn of(live: Live, remaining: u64) -> Told {
        let Live { session, profile, person, role, expires, pid, kind, incident, .. } = live;
        Told { session, profile, person, role, expires, remaining, pid, kind, incident }
    }
}

/// Runs the command.
pub fn run(args: &args::Status, context: &Context) -> Result<Exit, Failure> {
    let told: Vec<Told> = alive(context).into_iter().filter_map(|marked| ask(context, marked)).collect();
    if args.json {
        out::print_json(&told)?;
    } else if told.is_empty() {
        out::say("glass: no session is alive");
    } else {
        out::print(&table(&told, Paint::for_stdout(context.color())))?;
    }
    reminder::remind(context);
    audit::tell_of_failures(context);
    hooks::tell_of_failures(context);
    Ok(Exit::Done)
}

/// The sessions that somebody keeps.
pub fn alive(context: &Context) -> Vec<Marked> {
    let state = context.places().state();
    live::marks(state).into_iter().filter(|marked| live::is_alive(state, &marked.live.session)).collect()
}

/// What a session tells of itself. One that is silent is told by its mark; one that has ended meanwhile is not.
fn ask(context: &Context, marked: Marked) -> Option<Told> {
    let error = match socket::ask(&marked.socket, Ask::Status, PATIENCE) {
        Ok(Answer::Status(live, remaining)) if live.session == marked.live.session => {
            return Some(Told::of(*live, remaining));
        }
        Ok(Answer::No(why)) => escaped(&why).to_string(),
        Ok(Answer::Status(..) | Answer::Credentials(_) | Answer::Ending(_)) => "it answers something else".to_owned(),
        Err(AskError::NobodyListens) if !live::is_alive(context.places().state(), &marked.live.session) => return None,
        Err(error) => error.to_string(),
    };
    out::warn(&format_args!("session {} (process {}): {error}", marked.live.session, marked.live.pid));
    let remaining = marked.live.remaining(context.world().clock.now()).as_secs();
    Some(Told::of(marked.live, remaining))
}

fn table(told: &[Told], paint: Paint) -> String {
    let mut text = String::new();
    for told in told {
        let kind = serde_json::to_value(told.kind).expect("a kind is a word");
        let lines = [
            format!("{}  {}", paint.paint(Style::Strong, told.session.as_str()), told.profile),
            format!("          {} min left, until {}", told.remaining.div_ceil(60), told.expires),
            format!(
                "          {}, incident {}, {} kept by process {}",
                told.person,
                told.incident,
                kind.as_str().unwrap_or_default(),
                told.pid
            ),
            format!("          {}", told.role),
        ];
        for line in lines {
            writeln!(text, "{line}").expect("writing to a String cannot fail");
        }
    }
    text
}
