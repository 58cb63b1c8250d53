//! `glass requests`: what was asked for, who has signed it, and who still may.

use std::fmt::Write;

use serde::Serialize;

use super::args;
use super::catalogue::warn_of_broken;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::out::{self, Paint, Style};
use crate::broker::request::desk;
use crate::model::catalogue::Catalogue;
use crate::model::name::{Id, Incident, PersonName, ProfileName};
use crate::model::sign_off::count::{Scene, State, Tally, count};
use crate::model::sign_off::papers::{Bundle, Twins};
use crate::model::time::Timestamp;
use crate::world::desk::{Found, Wanted};

/// A request as the JSON document tells it.
#[derive(Serialize)]
struct Row {
    id: Id,
    profile: ProfileName,
    person: PersonName,
    state: &'static str,
    signed: Vec<PersonName>,
    needed: u32,
    expires: Timestamp,
    may_sign: Vec<PersonName>,
    #[serde(skip)]
    incident: Incident,
    #[serde(skip)]
    overrides: bool,
    #[serde(skip)]
    denied: Option<PersonName>,
}

/// Runs the command.
pub fn run(args: &args::Requests, context: &Context) -> Result<Exit, Failure> {
    let catalogue = context.catalogue()?;
    warn_of_broken(&catalogue, None);
    let identity = context.identity()?;
    let world = context.world();
    let now = world.clock.now();
    let wanted = if args.all { Wanted::All } else { Wanted::Recent(now) };
    let Found { papers, troubles } = desk(world, &catalogue, &identity).look(wanted);
    for trouble in &troubles {
        out::warn(&trouble);
    }
    papers.twins.iter().for_each(tell);
    tracing::info!(passed_over = papers.passed_over, "what is no request and no answer to one is passed over");
    let mut rows: Vec<Row> = papers.bundles.iter().map(|bundle| row(&catalogue, bundle, now)).collect();
    rows.sort_by(|one, other| other.expires.cmp(&one.expires).then_with(|| one.id.cmp(&other.id)));
    if args.json {
        out::print_json(&rows)?;
    } else if rows.is_empty() {
        out::say("glass: there are no requests");
    } else {
        out::print(&table(&rows, now, Paint::for_stdout(context.color())))?;
    }
    Ok(Exit::Done)
}

/// Two requests of one id: somebody has made one to be taken for the other.
fn tell(twins: &Twins) {
    let hashes: Vec<String> = twins.hashes().iter().map(ToString::to_string).collect();
    out::warn(&format_args!(
        "there are {} requests {} that are not the same, and none of them counts: {}",
        twins.bundles.len(),
        twins.id,
        hashes.join(", ")
    ));
}

fn row(catalogue: &Catalogue, bundle: &Bundle, now: Timestamp) -> Row {
    // What lies there is a hint here; the ledger is asked when the request is to be used.
    let tally = count(Scene { catalogue, now, used: bundle.used.first() }, &bundle.sheet, &bundle.approvals);
    let asked = bundle.sheet.asked();
    Row {
        id: asked.id.clone(),
        profile: asked.profile.clone(),
        person: asked.person.clone(),
        state: tally.state().as_str(),
        signed: tally.counted().iter().map(|signed| signed.person.clone()).collect(),
        needed: tally.needed(),
        expires: asked.expires,
        may_sign: may_sign(&tally),
        incident: asked.incident.clone(),
        overrides: asked.overrides,
        denied: tally.denied().map(|denied| denied.by.person.clone()),
    }
}

/// Who still may sign, while that changes anything.
fn may_sign(tally: &Tally) -> Vec<PersonName> {
    match tally.state() {
        State::Open => tally.may_sign().to_vec(),
        State::Approved | State::Denied | State::Used | State::Expired | State::Void => Vec::new(),
    }
}

fn table(rows: &[Row], now: Timestamp, paint: Paint) -> String {
    let mut text = String::new();
    for row in rows {
        let style = match row.state {
            "open" => Style::Warn,
            "approved" => Style::Good,
            _ => Style::Faint,
        };
        let state = paint.paint(style, &format!("{:8}", row.state));
        let left = match row.expires.since(now).as_secs().div_ceil(60) {
            0 => format!("expired {}", row.expires),
            minutes => format!("{minutes} min left"),
        };
        writeln!(text, "{}  {state}  {}  {}, {}, {left}", row.id, row.profile, row.person, row.incident)
            .expect("writing to a String cannot fail");
        if row.overrides {
            text += "          an override, which nobody signs before it is used: see `glass review`\n";
            continue;
        }
        let signed = match row.signed.as_slice() {
            [] => String::new(),
            signed => format!(": {}", list(signed)),
        };
        let denied = row.denied.iter().map(|person| format!("; {person} said no")).collect::<String>();
        let more = match row.may_sign.as_slice() {
            [] => String::new(),
            may => format!("; may sign: {}", list(may)),
        };
        writeln!(text, "          {} of {} signed{signed}{denied}{more}", row.signed.len(), row.needed)
            .expect("writing to a String cannot fail");
    }
    text
}

fn list(people: &[PersonName]) -> String {
    people.iter().map(PersonName::as_str).collect::<Vec<_>>().join(", ")
}
