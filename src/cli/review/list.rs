//! The list of open reviews: those of this ledger, and those of others that lie where requests lie.

use std::fmt::Write;

use serde::Serialize;

use crate::broker::review::{self, Settled};
use crate::cli::args;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out::{self, Paint, Style};
use crate::model::catalogue::Catalogue;
use crate::model::name::{Id, PersonName, ProfileName};
use crate::model::sign_off::count::may_review;
use crate::model::sign_off::deeds::Deeds;
use crate::model::sign_off::reviews::Said;
use crate::model::sign_off::sheet::Sheet;
use crate::model::text::escaped;

/// An open review as the JSON document tells it.
#[derive(Serialize)]
struct Row {
    session: Id,
    /// Nothing where the ledger says nothing that can be read.
    #[serde(flatten)]
    said: Option<Said>,
    reviewers: Vec<PersonName>,
    /// How long it lasted, where that is known: in the ledger here.
    seconds: Option<u64>,
    #[serde(skip)]
    deeds: Option<Deeds>,
}

/// Runs the command without a session.
pub fn run(args: &args::Review, context: &Context) -> Result<Exit, Failure> {
    let (catalogue, identity) = (context.catalogue()?, context.identity()?);
    let settled = review::settle(context.world(), &catalogue, &identity)?;
    let (sheets, troubles) = review::elsewhere(context.world(), &catalogue, &identity, &settled);
    let Settled { open, .. } = settled;
    let mut deeds: Vec<Deeds> = open.iter().map(|one| Deeds::of(one.session.clone())).collect();
    if !deeds.is_empty() {
        context.world().ledger.read_back(0, &mut |entry| deeds.iter_mut().for_each(|deeds| deeds.read(entry)))?;
    }
    super::warn(&troubles);
    let own = open.into_iter().zip(deeds).map(|(one, deeds)| Row {
        reviewers: one.said.as_ref().map_or(Vec::new(), |said| reviewers(&catalogue, &said.profile, &said.person)),
        session: one.session,
        said: one.said,
        seconds: deeds.seconds(),
        deeds: Some(deeds),
    });
    let others = sheets.iter().map(Sheet::asked).map(|asked| Row {
        session: asked.id.clone(),
        reviewers: reviewers(&catalogue, &asked.profile, &asked.person),
        said: Some(Said {
            profile: asked.profile.clone(),
            person: asked.person.clone(),
            at: asked.made,
            reason: asked.reason.clone(),
        }),
        seconds: None,
        deeds: None,
    });
    let mut rows: Vec<Row> = own.chain(others).collect();
    let at = |row: &Row| row.said.as_ref().map(|said| said.at);
    rows.sort_by(|one, other| at(one).cmp(&at(other)).then_with(|| one.session.cmp(&other.session)));
    if args.json {
        out::print_json(&rows)?;
    } else if rows.is_empty() {
        out::say("glass: no review is open");
    } else {
        out::print(&table(&rows, &identity.person, Paint::for_stdout(context.color())))?;
    }
    Ok(Exit::Done)
}

fn reviewers(catalogue: &Catalogue, profile: &ProfileName, overrode: &PersonName) -> Vec<PersonName> {
    let may = catalogue.people().filter(|person| may_review(catalogue, profile, overrode, person));
    may.map(|person| person.name.clone()).collect()
}

fn table(rows: &[Row], own: &PersonName, paint: Paint) -> String {
    let mut text = String::new();
    for row in rows {
        let session = paint.paint(Style::Warn, row.session.as_str());
        let reviewers: Vec<&str> = row.reviewers.iter().map(PersonName::as_str).collect();
        let may = match reviewers.as_slice() {
            [] if row.said.is_none() => "who may review it is not known here".to_owned(),
            [] => "the catalogue has nobody who may review it".to_owned(),
            _ if row.reviewers.contains(own) => format!("you may review it: glass review {}", row.session),
            names => format!("to be reviewed by {}", names.join(" or ")),
        };
        let mut lines = match &row.said {
            Some(Said { profile, person, at, reason }) => {
                vec![format!("{session}  {profile}  {person}, {at}"), format!("          {}", escaped(reason.as_str()))]
            }
            None => vec![format!("{session}  the ledger says nothing of it that can be read")],
        };
        let namesakes = rows.iter().filter(|other| other.session == row.session).count();
        if namesakes > 1 {
            lines.push(format!("          one of {namesakes} of this id: only its own ledger says which was used"));
        }
        lines.extend(row.deeds.iter().map(|deeds| format!("          {deeds}")));
        lines.push(format!("          {may}"));
        for line in lines {
            writeln!(text, "{line}").expect("writing to a String cannot fail");
        }
    }
    text
}
