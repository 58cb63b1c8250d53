//! What it takes to hold an SSH signature against a person's keys, and to count an approval: all that `glass` does with one
//! that it has read. `cargo bench --bench signatures`; see docs/performance.md.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement takes time, starts programs, says what it found and may fail loudly"
)]

#[allow(dead_code, unused_imports, reason = "a measurement needs a part of what the tests stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::time::Instant;

use glass::model::catalogue::{Beside, Catalogue, SshKey};
use glass::model::name::PersonName;
use glass::model::sign_off::approval::{Answer, Approval, NAMESPACE, Statement};
use glass::model::sign_off::block;
use glass::model::sign_off::count::{Scene, count};
use glass::model::sign_off::sheet::Sheet;
use glass::model::sshsig;

use support::{Home, Kind, Outcome, SoftKey, tool};

/// Signatures of each kind of key, some of them not good.
const VECTORS: &str = include_str!("../tests/vectors/sshsig/signatures.txt");

/// The text that all of them sign.
const TEXT: &str = "glass-approval-v1\napprove\nbob\n2026-01-02T03:04:05Z\n\
    0000000000000000000000000000000000000000000000000000000000000000\n\n";

const ROUNDS: u32 = 1_000;

fn main() {
    verified();
    counted();
}

/// The signature alone.
fn verified() {
    for block in VECTORS.split("\n== ").skip(1) {
        let (head, rest) = block.split_once('\n').unwrap();
        let Some(title) = head.strip_suffix(": good") else { continue };
        let (key, armoured) = rest.split_once('\n').unwrap();
        let key = SshKey::parse(key).unwrap();
        told(title, || assert!(sshsig::verify(armoured, NAMESPACE, TEXT.as_bytes(), [&key]).is_ok()));
    }
}

/// An approval of a request, by a catalogue in which its key is one of many.
fn counted() {
    let home = Home::new();
    home.write(".config/glass/identity.toml", "version = 1\nperson = \"alice\"\n");
    home.write(".ssh/.keep", "");
    let files = [("ed25519", "256"), ("ecdsa", "256"), ("rsa", "3072"), ("rsa", "8192")].map(|(kind, bits)| {
        let name = format!("{kind}-{bits}");
        let words = ["-q", "-t", kind, "-b", bits, "-N", "", "-f", &name];
        Outcome::of(home.command(tool("ssh-keygen")).args(words), "").exits(0);
        name
    });
    let soft = [Kind::SkEd25519, Kind::SkEcdsa].map(SoftKey::new);
    let lines = files.iter().map(|name| home.read(&format!("{name}.pub")).trim().to_owned());
    let lines: Vec<String> = lines.chain(soft.iter().map(SoftKey::line)).collect();
    let text = include_str!("../tests/cases/files/acme.toml");
    let bobs = text.lines().find(|line| line.starts_with("keys")).unwrap();
    let text = text.replace(bobs, &format!("keys = {lines:?}"));
    let path = home.write(".config/glass/profiles.toml", &text);
    let words = ["request", "prod-iam-major", "--incident", "INC-4711", "--reason", "the account is locked out"];
    let made = home.glass(&words).exits(0).stdout;
    let sheet = Sheet::parse(&block::read(&made).unwrap()[0].1).unwrap();
    let read = |path: &std::path::Path| fs::read(path).map_err(|error| error.to_string());
    let catalogue = Catalogue::load(&path, text.as_bytes(), Beside { read: &read, check: &|_| Ok(None) }).unwrap();
    let statement = Statement {
        answer: Answer::Approve,
        person: PersonName::parse("bob").unwrap(),
        at: sheet.asked().made,
        request: sheet.digest(),
        remark: String::new(),
    };
    let signed = statement.to_text().unwrap();
    let by_file = files.iter().map(|name| {
        let words = ["-Y", "sign", "-q", "-f", name, "-n", NAMESPACE];
        (name.clone(), Outcome::of(home.command(tool("ssh-keygen")).args(words), &signed).exits(0).stdout)
    });
    let by_soft = soft.iter().zip(["sk-ed25519", "sk-ecdsa"]);
    let by_soft = by_soft.map(|(key, name)| (name.to_owned(), key.approve(NAMESPACE, signed.as_bytes())));
    let scene = Scene { catalogue: &catalogue, now: sheet.asked().made, used: None };
    for (name, signature) in by_file.chain(by_soft) {
        let approvals = [Approval::new(&statement, &signature).unwrap()];
        told(&format!("an approval, {name}"), || assert_eq!(count(scene, &sheet, &approvals).missing(), 0));
    }
}

fn told(what: &str, work: impl Fn()) {
    let began = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    let each = began.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS);
    println!("{what:<36} {each:>8.4} ms   (at most 1)");
}
