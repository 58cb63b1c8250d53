//! What a page says to type, so that the tests type it too.

/// The block of commands below a heading of the page for auditors.
pub fn commands_below(heading: &str) -> String {
    let (_, section) = include_str!("../../docs/audit.md").split_once(&format!("{heading}\n")).unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}
