//! Approvers as witnesses: what shows that a requester's ledger only grew, and what shows that it was rewritten.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use glass::model::sign_off::block::{self, Kind};
use glass::model::sign_off::papers::folder;
use glass::model::sign_off::sheet::Sheet;

use crate::support::{Home, Outcome, tool};

/// alice asks and bob is asked, each in a home of their own; they share a folder.
struct Room {
    alice: Home,
    bob: Home,
    share: PathBuf,
}

impl Room {
    fn new() -> Room {
        let (alice, bob) = (Home::new(), Home::new());
        let share = alice.path("share");
        fs::create_dir(&share).unwrap();
        bob.write(".ssh/.keep", "");
        let keygen = ["-q", "-t", "ed25519", "-N", "", "-f", ".ssh/key"];
        Outcome::of(bob.command(tool("ssh-keygen")).args(keygen), "").exits(0);
        let catalogue = include_str!("../cases/files/acme.toml");
        let keys = catalogue.lines().find(|line| line.starts_with("keys")).unwrap();
        let catalogue = catalogue.replace(keys, &format!("keys = [\"{}\"]", bob.read(".ssh/key.pub").trim()));
        let catalogue = format!("{catalogue}\n[approvals]\nstore = \"{}\"\n", share.display());
        for (home, person) in [(&alice, "alice"), (&bob, "bob")] {
            home.write(".config/glass/profiles.toml", &catalogue);
            let identity = format!("version = 1\nperson = \"{person}\"\nsigning_key = \"~/.ssh/key\"\n");
            home.write(".config/glass/identity.toml", &identity);
        }
        Room { alice, bob, share }
    }

    /// What `glass request` prints, and the request in it.
    fn request(&self) -> (String, Sheet) {
        let words = ["request", "prod-iam-major", "--incident", "INC-4711", "--reason", "the account is locked out"];
        let printed = self.alice.glass(&words).exits(0).stdout;
        let blocks = block::read(&printed).unwrap();
        assert_eq!(blocks[0].0, Kind::Request);
        let sheet = Sheet::parse(&blocks[0].1).unwrap();
        (printed, sheet)
    }

    fn approves(&self, sheet: &Sheet) -> Outcome {
        self.bob.glass(&["approve", sheet.asked().id.as_str(), "--yes"])
    }

    fn approves_paste(&self, paste: &str) -> Outcome {
        Outcome::of(self.bob.command(env!("CARGO_BIN_EXE_glass")).args(["approve", "-", "--yes"]), paste)
    }

    /// The files of the share that are of this kind.
    fn lying(&self, kind: &str, sheet: &Sheet) -> Vec<PathBuf> {
        let files = fs::read_dir(self.share.join(folder(sheet.asked().expires))).unwrap();
        let name = format!("{}.{kind}.", sheet.asked().id);
        let paths = files.map(|file| file.unwrap().path());
        paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&name)).collect()
    }

    fn copy_ledger(&self, from: &str, to: &str) {
        let [from, to] = [from, to].map(|path| self.alice.path(path));
        assert!(Command::new(tool("cp")).arg("-a").args([from, to]).status().unwrap().success());
    }
}

const LEDGER: &str = ".local/state/glass/ledger";

const UNSHOWN: &str = "nothing shows that its ledger goes on from the";

#[test]
fn a_ledger_that_only_grew_is_shown_to_by_the_store_and_by_a_paste() {
    let room = Room::new();
    let (printed, first) = room.request();
    assert_eq!(block::read(&printed).unwrap().len(), 1);
    assert!(!room.approves(&first).exits(0).stderr.contains(UNSHOWN));
    let (_, second) = room.request();
    assert_eq!(room.lying("proof", &second).len(), 1);
    // Others' proofs, and what is none, neither show it nor keep anybody from it.
    let day = room.share.join(folder(second.asked().expires));
    let proof = fs::read(&room.lying("proof", &second)[0]).unwrap();
    fs::write(day.join(format!("{}.proof.0123456789abcdef", second.asked().id)), &proof).unwrap();
    fs::write(day.join(format!("{}.proof.0123456789abcde0", second.asked().id)), "made up").unwrap();
    let shown = room.approves(&second).exits(0);
    assert!(!shown.stderr.contains(UNSHOWN), "{}", shown.stderr);

    let (printed, third) = room.request();
    let (_, fourth) = room.request();
    for sheet in [&third, &fourth] {
        room.lying("proof", sheet).iter().for_each(|proof| fs::remove_file(proof).unwrap());
    }
    let blocks: Vec<Kind> = block::read(&printed).unwrap().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(blocks, [Kind::Request, Kind::Proof]);
    let damaged =
        room.approves_paste(&printed.replace("BEGIN GLASS PROOF-----\n", "BEGIN GLASS PROOF-----\nAAAA")).exits(1);
    assert!(damaged.stderr.contains("it is no proof of how a ledger grew"), "{}", damaged.stderr);
    let quoted: String = printed.lines().map(|line| format!("> {line}\r\n")).collect();
    let shown = room.approves_paste(&quoted).exits(0);
    assert!(!shown.stderr.contains(UNSHOWN), "{}", shown.stderr);
    // Without it nobody knows, which is told and keeps nobody from a yes.
    let unshown = room.approves(&fourth).exits(0);
    let size = third.asked().ledger.size;
    assert!(unshown.stderr.contains(&format!("{UNSHOWN} {size} entries that you saw before")), "{}", unshown.stderr);
}

/// T3: an older copy of the ledger is put back and goes on from there, until it is longer than what bob saw.
#[test]
fn a_longer_ledger_whose_history_is_another_is_refused_by_who_saw_it() {
    let room = Room::new();
    room.approves(&room.request().1).exits(0);
    room.copy_ledger(LEDGER, "before");
    let (_, seen) = room.request();
    room.approves(&seen).exits(0);
    fs::remove_dir_all(room.alice.path(LEDGER)).unwrap();
    room.copy_ledger("before", LEDGER);
    let rewritten = |room: &Room| {
        let (printed, sheet) = room.request();
        (sheet.asked().ledger.size > seen.asked().ledger.size).then_some((printed, sheet))
    };
    let (printed, sheet) = (0..9).find_map(|_| rewritten(&room)).unwrap();
    room.alice.glass(&["audit", "verify"]).exits(0);
    let why =
        format!("the requester's ledger was rewritten: its {} entries are not the ones seen", seen.asked().ledger.size);
    for refused in [room.approves(&sheet), room.approves_paste(&printed)] {
        let refused = refused.exits(3);
        assert!(refused.stderr.contains(&why) && refused.stdout.is_empty(), "{}", refused.stderr);
    }
    // Who is told to ask instead of refusing is told the same.
    let text = room.bob.read(".config/glass/profiles.toml");
    room.bob
        .write(".config/glass/profiles.toml", &text.replace("[approvals]", "[approvals]\nshorter_ledger = \"warn\""));
    let warned = room.approves(&sheet).exits(0);
    assert!(warned.stderr.contains(&format!("UNUSUAL           {why}")), "{}", warned.stderr);
}
