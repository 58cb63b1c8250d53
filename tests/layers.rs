//! The house keeps its shape: imports point down, the model stays pure, files
//! stay short and say what they are for.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first: each may use itself and those before it.
const LAYERS: [&str; 6] = ["model", "world", "broker", "host", "sandbox", "cli"];

/// What the order alone would allow: the practice AWS must not know what is practised on it.
const APART: [(&str, &str); 1] = [("sandbox", "broker")];

/// What would make the model depend on the moment or the machine.
const IMPURE: [&str; 7] = ["std::env", "std::fs", "std::process", "std::thread", "TcpStream", "::now()", "async "];

/// What other systems than Linux do not have; it belongs in host/, beside its fallback.
const LINUX_ONLY: [&str; 6] = ["os::linux", "\"/proc/", "timerfd", "pidfd", "prctl", "linux_keyutils"];

const LONGEST_FILE: usize = 400;

struct Source {
    /// Below `src/`, e.g. `model/name.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The first word of its path, e.g. `model`; `lib` and `main` are above all layers.
    fn layer(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    /// How many modules lie between a line of this file and the crate's root: `model/name.rs` is 2 deep.
    fn depth(&self) -> usize {
        self.path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count()
    }

    /// Its lines with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines.map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Its lines of code with their numbers, but for its tests.
    fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let length = self.length();
        self.code().take_while(move |(number, _)| *number <= length)
    }

    /// How many lines come before its tests.
    fn length(&self) -> usize {
        let tests = self.path.ends_with("/tests.rs");
        self.text.lines().take_while(|line| !tests && !line.starts_with("#[cfg(test)]")).count()
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source { path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), text });
            }
        }
    }
    assert!(sources.len() > 5, "the sources are not where they were");
    sources
}

/// Which modules at the crate's root a line of code names: `crate::a`, `crate::{a, b::{c}}`.
fn roots(line: &str) -> Vec<&str> {
    let mut roots = Vec::new();
    for (at, found) in line.match_indices("crate::") {
        let rest = &line[at + found.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            roots.push(first_word(rest));
            continue;
        };
        let mut depth = 0;
        let outermost = group.split_inclusive(['{', '}', ',']).filter(|part| {
            let outer = depth == 0;
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
            outer
        });
        roots.extend(outermost.map(|part| first_word(part.trim_start())).filter(|word| !word.is_empty()));
    }
    roots
}

fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap()
}

/// What is wrong with a line of a layer, if it names a layer that it must not know.
fn upward<'a>(layer: &str, line: &'a str) -> Option<&'a str> {
    let own = LAYERS.iter().position(|name| *name == layer)?;
    roots(line).into_iter().find(|root| {
        let other = LAYERS.iter().position(|name| name == root);
        other.is_some_and(|other| other > own) || APART.contains(&(layer, root))
    })
}

#[track_caller]
fn nothing_in(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn imports_point_down() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (number, line) in source.code() {
            if let Some(root) = upward(source.layer(), line) {
                complaints.push(format!("src/{}:{number}: {} may not use {root}", source.path, source.layer()));
            }
            // One more is allowed for a module within the file, such as its tests.
            if line.contains(&"super::".repeat(source.depth() + 1)) || line.contains("crate::*") {
                complaints.push(format!("src/{}:{number}: say `crate::<layer>`, so that it can be seen", source.path));
            }
        }
    }
    nothing_in(&complaints);
}

#[test]
fn every_file_belongs_to_a_layer() {
    let strange = sources().into_iter().filter(|source| {
        let layer = source.layer();
        !LAYERS.contains(&layer) && !["lib.rs", "main.rs"].contains(&source.path.as_str())
    });
    nothing_in(&strange.map(|source| format!("src/{} is in no layer", source.path)).collect::<Vec<_>>());
}

#[test]
fn the_model_asks_nothing_of_its_surroundings() {
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.layer() == "model") {
        for (number, line) in source.shipped() {
            if let Some(word) = IMPURE.iter().find(|word| line.contains(**word)) {
                complaints.push(format!("src/{}:{number}: no `{}` in model", source.path, word.trim()));
            }
        }
    }
    nothing_in(&complaints);
}

#[test]
fn what_only_linux_has_stays_in_host() {
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.layer() != "host") {
        for (number, line) in source.code() {
            if let Some(word) = LINUX_ONLY.iter().find(|word| line.contains(**word)) {
                complaints.push(format!("src/{}:{number}: `{word}` belongs in host", source.path));
            }
        }
    }
    nothing_in(&complaints);
}

#[test]
fn every_file_says_what_it_is_and_stays_short() {
    let mut complaints = Vec::new();
    for source in sources() {
        if source.path != "main.rs" && !source.text.starts_with("//! ") {
            complaints.push(format!("src/{} does not open with `//! `", source.path));
        }
        if source.length() > LONGEST_FILE {
            complaints.push(format!("src/{} has {} lines before its tests", source.path, source.length()));
        }
    }
    nothing_in(&complaints);
}

/// Clippy's lint for this cannot tell our enums from those of others, which may grow.
#[test]
fn no_wildcard_swallows_a_variant_of_ours() {
    let sources = sources();
    let ours: Vec<String> = sources
        .iter()
        .flat_map(Source::code)
        .filter_map(|(_, line)| line.split_once("enum ").map(|(_, name)| format!("{}::", first_word(name))))
        .collect();
    let mut complaints = Vec::new();
    for source in &sources {
        let lines: Vec<_> = source.shipped().collect();
        let found = swallowing(&lines, &ours);
        complaints.extend(
            found
                .iter()
                .map(|number| format!("src/{}:{number}: name the variants of ours that `_` stands for", source.path)),
        );
    }
    nothing_in(&complaints);
}

/// The numbers of the lines whose `_` stands beside a variant of one of these enums.
fn swallowing(lines: &[(usize, &str)], ours: &[String]) -> Vec<usize> {
    let lines: Vec<_> = lines.iter().filter(|(_, line)| !line.is_empty()).collect();
    let wild = lines.iter().enumerate().filter(|(_, (_, line))| line.trim_start().starts_with("_ =>"));
    let swallowing = wild.filter(|(at, (_, line))| {
        let mut arms = lines[..*at].iter().rev().take_while(|(_, other)| depth(other) >= depth(line));
        arms.any(|(_, arm)| depth(arm) == depth(line) && ours.iter().any(|name| names_in_pattern(arm, name)))
    });
    swallowing.map(|(_, (number, _))| *number).collect()
}

/// How far a line is indented.
fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn names_in_pattern(arm: &str, name: &str) -> bool {
    let pattern = arm.split("=>").next().unwrap();
    pattern.match_indices(name).any(|(at, _)| !pattern[..at].ends_with(|letter: char| letter.is_alphanumeric()))
}

#[test]
fn an_upward_import_is_seen() {
    assert_eq!(upward("model", "use crate::host::files;"), Some("host"));
    assert_eq!(upward("broker", "use crate::{model::{name, time}, world::World, host};"), Some("host"));
    assert_eq!(upward("sandbox", "    let x = crate::broker::y();"), Some("broker"));
    assert_eq!(upward("host", "use crate::{model::{name, time}, world::World};"), None);
    assert_eq!(upward("cli", "use crate::broker::break_glass;"), None);
}

#[test]
fn a_swallowed_variant_is_seen() {
    let text = ["match x {", "    Ours::A => {", "        y", "    }", "    _ => z,", "}"];
    let lines: Vec<_> = text.into_iter().enumerate().collect();
    assert_eq!(swallowing(&lines, &["Ours::".to_owned()]), [4]);
    assert_eq!(swallowing(&lines, &["Theirs::".to_owned()]), [0; 0]);
}
