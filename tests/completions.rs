//! What the shell and `man` are given.

use crate::support::{Home, Outcome, tool};

#[test]
fn bash_completes_the_words_of_glass() {
    let home = Home::new();
    let script = home.glass(&["completions", "bash"]).exits(0).stdout;
    let complete =
        r#"source "$1" && COMP_WORDS=(glass cred) COMP_CWORD=1 && _glass glass cred glass && echo "${COMPREPLY[@]}""#;
    let file = home.write("glass.bash", &script).display().to_string();
    let completed = Outcome::of(home.command(tool("bash")).args(["-c", complete, "bash", &file]), "").exits(0);
    assert_eq!(completed.stdout, "credential-process\n", "{}", completed.stderr);
    for shell in ["zsh", "fish", "elvish"] {
        assert!(home.glass(&["completions", shell]).exits(0).stdout.contains("credential-process"), "{shell}");
    }
}

#[test]
fn the_manual_page_has_every_command_and_the_ledger_hears_nothing() {
    let home = Home::new();
    let page = home.glass(&["man"]).exits(0).stdout;
    assert!(page.contains("\n.TH glass 1"), "{page}");
    for command in ["ASSUME", "ENROL", "CONFIGURE", "AUDIT VERIFY", "SANDBOX SERVE"] {
        assert!(page.contains(&format!("\n.SH GLASS {command}\n")), "{command}");
    }
    assert!(!page.contains("SANDBOX CREDENTIALS"), "it is not for people");
    assert!(!home.path(".local/state/glass/ledger").exists());
}
