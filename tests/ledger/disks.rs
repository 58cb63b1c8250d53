//! Small disks that are full, and disks that cannot be written to: where the ledger lies, and where it is sent to.

use serde_json::{Value, json};

use super::interrupted::{copied, eventful};
use super::verdict;
use crate::support::{Home, Outcome, tool};

/// A shell's lines in a mount namespace of its own, with the folder of the state as `$1` and the share as `$2`; `glass`
/// is the program, and `says` runs it and tells its words, its code, and whether it said why it failed.
fn on_disks(home: &Home, script: &str) -> Outcome {
    let says = format!(
        "glass() {{ '{}' \"$@\"; }}\n\
         says() {{ code=0; glass \"$@\" >\"$HOME/out\" 2>\"$HOME/err\" || code=$?; \
         why=; ! grep -q 'caused by: ' \"$HOME/err\" || why=' and why'; echo \"$* $code$why\"; }}\n",
        env!("CARGO_BIN_EXE_glass")
    );
    let mut command = home.command(tool("unshare"));
    command.args(["--map-root-user", "--mount", "/bin/sh", "-euc", &(says + script), "sh"]);
    Outcome::of(command.arg(home.path(".local/state/glass")).arg(home.path("share")), "").exits(0)
}

/// The lines of what was told, and at the end what two verdicts were.
fn told(outcome: &Outcome) -> (Vec<&str>, Vec<Value>) {
    let (json, lines): (Vec<&str>, Vec<&str>) = outcome.stdout.lines().partition(|line| line.starts_with('{'));
    (lines, json.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Moves the state to a disk of so many bytes, and back when the rest is done.
fn with_state_on(size: &str, script: &str) -> String {
    format!(
        "cp -a \"$1\" \"$HOME/kept\"; mount -t tmpfs -o size={size},mode=0700 none \"$1\"; cp -a \"$HOME/kept/.\" \"$1\"\n\
         {script}\n\
         glass audit verify --json; says audit checkpoint; says audit ship; glass audit verify --json --against \"$2\"\n"
    )
}

/// T6: each of them fails once there is no more room, says why, and goes on when there is. What a write that was cut
/// short has left is told as torn, and kept.
#[test]
fn on_a_full_disk_nothing_is_signed_closed_or_sent_and_the_next_run_goes_on() {
    let fill = "! head -c 4M /dev/zero >\"$1/filler\" 2>/dev/null";
    let (without, with) = (eventful(), eventful());
    with.glass(&["audit", "checkpoint"]).exits(0);
    for (begin, words) in
        [(&without, "audit checkpoint"), (&with, "audit checkpoint"), (&with, "audit rotate"), (&with, "audit ship")]
    {
        let home = copied(begin);
        // There is room for some entries yet, as the page that the last one is in is not full.
        let script = format!("{fill}; code=0; while [ $code = 0 ]; do says {words}; done; rm \"$1/filler\"");
        let outcome = on_disks(&home, &with_state_on("512k", &script));
        let (lines, verdicts) = told(&outcome);
        let failed = lines[lines.len() - 3];
        assert!(["1 and why", "4 and why"].iter().any(|end| failed == format!("{words} {end}")), "{outcome:?}");
        let first = &verdicts[0]["integrity"];
        assert!(*first == json!("torn") || *first == json!("verified"), "{words}: {first}");
        assert_eq!(lines[lines.len() - 2..], ["audit checkpoint 0", "audit ship 0"], "{outcome:?}");
        whole_and_sent(&verdicts[1], words);
    }
}

#[test]
fn on_a_disk_that_cannot_be_written_to_nothing_is_signed_closed_or_sent_and_the_ledger_can_be_verified() {
    let home = eventful();
    let script = "mount -o remount,ro \"$1\"\n\
                  says audit checkpoint; says audit rotate; says audit ship; says audit verify\n\
                  mount -o remount,rw \"$1\"";
    let outcome = on_disks(&home, &with_state_on("1M", script));
    let (lines, verdicts) = told(&outcome);
    let expected = [
        "audit checkpoint 4 and why",
        "audit rotate 4 and why",
        "audit ship 4 and why",
        "audit verify 0",
        "audit checkpoint 0",
        "audit ship 0",
    ];
    assert_eq!(lines, expected, "{outcome:?}");
    assert_eq!(verdicts[0]["integrity"], json!("verified"));
    whole_and_sent(&verdicts[1], "read-only");
}

/// A share takes the checkpoint, and has no room for all of the segment: nothing of that is there under its name.
#[test]
fn a_share_that_fills_up_has_what_it_has_whole_and_gets_the_rest_later() {
    let home = eventful();
    home.glass(&["audit", "checkpoint"]).exits(0);
    let script = "mount -t tmpfs -o size=16k none \"$2\"\n\
                  says audit ship; find \"$2\" -type f | sed 's,.*/\\([a-z]*\\)/[^/]*$,\\1,' | sort\n\
                  glass audit verify --json --against \"$2\"; glass status\n\
                  mount -o remount,size=1M \"$2\"; says audit ship; glass audit verify --json --against \"$2\"";
    let outcome = on_disks(&home, script);
    let (lines, verdicts) = told(&outcome);
    assert_eq!(lines, ["audit ship 1 and why", "checkpoint", "recording", "audit ship 0"], "{outcome:?}");
    assert!(outcome.stderr.contains("does not have all of the ledger"), "{outcome:?}");
    assert_eq!(verdicts[0]["completeness"]["gone"], json!([]));
    whole_and_sent(&verdicts[1], "a share");
    assert_eq!(verdict(&home).0, 0);
}

#[track_caller]
fn whole_and_sent(found: &Value, what: &str) {
    let completeness = &found["completeness"];
    assert_eq!(
        (&found["integrity"], &completeness["state"], &completeness["gone"]),
        (&json!("verified"), &json!("complete"), &json!([])),
        "{what}: {found}"
    );
}
