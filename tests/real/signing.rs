//! SSH signatures between glass and OpenSSH, from key files and from agents, good ones and hostile ones.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use glass::host::signing_key::HostKeys;
use glass::model::catalogue::SshKey;
use glass::model::secret::Secret;
use glass::model::ssh_wire::strings;
use glass::model::sshsig::{self, SignatureError};
use glass::world::machine::{AskError, Terminal};
use glass::world::signing::{AgentError, Keys, SigningError};
use tempfile::TempDir;

use crate::support::{Kind, SoftKey, agent_that, honest, tool};

const PURPOSE: &str = "glass-approval@v1";
const TEXT: &str = "glass-approval-v1\napprove\nbob\n";
const PASSPHRASE: &str = "correct horse";

/// Somebody who types what a test says, and hears what glass says.
#[derive(Default)]
struct Person {
    types: Mutex<Vec<&'static str>>,
    heard: Mutex<Vec<String>>,
}

impl Person {
    fn who_types(words: &[&'static str]) -> Person {
        Person { types: Mutex::new(words.iter().rev().copied().collect()), heard: Mutex::default() }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Terminal for Person {
    fn is_there(&self) -> bool {
        true
    }

    fn size(&self) -> Option<(u16, u16)> {
        None
    }

    fn ask(&self, _: &str) -> Result<String, AskError> {
        Err(AskError::NoTerminal)
    }

    fn ask_secret(&self, question: &str) -> Result<Secret, AskError> {
        self.say(question);
        let typed = self.types.lock().unwrap().pop();
        typed.map(|word| Secret::new(word.to_owned())).ok_or(AskError::NoTerminal)
    }

    fn hear(&self, _: Duration) -> Result<Option<String>, AskError> {
        Err(AskError::NoTerminal)
    }

    fn forget_unread(&self) {}

    fn say(&self, line: &str) {
        self.heard.lock().unwrap().push(line.to_owned());
    }

    fn count_down(&self, _: &str, _: Duration) -> Result<(), AskError> {
        Ok(())
    }
}

/// A folder with keys, and OpenSSH's programs for them.
struct Ssh {
    folder: TempDir,
    agent: RefCell<Option<Child>>,
}

impl Ssh {
    fn new() -> Ssh {
        Ssh { folder: TempDir::new().unwrap(), agent: RefCell::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &str, words: &[&str], input: &str) -> Output {
        let mut command = Command::new(tool(program));
        command.env_clear().env("HOME", self.folder.path()).env("SSH_AUTH_SOCK", self.socket());
        let pipes = command.args(words).current_dir(self.folder.path()).stdin(Stdio::piped());
        let mut child = pipes.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn must(&self, program: &str, words: &[&str], input: &str) -> String {
        let output = self.run(program, words, input);
        assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes a key with a file and returns its public half.
    fn make(&self, name: &str, passphrase: &str, kind: &[&str]) -> SshKey {
        let words = [&["-q", "-f", name, "-N", passphrase, "-a", "1"], kind].concat();
        self.must("ssh-keygen", &words, "");
        self.public(name)
    }

    fn public(&self, name: &str) -> SshKey {
        SshKey::parse(fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim()).unwrap()
    }

    /// Whether `ssh-keygen` takes a signature for one of a key, given as a line.
    fn verifies(&self, key: &str, armoured: &str) -> bool {
        fs::write(self.path("allowed"), format!("bob {key}\n")).unwrap();
        fs::write(self.path("signature"), armoured).unwrap();
        let words = ["-Y", "verify", "-f", "allowed", "-I", "bob", "-n", PURPOSE, "-s", "signature"];
        self.run("ssh-keygen", &words, TEXT).status.success()
    }

    fn socket(&self) -> PathBuf {
        self.path("agent")
    }

    /// Starts OpenSSH's agent and has it take keys.
    fn start_agent(&self, keys: &[&str]) {
        let mut command = Command::new(tool("ssh-agent"));
        let command = command.env_clear().args(["-D", "-a"]).arg(self.socket()).stdout(Stdio::piped());
        let mut agent = command.spawn().unwrap();
        // It listens before it says where.
        let mut line = String::new();
        BufReader::new(agent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        *self.agent.borrow_mut() = Some(agent);
        for key in keys {
            self.must("ssh-add", &["-q", key], "");
        }
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.borrow_mut().take() {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }
}

const KINDS: [(&str, &[&str]); 3] =
    [("ed25519", &["-t", "ed25519"]), ("ecdsa", &["-t", "ecdsa", "-b", "256"]), ("rsa", &["-t", "rsa", "-b", "3072"])];

/// Signs with what a file names, or with what the agent has.
fn sign(keys: &HostKeys<'_>, file: Option<&Path>, accepted: &[SshKey]) -> Result<String, SigningError> {
    keys.find(file, accepted)?.sign(PURPOSE, TEXT.as_bytes())
}

fn line(key: &SshKey) -> String {
    key.public_key().to_openssh().unwrap()
}

#[test]
fn what_glass_signs_with_a_key_file_openssh_takes() {
    let ssh = Ssh::new();
    for (name, kind) in KINDS {
        for (passphrase, typed) in [("", &[][..]), (PASSPHRASE, &["wrong", PASSPHRASE])] {
            let name = format!("{name}-{}", passphrase.len());
            let key = ssh.make(&name, passphrase, kind);
            for file in [ssh.path(&name), ssh.path(&format!("{name}.pub"))] {
                let person = Person::who_types(typed);
                let armoured = sign(&HostKeys::new(None, &person), Some(&file), std::slice::from_ref(&key)).unwrap();
                assert!(ssh.verifies(&line(&key), &armoured), "{name}");
                let question = format!("Passphrase of {}: ", ssh.path(&name).display());
                let expected = [question.clone(), "That is not its passphrase.".to_owned(), question];
                assert_eq!(person.heard(), &expected[..if typed.is_empty() { 0 } else { 3 }]);
            }
        }
    }
}

#[test]
fn what_openssh_signs_by_hand_glass_takes() {
    let ssh = Ssh::new();
    for (name, kind) in KINDS {
        let key = ssh.make(name, "", kind);
        let armoured = ssh.must("ssh-keygen", &["-Y", "sign", "-f", name, "-n", PURPOSE], TEXT);
        sshsig::verify(&armoured, PURPOSE, TEXT.as_bytes(), [&key]).unwrap();
        let other = sshsig::verify(&armoured, PURPOSE, b"another text", [&key]).unwrap_err();
        assert_eq!(other, SignatureError::Bad);
        let older = ssh.must("ssh-keygen", &["-Y", "sign", "-f", name, "-n", PURPOSE, "-O", "hashalg=sha256"], TEXT);
        let older = sshsig::verify(&older, PURPOSE, TEXT.as_bytes(), [&key]).unwrap_err();
        assert_eq!(older, SignatureError::Hash("sha256".to_owned()));
    }
}

#[test]
fn a_key_that_only_the_agent_has_signs() {
    let ssh = Ssh::new();
    let keys = KINDS.map(|(name, kind)| ssh.make(name, "", kind));
    ssh.start_agent(&KINDS.map(|(name, _)| name));
    let person = Person::default();
    let host = HostKeys::new(Some(ssh.socket()), &person);
    for ((name, _), key) in KINDS.iter().zip(&keys) {
        fs::remove_file(ssh.path(name)).unwrap();
        let named = ssh.path(&format!("{name}.pub"));
        for file in [Some(&*named), Some(&*ssh.path(name)), None] {
            let armoured = sign(&host, file, std::slice::from_ref(key)).unwrap();
            assert!(ssh.verifies(&line(key), &armoured), "{name}");
        }
    }
    ssh.must("ssh-add", &["-q", "-D"], "");
    let error = sign(&host, None, &keys).unwrap_err();
    assert!(matches!(error, SigningError::NoKey(AgentError::Absent)), "{error:?}");
    let error = sign(&host, Some(&ssh.path("rsa.pub")), &keys).unwrap_err();
    assert!(matches!(error, SigningError::NotInAgent { agent: AgentError::Absent, .. }), "{error:?}");
    assert_eq!(person.heard(), Vec::<String>::new());
}

#[test]
fn what_cannot_sign_is_told_apart() {
    let ssh = Ssh::new();
    let person = Person::who_types(&["one", "two", "three", PASSPHRASE]);
    let host = HostKeys::new(None, &person);
    let key = ssh.make("mine", PASSPHRASE, &["-t", "ed25519"]);
    let stranger = ssh.make("other", "", &["-t", "ed25519"]);
    let said = |name: &str, accepted: &SshKey| {
        let error = sign(&host, Some(&ssh.path(name)), std::slice::from_ref(accepted)).unwrap_err();
        let cause = std::error::Error::source(&error).map(|cause| format!(" <- {cause}")).unwrap_or_default();
        format!("{error}{cause}").replace(&format!("{}/", ssh.folder.path().display()), "")
    };
    assert_eq!(said("mine", &key), "the key mine cannot sign <- the passphrase is wrong");
    assert_eq!(person.heard().iter().filter(|line| line.starts_with("That is not")).count(), 3);
    let nobody = Person::default();
    let asked = sign(&HostKeys::new(None, &nobody), Some(&ssh.path("mine")), std::slice::from_ref(&key));
    assert!(matches!(asked, Err(SigningError::NotAsked { source: AskError::NoTerminal, .. })));
    assert_eq!(
        said("mine", &stranger),
        format!("the key mine, {}, is not one that the catalogue has for you", key.fingerprint())
    );
    assert!(said("absent", &key).starts_with("the signing key absent cannot be read <- "));
    fs::write(ssh.path("empty"), "").unwrap();
    assert_eq!(said("empty", &key), "the key empty cannot sign <- it has no private key in it");
    fs::set_permissions(ssh.path("other"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(said("other", &stranger), "the private key other is not its owner's alone: its mode is 0640");
    let no_agent = "there is no ssh agent (SSH_AUTH_SOCK is not set), and the key";
    let older = ssh.make("older", "", &["-t", "rsa", "-b", "3072", "-m", "PEM"]);
    let not_own = "its private key is not in OpenSSH's own form";
    assert_eq!(said("older", &older), format!("{no_agent} older cannot sign by itself <- {not_own}"));
    let galois = ssh.make("galois", PASSPHRASE, &["-t", "ed25519", "-Z", "aes256-gcm@openssh.com"]);
    let unknown = "it is encrypted in a way that is not known";
    assert_eq!(said("galois", &galois), format!("{no_agent} galois cannot sign by itself <- {unknown}"));
    fs::remove_file(ssh.path("galois.pub")).unwrap();
    assert_eq!(said("galois", &galois), format!("the key galois cannot sign <- {unknown}"));
    fs::copy(ssh.path("mine"), ssh.path("swapped")).unwrap();
    fs::copy(ssh.path("other.pub"), ssh.path("swapped.pub")).unwrap();
    let another = "its private key belongs to another public one";
    assert_eq!(said("swapped.pub", &stranger), format!("{no_agent} swapped cannot sign by itself <- {another}"));
    fs::remove_file(ssh.path("other")).unwrap();
    assert_eq!(
        said("other.pub", &stranger),
        format!("{no_agent} other cannot sign by itself <- it has no private key in it")
    );
}

#[test]
fn a_security_key_signs_when_it_is_touched_and_not_otherwise() {
    let ssh = Ssh::new();
    for kind in [Kind::SkEd25519, Kind::SkEcdsa] {
        for flags in [1, 0, 4, 5] {
            let mut key = SoftKey::new(kind);
            key.flags = flags;
            let (public, text) = (key.public(), key.line());
            fs::write(ssh.path("key.pub"), &text).unwrap();
            let socket = agent_that(ssh.folder.path(), move |request| honest(&key, request));
            let person = Person::default();
            let host = HostKeys::new(Some(socket), &person);
            match sign(&host, Some(&ssh.path("key.pub")), &[public]) {
                Ok(armoured) if flags & 1 == 1 => assert!(ssh.verifies(&text, &armoured), "{kind:?}"),
                Err(SigningError::WouldNotCount(SignatureError::NotTouched)) if flags & 1 == 0 => {}
                other => panic!("{kind:?}, {flags}: {other:?}"),
            }
            assert_eq!(person.heard(), ["Touch the security key when it blinks."]);
        }
    }
}

/// What an agent with one key makes of a request.
type Answer = fn(&SoftKey, &[u8]) -> Vec<u8>;

#[test]
fn an_agent_that_talks_nonsense_is_not_believed() {
    let folder = TempDir::new().unwrap();
    let outcome = |answer: Answer| {
        let key = SoftKey::new(Kind::Ed25519);
        let public = key.public();
        let socket = agent_that(folder.path(), move |request| answer(&key, request));
        sign(&HostKeys::new(Some(socket), &Person::default()), None, &[public]).unwrap_err()
    };
    let lists: [Answer; 5] = [
        |_, _| vec![0xff; 8],
        |_, _| strings(&[&[12, 0xff, 0xff, 0xff, 0xff]]),
        |_, _| strings(&[&[12, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]]),
        |_, _| strings(&[&[14]]),
        |_, _| strings(&[&[]]),
    ];
    for list in lists {
        let error = outcome(list);
        assert!(matches!(error, SigningError::NoKey(AgentError::NotUnderstood)), "{error:?}");
    }
    let error = outcome(|_, _| strings(&[&[5]]));
    assert!(matches!(error, SigningError::NoKey(AgentError::Refused)), "{error:?}");
    let error = outcome(|key, request| if request[0] == 11 { honest(key, request) } else { strings(&[&[5]]) });
    assert!(matches!(error, SigningError::Agent(AgentError::Refused)), "{error:?}");
    // The signature of another key, and of another text.
    let error = outcome(|key, request| match request[0] {
        11 => honest(key, request),
        _ => strings(&[&[&[14][..], &strings(&[&SoftKey::new(Kind::Ed25519).sign(b"x")])].concat()]),
    });
    assert!(matches!(error, SigningError::WouldNotCount(SignatureError::Bad)), "{error:?}");
    let error = outcome(|key, request| match request[0] {
        11 => honest(key, request),
        _ => strings(&[&[&[14][..], &strings(&[b""])].concat()]),
    });
    assert!(matches!(error, SigningError::WouldNotCount(SignatureError::Cut)), "{error:?}");
}
