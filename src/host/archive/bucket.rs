//! An archive in a bucket of S3.
//!
//! Keeps the promise that what was put there first is what is read: an object is put only under a key that has none
//! yet, under a lock that nobody can lift, and read as its oldest version, whatever was laid on top.

mod listing;
mod parcel;

use std::future::poll_fn;
use std::io::Write;
use std::ops::ControlFlow;
use std::task::Poll;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Config, SharedHttpClient};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ObjectLockMode};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use tokio::time::{sleep, timeout};

use crate::host::aws::call::Call;
use crate::host::aws::wiring::Wiring;
use crate::host::aws::{HostAws, SignedIn, classify, client, timeouts};
use crate::host::clock::HostClock;
use crate::host::executor::Executor;
use crate::host::wire::told;
use crate::model::name::{BucketName, KeyPrefix};
use crate::model::session::AnswerError;
use crate::model::time::Timestamp;
use crate::world::archive::{Archive, ArchiveError, Brought, Content, Receipt, Sender};
use crate::world::aws::{AwsError, CALL_TIMEOUT};
use crate::world::machine::Clock;
use listing::{Version, versions};
use parcel::Parcel;

/// The most that is read of an answer that is no object: a list of 1,000 versions with the longest keys.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// How many objects are read at the same time.
const AT_ONCE: usize = 32;

/// The least bytes a second that a content must go or come with.
const SLOWEST: u64 = 64 * 1024;

/// How long to wait before a put is tried again after somebody else's put of the same key was under way.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An archive in a bucket. Nothing was asked of it yet.
pub struct BucketArchive {
    executor: Executor,
    s3: Client,
    /// For objects of any length, which are never whole in memory.
    objects: SharedHttpClient,
    bucket: BucketName,
    prefix: Option<KeyPrefix>,
    retain_days: Option<u32>,
}

impl BucketArchive {
    /// Opens a bucket with the credentials of the sender's source.
    pub fn open(
        aws: &HostAws<'_>,
        sender: &Sender<'_>,
        bucket: &BucketName,
        prefix: Option<&KeyPrefix>,
    ) -> Result<Self, ArchiveError> {
        let source = sender.source.ok_or(ArchiveError::NoSource)?;
        let SignedIn { executor, mut wiring, .. } =
            aws.resolve(sender.person, source, sender.place).map_err(ArchiveError::Source)?;
        wiring.http_client = client(sender.place, LONGEST_ANSWER).map_err(ArchiveError::Source)?;
        Ok(BucketArchive {
            executor,
            s3: s3(wiring),
            objects: client(sender.place, usize::MAX).map_err(ArchiveError::Source)?,
            bucket: bucket.clone(),
            prefix: prefix.cloned(),
            retain_days: sender.retain_days,
        })
    }

    fn key(&self, name: &str) -> String {
        self.prefix.as_ref().map_or_else(|| name.to_owned(), |prefix| format!("{prefix}/{name}"))
    }

    fn doing(&self, verb: &str, key: &str) -> String {
        format!("{verb} s3://{}/{key}", self.bucket)
    }

    async fn send(
        &self,
        key: &str,
        parcel: &Parcel<'_>,
        retained_until: Option<Timestamp>,
        call: &Call,
    ) -> Result<PutObjectOutput, SdkError<PutObjectError, HttpResponse>> {
        let body = parcel.body().await.map_err(SdkError::construction_failure)?;
        self.s3
            .put_object()
            .bucket(self.bucket.as_str())
            .key(key)
            .if_none_match("*")
            // No browser is to make anything of it.
            .content_type("application/octet-stream")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(&parcel.sha256)
            .set_object_lock_mode(retained_until.map(|_| ObjectLockMode::Compliance))
            .set_object_lock_retain_until_date(retained_until.map(|until| DateTime::from_secs(until.seconds())))
            .body(body)
            .customize()
            .interceptor(call.clone())
            .config_override(Config::builder().timeout_config(timeouts(time_for(parcel.size))))
            .send()
            .await
    }

    /// The version that a key had first; nothing when it never had one.
    async fn oldest_version(&self, key: &str) -> Result<Option<Version>, AwsError> {
        let mut oldest: Option<Version> = None;
        // A key comes before all others that begin with it.
        let mut visit = |version: Version| {
            if version.key != key {
                return ControlFlow::Break(());
            }
            if oldest.as_ref().is_none_or(|oldest| version.is_older_than(oldest)) {
                oldest = Some(version);
            }
            ControlFlow::Continue(())
        };
        versions(&self.s3, &self.bucket, key, &mut visit).await?;
        Ok(oldest)
    }

    /// Reads what was put under a name first, if it is no larger.
    async fn bring_one(&self, name: &str, largest: usize) -> Result<Option<Brought>, ArchiveError> {
        let key = self.key(name);
        let failed = |error| ArchiveError::Aws { doing: self.doing("read", &key), error };
        let version = self.oldest_version(&key).await.map_err(failed)?;
        let Some(version) = version.filter(|version| version.size <= largest as u64) else { return Ok(None) };
        let mut content = Vec::new();
        match timeout(time_for(version.size), self.read(&version, &mut content)).await {
            Ok(Ok(())) => Ok(Some(Brought { content, at: version.put_at })),
            Ok(Err(Interrupted::Aws(error))) => Err(failed(error)),
            Ok(Err(Interrupted::Writer(_))) => Ok(None),
            Err(_) => Err(failed(classify::out_of_time(time_for(version.size)))),
        }
    }

    /// Writes one version as it comes.
    async fn read(&self, version: &Version, into: &mut dyn Write) -> Result<(), Interrupted> {
        let call = Call::default();
        let config = Config::builder().http_client(self.objects.clone());
        let request = self.s3.get_object().bucket(self.bucket.as_str()).key(&version.key).version_id(&version.id);
        let request = request.checksum_mode(ChecksumMode::Enabled).customize().interceptor(call.clone());
        let mut object = request
            .config_override(config)
            .send()
            .await
            .map_err(|error| classify::failure(&error, call.clock_ahead()))?;
        let mut missing = version.size;
        loop {
            let piece = object.body.try_next().await.map_err(|error| AwsError::MaybeSent(told(&error)))?;
            let Some(piece) = piece else { break };
            missing = missing.checked_sub(piece.len() as u64).ok_or_else(|| malformed("length"))?;
            into.write_all(&piece)?;
        }
        if missing > 0 { Err(malformed("length").into()) } else { Ok(()) }
    }
}

/// Why an object was not written to its end.
enum Interrupted {
    Aws(AwsError),
    Writer(std::io::Error),
}

impl From<AwsError> for Interrupted {
    fn from(error: AwsError) -> Self {
        Interrupted::Aws(error)
    }
}

impl From<std::io::Error> for Interrupted {
    fn from(error: std::io::Error) -> Self {
        Interrupted::Writer(error)
    }
}

impl Archive for BucketArchive {
    fn put(&self, name: &str, content: Content<'_>) -> Result<Receipt, ArchiveError> {
        let key = self.key(name);
        let parcel = Parcel::of(content)?;
        let retained_until = self.retain_days.map(|days| HostClock.now().plus(DAY * days));
        self.executor.run(async {
            let mut pauses = PAUSES.iter();
            loop {
                let call = Call::default();
                let error = match self.send(&key, &parcel, retained_until, &call).await {
                    Ok(answer) => return self.receipt(key, &answer, retained_until),
                    Err(error) => error,
                };
                match status(&error) {
                    Some(412) => return Err(ArchiveError::Taken),
                    Some(409) if is_conflict(&error) => match pauses.next() {
                        Some(pause) => sleep(*pause).await,
                        None => return Err(self.refused(&key, &error, &call, parcel.size)),
                    },
                    _ => return Err(self.refused(&key, &error, &call, parcel.size)),
                }
            }
        })
    }

    fn oldest(&self, name: &str, into: &mut dyn Write) -> Result<Option<Timestamp>, ArchiveError> {
        let key = self.key(name);
        let failed = |error| ArchiveError::Aws { doing: self.doing("read", &key), error };
        self.executor.run(async {
            let Some(version) = self.oldest_version(&key).await.map_err(failed)? else { return Ok(None) };
            let limit = time_for(version.size);
            match timeout(limit, self.read(&version, into)).await {
                Ok(Ok(())) => Ok(Some(version.put_at)),
                Ok(Err(Interrupted::Aws(error))) => Err(failed(error)),
                Ok(Err(Interrupted::Writer(error))) => Err(ArchiveError::Unreachable {
                    doing: format!("keep what comes of s3://{}/{key}", self.bucket),
                    message: error.to_string(),
                }),
                Err(_) => Err(failed(classify::out_of_time(limit))),
            }
        })
    }

    fn names(&self, below: &str) -> Result<Vec<String>, ArchiveError> {
        let key = self.key(below) + "/";
        let beyond = key.len() - below.len() - 1;
        let mut names: Vec<String> = Vec::new();
        let mut visit = |version: Version| {
            // Others may have put there what they like; glass has put no such names.
            if let Some(name) = version.key.get(beyond..).filter(|name| is_name(name))
                && names.last().is_none_or(|last| last != name)
            {
                names.push(name.to_owned());
            }
            ControlFlow::Continue(())
        };
        let listed = self.executor.run(versions(&self.s3, &self.bucket, &key, &mut visit));
        listed.map_err(|error| ArchiveError::Aws { doing: self.doing("list", &key), error })?;
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn bring(&self, names: &[String], largest: usize) -> Result<Vec<Option<Brought>>, ArchiveError> {
        let mut brought = Vec::with_capacity(names.len());
        for some in names.chunks(AT_ONCE) {
            brought.extend(self.executor.run(all(some.iter().map(|name| self.bring_one(name, largest)))));
        }
        let is_refused = |one: &Result<_, ArchiveError>| {
            matches!(one, Err(ArchiveError::Aws { error: AwsError::Refused { .. }, .. }))
        };
        // Others may have put there what nobody else can read; if nothing can be read, it is the caller.
        let none = brought.iter().all(is_refused);
        brought.into_iter().map(|one| if !none && is_refused(&one) { Ok(None) } else { one }).collect()
    }
}

/// Waits for all of them at once.
async fn all<T>(works: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut works: Vec<_> = works.map(|work| (Box::pin(work), None)).collect();
    poll_fn(|context| {
        for (work, done) in works.iter_mut().filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(result) = work.as_mut().poll(context) {
                *done = Some(result);
            }
        }
        if works.iter().all(|(_, done)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    works.into_iter().filter_map(|(_, done)| done).collect()
}

impl BucketArchive {
    fn receipt(
        &self,
        key: String,
        answer: &PutObjectOutput,
        retained_until: Option<Timestamp>,
    ) -> Result<Receipt, ArchiveError> {
        let version = answer.version_id().filter(|version| *version != "null").map(str::to_owned);
        if retained_until.is_some() && version.is_none() {
            return Err(self.without_lock());
        }
        Ok(Receipt { name: key, version, retained_until })
    }

    fn refused(
        &self,
        key: &str,
        error: &SdkError<PutObjectError, HttpResponse>,
        call: &Call,
        size: u64,
    ) -> ArchiveError {
        if error.code() == Some("InvalidRequest") && error.message().is_some_and(says_that_locks_are_missing) {
            return self.without_lock();
        }
        let error = match error {
            SdkError::TimeoutError(_) => classify::out_of_time(time_for(size)),
            error => classify::failure(error, call.clock_ahead()),
        };
        ArchiveError::Aws { doing: self.doing("put", key), error }
    }

    fn without_lock(&self) -> ArchiveError {
        ArchiveError::Unfit(format!(
            "the bucket {} has no Object Lock: what is put there could be taken away again",
            self.bucket
        ))
    }
}

/// A client for the buckets of AWS itself, or for those of what is in its place: there a bucket has no host of its own.
fn s3(wiring: Wiring) -> Client {
    let by_path = wiring.endpoint.is_some();
    Client::from_conf(Builder::from(&wiring.config()).force_path_style(by_path).build())
}

/// AWS says `Object Lock Configuration`, others `ObjectLockConfiguration`.
fn says_that_locks_are_missing(message: &str) -> bool {
    message.replace(' ', "").contains("ObjectLock")
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// Whether another put of this key was under way: only then nothing is known of it, and it may be tried again.
fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error.code(), Some("ConditionalRequestConflict" | "OperationAborted"))
}

/// How long so many bytes may take.
fn time_for(size: u64) -> Duration {
    CALL_TIMEOUT + Duration::from_secs(size / SLOWEST)
}

/// Whether a text is the name of something in an archive.
fn is_name(text: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= 512 && text.split('/').all(|part| !["", ".", ".."].contains(&part) && part.bytes().all(of_name))
}

/// An answer without what it must have.
fn malformed(what: &'static str) -> AwsError {
    AwsError::NotBelieved { error: AnswerError::Malformed(what), request_id: None }
}

#[cfg(test)]
mod tests;
