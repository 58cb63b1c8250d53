//! One call to AWS: says that glass makes it, and notes by AWS's own clock when it was answered.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::host::clock::HostClock;
use crate::model::time::Timestamp;
use crate::world::machine::Clock;

/// The end of the user agent, which CloudTrail keeps.
const NAME: &str = concat!("glass/", env!("CARGO_PKG_VERSION"));

/// Both names under which the SDK sends its user agent.
const USER_AGENTS: [&str; 2] = ["user-agent", "x-amz-user-agent"];

/// One call, retries included.
#[derive(Clone, Debug, Default)]
pub struct Call(Arc<Mutex<Option<Answered>>>);

/// When AWS answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The answer's `Date`.
    pub date: Timestamp,
    /// How many seconds this machine's clock was ahead of it.
    pub clock_ahead: i64,
}

impl Call {
    /// When AWS answered last, if it said so.
    pub fn answered(&self) -> Option<Answered> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many seconds this machine's clock was ahead when AWS answered last; none if it did not say.
    pub fn clock_ahead(&self) -> i64 {
        self.answered().map_or(0, |answered| answered.clock_ahead)
    }
}

impl Intercept for Call {
    fn name(&self) -> &'static str {
        "glass"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        for name in USER_AGENTS {
            if let Some(agent) = headers.get(name) {
                let agent = format!("{agent} {NAME}");
                headers.try_insert(name, agent)?;
            }
        }
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok()) {
            let answered = Answered {
                date: Timestamp::from_seconds(date.secs()),
                clock_ahead: HostClock.now().seconds().saturating_sub(date.secs()),
            };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered);
        }
        Ok(())
    }
}
