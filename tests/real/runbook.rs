//! The runbook: in the pager of whoever is on call, and at the start of their session.

use crate::support::Practice;

const GLASS: &str = env!("CARGO_BIN_EXE_glass");

#[test]
fn on_a_terminal_the_runbook_is_shown_in_the_pager() {
    let practice = Practice::new().with("PAGER", "/usr/bin/tr a-z A-Z");
    let (code, shown) = practice.home.terminal(GLASS, &["runbook", "prod-db-emergency"]).wait();
    assert!(code == 0 && shown.starts_with("# THE ORDERS DATABASE IS DOWN\r\n"), "{code}: {shown}");
    let plain = practice.home.glass(&["runbook", "prod-db-emergency"]).exits(0);
    assert!(plain.stdout.starts_with("# The orders database is down\n"), "{}", plain.stdout);
}

#[test]
fn without_a_pager_that_starts_the_runbook_is_shown_all_the_same() {
    let practice = Practice::new().with("PAGER", "/no/such/pager");
    let (code, shown) = practice.home.terminal(GLASS, &["runbook", "prod-db-emergency"]).wait();
    assert!(code == 0 && shown.starts_with("# The orders database is down\r\n"), "{code}: {shown}");
}

#[test]
fn a_shell_begins_with_the_runbook_and_a_command_does_not() {
    let practice = Practice::new().with("SHELL", "/bin/true");
    let escapes = "is down\u{1b}[2J\n\n1.\n2.\n3.\n4.\n5.\nnever shown";
    let practice = practice.edited("prod-db.md", "is down\n", escapes);
    let shell = practice.assume(&[]).exits(0);
    assert!(shell.stderr.contains("  # The orders database is down\\u{1b}[2J\n"), "{}", shell.stderr);
    assert!(shell.stderr.contains("glass: the whole runbook: glass runbook prod-db-emergency\n"), "{}", shell.stderr);
    assert!(!shell.stderr.contains("never shown"), "{}", shell.stderr);
    // The code is used up for this half minute: another night.
    let command = Practice::new().assume(&["--", "/bin/true"]).exits(0);
    assert!(!command.stderr.contains("runbook"), "{}", command.stderr);
}
