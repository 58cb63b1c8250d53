//! The practice AWS as its callers meet it: signed requests in, XML out, on a made-up clock;
//! and once over HTTP through the real SDK.

use std::sync::atomic::{AtomicI64, Ordering};

use super::practice::{ALICES_DEVICE, PEOPLE, PRODUCTION};
use super::*;

const ROLE: &str = "arn:aws:iam::444455556666:role/glass/prod-db-emergency";
const DENIED_ROLE: &str = "<Code>AccessDenied</Code><Message>User: arn:aws:iam::111122223333:user/alice is not \
                           authorized to perform: sts:AssumeRole on resource: \
                           arn:aws:iam::444455556666:role/glass/prod-db-emergency</Message>";

struct World {
    sandbox: Arc<Sandbox>,
    now: Arc<AtomicI64>,
}

struct Keys {
    id: String,
    secret: String,
    token: Option<String>,
}

fn world() -> World {
    let now = Arc::new(AtomicI64::new(1_770_000_000));
    let seconds = Arc::clone(&now);
    let clock: Clock = Arc::new(move || Timestamp::from_seconds(seconds.load(Ordering::SeqCst)));
    World { sandbox: Sandbox::new(clock).expect("random bytes"), now }
}

impl World {
    fn keys(&self, account: &str, user: &str) -> Keys {
        let key = self.sandbox.access_key(account, user).expect("a key");
        Keys { id: key.id, secret: key.secret.expose().to_owned(), token: None }
    }

    fn alice(&self) -> Keys {
        self.keys(PEOPLE, "alice")
    }

    fn code(&self) -> String {
        self.sandbox.code(ALICES_DEVICE).expect("a device")
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn call(&self, keys: &Keys, service: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let version = if service == "iam" { iam::VERSION } else { sts::VERSION };
        let version = [("Version", version)];
        let form = parameters.iter().chain(&version).map(|(name, value)| {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{name}={value}")
        });
        let form = form.collect::<Vec<_>>().join("&");
        let now = (self.sandbox.clock)();
        let request = sigv4::tests::sign(&keys.id, &keys.secret, keys.token.as_deref(), service, &form, now);
        let answer = self.sandbox.answer(&request);
        (answer.status, answer.body)
    }

    /// `AssumeRole` as Alice does it, with some parameters replaced, added, or (`""`) left out.
    fn assume(&self, keys: &Keys, changes: &[(&str, &str)]) -> (u16, String) {
        let code = self.code();
        let mut parameters = vec![
            ("Action", "AssumeRole"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "alice-0123456z"),
            ("DurationSeconds", "900"),
            ("SourceIdentity", "alice"),
            ("SerialNumber", ALICES_DEVICE),
            ("TokenCode", &code),
        ];
        parameters.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.call(keys, "sts", &parameters)
    }
}

fn text<'a>(document: &'a str, element: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("<{element}>")).unwrap_or_else(|| panic!("no {element}: {document}"));
    rest.split_once("</").expect("an end").0
}

fn session(document: &str) -> Keys {
    Keys {
        id: text(document, "AccessKeyId").to_owned(),
        secret: text(document, "SecretAccessKey").to_owned(),
        token: Some(text(document, "SessionToken").to_owned()),
    }
}

#[test]
fn alice_breaks_the_glass_and_it_closes_by_itself() {
    let world = world();
    let (status, document) = world.assume(&world.alice(), &[]);
    assert_eq!(status, 200, "{document}");
    assert_eq!(text(&document, "SourceIdentity"), "alice");
    assert_eq!(text(&document, "Expiration"), Timestamp::from_seconds(1_770_000_900).to_seconds_text());
    let (role_id, name) = text(&document, "AssumedRoleId").split_once(':').expect("two parts");
    assert!(role_id.starts_with("AROA") && name == "alice-0123456z");
    let elevated = session(&document);
    assert!(elevated.id.starts_with("ASIA"));

    let who = [("Action", "GetCallerIdentity")];
    let (status, document) = world.call(&elevated, "sts", &who);
    assert_eq!(status, 200);
    assert_eq!(text(&document, "Arn"), "arn:aws:sts::444455556666:assumed-role/prod-db-emergency/alice-0123456z");
    world.pass(900);
    let (status, document) = world.call(&elevated, "sts", &who);
    assert_eq!((status, text(&document, "Code")), (403, "ExpiredToken"));
}

#[test]
fn a_code_opens_once_and_its_three_refusals_differ() {
    let world = world();
    let alice = world.alice();
    assert_eq!(world.assume(&alice, &[]).0, 200);
    let (status, document) = world.assume(&alice, &[]);
    assert_eq!(status, 403);
    assert!(document.contains("<Message>MultiFactorAuthentication failed with invalid MFA one time pass code. </"));
    world.pass(30);
    assert_eq!(world.assume(&alice, &[]).0, 200);
    let foreign = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                   number is valid and associated with this user.";
    for serial in ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:mfa/bob"] {
        assert_eq!(text(&world.assume(&alice, &[("SerialNumber", serial)]).1, "Message"), foreign);
    }
    let bob = world.keys(PEOPLE, "bob");
    assert_eq!(text(&world.assume(&bob, &[]).1, "Message"), foreign);
    let (status, document) = world.assume(&alice, &[("SerialNumber", ""), ("TokenCode", "")]);
    assert_eq!(status, 403);
    assert!(document.contains(DENIED_ROLE), "{document}");
    let half = world.assume(&alice, &[("TokenCode", "")]).1;
    assert!(text(&half, "Message").contains("must provide both"), "{half}");
}

#[test]
fn the_trust_policy_has_the_last_word() {
    let world = world();
    let alice = world.alice();
    for change in [("SourceIdentity", "bob"), ("SourceIdentity", ""), ("RoleArn", &format!("{ROLE}x"))] {
        world.pass(30);
        let (status, document) = world.assume(&alice, &[change]);
        assert_eq!((status, text(&document, "Code")), (403, "AccessDenied"), "{change:?}");
    }
    let administrator = world.keys(PRODUCTION, "administrator");
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}"#;
    let update = [("Action", "UpdateAssumeRolePolicy"), ("RoleName", "prod-db-emergency"), ("PolicyDocument", trust)];
    assert_eq!(world.call(&alice, "iam", &update).0, 403);
    assert_eq!(world.call(&administrator, "iam", &update).0, 200);
    world.pass(30);
    let message = |changes: &[(&str, &str)]| {
        world.pass(30);
        text(&world.assume(&alice, changes).1, "Message").to_owned()
    };
    assert!(message(&[]).contains("is not authorized to perform: sts:SetSourceIdentity on"));
    let tag = [("SourceIdentity", ""), ("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "orders")];
    assert!(message(&tag).contains("is not authorized to perform: sts:TagSession on"));
}

#[test]
fn every_limit_of_assume_role_is_kept() {
    let world = world();
    let alice = world.alice();
    let long = "x".repeat(65);
    let policy = format!("{{\"Statement\":[{}]}}", " ".repeat(2040));
    let statement = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    for (change, code) in [
        (("DurationSeconds", "899"), "ValidationError"),
        (("DurationSeconds", "43201"), "ValidationError"),
        (("DurationSeconds", "3601"), "ValidationError"),
        (("DurationSeconds", "soon"), "ValidationError"),
        (("RoleSessionName", "a"), "ValidationError"),
        (("RoleSessionName", long.as_str()), "ValidationError"),
        (("RoleSessionName", "a b"), "ValidationError"),
        (("RoleSessionName", ""), "ValidationError"),
        (("RoleArn", "arn:aws:iam::444455556666:role/*"), "ValidationError"),
        (("SourceIdentity", "a"), "ValidationError"),
        (("ExternalId", "a b"), "ValidationError"),
        (("TokenCode", "12345"), "ValidationError"),
        (("TokenCode", "12345x"), "ValidationError"),
        (("Policy", policy.as_str()), "ValidationError"),
        (("Policy", "{"), "MalformedPolicyDocument"),
        (("Policy", "{}"), "MalformedPolicyDocument"),
        (("Tags.member.1.Key", "Team"), "ValidationError"),
        (("TransitiveTagKeys.member.1", "Team"), "InvalidParameterValue"),
        (("PolicyArns.member.1.arn", "everything"), "ValidationError"),
    ] {
        world.pass(30);
        let (status, document) = world.assume(&alice, &[change]);
        assert_eq!((status, text(&document, "Code")), (400, code), "{change:?} {document}");
    }
    let arns: Vec<String> = (1..=11).map(|place| format!("PolicyArns.member.{place}.arn")).collect();
    let arns: Vec<(&str, &str)> = arns.iter().map(|name| (name.as_str(), "arn:aws:iam::aws:policy/X")).collect();
    world.pass(30);
    assert_eq!(text(&world.assume(&alice, &arns).1, "Code"), "ValidationError");
    world.pass(30);
    let (status, document) = world.assume(&alice, &[&arns[..10], &[("Policy", statement)]].concat());
    assert_eq!((status, text(&document, "PackedPolicySize")), (200, "8"), "{document}");
}

#[test]
fn a_role_session_chains_for_an_hour_and_drags_its_name_along() {
    let world = world();
    let administrator = world.keys(PRODUCTION, "administrator");
    let document = r#"{"Statement":{"Effect":"Allow","Action":"sts:*",
        "Principal":{"AWS":"arn:aws:iam::444455556666:role/glass/prod-db-emergency"},
        "Condition":{"StringEquals":{"aws:RequestTag/Team":"orders"}}}}"#;
    let create = [
        ("Action", "CreateRole"),
        ("RoleName", "next"),
        ("AssumeRolePolicyDocument", document),
        ("MaxSessionDuration", "7200"),
    ];
    assert_eq!(world.call(&administrator, "iam", &create).0, 200);
    let tags =
        [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "orders"), ("TransitiveTagKeys.member.1", "Team")];
    let elevated = session(&world.assume(&world.alice(), &tags).1);
    let next = |changes: &[(&str, &str)]| {
        let base = [("RoleArn", "arn:aws:iam::444455556666:role/next"), ("SerialNumber", ""), ("TokenCode", "")];
        let kept = |(name, _): &&(&str, &str)| !changes.iter().any(|(changed, _)| changed == name);
        let base: Vec<_> = base.iter().filter(kept).chain(changes).copied().collect();
        world.assume(&elevated, &base)
    };
    let (status, document) = next(&[("SourceIdentity", "")]);
    assert_eq!((status, text(&document, "SourceIdentity")), (200, "alice"), "{document}");
    assert!(text(&next(&[("SourceIdentity", "bob")]).1, "Message").contains("sts:SetSourceIdentity"));
    assert!(text(&next(&[("DurationSeconds", "3601")]).1, "Message").contains("role chaining"));
    let conflict = next(&[("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "billing")]).1;
    assert_eq!(text(&conflict, "Code"), "InvalidParameterValue");
    world.pass(30);
    let code = world.code();
    let with_code = next(&[("SerialNumber", ALICES_DEVICE), ("TokenCode", &code)]).1;
    assert!(text(&with_code, "Message").contains("unable to validate MFA code"), "{with_code}");
    assert_eq!(world.call(&elevated, "sts", &[("Action", "GetSessionToken")]).0, 403);
}

#[test]
fn a_session_token_carries_the_code_that_was_given_for_it() {
    let world = world();
    let code = world.code();
    let get = [("Action", "GetSessionToken"), ("SerialNumber", ALICES_DEVICE), ("TokenCode", &code)];
    let (status, document) = world.call(&world.alice(), "sts", &get);
    assert_eq!(status, 200, "{document}");
    let token = session(&document);
    let without = [("SerialNumber", ""), ("TokenCode", "")];
    assert_eq!(world.assume(&token, &without).0, 200);
    world.pass(60);
    assert!(world.assume(&token, &without).1.contains(DENIED_ROLE), "the code is too old by now");
    assert!(text(&world.call(&token, "sts", &get).1, "Message").contains("Cannot call GetSessionToken"));
}

#[test]
fn a_key_that_does_not_fit_is_refused() {
    let world = world();
    let who = [("Action", "GetCallerIdentity")];
    let elevated = session(&world.assume(&world.alice(), &[]).1);
    let wrong = [
        (Keys { id: "AKIAIOSFODNN7EXAMPLE".into(), ..world.alice() }, "InvalidClientTokenId"),
        (Keys { secret: "wrong".into(), ..world.alice() }, "SignatureDoesNotMatch"),
        (Keys { token: elevated.token.clone(), ..world.alice() }, "InvalidClientTokenId"),
        (Keys { id: elevated.id.clone(), secret: elevated.secret.clone(), token: None }, "InvalidClientTokenId"),
        (Keys { id: elevated.id.clone(), secret: elevated.secret, token: Some("x".into()) }, "InvalidClientTokenId"),
    ];
    for (keys, code) in wrong {
        let (status, document) = world.call(&keys, "sts", &who);
        assert_eq!((status, text(&document, "Code")), (403, code));
    }
    let (status, document) = world.call(&world.alice(), "sts", &[("Action", "GetFederationToken")]);
    assert_eq!(
        (status, text(&document, "Message")),
        (400, "Could not find operation GetFederationToken for version 2011-06-15")
    );
}

#[test]
fn an_administrator_sets_up_a_person_from_nothing() {
    let world = world();
    let administrator = world.keys(PEOPLE, "administrator");
    let done = |parameters: &[(&str, &str)]| {
        let (status, document) = world.call(&administrator, "iam", parameters);
        assert_eq!(status, 200, "{document}");
        document
    };
    let code = |parameters: &[(&str, &str)]| {
        let (status, document) = world.call(&administrator, "iam", parameters);
        (status, text(&document, "Code").to_owned())
    };
    let user = ("UserName", "carol");
    done(&[("Action", "CreateUser"), user]);
    assert_eq!(code(&[("Action", "CreateUser"), user]), (409, "EntityAlreadyExists".into()));
    let carol = done(&[("Action", "CreateAccessKey"), user]);
    let carol =
        Keys { token: None, id: text(&carol, "AccessKeyId").into(), secret: text(&carol, "SecretAccessKey").into() };
    assert!(text(&world.call(&carol, "iam", &[("Action", "GetUser")]).1, "Arn").ends_with(":user/carol"));
    assert_eq!(world.call(&carol, "iam", &[("Action", "CreateUser"), ("UserName", "dave")]).0, 403);

    let device = done(&[("Action", "CreateVirtualMFADevice"), ("VirtualMFADeviceName", "carol")]);
    let serial = text(&device, "SerialNumber");
    let listed = || world.call(&carol, "iam", &[("Action", "ListMFADevices")]).1;
    assert!(!listed().contains(serial));
    let first = world.sandbox.code(serial).expect("a device");
    world.pass(30);
    let second = world.sandbox.code(serial).expect("a device");
    let enable = |first: &str, second: &str| {
        let codes = [("AuthenticationCode1", first), ("AuthenticationCode2", second), ("SerialNumber", serial)];
        world.call(&administrator, "iam", &[&codes[..], &[("Action", "EnableMFADevice"), user]].concat()).0
    };
    assert_eq!(enable(&second, &first), 403);
    assert_eq!(enable(&first, &second), 200);
    assert_eq!(enable(&first, &second), 409);
    assert!(listed().contains(serial));

    let key = ("AccessKeyId", carol.id.as_str());
    assert_eq!(code(&[("Action", "DeleteUser"), user]), (409, "DeleteConflict".into()));
    done(&[("Action", "DeleteAccessKey"), user, key]);
    assert_eq!(world.call(&carol, "iam", &[("Action", "GetUser")]).0, 403);
    assert_eq!(code(&[("Action", "DeleteUser"), user]), (409, "DeleteConflict".into()));
    assert_eq!(code(&[("Action", "DeleteVirtualMFADevice"), ("SerialNumber", serial)]).0, 409);
    done(&[("Action", "DeactivateMFADevice"), user, ("SerialNumber", serial)]);
    done(&[("Action", "DeleteVirtualMFADevice"), ("SerialNumber", serial)]);
    done(&[("Action", "DeleteUser"), user]);
    assert_eq!(code(&[("Action", "GetUser"), user]), (404, "NoSuchEntity".into()));
}

#[test]
fn roles_can_be_read_by_their_account_and_changed_by_its_administrator() {
    let world = world();
    let administrator = world.keys(PRODUCTION, "administrator");
    let call = |parameters: &[(&str, &str)]| world.call(&administrator, "iam", parameters);
    let role = ("RoleName", "prod-db-emergency");
    let (_, document) = call(&[("Action", "GetRole"), role]);
    assert_eq!(text(&document, "Arn"), ROLE);
    assert!(text(&document, "AssumeRolePolicyDocument").starts_with("%7B"));
    let (_, document) = call(&[("Action", "ListRoles"), ("PathPrefix", "/glass/")]);
    assert_eq!(document.matches("<RoleName>").count(), 3);
    let policy = [("PolicyName", "revoked"), role];
    let deny = ("PolicyDocument", r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#);
    assert_eq!(call(&[&policy[..], &[("Action", "PutRolePolicy"), deny]].concat()).0, 200);
    assert_eq!(call(&[("Action", "DeleteRole"), role]).0, 409);
    assert_eq!(call(&[&policy[..], &[("Action", "DeleteRolePolicy")]].concat()).0, 200);
    assert_eq!(call(&[&policy[..], &[("Action", "DeleteRolePolicy")]].concat()).0, 404);
    assert_eq!(call(&[("Action", "DeleteRole"), role]).0, 200);
    assert_eq!(call(&[("Action", "GetRole"), role]).0, 404);
}

#[test]
fn only_loopback_is_served() {
    let address = "192.0.2.1:0".parse().expect("an address");
    assert!(matches!(world().sandbox.start(address), Err(StartError::NotLoopback(_))));
}

#[test]
fn the_real_sdk_is_served_over_http() {
    let sandbox = Sandbox::new(system_clock()).expect("random bytes");
    let running = sandbox.start("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let key = sandbox.access_key(PEOPLE, "alice").expect("a key");
    let shared = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .endpoint_url(running.endpoint())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            aws_credential_types::Credentials::new(key.id, key.secret.expose(), None, None, "practice"),
        ))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let iam = aws_sdk_iam::Client::new(&shared);
        let devices = iam.list_mfa_devices().send().await.expect("devices");
        assert_eq!(devices.mfa_devices()[0].serial_number(), ALICES_DEVICE);
        let sts = aws_sdk_sts::Client::new(&shared);
        let assume = || {
            sts.assume_role()
                .role_arn(ROLE)
                .role_session_name("alice-0123456z")
                .source_identity("alice")
                .serial_number(ALICES_DEVICE)
                .token_code(sandbox.code(ALICES_DEVICE).expect("a device"))
        };
        let assumed = assume().send().await.expect("a session");
        assert!(assumed.credentials().expect("credentials").access_key_id().starts_with("ASIA"));
        let again = assume().serial_number("arn:aws:iam::111122223333:mfa/bob").send().await.expect_err("foreign");
        let again = again.into_service_error();
        assert_eq!(again.meta().code(), Some("AccessDenied"));
    });
}

#[test]
fn the_back_door_tells_codes_and_keys_to_whoever_may_open_it() {
    let sandbox = Sandbox::new(system_clock()).expect("random bytes");
    let running = sandbox.start("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let folder = folder::Folder::create(running.endpoint(), std::path::Path::new("/bin/true")).expect("a folder");
    let socket = folder::socket(folder.path());
    assert!(control::ask_code(&socket, ALICES_DEVICE).is_err());
    running.open_control(&socket).expect("a socket");

    let code = control::ask_code(&socket, ALICES_DEVICE).expect("a code");
    assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    let key = control::ask_credentials(&socket, PEOPLE, "alice").expect("a key");
    let key: serde_json::Value = serde_json::from_str(&key).expect("JSON");
    assert_eq!(key["Version"], 1);
    let own = sandbox.access_key(PEOPLE, "alice").expect("a key");
    assert_eq!(
        (key["AccessKeyId"].as_str(), key["SecretAccessKey"].as_str()),
        (Some(&*own.id), Some(own.secret.expose()))
    );
    for stranger in ["mallory", "", "alice\ncode"] {
        assert!(control::ask_credentials(&socket, PEOPLE, stranger).is_err(), "{stranger}");
    }
    drop(folder);
    assert!(control::ask_code(&socket, ALICES_DEVICE).is_err());
}

#[test]
fn what_was_called_can_be_looked_up_afterwards() {
    let world = world();
    world.assume(&world.alice(), &[("TokenCode", "")]);
    world.call(&world.alice(), "sts", &[("Action", "GetCallerIdentity")]);
    let trail: Vec<_> = world.sandbox.trail().into_iter().map(|seen| (seen.operation, seen.refused)).collect();
    assert_eq!(trail, [("AssumeRole".to_owned(), Some(Code::AccessDenied)), ("GetCallerIdentity".to_owned(), None)]);
}

#[test]
fn what_is_too_long_or_no_http_is_turned_away() {
    use std::io::{Read, Write};
    let running = world().sandbox.start("[::1]:0".parse().expect("an address")).expect("a free port");
    let send = |bytes: &[u8]| {
        let address = running.endpoint().strip_prefix("http://").expect("an endpoint");
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a limit");
        let mut answer = Vec::new();
        // It may stop listening before all is said; what it answered counts.
        let _ = stream.write_all(bytes);
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let unsigned = send(format!("{head}content-length: 0\r\n\r\n").as_bytes());
    assert!(
        unsigned.starts_with("HTTP/1.1 403") && unsigned.contains("date: Mon, 02 Feb 2026 02:40:00 GMT"),
        "{unsigned}"
    );
    assert!(unsigned.contains("<Code>MissingAuthenticationToken</Code>"), "{unsigned}");
    let long = send(format!("{head}content-length: 70000\r\n\r\n{}", "x".repeat(70_000)).as_bytes());
    assert!(long.starts_with("HTTP/1.1 413"), "{long}");
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n11170\r\n{}\r\n0\r\n\r\n", "x".repeat(70_000));
    assert!(send(chunked.as_bytes()).starts_with("HTTP/1.1 413"));
    // The connection is cut while the rest is still being said, which may take the answer with it.
    assert!(!send(format!("{head}x: {}\r\n\r\n", "x".repeat(100_000)).as_bytes()).contains("<Code>"));
    assert!(send(b"\x16\x03\x01\x00\x00 hello\r\n\r\n").starts_with("HTTP/1.1 400"));
}
