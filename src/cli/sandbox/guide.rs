//! The guided practice: one night, a few minutes, every step with the real commands.
//!
//! On a terminal a person walks it. Without one it walks by itself, and the first step
//! that does not hold ends it.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use super::phone::Phone;
use super::practice::{Identity, Practice};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::out::{self, Paint, Style};
use crate::host::terminal::HostTerminal;
use crate::model::event::Cause;
use crate::model::text::escaped;
use crate::world::machine::Terminal;

const PROFILE: &str = "prod-db-emergency";

/// A command of the practice, and the line that says why.
struct Step {
    why: &'static str,
    words: &'static [&'static str],
}

const BEFORE: [Step; 4] = [
    Step {
        why: "The catalogue says what counts as an emergency and what it opens. It has no mistakes:",
        words: &["catalogue", "check"],
    },
    Step { why: "These are its profiles, and which of them are for Alice:", words: &["list"] },
    Step { why: "This is what tonight's profile opens, for how long, and what it demands:", words: &["show", PROFILE] },
    Step { why: "By day AWS knows Alice as a plain user:", words: &["whoami"] },
];

const BREAK: Step = Step {
    why: "Break the glass. You are asked for the incident (say INC-4711), a reason, and the code of your phone.\n     \
          In the elevated shell try `aws sts get-caller-identity` and `env | grep GLASS`; `exit` closes it.",
    words: &["assume", PROFILE],
};

const BREAK_ALONE: Step = Step {
    why: "Break the glass with the code of the practice phone, and let AWS say who calls now:",
    words: &[
        "assume",
        PROFILE,
        "--incident",
        "INC-4711",
        "--reason",
        "the orders database takes no writes",
        "--",
        "glass",
        "whoami",
    ],
};

const AFTER: [Step; 2] = [
    Step {
        why: "All of it is in the ledger, and was before it happened. The ledger is whole:",
        words: &["audit", "verify"],
    },
    Step { why: "This is what it says, each line bound to the one before:", words: &["audit", "show"] },
];

/// Before and after, the breaking itself, and AWS's own trail.
const STEPS: usize = BEFORE.len() + AFTER.len() + 2;

/// Walks through the practice.
pub fn walk(practice: &Practice, paint: Paint) -> Result<Exit, Failure> {
    let attended = HostTerminal.is_there() && io::stdin().is_terminal() && io::stderr().is_terminal();
    let mut guide = Guide { practice, paint, attended, step: 0 };
    guide.welcome();
    for step in &BEFORE {
        guide.run(step)?;
    }
    guide.break_glass()?;
    for step in &AFTER {
        guide.run(step)?;
    }
    guide.show_trail();
    let held = paint.paint(Style::Good, "Every step of the practice held.");
    out::say(&format!(
        "\n{held} Its folder is removed now. For a catalogue of your own begin with profiles.example.toml."
    ));
    Ok(Exit::Done)
}

struct Guide<'a> {
    practice: &'a Practice,
    paint: Paint,
    /// Whether somebody is there to read, type and go on.
    attended: bool,
    /// The number of the step that was begun last.
    step: usize,
}

impl Guide<'_> {
    fn welcome(&self) {
        out::say(&format!(
            "{} Its AWS is a part of glass, at {}.\nIt is not AWS: nothing here costs anything or reaches beyond this \
             machine, and nothing of yours is touched.\nIt is 02:13. You are Alice, on call, and the orders database \
             takes no writes.",
            self.paint.paint(Style::Strong, "This is a practice."),
            self.practice.running.endpoint(),
        ));
    }

    /// Runs a step that has to end well.
    fn run(&mut self, step: &Step) -> Result<(), Failure> {
        self.announce(step)?;
        match self.run_glass(step)? {
            0 => Ok(()),
            code => Err(not_held(step, &format!("it ended with {code}"))),
        }
    }

    fn break_glass(&mut self) -> Result<(), Failure> {
        let calls = self.practice.sandbox.trail().len();
        let step = if self.attended { &BREAK } else { &BREAK_ALONE };
        if self.attended {
            self.announce(step)?;
            let _phone = Phone::take_out(&self.practice.sandbox);
            // An elevated shell ends as its last command did, so its code says nothing here.
            self.run_glass(step)?;
        } else {
            self.run(step)?;
        }
        let trail = self.practice.sandbox.trail();
        let opened = trail.iter().skip(calls).find(|seen| seen.opened_a_session());
        let opened = opened.ok_or_else(|| not_held(step, "AWS opened no session"))?;
        // A person may have looked around in other ways than by asking AWS.
        if self.attended || trail.iter().any(|seen| opened.is_caller_of(seen)) {
            Ok(())
        } else {
            Err(not_held(step, "AWS saw no call of the session"))
        }
    }

    fn announce(&mut self, step: &Step) -> Result<(), Failure> {
        self.say_why(step.why);
        out::say(&self.paint.paint(Style::Strong, &format!("     $ {}", shown(step))));
        if self.attended {
            HostTerminal.ask("     Enter runs it, Ctrl-C ends the practice: ")?;
        }
        Ok(())
    }

    /// Runs a step; the answer is its exit code.
    fn run_glass(&self, step: &Step) -> Result<u8, Failure> {
        let mut command = vec![self.practice.file("glass").into_os_string()];
        command.extend(step.words.iter().map(OsString::from));
        let identity = if self.attended { Identity::Asked } else { Identity::Unattended };
        let ended = self.practice.run(&command, identity)?;
        match ended.cause {
            Cause::Signal => Err(Failure::new(Exit::Failed, "the practice was told to end")),
            Cause::Exit | Cause::Deadline | Cause::End | Cause::Lost => Ok(ended.code),
        }
    }

    fn show_trail(&mut self) {
        self.say_why("AWS has a trail of its own. The name of the session in it holds the hash of the ledger's entry:");
        for seen in self.practice.sandbox.trail() {
            let session = seen.session_name.map_or_else(String::new, |name| format!(" as {name}"));
            let refused = seen.refused.map_or_else(String::new, |code| format!(", refused: {}", code.as_str()));
            let call = format!("{:<17}  {}{session}{refused}", seen.operation, seen.caller);
            out::say(&format!("     {}  {}", seen.at, escaped(&call)));
        }
    }

    fn say_why(&mut self, why: &str) {
        self.step += 1;
        let number = self.paint.paint(Style::Good, &format!("{}/{STEPS}:", self.step));
        out::say(&format!("\n{number} {why}"));
    }
}

fn shown(step: &Step) -> String {
    let quoted = |word: &&str| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() };
    format!("glass {}", step.words.iter().map(quoted).collect::<Vec<_>>().join(" "))
}

fn not_held(step: &Step, why: &str) -> Failure {
    Failure::new(Exit::Failed, format!("the practice stopped at `{}`", shown(step))).because(why)
}
