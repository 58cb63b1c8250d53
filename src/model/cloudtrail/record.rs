//! Files of CloudTrail's records, one record after another, however large the file is.
//!
//! Two forms of the same records are read: what `aws cloudtrail lookup-events` prints, where each event
//! holds its record as a text, and the log files that CloudTrail delivers to S3. Both are in AWS's
//! "CloudTrail record contents"; only what is compared with a ledger is taken from them.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Call, SessionName};
use crate::model::name::Digest;
use crate::model::time::Timestamp;

/// The most bytes of one event, and of all that is around them. CloudTrail itself ends at 256 KB of JSON, which the other
/// form holds as a text.
const MOST_OF_ONE: usize = 1024 * 1024;

/// The most bytes of a text: all that is compared is shorter.
const LONGEST_TEXT: usize = 4096;

/// One record, as far as it matters; or an event that has it as a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Record {
    #[serde(rename = "CloudTrailEvent")]
    looked_up: Option<String>,
    event_time: Text,
    event_source: Text,
    event_name: Text,
    aws_region: Text,
    #[serde(rename = "requestID")]
    request_id: Text,
    error_code: Text,
    user_identity: Part<Caller>,
    request_parameters: Part<Parameters>,
    response_elements: Part<Response>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Caller {
    arn: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Parameters {
    role_arn: Text,
    role_session_name: Text,
    duration_seconds: Text,
    policy: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Response {
    credentials: Part<Credentials>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Credentials {
    access_key_id: Text,
}

/// Reads records and hands each on.
///
/// # Errors
/// When these are no records, or one is refused.
pub(super) fn each(
    from: impl Read,
    mut take: impl FnMut(&Record) -> Result<(), String>,
) -> Result<(), serde_json::Error> {
    let left = Cell::new(MOST_OF_ONE);
    let mut json = serde_json::Deserializer::from_reader(Metered { from, left: &left });
    Document(Records { left: &left, take: &mut take }).deserialize(&mut json)?;
    json.end()
}

impl Record {
    /// When it happened.
    pub(super) fn time(&self) -> Result<Timestamp, String> {
        Timestamp::parse(self.event_time.needed("eventTime")?).map_err(|error| format!("eventTime: {error}"))
    }

    /// Where.
    pub(super) fn region(&self) -> Result<&str, String> {
        self.aws_region.needed("awsRegion")
    }

    /// Whether it tells of an AssumeRole.
    pub(super) fn is_assume_role(&self) -> Result<bool, String> {
        let (source, name) = (self.event_source.needed("eventSource")?, self.event_name.needed("eventName")?);
        Ok(source == "sts.amazonaws.com" && name == "AssumeRole")
    }

    /// Role and session name of an AssumeRole that gave a session.
    pub(super) fn session(&self) -> Option<(&str, &str)> {
        let Parameters { role_arn, role_session_name, .. } = &self.request_parameters.0;
        let named = role_arn.get().zip(role_session_name.get());
        named.filter(|_| self.error_code.get().is_none())
    }

    /// The call, if its session name is one of glass's.
    pub(super) fn call(&self) -> Result<Option<Call>, String> {
        let Parameters { role_arn, role_session_name, duration_seconds, policy } = &self.request_parameters.0;
        let name = role_session_name.get().and_then(SessionName::parse);
        let Some((name, role)) = name.zip(role_arn.get()) else { return Ok(None) };
        let owned = |text: &Text| text.get().map(str::to_owned);
        Ok(Some(Call {
            time: self.time()?,
            region: self.region()?.to_owned(),
            caller: owned(&self.user_identity.0.arn),
            name,
            role: role.to_owned(),
            duration: duration_seconds.get().and_then(|text| text.parse().ok()),
            policy_sha256: policy.get().map(|text| Digest::of(text.as_bytes())),
            request_id: owned(&self.request_id),
            access_key_id: owned(&self.response_elements.0.credentials.0.access_key_id),
            error: owned(&self.error_code),
        }))
    }
}

/// Counts what is read of one event.
struct Metered<'l, R> {
    from: R,
    left: &'l Cell<usize>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.left.get());
        if most == 0 && !into.is_empty() {
            return Err(io::Error::other("an event, or what is around them, has more than 1 MiB"));
        }
        let read = self.from.read(&mut into[..most])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}

/// The object that holds the list.
struct Document<'r, T>(Records<'r, T>);

/// The list.
struct Records<'r, T> {
    left: &'r Cell<usize>,
    take: &'r mut T,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(alias = "Events")]
    Records,
    #[serde(other)]
    Other,
}

impl<'de, T: FnMut(&Record) -> Result<(), String>> DeserializeSeed<'de> for Document<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: FnMut(&Record) -> Result<(), String>> Visitor<'de> for Document<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of events")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut records = Some(self.0);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Records => {
                    map.next_value_seed(records.take().ok_or_else(|| A::Error::duplicate_field("Records"))?)?;
                }
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if records.is_some() { Err(A::Error::missing_field("Records")) } else { Ok(()) }
    }
}

impl<'de, T: FnMut(&Record) -> Result<(), String>> DeserializeSeed<'de> for Records<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, T: FnMut(&Record) -> Result<(), String>> Visitor<'de> for Records<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(event) = list.next_element::<Record>()? {
            self.left.set(MOST_OF_ONE);
            let record = match &event.looked_up {
                Some(text) => serde_json::from_str(text).map_err(A::Error::custom)?,
                None => event,
            };
            (self.take)(&record).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// A short text or a number; nothing, if it is anything else: of events of other services there may be.
#[derive(Debug, Default)]
struct Text(Option<String>);

/// An object, as far as it matters; empty, if it is anything else.
#[derive(Debug, Default)]
struct Part<T>(T);

impl Text {
    fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    fn needed(&self, name: &str) -> Result<&str, String> {
        self.get().ok_or_else(|| format!("{name} is no text"))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any::<IgnoredAny>(PhantomData)).map(|(text, _)| Text(text))
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any::<T>(PhantomData)).map(|(_, part)| Part(part))
    }
}

/// Takes any value: of a text or a number the text, of an object a `T`.
struct Any<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Any<T> {
    type Value = (Option<String>, T);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(((text.len() <= LONGEST_TEXT).then(|| text.to_owned()), T::default()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Default::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Default::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Default::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Default::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Default::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok((None, T::deserialize(MapAccessDeserializer::new(map))?))
    }
}
