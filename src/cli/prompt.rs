//! `glass prompt`: the session of this environment on one line, for tmux and other status lines.
//!
//! Asks nothing but the environment and the clock, and says what the snippets of `glass init` say.

use super::args::ColorChoice;
use super::exit::Exit;
use super::failure::Failure;
use super::out::{self, Paint, Style};
use crate::host::clock::HostClock;
use crate::host::places::variable;
use crate::model::time::Timestamp;
use crate::world::machine::Clock;
use crate::world::variables;

/// The most characters of a profile that are shown.
const LONGEST: usize = 64;

/// Prints the segment; nothing outside of a session.
pub fn run(color: ColorChoice) -> Result<Exit, Failure> {
    let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
    if let Some(profile) = text(variables::PROFILE) {
        let shown = segment(&profile, &text(variables::EXPIRATION_EPOCH).unwrap_or_default(), HostClock.now());
        let reads = text(variables::LEVEL).is_some_and(|level| level.contains("read"));
        let style = if reads { Style::Warn } else { Style::Bad };
        out::print(&format!("{}\n", Paint::for_stdout(color).paint(style, &shown)))?;
    }
    Ok(Exit::Done)
}

/// Profile and minutes left, rounded up. The environment may hold anything: of the profile only
/// what a status line cannot take for its own language is shown, and an end that is none not at all.
fn segment(profile: &str, end: &str, now: Timestamp) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let profile: String = profile.chars().filter(plain).take(LONGEST).collect();
    let digits = (1..=12).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_digit());
    match end.parse().map(|end| Timestamp::from_seconds(end).since(now).as_secs().div_ceil(60)) {
        Ok(0) if digits => format!("{profile} over"),
        Ok(minutes) if digits => format!("{profile} {minutes}m"),
        Ok(_) | Err(_) => profile,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_rounded_up_and_end() {
        let at = |now| segment("prod-db-emergency", "1000", Timestamp::from_seconds(now));
        assert_eq!(at(100), "prod-db-emergency 15m");
        assert_eq!(at(101), "prod-db-emergency 15m");
        assert_eq!(at(160), "prod-db-emergency 14m");
        assert_eq!(at(999), "prod-db-emergency 1m");
        assert_eq!(at(1000), "prod-db-emergency over");
        assert_eq!(at(2000), "prod-db-emergency over");
    }

    #[test]
    fn an_environment_that_lies_says_nothing_to_a_status_line() {
        let now = Timestamp::from_seconds(0);
        assert_eq!(segment("#[fg=red]$(touch x)\x1b]0;y\x07%{F}", "60", now), "fgredtouchx0yF 1m");
        for end in ["", "soon", "-60", "+60", "1000000000000", "６０"] {
            assert_eq!(segment("a-b-c", end, now), "a-b-c", "{end}");
        }
        assert_eq!(segment(&"a".repeat(100), "", now).len(), LONGEST);
    }
}
