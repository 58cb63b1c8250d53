//! A virtual MFA device: RFC 6238 with SHA-1, six digits, steps of thirty seconds.
//!
//! Keeps the promise of a code's single use: a step whose code was taken, and every
//! step before it, is closed.

use totp_rs::{Builder, Totp};

use crate::model::time::Timestamp;

const STEP: u64 = 30;

/// A device and how far its codes are used up.
pub struct Device {
    totp: Totp,
    used: Option<u64>,
}

impl Device {
    /// Makes a device with this seed.
    pub fn new(seed: [u8; 20]) -> Self {
        Device { totp: Builder::new().with_secret(seed).build_noncompliant(), used: None }
    }

    /// The seed in base32, as an authenticator takes it.
    pub fn seed(&self) -> String {
        self.totp.secret().to_base32()
    }

    /// The code that the device shows at a moment.
    pub fn code(&self, now: Timestamp) -> String {
        self.totp.generate(seconds(now)).to_string()
    }

    /// Takes a code once, at most one step early or late.
    pub fn accept(&mut self, code: &str, now: Timestamp) -> bool {
        match self.totp.check(code, seconds(now)) {
            Some(step) if self.used.is_none_or(|used| step > used) => {
                self.used = Some(step);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes two codes of steps that follow each other, as enabling a device asks for; people are slow, so
    /// the first may be three steps old.
    pub fn accept_pair(&mut self, first: &str, second: &str, now: Timestamp) -> bool {
        let newest = seconds(now) / STEP + 1;
        let shown = |step: u64| self.totp.generate(step * STEP).to_string();
        let pair = (newest.saturating_sub(4)..newest).find(|step| shown(*step) == first && shown(step + 1) == second);
        if let Some(step) = pair {
            self.used = Some(step + 1);
        }
        pair.is_some()
    }
}

fn seconds(moment: Timestamp) -> u64 {
    u64::try_from(moment.seconds()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        Device::new(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        assert_eq!(device().seed(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(device().code(at(seconds)), code);
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_of_drift_and_once() {
        let code = device().code(at(600));
        for (seconds, good) in [(569, false), (570, true), (600, true), (659, true), (660, false)] {
            assert_eq!(device().accept(&code, at(seconds)), good, "{seconds}");
        }
        let mut device = device();
        assert!(!device.accept("000000", at(600)));
        assert!(device.accept(&code, at(600)));
        assert!(!device.accept(&code, at(601)));
        assert!(!device.accept(&device.code(at(570)), at(601)), "an older step is closed too");
        assert!(device.accept(&device.code(at(630)), at(601)));
    }

    #[test]
    fn two_codes_enable_a_device_only_in_their_order() {
        let (one, two, three) = (device().code(at(570)), device().code(at(600)), device().code(at(630)));
        assert!(device().accept_pair(&one, &two, at(600)));
        assert!(device().accept_pair(&two, &three, at(600)));
        assert!(!device().accept_pair(&two, &one, at(600)));
        assert!(!device().accept_pair(&one, &three, at(600)));
        assert!(!device().accept_pair(&one, &two, at(900)));
        let mut device = device();
        assert!(device.accept_pair(&one, &two, at(600)));
        assert!(!device.accept(&two, at(610)), "the codes that enabled it are used");
    }
}
