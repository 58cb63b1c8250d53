//! MFA codes: what they look like, and that none is sent twice.
//!
//! AWS accepts a time-based code once. Sending a used one again is refused in a way that looks
//! like a mistyped code, so glass remembers, for each device, what was sent and what came of it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::{Digest, MfaSerial};
use super::secret::Secret;
use super::time::Timestamp;

/// The step of time-based codes (RFC 6238), in seconds.
pub const STEP: u64 = 30;

/// How long the digest of a code that was sent is kept: longer than AWS could still accept it.
const KEPT: Duration = Duration::from_secs(180);

/// Reads a code as a person types it: 6 digits, white space anywhere.
///
/// # Errors
/// When that is not 6 digits.
pub fn read_code(typed: &Secret) -> Result<Secret, NotACode> {
    let digits: String = typed.expose().chars().filter(|c| !c.is_whitespace()).collect();
    let valid = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
    let code = Secret::new(digits);
    if valid { Ok(code) } else { Err(NotACode) }
}

/// Whether an error of STS says that the MFA code was wrong. One code of AWS stands for several things, told apart
/// by its message, which may have words around it.
pub fn says_wrong_code(code: &str, message: &str) -> bool {
    matches!(code, "AccessDenied" | "AccessDeniedException") && message.contains("invalid MFA one time pass code")
}

/// A text that is not an MFA code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACode;

impl fmt::Display for NotACode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an MFA code is 6 digits")
    }
}

impl std::error::Error for NotACode {}

/// What is known of the codes of one device. It is kept on disk between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedCodes {
    /// The step in which no more codes can be used, and why.
    spent: Option<Spent>,
    /// Codes that were sent, by digest, with the second they were sent in.
    sent: Vec<(String, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spent {
    step: i64,
    uncertain: bool,
}

/// What came of a code that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing left this machine: the code is as good as before.
    NotSent,
    /// No answer came: AWS may have taken the code.
    Uncertain,
    /// AWS says that this code is wrong: only this code is spent.
    WrongCode,
    /// Any other answer: the step is spent.
    Answered,
}

/// Why a code must not be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A code of this step was used; the next step begins after this time.
    Used(Duration),
    /// A code of this step may have been used; the next step begins after this time.
    Uncertain(Duration),
    /// This very code was sent before; a new one is shown after this time at the latest.
    Repeated(Duration),
}

impl Wait {
    /// How long to wait for the next code.
    pub fn length(self) -> Duration {
        match self {
            Wait::Used(length) | Wait::Uncertain(length) | Wait::Repeated(length) => length,
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Used(_) => "AWS has taken a code of this half minute already",
            Wait::Uncertain(_) => "the last request had no answer, so AWS may have taken its code",
            Wait::Repeated(_) => "this code has been sent already",
        })
    }
}

impl UsedCodes {
    /// Whether any code of the current step can be sent.
    ///
    /// # Errors
    /// With the time to wait when none can.
    pub fn check_step(&self, now: Timestamp) -> Result<(), Wait> {
        match self.spent {
            Some(Spent { step, uncertain }) if step == step_of(now) => {
                let left = until_next_step(now);
                Err(if uncertain { Wait::Uncertain(left) } else { Wait::Used(left) })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether this code can be sent now.
    ///
    /// # Errors
    /// With the time to wait when it cannot.
    pub fn check(&self, serial: &MfaSerial, code: &Secret, now: Timestamp) -> Result<(), Wait> {
        self.check_step(now)?;
        let digest = digest(serial, code);
        if self.sent.iter().any(|(sent, at)| *sent == digest && is_kept(*at, now)) {
            return Err(Wait::Repeated(until_next_step(now)));
        }
        Ok(())
    }

    /// What is known after a code was sent, or is about to be (then it is uncertain).
    #[must_use]
    pub fn after(&self, serial: &MfaSerial, code: &Secret, now: Timestamp, outcome: Outcome) -> UsedCodes {
        let digest = digest(serial, code);
        let mut sent: Vec<_> =
            self.sent.iter().filter(|(other, at)| *other != digest && is_kept(*at, now)).cloned().collect();
        let spent = |uncertain| Some(Spent { step: step_of(now), uncertain });
        let spent = match outcome {
            Outcome::NotSent | Outcome::WrongCode => None,
            Outcome::Uncertain => spent(true),
            Outcome::Answered => spent(false),
        };
        if outcome != Outcome::NotSent {
            sent.push((digest, now.seconds()));
        }
        UsedCodes { spent, sent }
    }
}

fn is_kept(at: i64, now: Timestamp) -> bool {
    // A time in the future means that the clock was set back: still kept.
    now.since(Timestamp::from_seconds(at)) < KEPT
}

fn step_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP.cast_signed())
}

fn until_next_step(now: Timestamp) -> Duration {
    let into = now.micros().rem_euclid(30_000_000);
    Duration::from_micros(u64::try_from(30_000_000 - into).unwrap_or(0))
}

fn digest(serial: &MfaSerial, code: &Secret) -> String {
    Digest::of(format!("glass-code-v1\n{serial}\n{}\n", code.expose()).as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

    fn device() -> MfaSerial {
        MfaSerial::parse("arn:aws:iam::111122223333:mfa/alice").expect("valid")
    }

    fn code(digits: &str) -> Secret {
        Secret::new(digits.into())
    }

    fn after(outcome: Outcome) -> UsedCodes {
        UsedCodes::default().after(&device(), &code("123456"), NOW, outcome)
    }

    #[test]
    fn white_space_in_a_code_is_tolerated() {
        assert_eq!(read_code(&code(" 123 456\t")).expect("valid").expose(), "123456");
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert!(read_code(&code(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_answer_spends_the_whole_step_and_no_more() {
        let used = after(Outcome::Answered);
        assert_eq!(used.check(&device(), &code("654321"), NOW), Err(Wait::Used(Duration::from_secs(20))));
        assert_eq!(used.check(&device(), &code("654321"), NOW.plus(Duration::from_secs(20))), Ok(()));
    }

    #[test]
    fn a_wrong_code_spends_that_code_only() {
        let used = after(Outcome::WrongCode);
        assert!(matches!(used.check(&device(), &code("123456"), NOW), Err(Wait::Repeated(_))));
        assert_eq!(used.check(&device(), &code("654321"), NOW), Ok(()));
    }

    #[test]
    fn a_code_that_was_not_sent_is_as_good_as_before() {
        assert_eq!(after(Outcome::NotSent), UsedCodes::default());
    }

    #[test]
    fn an_uncertain_code_waits_for_the_next_step_and_is_never_sent_again() {
        let used = after(Outcome::Uncertain);
        assert!(matches!(used.check(&device(), &code("654321"), NOW), Err(Wait::Uncertain(_))));
        let next = NOW.plus(Duration::from_secs(21));
        assert!(matches!(used.check(&device(), &code("123456"), next), Err(Wait::Repeated(_))));
        let later = NOW.plus(Duration::from_secs(180));
        assert_eq!(used.check(&device(), &code("123456"), later), Ok(()));
    }
}
