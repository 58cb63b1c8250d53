//! The made-up AWS, and the daily identity there.

use std::sync::Arc;

use glass::model::identity::Source;
use glass::model::name::{MfaSerial, PersonName};
use glass::model::secret::Secret;
use glass::model::session::{Answer, Credentials};
use glass::model::time::{BootTime, Timestamp};
use glass::world::aws::{Aws, AwsError, Caller, Daily, Place, SourceError, Why};
use glass::world::{Declined, Issued, Warrant};

use super::{Fake, Parts, SECRET, broken};

impl Aws for Parts {
    fn sign_in(&self, _: &PersonName, _: &Source, _: &Place) -> Result<Box<dyn Daily>, SourceError> {
        let daily = || Ok(Box::new(FakeDaily(Arc::clone(&self.0))) as Box<dyn Daily>);
        self.0.call(daily, || SourceError::UnknownProfile("daily".into()))
    }

    fn take(&self, _: Credentials, _: String, _: &Place) -> Result<Box<dyn Daily>, SourceError> {
        self.0
            .call(|| Ok(Box::new(FakeDaily(Arc::clone(&self.0))) as Box<dyn Daily>), || SourceError::Network(broken()))
    }
}

struct FakeDaily(Arc<Fake>);

impl Daily for FakeDaily {
    fn how(&self) -> &str {
        "profile daily (made up)"
    }

    fn is_temporary(&self) -> bool {
        self.0.temporary
    }

    fn is_login(&self) -> bool {
        self.0.login
    }

    fn caller(&self) -> Result<Caller, AwsError> {
        assert_ne!(self.0.panics, "caller", "made to panic");
        let caller = Caller {
            account: "111122223333".into(),
            arn: self.0.caller.clone(),
            user_id: "AIDA".into(),
            clock_ahead: self.0.clock_ahead,
        };
        self.0.call(|| Ok(caller), || AwsError::NotSent("made to fail".into()))
    }

    fn mfa_devices(&self) -> Result<Vec<MfaSerial>, AwsError> {
        self.0.call(|| Ok(Vec::new()), || AwsError::NotSent("made to fail".into()))
    }

    fn assume(&self, warrant: Warrant, code: Option<&Secret>) -> Result<Issued, Box<Declined>> {
        let send = || {
            self.0.sent.lock().unwrap().push(code.map(|code| code.expose().to_owned()));
            self.0.named.lock().unwrap().push(warrant.session_name().to_owned());
            Ok(())
        };
        let outcome = self.0.call(send, || AwsError::MaybeSent("made to fail".into()));
        let outcome = outcome.and_then(|()| self.0.answers.lock().unwrap().pop_front().map_or(Ok(()), Err));
        if let Err(error) = outcome {
            return Err(warrant.declined(error));
        }
        let (name, lasts) = (warrant.session_name().to_owned(), warrant.order().duration);
        let role = warrant.order().role.clone();
        warrant.answered(Answer {
            credentials: Credentials {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: Secret::new(SECRET.into()),
                session_token: Secret::new("token".into()),
            },
            expires: Timestamp::from_seconds(self.0.time().seconds() + self.0.beyond).plus(lasts),
            assumed_role_id: format!("AROA:{name}"),
            assumed_role_arn: format!("arn:aws:sts::{}:assumed-role/{}/{name}", role.account(), role.role_name()),
            request_id: "request".into(),
            date: self.0.time(),
            sent_at: BootTime(u64::try_from(self.0.time().micros()).unwrap() * 1000),
        })
    }
}

/// AWS's no to a wrong code.
pub fn wrong_code() -> AwsError {
    AwsError::Refused {
        code: "AccessDenied".into(),
        message: "MultiFactorAuthentication failed with invalid MFA one time pass code.".into(),
        request_id: Some("request".into()),
        why: Why::WrongCode,
    }
}
