//! The bucket against servers that answer as S3 does, and against ones that misbehave.

use super::*;
use crate::host::aws::tests::{Behaviour, Server, Visitor, http_date, wired};
use crate::world::aws::Why;

/// An archive below `glass/` in `acme-ledger`, by somebody who does not wait as long as glass does for a list.
fn archive(server: &Server, retain_days: Option<u32>) -> BucketArchive {
    let place = server.place();
    let mut wiring = wired(&place, None, timeouts(Duration::from_secs(2)));
    wiring.http_client = client(&place, LONGEST_ANSWER).expect("nothing in it can fail");
    BucketArchive {
        executor: Executor::new().expect("a runtime"),
        s3: s3(wiring),
        objects: client(&place, usize::MAX).expect("nothing in it can fail"),
        bucket: BucketName::parse("acme-ledger").expect("valid"),
        prefix: Some(KeyPrefix::parse("glass").expect("valid")),
        retain_days,
    }
}

fn answer(visitor: &mut Visitor, status: &str, headers: &str, body: &str) -> String {
    let request = visitor.read();
    let date = http_date(0);
    let length = body.len();
    visitor.write(&format!(
        "HTTP/1.1 {status}\r\ndate: {date}\r\nx-amz-request-id: 4444\r\n{headers}content-length: {length}\r\n\r\n{body}"
    ));
    request
}

fn refuse(visitor: &mut Visitor, status: &str, headers: &str, code: &str, message: &str) {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    answer(visitor, status, headers, &body);
}

fn kept(visitor: &mut Visitor) {
    answer(visitor, "200 OK", "x-amz-version-id: v1\r\netag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\n", "");
}

/// Answers with a page of a list; it is the last unless it says otherwise.
fn list(visitor: &mut Visitor, content: &str) {
    let content = match content {
        more if more.contains("<IsTruncated>") => more.to_owned(),
        last => format!("<IsTruncated>false</IsTruncated>{last}"),
    };
    let body = format!(
        "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <EncodingType>url</EncodingType>{content}</ListVersionsResult>"
    );
    answer(visitor, "200 OK", "", &body);
}

const WHOLE: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// One version of a list.
fn version(key: &str, id: &str, put_at: &str, tag: &str, size: usize) -> String {
    format!(
        "<Version><Key>{key}</Key><VersionId>{id}</VersionId><LastModified>{put_at}</LastModified>\
         <ETag>&quot;{tag}&quot;</ETag><Size>{size}</Size></Version>"
    )
}

const MARKER: &str = "<DeleteMarker><Key>glass/note</Key><VersionId>m1</VersionId>\
    <LastModified>2026-01-31T05:00:00.000Z</LastModified></DeleteMarker>";

#[track_caller]
fn put(behaviours: &'static [Behaviour]) -> (Result<Receipt, ArchiveError>, Vec<String>) {
    let server = Server::new(behaviours);
    let result = archive(&server, Some(30)).put("note", Content::Bytes(b"abc"));
    (result, server.requests())
}

/// What comes of the oldest version of `note`.
fn oldest(behaviours: &'static [Behaviour]) -> (Result<Option<Timestamp>, ArchiveError>, Vec<u8>, Vec<String>) {
    let server = Server::new(behaviours);
    let mut content = Vec::new();
    let result = archive(&server, None).oldest("note", &mut content);
    (result, content, server.requests())
}

#[test]
fn an_object_is_put_once_whole_and_under_a_lock() {
    let before = HostClock.now();
    let (receipt, requests) = put(&[kept]);
    let receipt = receipt.expect("it is kept");
    assert_eq!((receipt.name.as_str(), receipt.version.as_deref()), ("glass/note", Some("v1")));
    let until = receipt.retained_until.expect("it was asked for");
    assert!(until.since(before) >= DAY * 30 && until.since(before) < DAY * 31, "{until}");
    let [request] = requests.as_slice() else { panic!("one request, not {}", requests.len()) };
    let request = request.to_lowercase();
    assert!(request.starts_with("put /acme-ledger/glass/note?x-id=putobject http/1.1\r\n"), "{request}");
    for header in [
        "if-none-match: *",
        "content-length: 3",
        "content-type: application/octet-stream",
        "x-amz-object-lock-mode: compliance",
        &format!("x-amz-object-lock-retain-until-date: {}", until.to_seconds_text().to_lowercase()),
        "x-amz-sdk-checksum-algorithm: sha256",
        "x-amz-checksum-sha256: ungwv48bz+pbqudexa4ii7adyaowf3qctbd/yfiafa0=",
        "/eu-west-1/s3/aws4_request",
    ] {
        assert!(request.contains(header), "{header} is not in {request}");
    }
    assert!(!request.contains("aws-chunked") && request.ends_with("\r\n\r\nabc"), "{request}");
    for agent in request.lines().filter(|line| line.contains("user-agent: ")) {
        assert!(agent.ends_with(concat!(" glass/", env!("CARGO_PKG_VERSION"))), "{agent}");
    }
}

#[test]
fn a_file_is_sent_as_it_is_and_without_a_lock_if_none_is_asked_for() {
    let server = Server::new(&[kept]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("segment");
    std::fs::write(&path, "abc").expect("it can be written");
    let receipt = archive(&server, None).put("note", Content::File(&path)).expect("it is kept");
    assert_eq!(receipt.retained_until, None);
    let request = server.requests().concat();
    assert!(request.contains("x-amz-checksum-sha256: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), "{request}");
    assert!(!request.contains("object-lock") && request.ends_with("\r\n\r\nabc"), "{request}");
    assert!(!request.contains("aws-chunked"), "{request}");
    let error = archive(&server, None).put("note", Content::File(&folder.path().join("none")));
    assert!(matches!(error, Err(ArchiveError::Unreachable { .. })), "{error:?}");
}

#[test]
fn a_key_that_has_something_is_taken_also_by_a_first_try_that_nobody_answered() {
    fn taken(visitor: &mut Visitor) {
        refuse(visitor, "412 Precondition Failed", "", "PreconditionFailed", "At least one condition did not hold");
    }
    let (result, requests) = put(&[taken]);
    assert!(matches!(result, Err(ArchiveError::Taken)), "{result:?}");
    assert_eq!(requests.len(), 1);
    let (result, requests) = put(&[|visitor| drop(visitor.read()), taken]);
    assert!(matches!(result, Err(ArchiveError::Taken)), "{result:?}");
    assert_eq!(requests.len(), 2);
}

#[test]
fn two_at_once_try_again_a_few_times() {
    fn conflict(visitor: &mut Visitor) {
        refuse(visitor, "409 Conflict", "", "ConditionalRequestConflict", "try again");
    }
    let (result, requests) = put(&[conflict, conflict, kept]);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(requests.len(), 3);
    let (result, requests) = put(&[conflict]);
    assert!(matches!(result, Err(ArchiveError::Aws { .. })), "{result:?}");
    assert_eq!(requests.len(), 1 + PAUSES.len());
}

/// Puts into a bucket that refuses, and expects one try.
#[track_caller]
fn refused(behaviour: &'static [Behaviour], expected: Why) -> String {
    let (result, requests) = put(behaviour);
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let error = result.expect_err("it is refused");
    let ArchiveError::Aws { doing, error: AwsError::Refused { why, .. } } = &error else { panic!("{error:?}") };
    assert_eq!((doing.as_str(), *why), ("put s3://acme-ledger/glass/note", expected));
    error.to_string()
}

#[test]
fn each_refusal_says_what_it_is() {
    refused(&[|visitor| refuse(visitor, "403 Forbidden", "", "AccessDenied", "Access Denied")], Why::BucketDenied);
    refused(
        &[|visitor| refuse(visitor, "404 Not Found", "", "NoSuchBucket", "The specified bucket does not exist")],
        Why::NoBucket,
    );
    let elsewhere = refused(
        &[|visitor| {
            let region = "x-amz-bucket-region: us-west-2\r\n";
            refuse(visitor, "301 Moved Permanently", region, "PermanentRedirect", "Use the specified endpoint.");
        }],
        Why::OtherRegion,
    );
    assert!(elsewhere.ends_with("Use the specified endpoint. (the bucket is in us-west-2)"), "{elsewhere}");
    let elsewhere = refused(
        &[|visitor| {
            let text = "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-west-2'";
            refuse(visitor, "400 Bad Request", "", "AuthorizationHeaderMalformed", text);
        }],
        Why::OtherRegion,
    );
    assert!(elsewhere.contains("expecting 'us-west-2'"), "{elsewhere}");
}

#[test]
fn a_bucket_without_object_lock_is_no_archive() {
    let buckets: [&'static [Behaviour]; 3] = [
        &[|visitor| {
            refuse(visitor, "400 Bad Request", "", "InvalidRequest", "Bucket is missing Object Lock Configuration");
        }],
        // One that takes no notice of what it is asked for.
        &[|visitor| drop(answer(visitor, "200 OK", "", ""))],
        &[|visitor| drop(answer(visitor, "200 OK", "x-amz-version-id: null\r\n", ""))],
    ];
    for bucket in buckets {
        let (result, _) = put(bucket);
        assert!(
            matches!(&result, Err(ArchiveError::Unfit(why)) if why.contains("acme-ledger has no Object Lock")),
            "{result:?}"
        );
    }
    let server = Server::new(buckets[1]);
    assert!(archive(&server, None).put("note", Content::Bytes(b"abc")).is_ok(), "no lock was asked for");
}

#[test]
fn a_clock_that_is_off_is_made_up_for() {
    let (result, requests) = put(&[
        |visitor| {
            visitor.read();
            let text = "<Error><Code>RequestTimeTooSkewed</Code><Message>too large</Message></Error>";
            visitor.respond("403 Forbidden", &http_date(-3600), text);
        },
        kept,
    ]);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(requests.len(), 2);
    let (result, _) = put(&[|visitor| {
        visitor.read();
        let text = "<Error><Code>RequestTimeTooSkewed</Code><Message>too large</Message></Error>";
        visitor.respond("403 Forbidden", &http_date(-3600), text);
    }]);
    assert!(
        matches!(result, Err(ArchiveError::Aws { error: AwsError::Refused { why: Why::Clock(3599..=3601), .. }, .. })),
        "{result:?}"
    );
}

#[test]
fn what_was_put_first_is_read_whatever_lies_on_top() {
    let (result, content, requests) = oldest(&[
        |visitor| {
            let newest = version("glass/note", "v9", "2026-01-31T04:00:00.000Z", WHOLE, 3);
            let markers = "<NextKeyMarker>glass/note</NextKeyMarker><NextVersionIdMarker>v9</NextVersionIdMarker>";
            list(visitor, &format!("<IsTruncated>true</IsTruncated>{markers}{MARKER}{newest}"));
        },
        |visitor| {
            // Two of one moment: the list has the older one below. The last was begun before and ended after them.
            let content = [
                version("glass/note", "v2", "2026-01-31T03:00:00.000Z", WHOLE, 3),
                version("glass/note", "v1", "2026-01-31T03:00:00.000Z", WHOLE, 3),
                version("glass/note", "p1", "2026-01-31T02:00:00.000Z", &format!("{WHOLE}-1"), 3),
                version("glass/note/2", "x1", "2026-01-01T00:00:00.000Z", WHOLE, 3),
            ];
            list(visitor, &format!("<IsTruncated>true</IsTruncated>{}", content.concat()));
        },
        |visitor| drop(answer(visitor, "200 OK", "", "abc")),
    ]);
    assert_eq!(result.expect("it is there").map(|at| at.to_string()).as_deref(), Some("2026-01-31T03:00:00Z"));
    assert_eq!(content, b"abc");
    let lines: Vec<&str> = requests.iter().map(|request| request.lines().next().expect("a line")).collect();
    assert!(lines[0].starts_with("GET /acme-ledger/?versions&encoding-type=url&prefix=glass%2Fnote "), "{lines:?}");
    assert!(lines[1].contains("key-marker=glass%2Fnote") && lines[1].contains("version-id-marker=v9"), "{lines:?}");
    assert!(lines[2].starts_with("GET /acme-ledger/glass/note?") && lines[2].contains("versionId=v1"), "{lines:?}");
    assert!(requests[2].contains("x-amz-checksum-mode: ENABLED"), "{}", requests[2]);
}

#[test]
fn a_key_that_only_has_a_delete_marker_or_longer_names_has_nothing() {
    let (result, content, requests) = oldest(&[|visitor| {
        let longer = version("glass/note2", "v1", "2026-01-31T03:00:00.000Z", WHOLE, 3);
        list(visitor, &format!("{MARKER}{longer}"));
    }]);
    assert_eq!(result.expect("it is listed"), None);
    assert!(content.is_empty() && requests.len() == 1);
}

/// Answers with a list of one version of three bytes.
fn listed(visitor: &mut Visitor) {
    list(visitor, &version("glass/note", "v1", "2026-01-31T03:00:00.000Z", WHOLE, 3));
}

#[test]
fn an_object_that_is_not_what_was_listed_is_an_error() {
    let objects: [&'static [Behaviour]; 6] = [
        // The checksum is of `abd`.
        &[listed, |visitor| {
            let checksum = "x-amz-checksum-sha256: pS1Zzb8fLzJ2QzZQ8aVzvKMJH8Ao8bfBjMp5ajUyOzA=\r\n";
            answer(visitor, "200 OK", checksum, "abc");
        }],
        &[listed, |visitor| drop(answer(visitor, "200 OK", "", "abcd"))],
        &[listed, |visitor| drop(answer(visitor, "200 OK", "", "ab"))],
        &[listed, |visitor| {
            visitor.read();
            visitor.write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab");
        }],
        // Without end.
        &[listed, |visitor| {
            visitor.read();
            visitor.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            let piece = format!("10000\r\n{}\r\n", "x".repeat(65536));
            while visitor.write(&piece) {}
        }],
        &[listed, |visitor| refuse(visitor, "404 Not Found", "", "NoSuchVersion", "it is gone")],
    ];
    for (number, behaviours) in objects.into_iter().enumerate() {
        let (result, content, _) = oldest(behaviours);
        assert!(matches!(result, Err(ArchiveError::Aws { .. })), "{number}: {result:?}");
        assert!(content.len() <= 3, "{number}");
    }
}

#[test]
fn a_refusal_without_end_is_not_read_to_it() {
    let (result, _, _) = oldest(&[listed, |visitor| {
        visitor.read();
        visitor.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 5000000000\r\n\r\n");
        let much = "x".repeat(65536);
        while visitor.write(&much) {}
    }]);
    assert!(matches!(result, Err(ArchiveError::Aws { error: AwsError::MaybeSent(_), .. })), "{result:?}");
}

#[test]
fn a_list_that_makes_no_sense_is_not_believed() {
    let lists: [(&'static [Behaviour], &str); 10] = [
        (&[|visitor| drop(answer(visitor, "200 OK", "", "<ListVersionsResult></ListVersionsResult>"))], "IsTruncated"),
        (&[|visitor| drop(answer(visitor, "200 OK", "", "<html>Welcome to the hotel</html>"))], "XML"),
        (&[|visitor| drop(answer(visitor, "200 OK", "", "<ListVersionsResult><Version><Key>glass/no"))], "Key"),
        (&[|visitor| list(visitor, &version("other", "v1", "2026-01-31T03:00:00Z", WHOLE, 3))], "Key"),
        (&[|visitor| list(visitor, "<Version><Key>glass/note</Key></Version>")], "VersionId"),
        (&[|visitor| list(visitor, &version("glass/note", "v1", "yesterday", WHOLE, 3))], "XML"),
        (&[|visitor| list(visitor, "<IsTruncated>true</IsTruncated>")], "NextKeyMarker"),
        (
            &[|visitor| {
                list(visitor, "<IsTruncated>true</IsTruncated><NextKeyMarker>glass/note</NextKeyMarker>");
            }],
            "NextKeyMarker",
        ),
        (
            &[
                |visitor| list(visitor, "<IsTruncated>true</IsTruncated><NextKeyMarker>glass/note2</NextKeyMarker>"),
                |visitor| list(visitor, "<IsTruncated>true</IsTruncated><NextKeyMarker>glass/note1</NextKeyMarker>"),
            ],
            "NextKeyMarker",
        ),
        // One that goes on and on.
        (
            &[|visitor| {
                let number = visitor.number();
                let next = format!("<NextKeyMarker>glass/note{number:09}</NextKeyMarker>");
                list(visitor, &format!("<IsTruncated>true</IsTruncated>{next}"));
            }],
            "end",
        ),
    ];
    for (number, (behaviours, what)) in lists.into_iter().enumerate() {
        let (result, _, requests) = oldest(behaviours);
        assert!(
            matches!(
                &result,
                Err(ArchiveError::Aws { error: AwsError::NotBelieved { error: AnswerError::Malformed(missing), .. }, .. })
                    if *missing == what
            ),
            "{number}: {result:?}"
        );
        assert!(requests.len() <= 1000, "{number}");
    }
}

#[test]
fn a_list_that_is_slow_or_too_long_is_given_up() {
    let lists: [&'static [Behaviour]; 2] = [
        &[|visitor| {
            visitor.read();
            visitor.hang();
        }],
        &[|visitor| {
            visitor.read();
            visitor.write("HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n<ListVersionsResult>");
            let much = "<Version></Version>".repeat(4096);
            while visitor.write(&much) {}
        }],
    ];
    for (number, behaviours) in lists.into_iter().enumerate() {
        let (result, _, _) = oldest(behaviours);
        let error = matches!(result, Err(ArchiveError::Aws { error: AwsError::MaybeSent(_), .. }));
        assert!(error, "{number}: {result:?}");
    }
}

#[test]
fn names_are_those_that_glass_can_have_put() {
    let server = Server::new(&[
        |visitor| {
            let at = "2026-01-31T03:00:00.000Z";
            let keys =
                ["glass/a/2", "glass/a/2", "glass/a/1", "glass/a/%01", "glass/a/..", "glass/a//b", "glass/a/x+y"];
            let versions: String = keys.iter().map(|key| version(key, "v1", at, WHOLE, 3)).collect();
            let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>glass/a/x+y</NextKeyMarker>";
            list(visitor, &format!("{more}{MARKER}{versions}"));
        },
        |visitor| list(visitor, &version("glass/a/b%2Fc", "v1", "2026-01-31T03:00:00.000Z", WHOLE, 3)),
    ]);
    let names = archive(&server, None).names("a").expect("two pages");
    assert_eq!(names, ["a/1", "a/2", "a/b/c"]);
    let requests = server.requests();
    assert!(requests[0].contains("prefix=glass%2Fa%2F "), "{requests:?}");
    assert!(requests[1].contains("key-marker=glass%2Fa%2Fx%20y"), "{requests:?}");
}

#[test]
fn a_writer_that_fails_is_told_as_such() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let server = Server::new(&[listed, |visitor| drop(answer(visitor, "200 OK", "", "abc"))]);
    let result = archive(&server, None).oldest("note", &mut Full);
    assert!(matches!(result, Err(ArchiveError::Unreachable { .. })), "{result:?}");
}
