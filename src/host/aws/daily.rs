//! A daily identity and the three calls it makes.

use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_iam::error::SdkError;
use aws_sdk_iam::operation::list_mfa_devices::ListMFADevicesError;
use aws_sdk_iam::types::MfaDevice;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use tokio::time::timeout;

use super::call::Call;
use super::classify;
use super::wiring::Wiring;
use crate::host::clock::HostClock;
use crate::host::executor::Executor;
use crate::model::name::MfaSerial;
use crate::model::secret::Secret;
use crate::model::session::{self, Answer, AnswerError, Order};
use crate::model::time::{BootTime, Timestamp};
use crate::world::aws::{AwsError, CALL_TIMEOUT, Caller, Daily};
use crate::world::machine::Clock;
use crate::world::{Declined, Issued, Warrant};

/// How [`HostDaily::how`] ends for a profile of `aws login`.
const LOGIN: &str = " (login)";

/// A daily identity.
pub struct HostDaily {
    executor: Executor,
    how: String,
    is_temporary: bool,
    /// One client, since each remembers for itself by how much the clock is off.
    sts: aws_sdk_sts::Client,
    iam: aws_sdk_iam::Client,
    /// How many seconds this machine's clock was ahead when AWS last answered.
    clock_ahead: AtomicI64,
}

impl HostDaily {
    pub fn new(executor: Executor, wiring: Wiring, how: String) -> Self {
        let is_temporary = wiring.credentials.session_token().is_some();
        let config = wiring.config();
        HostDaily {
            executor,
            how,
            is_temporary,
            sts: aws_sdk_sts::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            clock_ahead: AtomicI64::new(0),
        }
    }

    /// Notes what the last answer of a call says about this machine's clock.
    fn clock_ahead(&self, call: &Call) -> i64 {
        if let Some(answered) = call.answered() {
            self.clock_ahead.store(answered.clock_ahead, Ordering::Relaxed);
        }
        self.clock_ahead.load(Ordering::Relaxed)
    }

    /// Sends an order, once.
    pub(super) fn order(&self, order: &Order, session_name: &str, code: Option<&Secret>) -> Result<Answer, AwsError> {
        let call = Call::default();
        let request = assume_role(&self.sts, order, session_name, code)
            .customize()
            .interceptor(call.clone())
            .config_override(aws_sdk_sts::Config::builder().retry_config(RetryConfig::disabled()));
        let sent_at = HostClock.boot();
        let output = self.executor.run(request.send());
        let clock_ahead = self.clock_ahead(&call);
        let output = output.map_err(|error| classify::failure(&error, clock_ahead))?;
        let date = call.answered().map_or_else(
            || Timestamp::from_seconds(HostClock.now().seconds().saturating_sub(clock_ahead)),
            |answered| answered.date,
        );
        let request_id = output.request_id().map(str::to_owned);
        answer(output, date, sent_at).map_err(|error| AwsError::NotBelieved { error, request_id })
    }
}

impl Daily for HostDaily {
    fn how(&self) -> &str {
        &self.how
    }

    fn is_temporary(&self) -> bool {
        self.is_temporary
    }

    fn is_login(&self) -> bool {
        self.how.ends_with(LOGIN)
    }

    fn caller(&self) -> Result<Caller, AwsError> {
        let call = Call::default();
        let output = self.executor.run(self.sts.get_caller_identity().customize().interceptor(call.clone()).send());
        let clock_ahead = self.clock_ahead(&call);
        let output = output.map_err(|error| classify::failure(&error, clock_ahead))?;
        let missing = |what| AwsError::NotBelieved {
            error: AnswerError::Malformed(what),
            request_id: output.request_id().map(str::to_owned),
        };
        Ok(Caller {
            account: output.account().ok_or_else(|| missing("Account"))?.to_owned(),
            arn: output.arn().ok_or_else(|| missing("Arn"))?.to_owned(),
            user_id: output.user_id().ok_or_else(|| missing("UserId"))?.to_owned(),
            clock_ahead,
        })
    }

    fn mfa_devices(&self) -> Result<Vec<MfaSerial>, AwsError> {
        let call = Call::default();
        let listed = self.executor.run(async { timeout(CALL_TIMEOUT, list_mfa_devices(&self.iam, &call)).await });
        let clock_ahead = self.clock_ahead(&call);
        match listed {
            Ok(serials) => serials.map_err(|error| classify::failure(&error, clock_ahead)),
            Err(_) => Err(classify::out_of_time(CALL_TIMEOUT)),
        }
    }

    fn assume(&self, warrant: Warrant, code: Option<&Secret>) -> Result<Issued, Box<Declined>> {
        match self.order(warrant.order(), warrant.session_name(), code) {
            Ok(answer) => warrant.answered(answer),
            Err(why) => Err(warrant.declined(why)),
        }
    }
}

/// An order in the SDK's words. The serial goes only with a code, and a code only with its serial.
fn assume_role(
    sts: &aws_sdk_sts::Client,
    order: &Order,
    session_name: &str,
    code: Option<&Secret>,
) -> aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder {
    let arns = order.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build());
    let tags = order.tags.iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok());
    let mfa = order.serial.as_ref().zip(code);
    sts.assume_role()
        .role_arn(order.role.as_str())
        .role_session_name(session_name)
        .duration_seconds(i32::try_from(order.duration.as_secs()).unwrap_or(i32::MAX))
        .set_policy(order.policy.clone())
        .set_policy_arns(some_of(arns.collect()))
        .set_external_id(order.external_id.clone())
        .set_source_identity(order.source_identity.clone())
        .set_tags(some_of(tags.collect()))
        .set_serial_number(mfa.map(|(serial, _)| serial.to_string()))
        .set_token_code(mfa.map(|(_, code)| code.expose().to_owned()))
}

fn some_of<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// What STS answered, in the model's words; the secrets are moved, not copied.
fn answer(output: AssumeRoleOutput, date: Timestamp, sent_at: BootTime) -> Result<Answer, AnswerError> {
    let request_id = output.request_id().unwrap_or_default().to_owned();
    let credentials = output.credentials.ok_or(AnswerError::Malformed("Credentials"))?;
    let user = output.assumed_role_user.ok_or(AnswerError::Malformed("AssumedRoleUser"))?;
    Ok(Answer {
        expires: timestamp(&credentials.expiration),
        credentials: session::Credentials {
            access_key_id: credentials.access_key_id,
            secret_access_key: Secret::new(credentials.secret_access_key),
            session_token: Secret::new(credentials.session_token),
        },
        assumed_role_id: user.assumed_role_id,
        assumed_role_arn: user.arn,
        request_id,
        date,
        sent_at,
    })
}

fn timestamp(moment: &DateTime) -> Timestamp {
    Timestamp::from_seconds(moment.secs())
}

/// All MFA devices of the calling user that show codes: STS takes none from FIDO devices.
async fn list_mfa_devices(
    iam: &aws_sdk_iam::Client,
    call: &Call,
) -> Result<Vec<MfaSerial>, SdkError<ListMFADevicesError, HttpResponse>> {
    let mut serials = Vec::new();
    let mut marker = None;
    loop {
        let page = iam.list_mfa_devices().set_marker(marker).customize().interceptor(call.clone()).send().await?;
        let shows_codes = |serial: &&str| !serial.contains(":u2f/");
        let of_page = page.mfa_devices().iter().map(MfaDevice::serial_number);
        serials.extend(of_page.filter(shows_codes).filter_map(|serial| MfaSerial::parse(serial).ok()));
        marker = page.marker;
        if marker.is_none() {
            return Ok(serials);
        }
    }
}
