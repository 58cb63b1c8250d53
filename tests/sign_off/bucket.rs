//! A bucket as the store: moto's S3, people whose homes share nothing else, and whoever else may put something there.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use glass::model::sign_off::block;
use glass::model::sign_off::papers::{Paper, folder};
use glass::model::sign_off::sheet::Sheet;
use serde_json::{Value, json};

use super::old_ones;
use crate::support::{DEADLINE, Fate, Home, Moto, Outcome, Proxy, nobody, python, tool};

const CATALOGUE: &str = r#"
version = 1
organisation = "acme"
[aws]
endpoint = "ENDPOINT"
[naming]
environments = ["prod"]
[levels.emergency]
max_duration = "1h"
recording = false
[triggers.db-outage]
summary = "The orders database is down"
incident = "INC-[0-9]{1,8}"
[approvals]
store = "s3://acme-sign-off/glass"
region = "eu-west-1"
[people.alice]
arn = "arn:aws:iam::123456789012:user/alice"
mfa = "arn:aws:iam::123456789012:mfa/alice"
groups = ["oncall"]
[people.bob]
groups = ["leads"]
keys = ["BOB"]
[people.carol]
groups = ["leads"]
keys = ["CAROL"]
[profiles.prod-db-emergency]
summary = "Write access to the orders database"
role = "arn:aws:iam::123456789012:role/glass/prod-db-emergency"
region = "eu-west-1"
for = ["oncall"]
triggers = ["db-outage"]
duration = "15m"
max_duration = "30m"
approval = { count = 2, from = ["leads"] }
"#;

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

const REQUEST: [&str; 6] =
    ["request", "prod-db-emergency", "--incident", "INC-4711", "--reason", "orders database lost its writer"];

/// Three people, each with a home and a key, and a bucket.
struct Team {
    homes: Vec<Home>,
    moto: Moto,
}

impl Team {
    fn new() -> Team {
        let mut server = Home::new();
        // So that few objects already make many pages.
        server.set("MOTO_S3_DEFAULT_MAX_KEYS", 4);
        let moto = Moto::start(&server);
        let homes = PEOPLE.map(|person| {
            let home = Home::new();
            home.write(".ssh/.keep", "");
            let words = ["-q", "-t", "ed25519", "-N", "", "-C", person, "-f", ".ssh/key"];
            Outcome::of(home.command(tool("ssh-keygen")).args(words), "").exits(0);
            home
        });
        let team = Team { homes: homes.into(), moto };
        team.aws("s3api", &["create-bucket", "--bucket", "acme-sign-off", "--create-bucket-configuration", REGION]);
        team.aws("iam", &["create-user", "--user-name", "alice"]);
        let key = team.aws("iam", &["create-access-key", "--user-name", "alice"]).json()["AccessKey"].clone();
        for person in PEOPLE {
            team.give_key(person, &key);
        }
        team.reach(&team.moto.endpoint);
        team
    }

    fn home(&self, person: &str) -> &Home {
        &self.homes[PEOPLE.iter().position(|one| *one == person).unwrap()]
    }

    /// Gives somebody an identity whose daily credentials are this key.
    fn give_key(&self, person: &str, key: &Value) {
        let home = self.home(person);
        let key = json!({
            "Version": 1, "AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"],
        });
        let key = home.write("key.json", &key.to_string());
        home.write(".aws/config", &format!("[profile daily]\ncredential_process = cat {}\n", key.display()));
        let identity = format!(
            "version = 1\nperson = \"{person}\"\nsource = {{ profile = \"daily\" }}\n\
             code = {{ command = [\"/bin/echo\", \"123456\"] }}\nsigning_key = \"~/.ssh/key\"\n"
        );
        home.write(".config/glass/identity.toml", &identity);
    }

    /// Has everybody reach AWS there.
    fn reach(&self, endpoint: &str) {
        let text = CATALOGUE.replace("ENDPOINT", endpoint);
        let key = |person| self.home(person).read(".ssh/key.pub").trim().to_owned();
        let text = text.replace("\"BOB\"", &format!("\"{}\"", key("bob")));
        let text = text.replace("\"CAROL\"", &format!("\"{}\"", key("carol")));
        for home in &self.homes {
            home.write(".config/glass/profiles.toml", &text);
        }
    }

    /// Calls AWS as somebody who may do everything.
    fn aws(&self, service: &str, args: &[&str]) -> Outcome {
        let mut command = self.home("alice").command(python("aws"));
        command.env("AWS_ACCESS_KEY_ID", "anybody").env("AWS_SECRET_ACCESS_KEY", "anything");
        command.args(["--region", "eu-west-1", "--endpoint-url", &self.moto.endpoint, service]).args(args);
        Outcome::of(&mut command, "").exits(0)
    }

    /// Puts an object into the bucket, below what the catalogue names.
    fn put(&self, name: &str, content: &[u8]) {
        let body = self.home("alice").path("body");
        fs::write(&body, content).unwrap();
        let key = format!("glass/{name}");
        let body = body.to_str().unwrap();
        self.aws("s3api", &["put-object", "--bucket", "acme-sign-off", "--key", &key, "--body", body]);
    }

    /// Puts requests into the bucket where they belong.
    fn put_all(&self, sheets: &[Sheet]) {
        const PUT: &str = "import sys, json, boto3
bucket = boto3.client('s3', endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='anybody', aws_secret_access_key='anything')
for key, body in json.load(sys.stdin): bucket.put_object(Bucket='acme-sign-off', Key=key, Body=body)";
        let object = |sheet: &Sheet| json!([format!("glass/{}", Paper::Request.name(sheet)), sheet.line()]);
        let objects: Vec<_> = sheets.iter().map(object).collect();
        let mut command = self.home("alice").command(python("python"));
        Outcome::of(command.args(["-c", PUT, &self.moto.endpoint]), &json!(objects).to_string()).exits(0);
    }

    /// What two people say to a request comes to alice by hand, and she breaks the glass with it.
    fn goes_on_by_hand(&self, request: &Outcome) {
        let sheet = request_in(request);
        let file = self.home("alice").path("answers.txt");
        let answers =
            ["bob", "carol"].map(|person| self.approves_what_is_pasted(person, &request.stdout).exits(0).stdout);
        fs::write(&file, answers.concat()).unwrap();
        let words =
            ["assume", "prod-db-emergency", "--approval", file.to_str().unwrap(), "--no-wait", "--", "/bin/echo"];
        let used = self.home("alice").glass(&[&words[..], &["elevated"]].concat()).exits(0);
        assert_eq!(used.stdout, "elevated\n");
        let listed = self.home("alice").glass(&["requests", "--json"]).exits(0).json();
        assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&sheet.asked().id.as_str().into(), &"used".into()));
    }

    fn approves_what_is_pasted(&self, person: &str, paste: &str) -> Outcome {
        let mut command = self.home(person).command(env!("CARGO_BIN_EXE_glass"));
        Outcome::of(command.args(["approve", "-", "--yes"]), paste)
    }

    /// The names of all objects of the bucket.
    fn keys(&self) -> Vec<String> {
        let listed = self.aws("s3api", &["list-objects-v2", "--bucket", "acme-sign-off"]).json();
        let keys = listed["Contents"].as_array().unwrap();
        keys.iter().map(|object| object["Key"].as_str().unwrap().to_owned()).collect()
    }

    fn request(&self) -> Sheet {
        let made = self.home("alice").glass(&REQUEST).exits(0);
        assert!(made.stderr.contains("they call:  glass approve "), "{}", made.stderr);
        assert!(!made.stderr.contains("warning"), "{}", made.stderr);
        request_in(&made)
    }

    fn approves(&self, person: &str, sheet: &Sheet) -> Outcome {
        self.home(person).glass(&["approve", sheet.asked().id.as_str(), "--yes"])
    }

    fn state(&self, person: &str, sheet: &Sheet) -> Value {
        let listed = self.home(person).glass(&["requests", "--json"]).exits(0);
        assert!(listed.stderr.is_empty(), "{}", listed.stderr);
        let rows = listed.json();
        let row = rows.as_array().unwrap().iter().find(|row| row["id"] == sheet.asked().id.as_str()).unwrap();
        row.clone()
    }

    fn assume(&self, sheet: &Sheet) -> Outcome {
        let id = sheet.asked().id.as_str();
        self.home("alice").glass(&["assume", "prod-db-emergency", "--request", id, "--", "/bin/echo", "elevated"])
    }
}

/// The request of an answer to `glass request`.
fn request_in(made: &Outcome) -> Sheet {
    let mut blocks = block::read(&made.stdout).unwrap().into_iter();
    Sheet::parse(&blocks.find(|(kind, _)| *kind == block::Kind::Request).unwrap().1).unwrap()
}

const REGION: &str = "LocationConstraint=eu-west-1";

#[test]
fn people_who_share_a_bucket_ask_approve_at_once_and_use_it() {
    let team = Team::new();
    let sheet = team.request();
    let signed: Vec<Outcome> = thread::scope(|scope| {
        let people = ["bob", "carol"].map(|person| scope.spawn(|| team.approves(person, &sheet).exits(0)));
        people.into_iter().map(|person| person.join().unwrap()).collect()
    });
    for one in &signed {
        assert!(one.stderr.contains("It lies in s3://acme-sign-off/glass where alice looks"), "{}", one.stderr);
        assert!(!one.stderr.contains("warning"), "{}", one.stderr);
    }
    let row = team.state("alice", &sheet);
    assert_eq!(row["state"], "approved");
    assert_eq!(row["signed"].as_array().unwrap().len(), 2);
    let elevated = team.assume(&sheet).exits(0);
    assert_eq!(elevated.stdout, "elevated\n");
    let day = format!("glass/{}/", folder(sheet.asked().expires));
    let keys = team.keys();
    assert!(keys.iter().all(|key| key.starts_with(&day)), "{keys:?}");
    let of = |kind: &str| keys.iter().filter(|key| key.contains(kind)).count();
    assert_eq!((of(".request."), of(".approval."), of(".used.")), (1, 2, 1));
    assert_eq!(team.state("bob", &sheet)["state"], "used");
    team.assume(&sheet).exits(3);
}

#[test]
fn what_lies_in_a_bucket_is_not_believed() {
    let team = Team::new();
    let sheet = team.request();
    let day = folder(sheet.asked().expires);
    // As many as make many pages, and names that no glass gives.
    for number in 0..9 {
        team.put(&format!("{day}/{number}1234567.used.66666666"), b"x");
    }
    for name in ["<&> \u{e4}+%41.txt", "0123abcd.request.0123456789abcdef", "0123abcd.approval.0/../0"] {
        team.put(&format!("{day}/{name}"), sheet.line().as_bytes());
    }
    team.put(&format!("{day}/0123abcd.approval.0123456789abcdef"), &vec![b'x'; 1024 * 1024]);
    let no = team.home("bob").glass(&["deny", sheet.asked().id.as_str(), "--reason", "ring me first"]).exits(0);
    assert!(no.stderr.contains("it is over") && !no.stderr.contains('\u{1b}'), "{}", no.stderr);
    let row = team.state("carol", &sheet);
    assert_eq!(row["state"], "denied");
    // What is laid in the place of the no is not one; it lies in bob's own folder all the same.
    let keys = team.keys();
    let denial = keys.iter().find(|key| key.contains(&format!("{}.approval.", sheet.asked().id))).unwrap();
    team.put(denial.strip_prefix("glass/").unwrap(), b"nothing");
    assert_eq!(team.state("carol", &sheet)["state"], "open");
    assert_eq!(team.state("bob", &sheet)["state"], "denied");
    // Another request of the same id is told, and neither counts.
    let mut twin = sheet.asked().clone();
    twin.duration += 60;
    let twin = Sheet::write(&twin).unwrap();
    team.put(&Paper::Request.name(&twin), twin.line().as_bytes());
    let refused = team.approves("carol", &sheet).exits(3);
    assert!(refused.stderr.contains("there are two requests"), "{}", refused.stderr);
}

/// `MOTO_S3_DEFAULT_MAX_KEYS` is 4 here: what is asked for comes on the last of many pages, and on the first. Of what
/// expired long ago nothing is fetched, unless it is asked for.
#[test]
fn a_request_is_found_among_many_and_among_old_ones() {
    const MANY: usize = 24;
    let team = Team::new();
    let proxy = Proxy::start(&team.moto.endpoint, |_| Fate::Pass);
    team.reach(&proxy.endpoint);
    let sheet = team.request();
    let old = old_ones(&sheet, MANY);
    team.put_all(&old);
    let mut fetched = 0;
    let mut fetches = |person: &str, words: &[&str], code: i32| {
        let outcome = team.home(person).glass(words).exits(code);
        let before = fetched;
        fetched = proxy.requests("GET /acme-sign-off/glass/requests/").len();
        (outcome, fetched - before)
    };
    let (all, count) = fetches("bob", &["requests", "--all", "--json"], 0);
    assert_eq!((all.json().as_array().unwrap().len(), count), (MANY + 1, MANY + 1));
    let (recent, count) = fetches("bob", &["requests", "--json"], 0);
    assert_eq!((recent.json().as_array().unwrap().len(), count), (1, 1));
    let (expired, count) = fetches("bob", &["approve", old[MANY - 1].asked().id.as_str(), "--yes"], 3);
    assert!(expired.stderr.contains("its time is over"), "{}", expired.stderr);
    assert_eq!(count, 1, "of many it is the one that is wanted");
    let (_, count) = fetches("bob", &["approve", sheet.asked().id.as_str(), "--yes"], 0);
    assert!(count <= 2, "{count}: the request, and what was put beside it");
}

#[test]
fn without_the_bucket_everything_goes_on_by_hand() {
    let team = Team::new();
    let elsewhere = |home: &Home| {
        let text = home.read(".config/glass/profiles.toml").replace("s3://acme-sign-off", "s3://nobodys");
        home.write(".config/glass/profiles.toml", &text);
    };
    team.homes.iter().for_each(elsewhere);
    let made = team.home("alice").glass(&REQUEST).exits(0);
    assert!(made.stderr.contains("s3://nobodys/glass is left out: cannot put"), "{}", made.stderr);
    assert!(made.stderr.contains("NoSuchBucket"), "{}", made.stderr);
    assert!(made.stderr.contains("they call `glass approve -` and paste the block"), "{}", made.stderr);
    team.goes_on_by_hand(&made);

    let unreachable = Team::new();
    let endpoint = nobody();
    unreachable.reach(&endpoint);
    let began = Instant::now();
    let made = unreachable.home("alice").glass(&REQUEST).exits(0);
    assert!(made.stderr.contains("s3://acme-sign-off/glass is left out: "), "{}", made.stderr);
    let bobs = unreachable.approves_what_is_pasted("bob", &made.stdout).exits(0);
    assert!(bobs.stderr.contains("Send this block back to alice"), "{}", bobs.stderr);
    assert!(began.elapsed() < DEADLINE);
}

/// What AWS never answers holds a person up for ten seconds, once.
#[test]
fn nobody_waits_long_for_a_bucket_that_does_not_answer() {
    let team = Team::new();
    let proxy =
        Proxy::start(
            &team.moto.endpoint,
            |request| {
                if request.contains("/acme-sign-off") { Fate::Silence } else { Fate::Pass }
            },
        );
    team.reach(&proxy.endpoint);
    let made = team.home("alice").glass(&REQUEST).exits(0);
    let silent = "s3://acme-sign-off/glass is left out: cannot go on: no answer within 10 s";
    assert!(made.stderr.contains(silent), "{}", made.stderr);
    let began = Instant::now();
    let bobs = team.approves_what_is_pasted("bob", &made.stdout).exits(0);
    assert!(bobs.stderr.contains(silent), "{}", bobs.stderr);
    assert!(bobs.stderr.contains("Send this block back to alice"), "{}", bobs.stderr);
    // Ten seconds for the look, one more for each of what is put.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

/// A policy of docs/aws-setup.md, without the conditions that moto does not know.
fn least_policy() -> Value {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/aws-setup.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.contains("where requests lie")).unwrap();
    let from = section.find("```json").unwrap() + "```json".len();
    let mut policy: Value = serde_json::from_str(&section[from..from + section[from..].find("```").unwrap()]).unwrap();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement.as_object_mut().unwrap().remove("Condition");
    }
    policy
}

#[test]
fn the_policy_of_the_guide_is_enough_and_all_of_it_is_needed() {
    let team = Team::new();
    let policy = least_policy();
    let with = |person: &str, policy: &Value| {
        team.aws("iam", &["create-user", "--user-name", person]);
        let name = ["--user-name", person, "--policy-name", "sign-off", "--policy-document", &policy.to_string()];
        team.aws("iam", &[&["put-user-policy"], &name[..]].concat());
        let key = team.aws("iam", &["create-access-key", "--user-name", person]).json()["AccessKey"].clone();
        team.give_key(if person == "enough" { "alice" } else { "bob" }, &key);
    };
    let without = |action: &str| {
        let mut policy = policy.clone();
        for statement in policy["Statement"].as_array_mut().unwrap() {
            let actions = statement["Action"].as_array().cloned().unwrap_or_else(|| vec![statement["Action"].clone()]);
            statement["Action"] = actions.into_iter().filter(|one| one != action).collect();
        }
        let statements = policy["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Action"].as_array().is_some_and(|actions| !actions.is_empty()));
        policy
    };
    let checked = |yes: bool| {
        let body = if yes { "0" } else { "1000000" };
        let mut post = team.home("alice").command(python("python"));
        let line = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), {'Content-Type': 'text/plain'}))";
        let url = format!("{}/moto-api/reset-auth", team.moto.endpoint);
        Outcome::of(post.args(["-c", line, &url, body]), "").exits(0);
    };
    with("enough", &policy);
    for action in ["s3:PutObject", "s3:GetObjectVersion", "s3:ListBucketVersions"] {
        with(&action.replace("s3:", ""), &without(action));
        checked(true);
        let sheet = team.request();
        let told = team.approves_what_is_pasted("bob", &block::write(block::Kind::Request, sheet.line().as_bytes()));
        let told = told.exits(0).stderr;
        assert!(
            told.contains("s3://acme-sign-off/glass is left out") && told.contains("AccessDenied"),
            "{action}: {told}"
        );
        assert_eq!(team.state("alice", &sheet)["state"], "open");
        checked(false);
    }
}
