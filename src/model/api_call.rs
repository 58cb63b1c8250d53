//! API calls, as SDKs tell of them in their format for client-side monitoring (CSM).
//!
//! An SDK sends a datagram for each attempt of a call, in which the session's token stands in clear, and one
//! when the call is over. Keeps the promise that nothing secret is taken from them: only what an entry of
//! the ledger says is read, the session's credentials are masked in it, and what is long is cut.
//! The shapes are those of botocore's `monitoring.py`.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::mask::Mask;

/// The longest datagram that SDKs send, in bytes.
pub const LONGEST: usize = 8 * 1024;

/// The most characters of a value that are kept.
const LONGEST_VALUE: usize = 128;

/// How much later than its call an attempt can seem to end, in milliseconds: some SDKs round each time by itself.
const ROUNDING: u64 = 2;

/// How many attempts wait for the end of their call at the most.
const MOST_WAITING: usize = 1024;

/// What one datagram tells.
#[derive(Debug)]
pub struct Told {
    is_call: bool,
    service: String,
    operation: String,
    /// When it began, in milliseconds by the teller's clock.
    began: u64,
    region: Option<String>,
    status: Option<u16>,
    error: Option<String>,
    request_id: Option<String>,
    access_key_id: Option<String>,
    ms: Option<u64>,
    attempts: Option<u32>,
}

/// What was heard at once.
#[derive(Debug, Default)]
pub struct Heard {
    /// What was told, and from which port.
    pub told: Vec<(u16, Told)>,
    /// How many datagrams were not understood.
    pub malformed: u64,
    /// How many were not this session's.
    pub foreign: u64,
    /// How many the system had no room for.
    pub dropped: u64,
}

/// Why a datagram tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTold {
    /// It is none of the format, or longer than any.
    Malformed,
    /// It was not sent by what this session started.
    Foreign,
}

/// The fields of `api`: a call as something in the session says that it made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiCall {
    /// How it was told: `csm`.
    pub source: &'static str,
    /// The service, by its name in the SDK: `STS`, `DynamoDB`.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The region that it was signed for.
    pub region: Option<String>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// AWS's code for what went wrong, or the SDK's name for it where no answer came.
    pub error: Option<String>,
    /// AWS's id of the last request.
    pub request_id: Option<String>,
    /// How long it took, in milliseconds.
    pub ms: Option<u64>,
    /// How often it was tried; none if only one attempt was told of, and never the call's end.
    pub attempts: Option<u32>,
    /// Whether the last attempt was signed by this session's key; none if that was not told.
    pub own: Option<bool>,
}

/// What is read of a datagram. `SessionToken`, which it may hold, is passed over unread.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Datagram<'a> {
    version: u64,
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    r#type: Kind,
    service: String,
    api: String,
    timestamp: u64,
    region: Option<String>,
    attempt_count: Option<u32>,
    latency: Option<u64>,
    attempt_latency: Option<u64>,
    http_status_code: Option<u16>,
    final_http_status_code: Option<u16>,
    aws_exception: Option<String>,
    sdk_exception: Option<String>,
    final_aws_exception: Option<String>,
    final_sdk_exception: Option<String>,
    x_amzn_request_id: Option<String>,
    x_amz_request_id: Option<String>,
    access_key: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum Kind {
    ApiCall,
    ApiCallAttempt,
}

impl Told {
    /// Reads a datagram that must have been sent for this client id.
    ///
    /// # Errors
    /// When it was not, or is none.
    pub fn parse(bytes: &[u8], client_id: &str) -> Result<Told, NotTold> {
        if bytes.len() > LONGEST {
            return Err(NotTold::Malformed);
        }
        let told: Datagram<'_> = serde_json::from_slice(bytes).map_err(|_| NotTold::Malformed)?;
        if told.client_id != client_id {
            return Err(NotTold::Foreign);
        }
        if told.version != 1 || told.service.is_empty() || told.api.is_empty() {
            return Err(NotTold::Malformed);
        }
        Ok(Told {
            is_call: told.r#type == Kind::ApiCall,
            service: told.service,
            operation: told.api,
            began: told.timestamp,
            region: told.region,
            status: told.final_http_status_code.or(told.http_status_code),
            error: told.final_aws_exception.or(told.final_sdk_exception).or(told.aws_exception).or(told.sdk_exception),
            request_id: told.x_amzn_request_id.or(told.x_amz_request_id),
            access_key_id: told.access_key,
            ms: told.latency.or(told.attempt_latency),
            attempts: told.attempt_count,
        })
    }

    fn ended(&self) -> u64 {
        self.began.saturating_add(self.ms.unwrap_or(0))
    }

    /// Whether this is an attempt of that call.
    fn is_of(&self, call: &Told) -> bool {
        (&self.service, &self.operation) == (&call.service, &call.operation)
            && call.began <= self.began
            && self.ended() <= call.ended().saturating_add(ROUNDING)
    }

    /// How well this fits as the last attempt of that call: what was tried once takes about as long as its call,
    /// what was tried again ends with it.
    fn fills(&self, call: &Told) -> u64 {
        if call.attempts == Some(1) { self.ms.unwrap_or(0) } else { self.ended() }
    }
}

/// The calls that are being made: attempts, each with the port of its teller, wait for the end of their call.
pub struct Calls {
    waiting: VecDeque<(u16, Told)>,
    access_key_id: String,
    mask: Rc<Mask>,
}

impl Calls {
    /// The calls of a session with this key; the mask is of its credentials.
    pub fn of(access_key_id: &str, mask: Rc<Mask>) -> Calls {
        Calls { waiting: VecDeque::new(), access_key_id: access_key_id.to_owned(), mask }
    }

    /// Takes what the teller at a port told; gives the entry that there is to write.
    ///
    /// The format has no id of a call: what was told from the same port, of the same operation, within the time of the
    /// call and with its outcome is its last attempt. Of several, as when threads make the same call at once, it is
    /// the one that fills that time best. What is told apart wrongly then is alike in all that an entry says but the
    /// id, and an attempt that is left without its call is told by itself: no id is in the log twice, or not at all.
    pub fn take(&mut self, port: u16, told: Told) -> Option<ApiCall> {
        if !told.is_call {
            self.waiting.push_back((port, told));
            let oldest = (self.waiting.len() > MOST_WAITING).then(|| self.waiting.pop_front())?;
            return oldest.map(|(_, attempt)| self.entry(attempt));
        }
        let mut call = told;
        let is_last = |(from, attempt): &(u16, Told)| {
            *from == port && attempt.is_of(&call) && (attempt.status, &attempt.error) == (call.status, &call.error)
        };
        let lasts = self.waiting.iter().enumerate().filter(|(_, waiting)| is_last(waiting));
        let place = lasts.max_by_key(|(_, (_, attempt))| attempt.fills(&call)).map(|(place, _)| place);
        if let Some((_, last)) = place.and_then(|place| self.waiting.remove(place)) {
            self.forget_before(port, &last, &call);
            call.region = call.region.or(last.region);
            call.request_id = last.request_id;
            call.access_key_id = last.access_key_id;
        }
        Some(self.entry(call))
    }

    /// Forgets the attempts of a call that came to nothing before its last one.
    fn forget_before(&mut self, port: u16, last: &Told, call: &Told) {
        let mut more = call.attempts.unwrap_or(1).saturating_sub(1);
        self.waiting.retain(|(from, attempt)| {
            let came_to_nothing = attempt.error.is_some() && attempt.ended() <= last.began;
            let is_one = more > 0 && *from == port && attempt.is_of(call) && came_to_nothing;
            more -= u32::from(is_one);
            !is_one
        });
    }

    /// The attempts whose call never came to an end that was told.
    pub fn left(&mut self) -> Vec<ApiCall> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, attempt)| self.entry(attempt)).collect()
    }

    fn entry(&self, told: Told) -> ApiCall {
        let kept = |text: String| self.mask.text(&text).chars().take(LONGEST_VALUE).collect::<String>();
        ApiCall {
            source: "csm",
            service: kept(told.service),
            operation: kept(told.operation),
            region: told.region.map(kept),
            status: told.status,
            error: told.error.map(kept),
            request_id: told.request_id.map(kept),
            ms: told.ms,
            attempts: told.attempts,
            own: told.access_key_id.map(|id| id == self.access_key_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;
    use crate::model::session::Credentials;

    const CLIENT: &str = "0123abcd";

    /// What botocore 1.43 sends for `GetCallerIdentity`, the token shortened.
    const ATTEMPT: &str = r#"{"Version":1,"ClientId":"0123abcd","Type":"ApiCallAttempt","Service":"STS","Api":"GetCallerIdentity","Timestamp":1000,"AttemptLatency":20,"Fqdn":"127.0.0.1:4566","UserAgent":"aws-cli/1.46","AccessKey":"ASIAEXAMPLE","Region":"eu-west-1","SessionToken":"the/session/token==","HttpStatusCode":200,"XAmznRequestId":"r-1"}"#;

    /// And when it is over.
    const CALL: &str = r#"{"Version":1,"ClientId":"0123abcd","Type":"ApiCall","Service":"STS","Api":"GetCallerIdentity","Timestamp":990,"AttemptCount":1,"Region":"eu-west-1","UserAgent":"aws-cli/1.46","FinalHttpStatusCode":200,"Latency":31,"MaxRetriesExceeded":0}"#;

    fn calls() -> Calls {
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: Secret::new("the+secret/of+40".into()),
            session_token: Secret::new("the/session/token==".into()),
        };
        Calls::of("ASIAEXAMPLE", Rc::new(Mask::of(&credentials)))
    }

    fn told(text: &str) -> Told {
        Told::parse(text.as_bytes(), CLIENT).expect(text)
    }

    /// What is written when these are told from one port.
    fn written(texts: &[&str]) -> Vec<ApiCall> {
        let mut calls = calls();
        let mut written: Vec<_> = texts.iter().filter_map(|text| calls.take(40_000, told(text))).collect();
        written.extend(calls.left());
        written
    }

    fn call() -> ApiCall {
        ApiCall {
            source: "csm",
            service: "STS".into(),
            operation: "GetCallerIdentity".into(),
            region: Some("eu-west-1".into()),
            status: Some(200),
            error: None,
            request_id: Some("r-1".into()),
            ms: Some(31),
            attempts: Some(1),
            own: Some(true),
        }
    }

    #[test]
    fn a_call_and_its_attempt_make_one_entry_without_the_token() {
        assert!(!format!("{:?}", told(ATTEMPT)).contains("token"));
        assert_eq!(written(&[ATTEMPT, CALL]), [call()]);
    }

    #[test]
    fn a_call_of_which_nothing_else_is_known_is_told_as_it_is() {
        assert_eq!(written(&[CALL]), [ApiCall { request_id: None, own: None, ..call() }]);
        let unsigned = ATTEMPT.replace(r#""AccessKey":"ASIAEXAMPLE","Region":"eu-west-1","#, "");
        assert_eq!(written(&[&unsigned, CALL]), [ApiCall { own: None, ..call() }]);
        let other = ATTEMPT.replace("ASIAEXAMPLE", "AKIAOTHER");
        assert_eq!(written(&[&other, CALL]), [ApiCall { own: Some(false), ..call() }]);
    }

    #[test]
    fn an_attempt_without_the_end_of_its_call_is_told_in_the_end() {
        let other = CALL.replace("GetCallerIdentity", "GetSessionToken");
        let alone = ApiCall { ms: Some(20), attempts: None, ..call() };
        let [first, second] = &written(&[ATTEMPT, &other])[..] else { panic!("two") };
        assert_eq!((first.request_id.as_deref(), second), (None, &alone));
        let later = ATTEMPT.replace("1000", "1004");
        assert_eq!(written(&[&later, CALL])[1].attempts, None, "it ended after the call");
    }

    #[test]
    fn a_call_that_was_tried_three_times_is_one() {
        let failed = |at: &str, id: &str| {
            let text = ATTEMPT.replace("\"Timestamp\":1000", &format!("\"Timestamp\":{at}")).replace("r-1", id);
            text.replace("\"HttpStatusCode\":200", "\"HttpStatusCode\":503,\"AwsException\":\"ServiceUnavailable\"")
        };
        let done = ATTEMPT.replace("\"Timestamp\":1000", "\"Timestamp\":1100").replace("r-1", "r-3");
        let over = CALL.replace("\"Latency\":31", "\"Latency\":140").replace("Count\":1", "Count\":3");
        let (first, second) = (failed("1000", "r-1"), failed("1050", "r-2"));
        let expected = ApiCall { request_id: Some("r-3".into()), ms: Some(140), attempts: Some(3), ..call() };
        assert_eq!(written(&[&first, &second, &done, &over]), [expected]);
        let refused = CALL.replace("\"FinalHttpStatusCode\":200", "\"FinalSdkException\":\"ConnectTimeoutError\"");
        let unanswered = ATTEMPT
            .replace("\"HttpStatusCode\":200,\"XAmznRequestId\":\"r-1\"", "\"SdkException\":\"ConnectTimeoutError\"");
        let error = Some("ConnectTimeoutError".into());
        let expected = ApiCall { status: None, request_id: None, error, ..call() };
        assert_eq!(written(&[&unanswered, &refused]), [expected]);
    }

    #[test]
    fn calls_that_overlap_are_each_told_with_an_id_of_their_own() {
        let (one, two) = (ATTEMPT.to_owned(), ATTEMPT.replace("r-1", "r-2"));
        let ids = |texts: &[&str]| {
            let mut ids: Vec<_> = written(texts).into_iter().map(|call| call.request_id).collect();
            ids.sort();
            ids
        };
        let both = [Some("r-1".to_owned()), Some("r-2".to_owned())];
        assert_eq!(ids(&[&one, &two, CALL, CALL]), both);
        assert_eq!(ids(&[&one, CALL, &two, CALL]), both);
        let two = two.replace(":1000", ":1005").replace("Latency\":20", "Latency\":10");
        let second = CALL.replace(":990", ":1004").replace(":31", ":12");
        assert_eq!(ids(&[&one, &two, CALL, &second]), both);
        assert_eq!(ids(&[&one, &two, &second, CALL]), both);
        let mut calls = calls();
        calls.take(40_000, told(ATTEMPT));
        let elsewhere = calls.take(40_001, told(CALL)).expect("an entry");
        assert_eq!(elsewhere.request_id, None, "another client's attempt is not this one's");
    }

    #[test]
    fn what_is_not_of_the_format_tells_nothing() {
        let long = CALL.replace("aws-cli/1.46", &"x".repeat(LONGEST));
        let nested = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
        let deep = CALL.replace("\"aws-cli/1.46\"", &nested);
        let (twice, late) = (CALL.replace("\"Version\":1", "\"Version\":1,\"Version\":1"), CALL.replace("1,", "2,"));
        let [negative, float, huge] = ["-1", "1.5", "99999999999999999999"].map(|number| CALL.replace("990", number));
        let unnamed = CALL.replace("\"STS\"", "\"\"");
        let kind = CALL.replace("\"ApiCall\"", "\"ApiCallback\"");
        let status = CALL.replace("200", "70000");
        let cut = &CALL[..CALL.len() - 1];
        let half = CALL.replace("eu-west-1", "\\ud83d");
        let texts = [
            &long, &deep, &twice, &late, &negative, &float, &huge, &unnamed, &kind, &status, cut, &half, "", "{}",
            "null",
        ];
        for text in texts {
            assert_eq!(Told::parse(text.as_bytes(), CLIENT).err(), Some(NotTold::Malformed), "{text}");
        }
        assert_eq!(Told::parse(b"{\"Version\":1,\"ClientId\":\"\xff\"}", CLIENT).err(), Some(NotTold::Malformed));
        assert_eq!(Told::parse(CALL.as_bytes(), "0123abce").err(), Some(NotTold::Foreign));
    }

    #[test]
    fn what_is_kept_is_short_and_without_the_sessions_credentials() {
        let spoofed = CALL
            .replace("\"STS\"", "\"xthe\\/session\\/token==x\"")
            .replace("GetCallerIdentity", &format!("{}the+secret/of+40", "y".repeat(120)))
            .replace("eu-west-1", "\\u001b[2J");
        let [call] = &written(&[&spoofed])[..] else { panic!("one") };
        assert_eq!(call.service, format!("x{}x", "*".repeat(19)));
        assert_eq!(call.operation, format!("{}********", "y".repeat(120)));
        assert_eq!(call.region.as_deref(), Some("\u{1b}[2J"), "escaped where it is written");
    }

    #[test]
    fn no_number_of_attempts_is_held_for_ever() {
        let mut calls = calls();
        let mut take = || calls.take(1, told(ATTEMPT));
        assert!((0..MOST_WAITING).all(|_| take().is_none()));
        assert_eq!(take().and_then(|call| call.attempts), None);
        assert_eq!(calls.left().len(), MOST_WAITING);
    }
}
