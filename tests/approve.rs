//! Approvers in homes of their own, with keys of their own: what they are shown, sign, and are kept from signing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use glass::model::catalogue::{Beside, Catalogue};
use glass::model::chain::origin::Origin;
use glass::model::name::{Digest, Id, Incident, Reason};
use glass::model::sign_off::approval::Approval;
use glass::model::sign_off::block::{self, Kind};
use glass::model::sign_off::gather::gather;
use glass::model::sign_off::growth::Growth;
use glass::model::sign_off::sheet::{Asked, Extent, Nonce, Sheet};
use glass::model::time::Timestamp;

use crate::support::{Home, Outcome, seen_by_a_camera, tool};

const CATALOGUE: &str = r#"
version = 1
organisation = "acme"
[naming]
environments = ["prod"]
[levels.emergency]
max_duration = "1h"
[triggers.outage]
summary = "It is down"
incident = "INC-[0-9]+"
[people.alice]
arn = "arn:aws:iam::111122223333:user/alice"
groups = ["oncall", "leads"]
contact = "+44 20 7946 0000"
keys = ["ALICE"]
[people.bob]
groups = ["leads"]
contact = "+44 20 7946 0001"
keys = ["BOB"]
[people.carol]
groups = ["leads"]
keys = ["CAROL"]
[people.dave]
groups = ["others"]
keys = ["DAVE"]
[profiles.prod-db-emergency]
summary = "The database"
role = "arn:aws:iam::444455556666:role/glass/prod-db-emergency"
region = "eu-west-1"
for = ["oncall"]
triggers = ["outage"]
duration = "15m"
max_duration = "30m"
approval = { count = 2, from = ["leads"], within = "30m" }
policy = "policy.json"
runbook = "runbook.md"
steps = { failover = ["/bin/failover", "orders"] }
"#;

const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds:Failover*","Resource":"*"}]}"#;

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Four people, each with a home and a key, and one catalogue.
struct Team {
    homes: Vec<Home>,
}

impl Team {
    fn new() -> Team {
        let homes: Vec<Home> = PEOPLE.iter().map(|_| Home::new()).collect();
        for (home, person) in homes.iter().zip(PEOPLE) {
            home.write(".ssh/.keep", "");
            keygen(home, &["-q", "-t", "ed25519", "-N", "", "-C", person, "-f", ".ssh/key"], "").exits(0);
            let identity = format!("version = 1\nperson = \"{person}\"\nsigning_key = \"~/.ssh/key\"\n");
            home.write(".config/glass/identity.toml", &identity);
        }
        let team = Team { homes };
        let text = team.catalogue();
        PEOPLE.iter().for_each(|person| team.give_catalogue(person, &text));
        team
    }

    fn home(&self, person: &str) -> &Home {
        &self.homes[PEOPLE.iter().position(|one| *one == person).unwrap()]
    }

    fn home_mut(&mut self, person: &str) -> &mut Home {
        &mut self.homes[PEOPLE.iter().position(|one| *one == person).unwrap()]
    }

    fn key(&self, person: &str) -> String {
        self.home(person).read(".ssh/key.pub").trim().to_owned()
    }

    fn catalogue(&self) -> String {
        PEOPLE.iter().fold(CATALOGUE.to_owned(), |text, person| {
            text.replace(&format!("\"{}\"", person.to_uppercase()), &format!("\"{}\"", self.key(person)))
        })
    }

    fn give_catalogue(&self, person: &str, text: &str) {
        let home = self.home(person);
        home.write(".config/glass/profiles.toml", text);
        home.write(".config/glass/policy.json", POLICY);
        home.write(".config/glass/runbook.md", "# Fail \u{1b}[2Jover\nAnd so on.\n");
    }

    /// What alice asks for, by her catalogue.
    fn asked(&self) -> Asked {
        let path = self.home("alice").path(".config/glass/profiles.toml");
        let read = |file: &Path| fs::read(file).map_err(|error| error.to_string());
        let catalogue =
            Catalogue::load(&path, &fs::read(&path).unwrap(), Beside { read: &read, check: &|_| Ok(None) }).unwrap();
        assert_eq!(catalogue.broken(), []);
        let profile = catalogue.profile("prod-db-emergency").unwrap();
        let (trigger, alice) = (catalogue.trigger("outage").unwrap(), catalogue.person("alice").unwrap());
        Asked {
            id: Id::parse("0123abcd").unwrap(),
            organisation: catalogue.organisation().clone(),
            origin: Origin::parse("glass/acme/laptop/alice/62rp5vxh").unwrap(),
            person: alice.name.clone(),
            profile: profile.name.clone(),
            parts: catalogue.parts(profile, trigger, alice),
            role: profile.role.clone(),
            trigger: trigger.name.clone(),
            incident: Incident::parse("INC-4711").unwrap(),
            reason: Reason::parse("orders database lost its writer").unwrap(),
            duration: 1800,
            step: None,
            overrides: false,
            made: seconds_from_now(-60),
            expires: seconds_from_now(1200),
            ledger: Extent { size: 42, root: Digest::of(b"root") },
            nonce: Nonce::from_random([7; 16]),
        }
    }

    fn sheet(&self) -> Sheet {
        Sheet::write(&self.asked()).unwrap()
    }

    /// Runs `glass` as somebody, with a paste on its standard input.
    fn glass(&self, person: &str, args: &[&str], paste: &str) -> Outcome {
        Outcome::of(self.home(person).command(env!("CARGO_BIN_EXE_glass")).args(args), paste)
    }

    fn approves(&self, person: &str, paste: &str) -> Outcome {
        self.glass(person, &["approve", "-", "--yes"], paste)
    }

    /// The events of somebody's ledger that tell of answers.
    fn answers_in_ledger(&self, person: &str) -> Vec<serde_json::Value> {
        let folder = self.home(person).path(".local/state/glass/ledger");
        let mut segments: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        segments.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        let lines: String = segments.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let entries = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        entries.filter(|entry| ["request.signed", "request.denied"].contains(&entry["ev"].as_str().unwrap())).collect()
    }
}

fn keygen(home: &Home, args: &[&str], input: &str) -> Outcome {
    Outcome::of(home.command(tool("ssh-keygen")).args(args), input)
}

fn seconds_from_now(seconds: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_seconds(now.cast_signed() + seconds)
}

fn block_of(sheet: &Sheet) -> String {
    block::write(Kind::Request, sheet.line().as_bytes())
}

/// The one answer of a paste.
#[track_caller]
fn answer_in(paste: &str) -> Approval {
    let gathered = gather(paste.as_bytes()).unwrap();
    assert_eq!((gathered.sheets.len(), gathered.approvals.len()), (0, 1), "{paste}");
    gathered.approvals[0].clone()
}

#[test]
fn two_people_sign_what_was_pasted_and_ssh_keygen_verifies_it() {
    let team = Team::new();
    let sheet = team.sheet();
    let bobs = team.approves("bob", &block_of(&sheet)).exits(0);
    for said in [
        "alice asks for prod-db-emergency: The database",
        "alice, +44 20 7946 0000",
        "a paste or a file; whoever sent it can have written it",
        "arn:aws:iam::111122223333:user/alice, when it is used",
        "before that nothing vouches for the name",
        "of the ledger     glass/acme/laptop/alice/62rp5vxh\n",
        "ago after 42 entries",
        &sheet.digest().to_string(),
        "arn:aws:iam::444455556666:role/glass/prod-db-emergency",
        "444455556666, emergency",
        "outage: It is down",
        "INC-4711",
        "orders database lost its writer",
        "30m (usual 15m, 30m at most)",
        "allow rds:Failover* on *",
        "Fail \\u{1b}[2Jover",
        "0 of 2; bob, carol may still sign",
        "it is for longer than the usual 15m",
        "the runbook has steps, and it is for none of them",
        "request 0123abcd of alice is approved by bob: 1 more to sign",
    ] {
        assert!(bobs.stderr.contains(said), "{said}: {}", bobs.stderr);
    }
    assert!(!bobs.stderr.contains('\u{1b}'), "{}", bobs.stderr);

    let approval = answer_in(&bobs.stdout);
    let home = team.home("carol");
    home.write("allowed", &format!("bob {}\n", team.key("bob")));
    home.write("approval.sig", approval.signature());
    let verify = ["-Y", "verify", "-f", "allowed", "-I", "bob", "-n", "glass-approval@v1", "-s", "approval.sig"];
    keygen(home, &verify, approval.text()).exits(0);
    keygen(home, &verify, &approval.text().replace("approve", "deny")).exits(255);

    let carols = team.approves("carol", &format!("{}\nbob says:\n{}", block_of(&sheet), bobs.stdout)).exits(0);
    assert!(carols.stderr.contains("1 of 2") && carols.stderr.contains("bob at "), "{}", carols.stderr);
    assert!(carols.stderr.contains("nobody else is needed"), "{}", carols.stderr);
    let entries = team.answers_in_ledger("bob");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["ev"], "request.signed");
    assert_eq!(entries[0]["d"]["request_sha256"], sheet.digest().to_string());
    assert_eq!(entries[0]["d"]["approval_sha256"], approval.digest().to_string());
}

#[test]
fn a_paste_that_mail_has_bent_is_read_and_one_that_is_cut_is_not() {
    let team = Team::new();
    let block = block_of(&team.sheet());
    let quoted: String = block.lines().map(|line| format!("> {line}\n")).collect();
    let wrapped: String = block
        .lines()
        .map(|line| if line.len() > 50 { format!("{}\n{}\n", &line[..50], &line[50..]) } else { format!("{line}\n") })
        .collect();
    let bent = [block.replace('\n', "\r\n"), format!("Hi Carol,\n\n{quoted}\nThanks"), wrapped];
    for bent in bent {
        let person = team.glass("bob", &["deny", "-", "--reason", "not tonight"], &bent);
        // The first no ends it, and the others find that.
        assert!([0, 3].contains(&person.code), "{bent}\n{}", person.stderr);
    }
    let ended = team.approves("carol", &block).exits(0);
    answer_in(&ended.stdout);
    let entries = team.answers_in_ledger("bob");
    assert_eq!(entries.len(), 1);
    for (cut, why) in [
        (block[..block.len() / 2].to_owned(), "the rest is missing"),
        (block.replace("-----BEGIN GLASS REQUEST-----", ""), "the start is missing"),
        (
            block.lines().filter(|line| !line.starts_with("eyJ2Ijox")).map(|line| format!("{line}\n")).collect(),
            "it does not begin as a request",
        ),
        ("hello".to_owned(), "there is no request and no approval"),
    ] {
        let refused = team.approves("dave", &cut).exits(1);
        assert!(refused.stderr.contains(why) && refused.stdout.is_empty(), "{why}: {}", refused.stderr);
    }
    assert_eq!(team.answers_in_ledger("dave").len(), 0);
}

#[test]
fn what_would_not_count_is_not_signed_and_each_reason_is_told() {
    let team = Team::new();
    let good = block_of(&team.sheet());
    let with = |change: &dyn Fn(&mut Asked)| {
        let mut asked = team.asked();
        change(&mut asked);
        block_of(&Sheet::write(&asked).unwrap())
    };
    let expired = with(&|asked| {
        asked.made = seconds_from_now(-1000);
        asked.expires = seconds_from_now(-10);
    });
    let future = with(&|asked| {
        asked.made = seconds_from_now(600);
        asked.expires = seconds_from_now(1800);
    });
    let cases = [
        ("alice", &good, "it is your own request"),
        ("dave", &good, "prod-db-emergency does not ask you: it takes one of leads"),
        ("bob", &expired, "its time is over"),
        ("bob", &future, "in the future: a clock is wrong"),
        ("bob", &with(&|asked| asked.overrides = true), "is of an override"),
        ("bob", &with(&|asked| asked.expires = seconds_from_now(4000)), "stands for longer than the 30m"),
    ];
    for (person, paste, why) in cases {
        let refused = team.approves(person, paste).exits(3);
        assert!(refused.stderr.contains(why) && refused.stdout.is_empty(), "{why}: {}", refused.stderr);
        assert_eq!(team.answers_in_ledger(person).len(), 0, "{why}");
    }
    team.approves("bob", &good).exits(0);
    let again = team.approves("bob", &good).exits(3);
    assert!(again.stderr.contains("you have signed it already, at "), "{}", again.stderr);
    let by_id = team.glass("bob", &["approve", "0123abcd", "--yes"], "").exits(3);
    assert!(by_id.stderr.contains("you have signed it already, at "), "{}", by_id.stderr);
    let unknown = team.glass("bob", &["approve", "77777777", "--yes"], "").exits(1);
    assert!(unknown.stderr.contains("there is no request 77777777"), "{}", unknown.stderr);

    let twin = team.approves("bob", &with(&|asked| asked.duration = 900)).exits(3);
    assert!(twin.stderr.contains("there are two requests 0123abcd, and they are not the same"), "{}", twin.stderr);

    let no = team.glass("bob", &["deny", "0123abcd", "--reason", "it is not down"], "").exits(0);
    let denied = team.approves("carol", &format!("{good}{}", no.stdout)).exits(3);
    assert!(denied.stderr.contains("bob has denied it: it is not down"), "{}", denied.stderr);
    let events: Vec<_> = team.answers_in_ledger("bob").iter().map(|entry| entry["ev"].to_string()).collect();
    assert_eq!(events, ["\"request.signed\"", "\"request.denied\""]);
}

#[test]
fn an_approver_with_another_catalogue_is_told_what_differs() {
    let team = Team::new();
    let (text, paste) = (team.catalogue(), block_of(&team.sheet()));
    for (from, to, why) in [
        ("summary = \"It is down\"", "summary = \"It is up\"", ": trigger changed"),
        ("max_duration = \"30m\"", "max_duration = \"40m\"", ": profile changed"),
        ("organisation = \"acme\"", "organisation = \"umbrella\"", "it is of acme, the catalogue is of umbrella"),
        ("role/glass/prod-db-emergency", "role/glass/prod-db-other", "it is for the role"),
        ("[people.dave]\ngroups = [\"others\"]", "[people.dave]\ngroups = [\"leads\"]", ": people changed"),
    ] {
        assert!(text.contains(from), "{from}");
        team.give_catalogue("bob", &text.replace(from, to));
        let refused = team.approves("bob", &paste).exits(3);
        assert!(refused.stderr.contains(why), "{why}: {}", refused.stderr);
        assert!(refused.stderr.contains("the request 0123abcd does not fit your catalogue"), "{}", refused.stderr);
    }
    team.give_catalogue("bob", &text);
    team.home("bob").write(".config/glass/policy.json", &POLICY.replace("Failover", ""));
    let refused = team.approves("bob", &paste).exits(3);
    assert!(refused.stderr.contains("policy changed"), "{}", refused.stderr);
}

#[test]
fn a_clear_yes_is_asked_for_on_the_terminal_and_a_passphrase_with_it() {
    let team = Team::new();
    let home = team.home("bob");
    keygen(home, &["-q", "-p", "-P", "", "-N", "open sesame", "-f", ".ssh/key"], "").exits(0);
    let file = home.write("request.txt", &block_of(&team.sheet()));
    let file = file.to_str().unwrap();
    let mut no = home.terminal(env!("CARGO_BIN_EXE_glass"), &["approve", file]);
    no.expect("Approve prod-db-emergency for alice? [y/N]: ");
    no.send("\r");
    assert_eq!(no.wait().0, 1);
    let mut wrong = home.terminal(env!("CARGO_BIN_EXE_glass"), &["approve", file]);
    wrong.expect("[y/N]: ");
    wrong.send("y\r");
    for _ in 0..3 {
        wrong.expect("Passphrase of");
        wrong.send("shut\r");
    }
    let (code, said) = wrong.wait();
    assert_eq!(code, 1, "{said}");
    assert_eq!(team.answers_in_ledger("bob").len(), 0);
    let mut yes = home.terminal(env!("CARGO_BIN_EXE_glass"), &["approve", file]);
    yes.expect("[y/N]: ");
    yes.send("yes\r");
    yes.expect("Passphrase of");
    yes.send("open sesame\r");
    yes.expect("-----END GLASS APPROVAL-----");
    assert_eq!(yes.wait().0, 0);
    assert_eq!(team.answers_in_ledger("bob").len(), 1);
}

#[test]
fn without_a_terminal_or_a_key_nothing_is_signed() {
    let mut team = Team::new();
    let paste = block_of(&team.sheet());
    let unasked = team.glass("bob", &["approve", "-"], &paste).exits(2);
    assert!(unasked.stderr.contains("give --yes"), "{}", unasked.stderr);
    team.home("bob").write(".config/glass/identity.toml", "version = 1\nperson = \"bob\"\n");
    let no_agent = team.approves("bob", &paste).exits(1);
    assert!(no_agent.stderr.contains("there is no key to sign with"), "{}", no_agent.stderr);
    let other = "version = 1\nperson = \"bob\"\nsigning_key = \"~/.ssh/other\"\n";
    keygen(team.home("bob"), &["-q", "-t", "ed25519", "-N", "", "-f", ".ssh/other"], "").exits(0);
    team.home("bob").write(".config/glass/identity.toml", other);
    let foreign = team.approves("bob", &paste).exits(3);
    assert!(foreign.stderr.contains("is not one that the catalogue has for you"), "{}", foreign.stderr);
    team.home_mut("bob").set("SSH_AUTH_SOCK", "/nonexistent/agent");
    team.home("bob").write(".config/glass/identity.toml", "version = 1\nperson = \"bob\"\n");
    let unreachable = team.approves("bob", &paste).exits(1);
    assert!(unreachable.stderr.contains("the ssh agent cannot be reached"), "{}", unreachable.stderr);
    assert_eq!(team.answers_in_ledger("bob").len(), 0);
}

#[test]
fn what_ssh_keygen_signed_by_hand_is_taken_in_and_handed_on() {
    let team = Team::new();
    let sheet = team.sheet();
    // Word for word what the guide tells who has no glass.
    let home = team.home("bob");
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide.md")).unwrap();
    let from = guide.find("sed -n '/BEGIN GLASS REQUEST/").unwrap();
    let words = &guide[from..from + guide[from..].find("```").unwrap()];
    let proof = Growth::write(sheet.digest(), &[]);
    home.write("request.txt", &(block_of(&sheet) + &block::write(Kind::Proof, proof.stored().as_bytes())));
    let words = words.replace("~/.ssh/id_ed25519", ".ssh/key");
    let made = Outcome::of(home.command("/bin/sh").args(["-ec", &words]), "").exits(0).stdout;
    assert_eq!(home.read("request"), sheet.line());
    let alone = home.write("approval.txt", &made);
    let unknown = team.glass("bob", &["approve", alone.to_str().unwrap()], "").exits(1);
    assert!(unknown.stderr.contains("is not known here"), "{}", unknown.stderr);
    // carol has seen the request, so that her glass knows what it answers.
    team.approves("carol", &block_of(&sheet)).exits(0);
    let file = team.home("carol").write("approval.txt", &made.replace('\n', "\r\n"));
    let taken = team.glass("carol", &["approve", file.to_str().unwrap()], "").exits(0);
    assert!(taken.stderr.contains("is approved by bob: nobody else is needed"), "{}", taken.stderr);
    assert_eq!(answer_in(&taken.stdout).stored(), made);

    let forged = team.home("carol").write("forged.txt", &made.replace("seen, go on", "seen, go back"));
    let refused = team.glass("carol", &["approve", forged.to_str().unwrap()], "").exits(3);
    assert!(refused.stderr.contains("what bob signed does not count: it is not genuine"), "{}", refused.stderr);
    assert_eq!(team.answers_in_ledger("carol").len(), 2);
}

#[test]
fn a_request_in_a_shared_folder_is_approved_by_its_id() {
    let team = Team::new();
    let shared = team.home("alice").path("shared");
    fs::create_dir(&shared).unwrap();
    let text = team.catalogue();
    let text =
        text.replace("[people.alice]", &format!("[approvals]\nstore = \"{}\"\n[people.alice]", shared.display()));
    PEOPLE.iter().for_each(|person| team.give_catalogue(person, &text));
    let block = block_of(&team.sheet());
    team.approves("bob", &block).exits(0);
    let carols = team.glass("carol", &["approve", "0123abcd", "--yes"], "").exits(0);
    assert!(carols.stderr.contains("1 of 2") && carols.stderr.contains("nobody else is needed"), "{}", carols.stderr);
    assert!(carols.stderr.contains("where alice looks"), "{}", carols.stderr);
    let came = format!("came by           {}, or your own folder\n", shared.display());
    assert!(carols.stderr.contains(&came), "{}", carols.stderr);
    // A store that is gone is told, and the block goes its own way.
    fs::rename(&shared, team.home("alice").path("gone")).unwrap();
    let block = block_of(&Sheet::write(&Asked { id: Id::parse("0123abce").unwrap(), ..team.asked() }).unwrap());
    let alone = team.approves("bob", &block).exits(0);
    assert!(alone.stderr.contains("is left out") && alone.stderr.contains("Send this block back"), "{}", alone.stderr);
    answer_in(&alone.stdout);
}

#[test]
fn a_ledger_that_got_shorter_or_was_rewritten_is_told_by_who_has_seen_it() {
    let team = Team::new();
    let told = |id: &str, second: i64, size: u64, root: &[u8]| {
        let (id, ledger) = (Id::parse(id).unwrap(), Extent { size, root: Digest::of(root) });
        block_of(&Sheet::write(&Asked { id, ledger, made: seconds_from_now(second), ..team.asked() }).unwrap())
    };
    let first = team.approves("bob", &told("00000001", -50, 42, b"root")).exits(0);
    assert!(first.stderr.contains("it is the first request of alice"), "{}", first.stderr);
    let grown = team.approves("bob", &told("00000002", -40, 50, b"more")).exits(0);
    assert!(!grown.stderr.contains("first request of alice"), "{}", grown.stderr);
    team.approves("bob", &told("00000003", -45, 45, b"between")).exits(0);
    let forked = told("00000004", -20, 50, b"other");
    let shorter = told("00000005", -20, 49, b"fewer");
    let why = ["its 50 entries are not the ones seen before", "it had 50 entries, and then 49"];
    for (paste, why) in [&forked, &shorter].into_iter().zip(why) {
        let refused = team.approves("bob", paste).exits(3);
        assert!(refused.stderr.contains(why) && refused.stdout.is_empty(), "{why}: {}", refused.stderr);
    }
    // carol has seen nothing of it; and a no is never kept from anybody.
    team.approves("carol", &shorter).exits(0);
    team.glass("bob", &["deny", "-", "--reason", "what is with your ledger?"], &shorter).exits(0);
    let text = team.catalogue();
    team.give_catalogue("bob", &text.replace("[people.bob]", "[approvals]\nshorter_ledger = \"warn\"\n[people.bob]"));
    let warned = team.approves("bob", &forked).exits(0);
    assert!(warned.stderr.contains("UNUSUAL           the requester's ledger was rewritten"), "{}", warned.stderr);
    // What was contradicted is not remembered in place of what was seen.
    team.give_catalogue("bob", &text);
    team.approves("bob", &told("00000006", -10, 50, b"more")).exits(0);
    let memory =
        fs::read_dir(team.home("bob").path(".local/state/glass/seen")).unwrap().next().unwrap().unwrap().path();
    fs::write(&memory, "{").unwrap();
    let unsure = team.approves("bob", &told("00000007", -5, 60, b"much more")).exits(1);
    assert!(unsure.stderr.contains("cannot read the memory of ledgers seen"), "{}", unsure.stderr);
}

#[test]
fn a_camera_reads_the_answer_from_the_screen() {
    let team = Team::new();
    let block = block_of(&team.sheet());
    for words in [&["approve", "-", "--yes"][..], &["deny", "-", "--yes", "--reason", "not now"]] {
        let outcome = team.glass("bob", &[words, &["--qr", "--color", "never"]].concat(), &block).exits(0);
        let shown = outcome.stderr.split_once("Send this block back").unwrap().1;
        let text = seen_by_a_camera(team.home("bob"), shown, None);
        assert_eq!(answer_in(&text), answer_in(&outcome.stdout));
    }
}
