//! The calls against servers that answer as AWS does, and against ones that misbehave.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as ProvidedCredentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::daily::HostDaily;
use super::*;
use crate::model::name::{MfaSerial, RoleArn};
use crate::model::secret::Secret;
use crate::model::session::{AnswerError, Order};
use crate::world::aws::{AwsError, Why};

/// What a server does with its connections, one after the other; the last goes on for ever.
pub type Behaviour = fn(&mut Visitor);

/// A connection to a server, and what all of them have asked for.
pub struct Visitor {
    stream: TcpStream,
    number: usize,
    requests: Arc<Mutex<Vec<String>>>,
}

/// A server on loopback that lives as long as the tests.
pub struct Server {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn new(behaviours: &'static [Behaviour]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for number in 0.. {
                let (stream, _) = listener.accept().expect("loopback accepts");
                seen.lock().expect("no test panics with it").push(String::new());
                let requests = Arc::clone(&seen);
                behaviours[number.min(behaviours.len() - 1)](&mut Visitor { stream, number, requests });
            }
        });
        Server { endpoint, requests }
    }

    pub fn place(&self) -> Place {
        place(&self.endpoint)
    }

    fn daily(&self) -> HostDaily {
        daily(&self.place(), None, timeouts(CALL_TIMEOUT))
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics with it").clone()
    }
}

fn place(endpoint: &str) -> Place {
    let region = crate::model::name::Region::parse("eu-west-1").expect("valid");
    Place { region, endpoint: Some(endpoint.to_owned()), ca_bundle: None }
}

fn daily(place: &Place, token: Option<&str>, timeouts: TimeoutConfig) -> HostDaily {
    HostDaily::new(Executor::new().expect("a runtime"), wired(place, token, timeouts), String::new())
}

/// What a client is made from, with a key of nobody.
pub fn wired(place: &Place, token: Option<&str>, timeouts: TimeoutConfig) -> Wiring {
    Wiring {
        credentials: Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", token.map(str::to_owned), None, "test"),
        http_client: client(place, LONGEST_ANSWER).expect("nothing in it can fail"),
        region: Region::new(place.region.to_string()),
        endpoint: place.endpoint.clone(),
        timeouts,
    }
}

fn order() -> Order {
    Order {
        role: RoleArn::parse("arn:aws:iam::444455556666:role/glass/prod-db").expect("valid"),
        duration: Duration::from_secs(900),
        policy: Some(r#"{"Version":"2012-10-17","Statement":[]}"#.into()),
        policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
        external_id: Some("external".into()),
        source_identity: Some("alice".into()),
        tags: vec![("Team".into(), "orders".into()), ("Incident".into(), "INC-1".into())],
        serial: Some(MfaSerial::parse("arn:aws:iam::111122223333:mfa/alice").expect("valid")),
    }
}

fn assume(server: &Server) -> Result<session::Answer, AwsError> {
    assume_at(&place(&server.endpoint))
}

/// Sends an order with a code by somebody who does not wait as long as glass does.
fn assume_at(place: &Place) -> Result<session::Answer, AwsError> {
    let hasty = TimeoutConfig::builder().operation_timeout(Duration::from_millis(600)).build();
    daily(place, None, hasty).order(&order(), "alice-x", Some(&Secret::new("123456".into())))
}

impl Visitor {
    /// Reads one request to its end, and keeps it before it is answered.
    pub fn read(&mut self) -> String {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer).unwrap_or(0);
            request.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&request).into_owned();
            if count == 0 || is_whole(&text) {
                self.requests.lock().expect("no test panics with it")[self.number].clone_from(&text);
                return text;
            }
        }
    }

    /// Answers; the other side may have hung up already.
    pub fn respond(&mut self, status: &str, date: &str, body: &str) {
        let length = body.len();
        self.write(&format!(
            "HTTP/1.1 {status}\r\ndate: {date}\r\nx-amzn-requestid: 4444-5555\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
    }

    /// How many connections there were before this one.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Says nothing until the other side has given up.
    pub fn hang(&mut self) {
        drop(self.stream.read(&mut [0; 1]));
    }

    /// Writes to the other side; false when it has hung up.
    pub fn write(&mut self, text: &str) -> bool {
        self.stream.write_all(text.as_bytes()).is_ok()
    }
}

/// Whether a request has come to its end.
fn is_whole(request: &str) -> bool {
    request.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length =
            head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        body.len() >= length.unwrap_or(0)
    })
}

pub fn http_date(offset: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    DateTime::from_secs(now.cast_signed() + offset).fmt(Format::HttpDate).expect("in range")
}

const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
    <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
    <SessionToken>token</SessionToken><Expiration>2026-01-31T02:28:00Z</Expiration></Credentials>\
    <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:alice-x</AssumedRoleId>\
    <Arn>arn:aws:sts::444455556666:assumed-role/prod-db/alice-x</Arn></AssumedRoleUser></AssumeRoleResult>\
    </AssumeRoleResponse>";

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn><UserId>AIDAEXAMPLE</UserId>\
    <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

fn assumed(visitor: &mut Visitor) {
    visitor.read();
    visitor.respond("200 OK", "Sat, 31 Jan 2026 02:13:00 GMT", ASSUMED);
}

fn refusal(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>4444-5555</RequestId></ErrorResponse>"
    )
}

#[test]
fn an_order_is_sent_with_all_its_parts_and_glass_says_who_it_is() {
    let server = Server::new(&[assumed]);
    let answer = assume(&server).expect("it is answered");
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("one request, not {}", requests.len()) };
    for part in [
        "Action=AssumeRole&",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fglass%2Fprod-db",
        "RoleSessionName=alice-x",
        "DurationSeconds=900",
        "Policy=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D",
        "PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess",
        "ExternalId=external",
        "SourceIdentity=alice",
        "Tags.member.1.Key=Team&Tags.member.1.Value=orders",
        "Tags.member.2.Key=Incident&Tags.member.2.Value=INC-1",
        "SerialNumber=arn%3Aaws%3Aiam%3A%3A111122223333%3Amfa%2Falice",
        "TokenCode=123456",
        "/eu-west-1/sts/aws4_request",
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
    assert!(!request.contains("TransitiveTagKeys"), "{request}");
    let agents: Vec<&str> = request.lines().filter(|line| line.contains("user-agent: ")).collect();
    assert!(!agents.is_empty());
    for agent in agents {
        assert!(agent.ends_with(concat!(" glass/", env!("CARGO_PKG_VERSION"))), "{agent}");
    }
    assert_eq!(answer.credentials.access_key_id, "ASIAEXAMPLE");
    assert_eq!(answer.credentials.secret_access_key.expose(), "secret");
    assert_eq!(answer.credentials.session_token.expose(), "token");
    assert_eq!(answer.assumed_role_id, "AROAEXAMPLE:alice-x");
    assert_eq!(answer.assumed_role_arn, "arn:aws:sts::444455556666:assumed-role/prod-db/alice-x");
    assert_eq!(answer.expires.to_string(), "2026-01-31T02:28:00Z");
    assert_eq!(answer.date.to_string(), "2026-01-31T02:13:00Z");
    assert_eq!(answer.request_id, "4444-5555");
}

#[test]
fn without_a_code_no_serial_is_sent() {
    let server = Server::new(&[assumed]);
    server.daily().order(&order(), "alice-x", None).expect("it is answered");
    let request = server.requests().join("");
    assert!(!request.contains("SerialNumber") && !request.contains("TokenCode"), "{request}");
}

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
    let secure = Place { ca_bundle: Some(bundle), ..place(&server.endpoint.replace("http:", "https:")) };
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

#[test]
fn the_devices_of_all_pages_are_listed_but_those_that_show_no_codes() {
    fn page(visitor: &mut Visitor, serials: &[&str], marker: &str) {
        visitor.read();
        let members: String = serials
            .iter()
            .map(|serial| {
                format!(
                    "<member><UserName>alice</UserName><SerialNumber>{serial}</SerialNumber>\
                     <EnableDate>2026-01-01T00:00:00Z</EnableDate></member>"
                )
            })
            .collect();
        let body = format!(
            "<ListMFADevicesResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListMFADevicesResult>\
             <MFADevices>{members}</MFADevices>{marker}</ListMFADevicesResult></ListMFADevicesResponse>"
        );
        visitor.respond("200 OK", &http_date(0), &body);
    }
    let server = Server::new(&[
        |visitor| {
            let serials = ["arn:aws:iam::111122223333:mfa/alice", "arn:aws:iam::111122223333:u2f/user/alice/key-X"];
            page(visitor, &serials, "<IsTruncated>true</IsTruncated><Marker>more</Marker>");
        },
        |visitor| page(visitor, &["GAHT12345678"], "<IsTruncated>false</IsTruncated>"),
    ]);
    let serials = server.daily().mfa_devices().expect("two pages");
    assert_eq!(
        serials.iter().map(MfaSerial::as_str).collect::<Vec<_>>(),
        ["arn:aws:iam::111122223333:mfa/alice", "GAHT12345678"]
    );
    let requests = server.requests();
    assert!(requests.iter().all(|request| !request.contains("UserName=")), "{requests:?}");
    assert!(requests[1].contains("Marker=more"), "{requests:?}");
}

#[test]
fn calls_from_several_threads_share_one_identity() {
    let server = Server::new(&[|visitor| {
        visitor.read();
        visitor.respond("200 OK", &http_date(0), IDENTITY);
    }]);
    let daily = server.daily();
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| daily.caller())).collect();
        for caller in callers {
            assert!(caller.join().expect("no panic").is_ok());
        }
    });
}

#[test]
fn the_roles_of_a_profile_are_assumed_at_the_endpoint_of_the_catalogue() {
    let server = Server::new(&[assumed]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let text = "[profile acme]\nrole_arn = arn:aws:iam::111122223333:role/daily\nsource_profile = base\n\
        endpoint_url = http://127.0.0.1:1\n[profile base]\nendpoint_url = http://127.0.0.1:1\n\
        credential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKIAIOSFODNN7EXAMPLE\",\"SecretAccessKey\":\"wJalr\"}'\n";
    std::fs::write(&config, text).expect("a file");
    let env = Env::from_slice(&[("AWS_CONFIG_FILE", config.to_str().expect("UTF-8"))]);
    let place = place(&server.endpoint);
    let http_client = client(&place, LONGEST_ANSWER).expect("nothing in it can fail");
    let executor = Executor::new().expect("a runtime");
    let (credentials, how) = from_profile(&executor, &env, "acme", &place, &http_client).expect("it is answered");
    assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
    assert_eq!(how, "profile acme (assume-role from credential_process)");
    let requests = server.requests().join("");
    assert!(requests.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fdaily"), "{requests}");
}

#[test]
fn a_credential_process_that_fails_is_told_without_what_it_printed_on_stdout() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    std::fs::write(&config, "[profile acme]\ncredential_process = echo wJalrXUtnFEMI; echo locked >&2; exit 3\n")
        .expect("a file");
    let env = Env::from_slice(&[("AWS_CONFIG_FILE", config.to_str().expect("UTF-8"))]);
    let place = place("http://127.0.0.1:1");
    let http_client = client(&place, LONGEST_ANSWER).expect("nothing in it can fail");
    let executor = Executor::new().expect("a runtime");
    let error = from_profile(&executor, &env, "acme", &place, &http_client).expect_err("it fails").to_string();
    assert!(error.contains("locked") && !error.contains("wJalr"), "{error}");
}

#[test]
fn a_source_that_gives_nothing_in_time_is_given_up() {
    #[derive(Debug)]
    struct Never;
    impl ProvideCredentials for Never {
        fn provide_credentials<'a>(&'a self) -> ProvidedCredentials<'a>
        where
            Self: 'a,
        {
            ProvidedCredentials::new(std::future::pending())
        }
    }
    let executor = Executor::new().expect("a runtime");
    let given_up = executor.run(provided(&Never, Duration::from_millis(10)));
    assert_eq!(given_up.expect_err("nothing came"), "none came within 0 s");
}

#[test]
fn only_credentials_with_a_token_are_temporary() {
    let nowhere = place("http://127.0.0.1:1");
    assert!(!daily(&nowhere, None, timeouts(CALL_TIMEOUT)).is_temporary());
    assert!(daily(&nowhere, Some("token"), timeouts(CALL_TIMEOUT)).is_temporary());
}

#[test]
fn a_bundle_that_is_none_is_refused_and_does_not_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = CERTIFICATE.replace("MIIBfj", "AAAAAA");
    for (name, content) in [("empty.pem", ""), ("words.pem", "no certificate"), ("broken.pem", broken.as_str())] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        let place = Place { ca_bundle: Some(path), ..place("https://127.0.0.1:1") };
        assert!(matches!(client(&place, LONGEST_ANSWER), Err(SourceError::CaBundle { .. })), "{name}");
    }
    let missing = Place { ca_bundle: Some(folder.path().join("missing.pem")), ..place("https://127.0.0.1:1") };
    assert!(matches!(client(&missing, LONGEST_ANSWER), Err(SourceError::CaBundle { .. })));
}

/// A certificate of nobody, valid for a century.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUeTdoIduJqF5LMrn2Rp00q2Wh/EkwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA0MDYzMloYDzIxMjYxMDI4
MDQwNjMyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT2PO2JXsxjdYuf0BOzR5B7skGGP8vOs4EIv1Qr4RJkHD3cqtsBFPvp
1+AlI5dALfhy5vu1oAQTgcd39f0Gh0gno1MwUTAdBgNVHQ4EFgQUdY4axnNiiiJX
ksScyiJKL/RqqIkwHwYDVR0jBBgwFoAUdY4axnNiiiJXksScyiJKL/RqqIkwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiB1rvKbUhdXeN+EmhdhfNEN
LTM2uZ+4up3kddyzvE0bpgIgc3GHyeOrWqIb+23MD+dYcNcxmgg4JeL/Xu6ms2Ot
SCE=
-----END CERTIFICATE-----
";
