//! The calls against servers that answer as AWS does, and against ones that misbehave.

mod server;
mod unwell;

use std::thread;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as ProvidedCredentials;

use super::daily::HostDaily;
use super::*;
use crate::model::name::{MfaSerial, RoleArn};
use crate::model::secret::Secret;
use crate::model::session::Order;
use crate::world::aws::AwsError;

pub use server::{Behaviour, Server, Visitor, http_date};

impl Server {
    pub fn place(&self) -> Place {
        place(self.endpoint())
    }

    fn daily(&self) -> HostDaily {
        daily(&self.place(), None, timeouts(CALL_TIMEOUT))
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
    assume_at(&place(server.endpoint()))
}

/// Sends an order with a code by somebody who does not wait as long as glass does.
fn assume_at(place: &Place) -> Result<session::Answer, AwsError> {
    let hasty = TimeoutConfig::builder().operation_timeout(Duration::from_millis(600)).build();
    daily(place, None, hasty).order(&order(), "alice-x", Some(&Secret::new("123456".into())))
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
    let place = place(server.endpoint());
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
