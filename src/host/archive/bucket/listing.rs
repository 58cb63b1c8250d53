//! The versions of a bucket's keys, page by page.

use std::ops::ControlFlow;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{EncodingType, ObjectVersion};
use tokio::time::timeout;

use super::malformed;
use crate::host::aws::call::Call;
use crate::host::aws::classify;
use crate::model::name::BucketName;
use crate::model::time::Timestamp;
use crate::world::aws::AwsError;

/// The most pages that are read, each of up to 1,000 versions and delete markers.
const MOST_PAGES: usize = 1000;

/// How long all pages together may take.
const LISTING_TIME: Duration = Duration::from_secs(300);

/// One version of a key.
#[derive(Debug, PartialEq, Eq)]
pub struct Version {
    /// The key in full.
    pub key: String,
    /// The version's id; `null` where the bucket has no versioning.
    pub id: String,
    /// When it was put, by S3's clock.
    pub put_at: Timestamp,
    /// Its length in bytes.
    pub size: u64,
    /// Whether it was put in parts.
    in_parts: bool,
}

impl Version {
    /// Whether this one was put before another that the list has further up.
    ///
    /// S3 lists the versions of a key from the newest to the oldest. It dates what is put in parts by its first part, so
    /// that somebody could begin with one before glass puts its object, and end after it. Glass puts nothing in parts:
    /// whatever is whole comes first.
    pub fn is_older_than(&self, above: &Version) -> bool {
        (self.in_parts, self.put_at) <= (above.in_parts, above.put_at)
    }
}

/// Shows all versions of the keys that begin with a text, until there are no more or enough was seen. Delete markers are
/// passed over.
///
/// # Errors
/// When a page does not come, or is not what S3 can have answered.
pub async fn versions(
    s3: &Client,
    bucket: &BucketName,
    prefix: &str,
    visit: &mut dyn FnMut(Version) -> ControlFlow<()>,
) -> Result<(), AwsError> {
    let listed = timeout(LISTING_TIME, pages(s3, bucket, prefix, visit)).await;
    listed.unwrap_or_else(|_| Err(classify::out_of_time(LISTING_TIME)))
}

async fn pages(
    s3: &Client,
    bucket: &BucketName,
    prefix: &str,
    visit: &mut dyn FnMut(Version) -> ControlFlow<()>,
) -> Result<(), AwsError> {
    let mut place = Place::default();
    for _ in 0..MOST_PAGES {
        let page = page(s3, bucket, prefix, &place).await?;
        let encoding = Encoding::of(&page);
        for version in page.versions() {
            // A key that is no UTF-8 is none that was asked for.
            let Some(key) = version.key().and_then(|key| encoding.decoded(key)) else { continue };
            if !key.starts_with(prefix) {
                return Err(malformed("Key"));
            }
            if visit(read(key, version)?).is_break() {
                return Ok(());
            }
        }
        match page.is_truncated() {
            Some(true) => {}
            Some(false) => return Ok(()),
            None => return Err(malformed("IsTruncated")),
        }
        let key = page.next_key_marker().and_then(|key| encoding.decoded(key));
        let next = Place { key, version: page.next_version_id_marker().map(str::to_owned) };
        // It goes on, or it would go on for ever.
        if next.key.is_none() || next.key < place.key || next == place {
            return Err(malformed("NextKeyMarker"));
        }
        place = next;
    }
    Err(malformed("end"))
}

/// Where a page begins.
#[derive(Clone, Default, PartialEq, Eq)]
struct Place {
    key: Option<String>,
    version: Option<String>,
}

async fn page(
    s3: &Client,
    bucket: &BucketName,
    prefix: &str,
    place: &Place,
) -> Result<ListObjectVersionsOutput, AwsError> {
    let call = Call::default();
    s3.list_object_versions()
        .bucket(bucket.as_str())
        .prefix(prefix)
        .set_key_marker(place.key.clone())
        .set_version_id_marker(place.version.clone())
        // Anybody who may put objects can put one whose key no XML can hold.
        .encoding_type(EncodingType::Url)
        .customize()
        .interceptor(call.clone())
        .send()
        .await
        .map_err(|error| classify::failure(&error, call.clock_ahead()))
}

fn read(key: String, version: &ObjectVersion) -> Result<Version, AwsError> {
    Ok(Version {
        key,
        id: version.version_id().ok_or_else(|| malformed("VersionId"))?.to_owned(),
        put_at: version
            .last_modified()
            .and_then(|moment| Some(Timestamp::from_micros(moment.to_millis().ok()?.checked_mul(1000)?)))
            .ok_or_else(|| malformed("LastModified"))?,
        size: version.size().and_then(|size| u64::try_from(size).ok()).ok_or_else(|| malformed("Size"))?,
        in_parts: version.e_tag().is_some_and(is_of_parts),
    })
}

/// Whether an entity tag is that of an object put in parts: 32 hex digits, a hyphen, the number of parts.
fn is_of_parts(tag: &str) -> bool {
    tag.trim_matches('"').split_once('-').is_some_and(|(hash, parts)| {
        hash.len() == 32
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !parts.is_empty()
            && parts.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// How the keys of a page are written.
#[derive(Clone, Copy)]
enum Encoding {
    AsTheyAre,
    Url,
}

impl Encoding {
    fn of(page: &ListObjectVersionsOutput) -> Self {
        if page.encoding_type() == Some(&EncodingType::Url) { Encoding::Url } else { Encoding::AsTheyAre }
    }

    /// A key in its own words; nothing when it is no UTF-8.
    fn decoded(self, key: &str) -> Option<String> {
        match self {
            Encoding::AsTheyAre => Some(key.to_owned()),
            Encoding::Url => url_decoded(key),
        }
    }
}

fn url_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_only_if_it_is_one() {
        for (written, key) in [
            ("glass/checkpoint/7", Some("glass/checkpoint/7")),
            ("a%2Fb+c%2bd%E2%82%AC", Some("a/b c+d€")),
            ("a%01b", Some("a\u{1}b")),
            ("a%", None),
            ("a%2", None),
            ("a%zz", None),
            ("a%+1", None),
            ("a%ff", None),
        ] {
            assert_eq!(url_decoded(written).as_deref(), key, "{written}");
        }
    }

    #[test]
    fn what_was_put_in_parts_is_known_by_its_tag() {
        assert!(is_of_parts("\"d41d8cd98f00b204e9800998ecf8427e-12\""));
        for whole in ["\"d41d8cd98f00b204e9800998ecf8427e\"", "d41d8cd9-8f00-b204-e980-0998ecf8427e", "-1", ""] {
            assert!(!is_of_parts(whole), "{whole}");
        }
    }
}
