//! What AWS, or what is in its place, does wrong: it cannot be reached, breaks off, is slow, makes no sense, says no.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::*;
use crate::model::secret::Secret;
use crate::model::session::AnswerError;
use crate::world::aws::{AwsError, Why};

/// Sends one AssumeRole to a server that behaves so, and expects one connection at most.
#[track_caller]
fn once(behaviour: &'static [Behaviour]) -> AwsError {
    let server = Server::new(behaviour);
    let error = assume(&server).expect_err("there is no usable answer");
    assert!(server.requests().len() <= 1, "it was sent again: {:#?}", server.requests());
    assert!(!error.to_string().contains("123456"), "{error}");
    error
}

#[test]
fn a_connection_that_is_refused_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let error = assume_at(&place(&endpoint));
    assert!(matches!(&error, Err(AwsError::NotSent(why)) if why.contains("refused")), "{error:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_is_not_made_in_time_sent_nothing() {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

    let any = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0);
    let full = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&full, &any).expect("a free port");
    // A queue of one that nobody takes from: the kernel drops what comes after the first.
    listen(&full, 0).expect("it is bound");
    let listener = TcpListener::from(full);
    let address = listener.local_addr().expect("it is bound");
    let _first = TcpStream::connect(address).expect("the one place");
    let daily = daily(&place(&format!("http://{address}")), None, timeouts(CALL_TIMEOUT));
    let error = daily.order(&order(), "alice-x", Some(&Secret::new("123456".into())));
    assert!(matches!(&error, Err(AwsError::NotSent(why)) if why.contains("3s")), "{error:?}");
}

#[test]
fn a_failed_tls_handshake_sent_nothing() {
    let server = Server::new(&[|visitor| {
        visitor.respond("400 Bad Request", &http_date(0), "this is no TLS");
    }]);
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, CERTIFICATE).expect("a file");
    let secure = Place { ca_bundle: Some(bundle), ..place(&server.endpoint().replace("http:", "https:")) };
    let error = assume_at(&secure);
    assert!(matches!(&error, Err(AwsError::NotSent(_))), "{error:?}");
}

#[test]
fn a_connection_that_breaks_may_have_sent_the_code() {
    let misbehaviours: [&'static [Behaviour]; 4] = [
        &[|visitor| drop(visitor.read())],
        // Half an answer, half a head, no HTTP.
        &[|visitor| {
            visitor.read();
            let half = &ASSUMED[..200];
            visitor.write(&format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{half}"));
        }],
        &[|visitor| {
            visitor.read();
            visitor.write("HTTP/1.1 200 OK\r\ncontent-le");
        }],
        &[|visitor| {
            visitor.read();
            visitor.write("SSH-2.0-OpenSSH_9.9\r\n\r\n");
        }],
    ];
    for (number, misbehaviour) in misbehaviours.into_iter().enumerate() {
        let error = once(misbehaviour);
        assert!(matches!(error, AwsError::MaybeSent(_)), "{number}: {error:?}");
    }
}

#[test]
fn a_connection_that_is_closed_at_once_is_not_tried_again() {
    // It may be seen as closed before the request is handed to it, and then nothing was sent.
    let error = once(&[|_| ()]);
    assert!(matches!(error, AwsError::MaybeSent(_) | AwsError::NotSent(_)), "{error:?}");
}

#[test]
fn a_slow_answer_and_one_without_end_are_given_up() {
    let silent = once(&[|visitor| {
        visitor.read();
        visitor.hang();
    }]);
    assert!(matches!(&silent, AwsError::MaybeSent(why) if why.contains("15 s")), "{silent:?}");
    let dripping = once(&[|visitor| {
        visitor.read();
        visitor.write("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n");
        visitor.stream.set_read_timeout(Some(Duration::from_millis(20))).expect("it is not zero");
        while visitor.write(" ") && !matches!(visitor.stream.read(&mut [0; 1]), Ok(0)) {}
    }]);
    assert!(matches!(dripping, AwsError::MaybeSent(_)), "{dripping:?}");
    let flooding = once(&[|visitor| {
        visitor.read();
        visitor.write("HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n");
        let much = " ".repeat(65536);
        while visitor.write(&much) {}
    }]);
    assert!(matches!(&flooding, AwsError::MaybeSent(why) if why.contains("too long")), "{flooding:?}");
}

#[test]
fn an_answer_that_makes_no_sense_is_not_believed() {
    fn answers(visitor: &mut Visitor, body: &str) {
        visitor.read();
        visitor.respond("200 OK", &http_date(0), body);
    }
    let nonsense: [(&'static [Behaviour], &str); 5] = [
        (&[|visitor| answers(visitor, "")], "XML"),
        (&[|visitor| answers(visitor, "<html>Welcome to the hotel</html>")], "XML"),
        (&[|visitor| answers(visitor, &ASSUMED[..200])], "AssumedRoleUser"),
        (&[|visitor| answers(visitor, IDENTITY)], "XML"),
        (
            &[|visitor| {
                answers(
                    visitor,
                    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
                     </AssumeRoleResult></AssumeRoleResponse>",
                );
            }],
            "Credentials",
        ),
    ];
    for (number, (behaviour, what)) in nonsense.into_iter().enumerate() {
        let error = once(behaviour);
        assert!(
            matches!(&error, AwsError::NotBelieved { error: AnswerError::Malformed(missing), .. } if *missing == what),
            "{number}: {error:?}"
        );
    }
}

#[test]
fn a_refusal_is_handed_on_with_its_code_and_request() {
    let error = once(&[|visitor| {
        visitor.read();
        let text = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
        visitor.respond("403 Forbidden", &http_date(0), &refusal("AccessDenied", text));
    }]);
    let AwsError::Refused { code, request_id, why, .. } = &error else { panic!("{error:?}") };
    assert_eq!((code.as_str(), request_id.as_deref(), *why), ("AccessDenied", Some("4444-5555"), Why::WrongCode));
}

#[test]
fn a_call_with_a_code_is_not_retried_when_aws_is_unwell() {
    let unwell: [(&'static [Behaviour], &str); 3] = [
        (
            &[|visitor| {
                visitor.read();
                visitor.respond("500 Internal Server Error", &http_date(0), "");
            }],
            "HTTP 500",
        ),
        (
            &[|visitor| {
                visitor.read();
                visitor.respond("503 Service Unavailable", &http_date(0), "<html>sorry</html>");
            }],
            "HTTP 503",
        ),
        (
            &[|visitor| {
                visitor.read();
                visitor.respond("400 Bad Request", &http_date(0), &refusal("Throttling", "Rate exceeded"));
            }],
            "Throttling",
        ),
    ];
    for (behaviour, expected) in unwell {
        let error = once(behaviour);
        let AwsError::Refused { code, why, .. } = &error else { panic!("{error:?}") };
        assert_eq!((code.as_str(), *why), (expected, Why::Busy));
    }
}

#[test]
fn a_call_without_a_code_is_retried_and_tells_by_how_much_the_clock_is_off() {
    let server = Server::new(&[
        |visitor| {
            visitor.read();
            visitor.respond("503 Service Unavailable", &http_date(-600), "");
        },
        |visitor| {
            visitor.read();
            visitor.respond("200 OK", &http_date(-600), IDENTITY);
        },
    ]);
    let caller = server.daily().caller().expect("the second time");
    assert_eq!(server.requests().len(), 2);
    assert_eq!(caller.account, "111122223333");
    assert_eq!(caller.arn, "arn:aws:iam::111122223333:user/alice");
    assert_eq!(caller.user_id, "AIDAEXAMPLE");
    assert!((599..=601).contains(&caller.clock_ahead), "{}", caller.clock_ahead);
}

/// Answers as an AWS whose clock is ten minutes behind ours.
fn ten_minutes_behind(visitor: &mut Visitor) {
    let request = visitor.read();
    let signed_at = request.lines().find_map(|line| line.strip_prefix("x-amz-date: ")).expect("it is signed");
    let date = http_date(-600);
    let here = DateTime::from_str(&date, Format::HttpDate).expect("it was written by us");
    let here = here.fmt(Format::DateTime).expect("it is in range").replace(['-', ':'], "");
    // Compared to the minute, which a test does not take.
    if minutes(signed_at).abs_diff(minutes(&here)) > 1 {
        let text = format!("Signature not yet current: {signed_at} is still later than {here}");
        visitor.respond("403 Forbidden", &date, &refusal("SignatureDoesNotMatch", &text));
    } else if request.contains("Action=AssumeRole") {
        visitor.respond("200 OK", &date, ASSUMED);
    } else {
        visitor.respond("200 OK", &date, IDENTITY);
    }
}

/// Minutes of `YYYYMMDDTHHMMSSZ`, near enough to compare two of one hour.
fn minutes(compact: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| compact[range].parse::<u64>().expect("digits");
    number(6..8) * 1440 + number(9..11) * 60 + number(11..13)
}

#[test]
fn a_clock_that_is_off_is_made_up_for_and_the_code_is_still_sent_once() {
    let server = Server::new(&[ten_minutes_behind]);
    let daily = server.daily();
    let skewed = daily.order(&order(), "alice-x", Some(&Secret::new("123456".into())));
    assert!(
        matches!(skewed, Err(AwsError::Refused { why: Why::Clock(599..=601), .. })),
        "nothing is known of the clock before the first answer: {skewed:?}"
    );
    assert_eq!(server.requests().len(), 1);

    let server = Server::new(&[ten_minutes_behind]);
    let daily = server.daily();
    let caller = daily.caller().expect("with the clock of the first answer");
    assert!((599..=601).contains(&caller.clock_ahead), "{}", caller.clock_ahead);
    daily.order(&order(), "alice-x", Some(&Secret::new("123456".into()))).expect("with the clock of that answer");
    let requests = server.requests();
    assert_eq!(requests.iter().filter(|request| request.contains("TokenCode=123456")).count(), 1);
    assert_eq!(requests.len(), 3);
}
