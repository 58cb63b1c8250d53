//! The AssumeRole calls of glass as CloudTrail tells them: nobody on this machine can change those.
//!
//! Of all events only those are kept that concern a ledger, so that files of any size can be looked through.

pub mod compare;
mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;

use super::name::{Digest, Id, PersonName};
use super::time::Timestamp;
use record::Record;

/// The most bytes that are kept of calls.
const MOST_KEPT: usize = 32 * 1024 * 1024;

/// The most regions that there may be.
const MOST_REGIONS: usize = 1000;

/// One AssumeRole whose session name is one of glass's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `eventTime`.
    pub time: Timestamp,
    /// `awsRegion`: where the STS endpoint is that was called.
    pub region: String,
    /// `userIdentity.arn`; the role's account does not have it of callers of another.
    pub caller: Option<String>,
    /// `requestParameters.roleSessionName`.
    pub name: SessionName,
    /// `requestParameters.roleArn`.
    pub role: String,
    /// `requestParameters.durationSeconds`; absent if the caller left it to STS.
    pub duration: Option<u64>,
    /// SHA-256 of `requestParameters.policy`, the session policy as it was sent.
    pub policy_sha256: Option<Digest>,
    /// `requestID`; absent from some events.
    pub request_id: Option<String>,
    /// `responseElements.credentials.accessKeyId`, if STS gave a session.
    pub access_key_id: Option<String>,
    /// `errorCode`, if it did not.
    pub error: Option<String>,
}

/// A session name of glass's: `<person>-<session>-<first 32 hex digits of the intent's hash>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionName {
    /// The person.
    pub person: PersonName,
    /// The session.
    pub session: Id,
    /// The first half of the hash of the `elevate.intent` entry, in hex.
    pub intent: String,
}

impl SessionName {
    /// Takes a session name apart; none if it is not one of glass's.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, intent) = text.rsplit_once('-')?;
        let (person, session) = rest.rsplit_once('-')?;
        let is_half_a_hash = intent.len() == 32 && intent.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_half_a_hash.then_some(())?;
        Some(SessionName {
            person: PersonName::parse(person).ok()?,
            session: Id::parse(session).ok()?,
            intent: intent.to_owned(),
        })
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.person, self.session, self.intent)
    }
}

/// What a ledger knows, and events are looked through for.
#[derive(Debug, Default)]
pub struct Known {
    /// The names of its people.
    pub people: BTreeSet<String>,
    /// The ARNs by which AWS knows them.
    pub callers: BTreeSet<String>,
    /// The roles of its sessions.
    pub roles: BTreeSet<String>,
}

/// By what a call is told apart: two files may tell of one, and so do the caller's account and the role's.
type Same = (Timestamp, SessionName, Option<String>, Option<String>);

/// What files of events tell.
#[derive(Debug, Default)]
pub struct Trail {
    known: Known,
    calls: BTreeMap<Same, Call>,
    kept: usize,
    /// By known role, the sessions whose names are not glass's.
    pub strangers: BTreeMap<String, Sessions>,
    /// By known role, the sessions under names of glass's, of people who are not known.
    pub others: BTreeMap<String, Sessions>,
    /// How many other AssumeRole calls there are.
    pub left_out: u64,
    /// How many events there are in all.
    pub events: u64,
    /// The time of the first and of the last of all events.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The regions of all events.
    pub regions: BTreeSet<String>,
}

/// Sessions of a role that are none of this ledger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// How many.
    pub count: u64,
    /// The time of the last.
    pub time: Timestamp,
    /// Its session name.
    pub name: String,
}

/// Why a file is no file of CloudTrail events.
#[derive(Debug)]
pub struct TrailError(serde_json::Error);

impl fmt::Display for TrailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is neither what `aws cloudtrail lookup-events` prints nor a log file of CloudTrail")
    }
}

impl std::error::Error for TrailError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Trail {
    /// Nothing as yet, for a ledger that knows this.
    pub fn of(known: Known) -> Trail {
        Trail { known, ..Trail::default() }
    }

    /// Reads a file of events. What does not concern the ledger is counted and not kept.
    ///
    /// # Errors
    /// When it is no file of events; one event that is malformed, or larger than 1 MiB, makes the whole file so. Also
    /// when more than 32 MiB would have to be kept.
    pub fn read(&mut self, from: impl Read) -> Result<(), TrailError> {
        record::each(from, |record| self.take(record)).map_err(TrailError)
    }

    /// The calls under names of glass's by people whom the ledger knows, the first one first.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.values()
    }

    fn take(&mut self, record: &Record) -> Result<(), String> {
        let time = record.time()?;
        self.events += 1;
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        if !self.regions.contains(record.region()?) {
            self.regions.insert(record.region()?.to_owned());
        }
        if record.is_assume_role()? {
            self.sort(record.call()?, record, time);
        }
        if self.kept > MOST_KEPT || self.regions.len() > MOST_REGIONS {
            return Err("these are more calls or regions than there can be".to_owned());
        }
        Ok(())
    }

    fn sort(&mut self, call: Option<Call>, record: &Record, time: Timestamp) {
        let is_glass = call.is_some();
        if let Some(call) = call.filter(|call| self.is_ours(call)) {
            return self.keep(call);
        }
        let session = record.session().filter(|(role, _)| self.known.roles.contains(*role));
        match (session, is_glass) {
            (Some((role, name)), true) => meet(&mut self.others, role, name, time),
            (Some((role, name)), false) => meet(&mut self.strangers, role, name, time),
            (None, _) => self.left_out += 1,
        }
    }

    /// Whether the ledger should have it: by its name, or because AWS says that it was one of its people.
    fn is_ours(&self, call: &Call) -> bool {
        let is_known = |caller: &String| self.known.callers.contains(caller);
        self.known.people.contains(call.name.person.as_str()) || call.caller.as_ref().is_some_and(is_known)
    }

    fn keep(&mut self, call: Call) {
        let same = (call.time, call.name.clone(), call.access_key_id.clone(), call.request_id.clone());
        let texts = [&call.caller, &call.request_id, &call.access_key_id, &call.error].into_iter().flatten();
        let size = size_of::<(Same, Call)>() + call.role.len() + texts.map(String::len).sum::<usize>();
        match self.calls.get_mut(&same) {
            Some(known) => known.caller = known.caller.take().or(call.caller),
            None => {
                self.kept += size;
                self.calls.insert(same, call);
            }
        }
    }
}

fn meet(sessions: &mut BTreeMap<String, Sessions>, role: &str, name: &str, time: Timestamp) {
    let first = || Sessions { count: 0, time, name: name.to_owned() };
    let known = sessions.entry(role.to_owned()).or_insert_with(first);
    known.count += 1;
    if known.time <= time {
        (known.time, known.name) = (time, name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use serde_json::json;

    use super::*;

    const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
    const ROLE: &str = "arn:aws:iam::111122223333:role/r";
    const NAME: &str = "alice-0123abcd-00112233445566778899aabbccddeeff";

    fn record(parameters: &str) -> String {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"2026-01-02T03:04:05Z","eventSource":"sts.amazonaws.com",
            "eventName":"AssumeRole","awsRegion":"eu-west-1","requestID":"r","requestParameters":{parameters}}}"#
        )
    }

    /// What is told to a ledger that knows alice and a role.
    fn read(text: &str) -> Result<Trail, TrailError> {
        let of = |text: &str| BTreeSet::from([text.to_owned()]);
        let mut trail = Trail::of(Known { people: of("alice"), callers: of(ALICE), roles: of(ROLE) });
        trail.read(text.as_bytes()).map(|()| trail)
    }

    fn records(records: &[String]) -> String {
        format!(r#"{{"Records":[{}]}}"#, records.join(","))
    }

    fn of_glass() -> String {
        record(&format!(r#"{{"roleArn":"arn:aws:iam::111122223333:role/r","roleSessionName":"{NAME}"}}"#))
    }

    #[test]
    fn both_forms_tell_the_same() {
        let log_file = records(&[of_glass()]);
        let looked_up = serde_json::json!({"Events": [{"EventId": "e", "EventTime": 1.5, "CloudTrailEvent": of_glass()}], "NextToken": "t"});
        for text in [log_file, looked_up.to_string()] {
            let trail = read(&text).unwrap();
            let call = trail.calls().next().unwrap();
            assert_eq!((call.name.to_string().as_str(), call.role.as_str()), (NAME, ROLE));
            assert_eq!((trail.events, trail.regions.len()), (1, 1));
        }
    }

    #[test]
    fn all_that_is_compared_is_taken_from_a_record() {
        // As in "Logging IAM and AWS STS API calls with AWS CloudTrail"; a session policy is there as it was sent.
        let record = json!({
            "eventVersion": "1.08",
            "userIdentity": {"type": "IAMUser", "arn": ALICE, "accountId": "111122223333", "userName": "alice"},
            "eventTime": "2026-01-02T03:04:05Z", "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
            "awsRegion": "eu-west-1", "requestID": "r",
            "requestParameters": {
                "roleArn": ROLE, "roleSessionName": NAME, "durationSeconds": 900, "policy": "{\n\t\"Statement\": []}",
                "policyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}], "sourceIdentity": "alice",
                "tags": [{"key": "glass:level", "value": "emergency"}],
                "serialNumber": "arn:aws:iam::111122223333:mfa/alice",
            },
            "responseElements": {
                "credentials": {"accessKeyId": "ASIA1", "sessionToken": "t", "expiration": "Jan 2, 2026, 3:19:05 AM"},
                "assumedRoleUser": {"assumedRoleId": "AROA1:n", "arn": "a"}, "packedPolicySize": 6,
            },
        });
        let expected = Call {
            time: Timestamp::parse("2026-01-02T03:04:05Z").unwrap(),
            region: "eu-west-1".to_owned(),
            caller: Some(ALICE.to_owned()),
            name: SessionName::parse(NAME).unwrap(),
            role: ROLE.to_owned(),
            duration: Some(900),
            policy_sha256: Some(Digest::of(b"{\n\t\"Statement\": []}")),
            request_id: Some("r".to_owned()),
            access_key_id: Some("ASIA1".to_owned()),
            error: None,
        };
        assert_eq!(read(&records(&[record.to_string()])).unwrap().calls().collect::<Vec<_>>(), [&expected]);
    }

    #[test]
    fn what_is_no_call_of_this_ledgers_people_is_counted_and_not_kept() {
        let zed = of_glass().replace("alice", "zed");
        let mangled = NAME.replace("00112233", "0011223G");
        let others = [
            record("null"),
            record(r#"["a list"]"#),
            record(r#"{"roleSessionName":"alice","roleArn":"arn:aws:iam::1:role/another"}"#),
            of_glass().replace("AssumeRole\"", "AssumeRoleWithSAML\""),
            of_glass().replace(NAME, &mangled),
            of_glass().replace(NAME, "by-hand").replace(r#""requestID""#, r#""errorCode":"AccessDenied","requestID""#),
            zed.replace("role/r", "role/another"),
            zed,
        ];
        let trail = read(&records(&others)).unwrap();
        assert_eq!((trail.calls().count(), trail.events, trail.left_out), (0, 8, 5));
        let time = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let one = |name: String| BTreeMap::from([(ROLE.to_owned(), Sessions { count: 1, time, name })]);
        assert_eq!(trail.strangers, one(mangled));
        assert_eq!(trail.others, one(NAME.replace("alice", "zed")));
    }

    #[test]
    fn a_call_by_one_of_the_ledgers_people_is_theirs_whatever_name_it_gives() {
        let identity = format!(r#""userIdentity":{{"arn":"{ALICE}"}},"requestID""#);
        let zed = of_glass().replace("alice", "zed").replace(r#""requestID""#, &identity);
        assert_eq!(read(&records(&[zed])).unwrap().calls().next().unwrap().name.person.as_str(), "zed");
    }

    #[test]
    fn what_is_no_export_is_refused_whole() {
        let deep = format!(r#"{{"Records":{}"#, "[".repeat(100_000));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"Records":{}}"#,
            r#"{"Records":[1]}"#,
            r#"{"Records":[{}]}"#,
            r#"{"Records":[],"Events":[]}"#,
            r#"{"Events":[{"CloudTrailEvent":"{"}]}"#,
            r#"{"Records":[]} and more"#,
            &deep,
            &format!(r#"{{"Records":[{}"#, of_glass()),
            &records(&[of_glass().replace("03:04:05Z", "never")]),
            &records(&[of_glass().replace(r#""awsRegion":"eu-west-1","#, "")]),
        ] {
            assert!(read(text).is_err(), "{text:.60}");
        }
    }

    #[test]
    fn an_event_of_more_than_a_mebibyte_is_refused_and_so_is_as_much_around_them() {
        let zeros = "0,".repeat(600_000);
        for (text, is_read) in [
            (records(&vec![record(&format!("[{}0]", &zeros[..1000])); 1100]), true),
            (records(&[record(&format!("[{zeros}0]"))]), false),
            (format!(r#"{{"other":[{zeros}0],"Records":[]}}"#), false),
            (format!(r#"{{"Records":[],"other":{}"#, "[".repeat(1_200_000)), false),
        ] {
            let told = read(&text).map(|trail| trail.events).map_err(|error| error.source().unwrap().to_string());
            assert_eq!(told.clone().ok(), is_read.then_some(1100), "{text:.60}");
            assert!(told.err().is_none_or(|error| error.contains("1 MiB")), "{text:.60}");
        }
    }

    #[test]
    fn a_call_that_two_files_tell_of_is_told_once_with_the_caller_that_one_of_them_knows() {
        let mut trail = read(&records(&[of_glass(), of_glass().replace("2026-01-02", "2026-01-03")])).unwrap();
        let identity = format!(r#""userIdentity":{{"arn":"{ALICE}"}},"requestID""#);
        let here = of_glass().replace(r#""requestID""#, &identity);
        trail.read(records(&[here]).as_bytes()).unwrap();
        let callers: Vec<_> = trail.calls().map(|call| call.caller.as_deref()).collect();
        assert_eq!((callers, trail.events), (vec![Some(ALICE), None], 3));
        let (first, last) = trail.span.unwrap();
        assert_eq!(last.since(first).as_secs(), 86_400);
    }

    #[test]
    fn no_more_is_kept_than_a_ledger_can_have() {
        let mut trail = Trail::default();
        let call = read(&records(&[of_glass()])).unwrap().calls().next().unwrap().clone();
        let calls =
            (0..).map(|second| Call { time: Timestamp::from_seconds(second), role: "r".repeat(4096), ..call.clone() });
        calls.take(MOST_KEPT / 4096).for_each(|call| trail.keep(call));
        assert!(trail.read(records(&[of_glass()]).as_bytes()).is_err());
        let regions: Vec<_> = (0..1001).map(|number| of_glass().replace("eu-west-1", &number.to_string())).collect();
        assert!(read(&records(&regions[..1000])).is_ok());
        assert!(read(&records(&regions)).is_err());
    }
}
