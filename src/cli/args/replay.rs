//! The words of `glass replay`.

use clap::Args as Group;

use crate::model::name::Id;
use crate::model::recording::span::Place;

/// `glass replay`.
#[derive(Debug, Group)]
#[command(after_help = "\
A PLACE is a time (90, 01:30, 1:00:00), the number of a marker ('#3'), or words that a marker's label contains. \
On a terminal the space bar stops and goes on, Ctrl-C ends.

What the session wrote is shown as it was, colours and all, and can look like anything, also like your own prompt. \
What would do more to your terminal than show a picture is left out.

Examples:
  glass replay 4fgk2m9q --speed 4
  glass replay 4fgk2m9q --from '#3' --until '#4'
  glass replay 4fgk2m9q --text | less")]
pub struct Replay {
    /// The session, see `glass audit show --event session.start`
    #[arg(value_name = "SESSION", value_parser = Id::parse)]
    pub session: Id,

    /// So many times as fast, e.g. 2 or 0.5
    #[arg(long, value_name = "X", default_value = "1", value_parser = parse_speed, conflicts_with = "text")]
    pub speed: f64,

    /// Where to begin; what comes before is shown at once
    #[arg(long, value_name = "PLACE", value_parser = Place::parse)]
    pub from: Option<Place>,

    /// Where to end
    #[arg(long, value_name = "PLACE", value_parser = Place::parse)]
    pub until: Option<Place>,

    /// Print what stood on the screen as plain text, line by line
    #[arg(long)]
    pub text: bool,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.01..=1000.0).contains(speed));
    speed.ok_or_else(|| "a speed is a number from 0.01 to 1000".to_owned())
}
