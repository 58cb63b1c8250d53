//! `glass enrol` with the kernel's keyring, the practice AWS, real files and a real terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use glass::host::clock::HostClock;
use glass::model::secret::Secret;
use glass::model::time::Timestamp;
use glass::model::totp::Seed;
use glass::world::machine::Clock;

use crate::support::{Home, Outcome, Pty, Sandbox, python, tool};

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

/// Alice's key in the practice AWS: id and secret.
struct Key {
    id: String,
    secret: String,
}

/// A home in the practice AWS, with files of its own, and a key that AWS knows. The kernel's
/// keyring is one for all tests, so each has a person of its own.
pub struct Desk {
    pub home: Home,
    pub person: String,
    key: Key,
    _sandbox: Sandbox,
}

const CREDENTIALS: &str = "# daily\n[default]\nregion=eu-west-1\n\n[daily]\n";

impl Desk {
    pub fn new(person: &str) -> Desk {
        let mut home = Home::new();
        let sandbox = Sandbox::start(&mut home);
        let folder = home.variable("GLASS_SANDBOX");
        let credentials = home.glass(&["sandbox", "credentials", &folder, "111122223333", "alice"]).exits(0).json();
        let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
        let key = Key { id: text("AccessKeyId"), secret: text("SecretAccessKey") };
        let person = format!("{person}-{}", std::process::id());
        let catalogue = fs::read_to_string(&sandbox.catalogue).unwrap();
        for name in ["orders-db.json", "prod-db.md"] {
            let beside = std::path::Path::new(&sandbox.catalogue).with_file_name(name);
            home.write(&format!("mine/{name}"), &fs::read_to_string(beside).unwrap());
        }
        let catalogue = catalogue
            .replace("[people.alice]", &format!("[people.{person}]"))
            .replace("mfa = \"arn:aws:iam::111122223333:mfa/alice\"\n", "");
        home.set("GLASS_CATALOGUE", home.write("mine/profiles.toml", &catalogue).display());
        home.set("GLASS_IDENTITY", home.path("mine/identity.toml").display());
        home.set("AWS_CONFIG_FILE", home.path(".aws/config").display());
        home.set("AWS_SHARED_CREDENTIALS_FILE", home.path(".aws/credentials").display());
        home.write(".aws/config", "");
        let desk = Desk { home, person, key, _sandbox: sandbox };
        desk.home.write(".aws/credentials", &desk.with_key(CREDENTIALS));
        desk
    }

    fn with_key(&self, text: &str) -> String {
        let Key { id, secret } = &self.key;
        format!("{text}aws_access_key_id = {id}\naws_secret_access_key = {secret}\n# tail\n")
    }

    /// `glass enrol` without a terminal, for this person.
    fn enrol(&self, args: &[&str]) -> Outcome {
        self.home.glass(&[&["enrol", "--person", &self.person, "--store", "keyutils"], args].concat())
    }

    /// `glass enrol` on a terminal.
    fn ask(&self, args: &[&str]) -> Pty {
        self.home.terminal(GLASS, &[&["enrol", "--store", "keyutils"], args].concat())
    }

    pub fn whoami(&self) -> Outcome {
        self.home.glass(&["whoami"])
    }

    /// What the kernel keeps of this person.
    fn kept(&self) -> Vec<String> {
        let keys = fs::read_to_string("/proc/keys").unwrap();
        // The flag `i` marks what has been taken out and waits to be swept.
        let alive = |line: &&str| !line.split_whitespace().nth(1).unwrap().ends_with('i');
        let name = |line: &str| line.split_once("glass:").map(|(_, rest)| rest.split(": ").next().unwrap().to_owned());
        keys.lines().filter(alive).filter_map(name).filter(|name| name.ends_with(&self.person)).collect()
    }

    pub fn identity(&self) -> String {
        self.home.read("mine/identity.toml")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.enrol(&["--remove", "--yes"]);
    }
}

#[test]
fn a_key_moves_from_the_plain_file_into_the_keyring() {
    let desk = Desk::new("mover");
    desk.enrol(&["--from-profile", "daily", "--yes"]).exits(0);
    assert_eq!(
        desk.identity(),
        format!(
            "version = 1\nperson = \"{}\"\nsource = {{ keyring = \"keyutils\" }}\n\
             mfa = [\"arn:aws:iam::111122223333:mfa/alice\"]\ncode = {{ ask = true }}\n",
            desk.person
        )
    );
    let mode = fs::metadata(desk.home.path("mine/identity.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(desk.home.read(".aws/credentials"), format!("{CREDENTIALS}# tail\n"));
    assert_eq!(fs::read_dir(desk.home.path(".aws")).unwrap().count(), 2, "no copy is left behind");
    let out = desk.whoami().exits(0);
    assert!(out.stdout.contains(":user/alice"), "{}", out.stdout);

    desk.enrol(&["--remove", "--yes"]).exits(0);
    assert!(desk.kept().is_empty(), "{:?}", desk.kept());
    let gone = desk.whoami().exits(1);
    assert!(gone.stderr.contains("no entry") && gone.stderr.contains("glass enrol"), "{}", gone.stderr);
}

#[test]
fn without_a_yes_the_key_stays_where_it_is_and_glass_says_so() {
    let desk = Desk::new("keeper");
    let out = desk.enrol(&["--from-profile", "daily"]).exits(0);
    assert!(out.stderr.contains("still has this key (line 6)"), "{}", out.stderr);
    assert_eq!(desk.home.read(".aws/credentials"), desk.with_key(CREDENTIALS));
    assert!(!(out.stderr.clone() + &out.stdout).contains(&desk.key.secret), "{}", out.stderr);
}

#[test]
fn a_person_types_a_key_and_a_seed_and_none_of_it_is_shown() {
    let desk = Desk::new("typist");
    let mut pty = desk.ask(&["--totp"]);
    pty.expect("Person (");
    pty.send(&format!("{}\r", desk.person));
    pty.expect("Access key id: ");
    pty.send(&format!("{}\r", desk.key.id));
    pty.expect("Secret access key: ");
    pty.send(&format!("{}\r", desk.key.secret));
    pty.expect("second factor lies beside the first");
    pty.expect("Seed of the MFA device");
    pty.send("not a seed\r");
    pty.expect("base32");
    pty.expect("Seed of the MFA device");
    pty.send("gezd gnbv gy3t qojq gezd gnbv gy3t qojq\r");
    let (code, shown) = pty.wait();
    assert_eq!(code, 0, "{shown}");
    let told = shown + &desk.home.glass(&["audit", "show", "--json"]).exits(0).stdout;
    assert!(!told.contains(&desk.key.secret) && !told.to_lowercase().contains("gezd"), "{told}");
    assert!(desk.identity().contains("code = { keyring = \"keyutils\" }"), "{}", desk.identity());
    let mut kept = desk.kept();
    kept.sort();
    assert_eq!(kept, [format!("access-key/{}", desk.person), format!("totp-seed/{}", desk.person)]);
    desk.whoami().exits(0);
}

#[test]
fn the_code_comes_from_the_seed_in_the_keyring_and_the_ledger_says_so() {
    let desk = Desk::new("seeded");
    let folder = desk.home.variable("GLASS_SANDBOX");
    desk.home.write(".aws/config", &fs::read_to_string(format!("{folder}/aws-config")).unwrap());
    let aws = |args: &[&str]| {
        let people = ["--profile", "practice-people", "iam"];
        Outcome::of(desk.home.command(python("aws")).args(people).args(args), "")
    };
    let out = desk.home.path("seed").display().to_string();
    let device = ["create-virtual-mfa-device", "--virtual-mfa-device-name", "second", "--outfile", &out];
    aws(&[&device[..], &["--bootstrap-method", "Base32StringSeed"]].concat()).exits(0);
    let seed = Seed::parse(&Secret::new(desk.home.read("seed"))).unwrap();
    let serial = "arn:aws:iam::111122223333:mfa/second";
    // The last two codes, so that the present one is not used up; they are too old if a half minute ends meanwhile.
    let enabled = (0..3).any(|_| {
        let now = HostClock.now().seconds();
        let [first, second] = [now - 60, now - 30].map(|at| seed.code_at(Timestamp::from_seconds(at)));
        let codes = ["--authentication-code1", first.expose(), "--authentication-code2", second.expose()];
        aws(&[&["enable-mfa-device", "--user-name", "alice", "--serial-number", serial][..], &codes].concat()).code == 0
    });
    assert!(enabled);

    let mut pty = desk.ask(&["--person", &desk.person, "--from-profile", "daily", "--yes", "--totp", "--mfa", serial]);
    pty.expect("Seed of the MFA device");
    pty.send(&format!("{}\r", desk.home.read("seed").trim()));
    let (code, shown) = pty.wait();
    assert_eq!(code, 0, "{shown}");
    let reason = ["--incident", "INC-1", "--reason", "the seed is in the keyring"];
    desk.home.glass(&[&["assume", "prod-db-read"][..], &reason, &["--", "true"]].concat()).exits(0);
    let entries = desk.home.glass(&["audit", "show", "--json", "--event", "elevate.intent"]).exits(0).stdout;
    assert!(entries.contains(r#""how":"keyring""#) && entries.contains(serial), "{entries}");
}

#[test]
fn a_seed_that_aws_would_take_no_code_of_is_not_kept() {
    let desk = Desk::new("temporary");
    let folder = desk.home.variable("GLASS_SANDBOX");
    desk.home.write(".aws/config", &fs::read_to_string(format!("{folder}/aws-config")).unwrap());
    let get = ["--profile", "practice-daily", "sts", "get-session-token"];
    let token = Outcome::of(desk.home.command(python("aws")).args(get), "").exits(0).json();
    let text = |name: &str| token["Credentials"][name].as_str().unwrap().to_owned();
    let [id, secret, token] = ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(text);
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\naws_session_token = {token}\n");
    desk.home.write(".aws/credentials", &format!("[session]\n{keys}"));
    let mut pty = desk.ask(&["--person", &desk.person, "--profile", "session", "--totp"]);
    pty.expect("Seed of the MFA device");
    pty.send("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\r");
    let (code, shown) = pty.wait();
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("takes no code") && desk.kept().is_empty(), "{shown}");
}

#[test]
fn whoever_gives_up_at_a_question_leaves_nothing_behind() {
    let desk = Desk::new("quitter");
    let answers = [desk.person.clone(), desk.key.id.clone(), desk.key.secret.clone()];
    let questions = ["Person (", "Access key id: ", "Secret access key: ", "Seed of the MFA device"];
    for (given, end) in (0..questions.len()).flat_map(|given| [(given, "\x03"), (given, "\x04")]) {
        let mut pty = desk.ask(&["--totp"]);
        for (question, answer) in questions.iter().zip(&answers).take(given) {
            pty.expect(question);
            pty.send(&format!("{answer}\r"));
        }
        pty.expect(questions[given]);
        pty.send(end);
        let (code, shown) = pty.wait();
        assert_ne!(code, 0, "{shown}");
        assert!(desk.kept().is_empty() && !desk.home.path("mine/identity.toml").exists(), "{shown}");
    }
}

#[test]
fn an_identity_file_is_not_replaced_without_a_yes_and_keeps_what_was_not_asked() {
    let desk = Desk::new("second");
    let before = format!("version = 1\nperson = \"{}\"\nsigning_key = \"~/.ssh/id\" # mine\n", desk.person);
    desk.home.write("mine/identity.toml", &before);
    let refused = desk.enrol(&["--from-profile", "daily"]).exits(2);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let mut pty = desk.ask(&["--person", &desk.person, "--from-profile", "daily"]);
    pty.expect("Replace it? [y/N]: ");
    pty.send("\r");
    assert_eq!(pty.wait().0, 3);
    assert_eq!(desk.identity(), before);
    let mut pty = desk.ask(&["--person", &desk.person, "--from-profile", "daily"]);
    pty.expect("Replace it? [y/N]: ");
    pty.send("yes\r");
    pty.expect("Remove the key from ");
    pty.expect("[y/N]: ");
    pty.send("y\r");
    let (code, shown) = pty.wait();
    assert_eq!(code, 0, "{shown}");
    assert!(desk.identity().contains("signing_key = \"~/.ssh/id\"\n"), "{}", desk.identity());
    assert_eq!(desk.home.read(".aws/credentials"), format!("{CREDENTIALS}# tail\n"));
}

#[test]
fn a_profile_as_source_needs_no_keyring() {
    let desk = Desk::new("sso");
    let folder = desk.home.variable("GLASS_SANDBOX");
    let process = format!("{GLASS} sandbox credentials {folder} 111122223333 alice");
    desk.home.write(".aws/config", &format!("[profile elsewhere]\ncredential_process = {process}\n"));
    desk.home.glass(&["enrol", "--person", &desk.person, "--profile", "elsewhere"]).exits(0);
    assert!(desk.identity().contains("source = { profile = \"elsewhere\" }"), "{}", desk.identity());
    assert!(desk.kept().is_empty());
    desk.whoami().exits(0);
    let plain = desk.home.glass(&["enrol", "--person", &desk.person, "--profile", "daily", "--yes"]).exits(3);
    assert!(plain.stderr.contains("plain file") && plain.stderr.contains("--from-profile"), "{}", plain.stderr);
}

#[test]
fn a_key_that_aws_does_not_take_leaves_the_keyring_as_it_was() {
    let desk = Desk::new("stranger");
    let wrong = desk.with_key(CREDENTIALS).replace(&desk.key.secret, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    desk.home.write(".aws/credentials", &wrong);
    let refused = desk.enrol(&["--from-profile", "daily", "--yes"]).exits(1);
    assert!(refused.stderr.contains("SignatureDoesNotMatch"), "{}", refused.stderr);
    assert!(desk.kept().is_empty() && !desk.home.path("mine/identity.toml").exists());
    assert_eq!(desk.home.read(".aws/credentials"), wrong);

    desk.home.write(".aws/credentials", &desk.with_key(CREDENTIALS));
    let other =
        desk.home.glass(&["enrol", "--person", "bob", "--store", "keyutils", "--from-profile", "daily"]).exits(3);
    assert!(other.stderr.contains(":user/alice") && other.stderr.contains(":user/bob"), "{}", other.stderr);
    // A key that was there before is there again.
    desk.enrol(&["--from-profile", "daily"]).exits(0);
    desk.home.write(".aws/credentials", &wrong);
    desk.enrol(&["--from-profile", "daily", "--yes"]).exits(1);
    desk.whoami().exits(0);
}

#[test]
fn an_identity_file_that_cannot_be_written_leaves_the_keyring_as_it_was() {
    let desk = Desk::new("full");
    let mut command = desk.home.command(tool("strace"));
    let inject = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=rename:error=ENOSPC", GLASS];
    let enrol = ["enrol", "--person", &desk.person, "--store", "keyutils", "--from-profile", "daily", "--yes"];
    let out = Outcome::of(command.args(inject).args(enrol), "").exits(1);
    assert!(out.stderr.contains("cannot write") && out.stderr.contains("No space left"), "{}", out.stderr);
    assert!(desk.kept().is_empty() && !desk.home.path("mine/identity.toml").exists());
    assert_eq!(desk.home.read(".aws/credentials"), desk.with_key(CREDENTIALS));
    assert_eq!(fs::read_dir(desk.home.path("mine")).unwrap().count(), 3, "no copy is left behind");
}

#[test]
fn without_a_terminal_all_that_is_missing_is_named_at_once() {
    let desk = Desk::new("nobody");
    let out = desk.home.glass(&["enrol", "--totp"]).exits(2);
    for flag in ["--person", "--profile", "--from-profile", "--totp"] {
        assert!(out.stderr.contains(flag), "{}", out.stderr);
    }
    let unknown = desk.home.glass(&["enrol", "--person", "mallory", "--profile", "x"]).exits(2);
    assert!(unknown.stderr.contains("mallory"), "{}", unknown.stderr);
}

#[test]
fn profiles_without_a_key_of_their_own_say_what_to_do() {
    let desk = Desk::new("without");
    let nothing = desk.enrol(&["--from-profile", "default"]).exits(1);
    assert!(nothing.stderr.contains("no access key of its own"), "{}", nothing.stderr);
    desk.home.write(".aws/credentials", &(desk.with_key(CREDENTIALS) + "aws_session_token = x\n"));
    let temporary = desk.enrol(&["--from-profile", "daily"]).exits(1);
    assert!(temporary.stderr.contains("temporary") && temporary.stderr.contains("--profile"), "{}", temporary.stderr);
    assert!(desk.kept().is_empty());
}
