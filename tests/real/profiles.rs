//! The kinds of AWS CLI profile that can be a daily source, and those that cannot.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{BREAK_GLASS, set_up};
use crate::support::Home;

/// Answers as the portal of IAM Identity Center, and as an STS that knows one caller.
struct Portal {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Portal {
    fn start() -> Portal {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming() {
                serve(client.unwrap(), &kept);
            }
        });
        Portal { endpoint, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, requests: &Mutex<Vec<String>>) {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    while !request.starts_with("GET ") && !request.contains("Action=") || !request.contains("\r\n\r\n") {
        match client.read(&mut buffer) {
            Ok(count) if count > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..count])),
            Ok(_) | Err(_) => return,
        }
    }
    let answer = if request.starts_with("GET /federation/credentials") {
        r#"{"roleCredentials":{"accessKeyId":"ASIAPORTAL","secretAccessKey":"s","sessionToken":"t","expiration":4102444800000}}"#
    } else {
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Daily_0123456789abcdef/alice</Arn>\
         <UserId>AROAEXAMPLE:alice</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
         </GetCallerIdentityResponse>"
    };
    requests.lock().unwrap().push(request);
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", answer.len());
    client.write_all(format!("{head}{answer}").as_bytes()).unwrap();
}

const SSO: &str = "[profile daily]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Daily\n\
    [sso-session acme]\nsso_region = eu-west-1\nsso_start_url = https://acme.awsapps.com/start\n";

/// The file of a sign-in: the SHA-1 of the session's name.
const SSO_TOKEN: &str = ".aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json";

#[test]
fn a_session_of_identity_center_is_a_source_that_sends_no_codes() {
    let home = Home::new();
    let portal = Portal::start();
    set_up(&home, &portal.endpoint, None, "daily");
    home.write(".aws/config", SSO);
    home.write(SSO_TOKEN, r#"{"accessToken":"portal-token","expiresAt":"2099-01-01T00:00:00Z"}"#);
    let outcome = home.glass(&["whoami"]).exits(0);
    assert!(outcome.stdout.contains("source   profile daily (sso)"), "{}", outcome.stdout);
    let requests = portal.requests();
    assert!(requests[0].starts_with("GET /federation/credentials?role_name=Daily&account_id=123456789012 "));
    assert!(requests[0].contains("x-amz-sso_bearer_token: portal-token"), "{}", requests[0]);
    assert!(requests[1].contains("Credential=ASIAPORTAL/"), "{}", requests[1]);

    let refused = home.glass(&[&BREAK_GLASS[..], &["--", "true"]].concat()).exits(3);
    assert!(refused.stderr.contains("mfa = \"source\""), "{}", refused.stderr);
}

#[test]
fn a_sign_in_that_is_over_says_how_to_sign_in_again() {
    let home = Home::new();
    let portal = Portal::start();
    set_up(&home, &portal.endpoint, None, "daily");
    home.write(".aws/config", SSO);
    let absent = home.glass(&["whoami"]).exits(1);
    assert!(absent.stderr.contains("aws sso login"), "{}", absent.stderr);
    home.write(SSO_TOKEN, r#"{"accessToken":"portal-token","expiresAt":"2020-01-01T00:00:00Z"}"#);
    let over = home.glass(&["whoami"]).exits(1);
    assert!(over.stderr.contains("expired") && !over.stderr.contains("portal-token"), "{}", over.stderr);
    assert!(portal.requests().is_empty());
}

/// A throw-away key as `aws login` keeps one for its requests.
const LOGIN_KEY: &str = "-----BEGIN EC PRIVATE KEY-----\\n\
    MHcCAQEEIDuzObhmnYAzKjNstCM91YK8inDB4kWw3cT8vFHbxaJpoAoGCCqGSM49\\n\
    AwEHoUQDQgAEgjg4pyIfWU5zcFMbetD+KESN7O8NtRy78wu2Q9JBRbuaeJrvuKxk\\n\
    d/QGqvzdGiFTgiJO84W05eZKyCp/it+DBg==\\n-----END EC PRIVATE KEY-----\\n";

#[test]
fn a_session_of_aws_login_is_a_source() {
    let home = Home::new();
    let portal = Portal::start();
    set_up(&home, &portal.endpoint, None, "daily");
    home.write(".aws/config", "[profile daily]\nlogin_session = arn:aws:iam::123456789012:user/alice\n");
    let token = format!(
        r#"{{"accessToken":{{"accessKeyId":"ASIALOGIN","secretAccessKey":"s","sessionToken":"t","accountId":"123456789012","expiresAt":"2099-01-01T00:00:00Z"}},"tokenType":"aws_sigv4","refreshToken":"r","idToken":"i","clientId":"arn:aws:signin:::devtools/same-device","dpopKey":"{LOGIN_KEY}"}}"#
    );
    // The SHA-256 of the session's ARN.
    home.write(".aws/login/cache/b7d71d383b9557a9bad4c3346c50365819226484c6824a0fdef66637be339db0.json", &token);
    let outcome = home.glass(&["whoami"]).exits(0);
    assert!(outcome.stdout.contains("source   profile daily (login)"), "{}", outcome.stdout);
    assert!(portal.requests()[0].contains("Credential=ASIALOGIN/"), "{:?}", portal.requests());
}

#[test]
fn a_profile_that_will_not_do_says_what_will() {
    let home = Home::new();
    set_up(&home, "http://127.0.0.1:9", None, "daily");
    for (config, code, fact, hint) in [
        ("", 2, "there is no AWS CLI profile `daily`", "name a profile"),
        (
            "[profile daily]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n",
            3,
            "holds a long-lived key in a plain file",
            "glass enrol",
        ),
        (
            "[profile daily]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = other\n\
             mfa_serial = arn:aws:iam::123456789012:mfa/alice\n[profile other]\ncredential_process = true\n",
            3,
            "has an mfa_serial",
            "take mfa_serial out",
        ),
        ("[profile daily]\ncredential_process = echo locked >&2; exit 3\n", 1, "locked", "sign in"),
        ("[profile daily]\nregion = eu-west-1\n", 1, "gives no credentials", "sign in"),
    ] {
        home.write(".aws/config", config);
        let outcome = home.glass(&["whoami"]).exits(code);
        assert!(outcome.stderr.contains(fact) && outcome.stderr.contains(hint), "{config}{}", outcome.stderr);
        assert!(!outcome.stderr.contains("wJalr"), "{}", outcome.stderr);
    }
}
