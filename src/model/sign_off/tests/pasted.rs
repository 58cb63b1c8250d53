//! What is pasted, however it was bent on the way.

use super::people::{approval, id, sheet};
use crate::model::sign_off::approval::Approval;
use crate::model::sign_off::block::{self, BlockError, Kind};
use crate::model::sign_off::gather::{GatherError, gather};
use crate::model::sign_off::growth::Growth;
use crate::model::sign_off::sheet::{Asked, Sheet, SheetError};

fn request_block() -> String {
    block::write(Kind::Request, sheet().line().as_bytes())
}

#[track_caller]
fn holds_the_sheet(text: &str) {
    let gathered = gather(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!((gathered.sheets.as_slice(), gathered.approvals.len()), (&[sheet()][..], 0), "{text}");
}

#[test]
fn a_block_has_64_columns_and_is_read_as_it_was_written() {
    let block = request_block();
    assert!(
        block.starts_with("-----BEGIN GLASS REQUEST-----\neyJ2Ijox")
            && block.ends_with("-----END GLASS REQUEST-----\n")
    );
    assert!(block.lines().all(|line| line.len() <= 64) && block.lines().nth(1).unwrap().len() == 64);
    holds_the_sheet(&block);
}

#[test]
fn a_block_is_read_however_mail_and_chat_have_bent_it() {
    let block = request_block();
    let each_line =
        |before: &str, after: &str| block.lines().map(|line| format!("{before}{line}{after}\n")).collect::<String>();
    for bent in [
        block.replace('\n', "\r\n"),
        block.trim_end().to_owned(),
        block.replace('\n', "\r"),
        each_line("> ", ""),
        each_line(">", ""),
        each_line(">> ", ""),
        each_line("> > > ", ""),
        each_line("| ", ""),
        each_line(" >| ", "\r"),
        each_line("    ", ""),
        each_line("\t", "  "),
        each_line("\u{a0}\u{a0}", "\u{a0}"),
        each_line("", "\u{200b}"),
        each_line("> ", "\n>"),
        format!("\u{feff}{block}"),
        format!("Hi Bob,\nplease approve this, it is 02:13 - sorry!\n\n{block}\n-- \nAlice\n-----\n"),
        format!("```\n{block}```\n"),
        block.replace('\n', " "),
        each_line("> ", "").replace('\n', " "),
        block.replace("-----", "—–"),
        block.replace("-----", "--"),
        block.replace("-----BEGIN GLASS REQUEST-----\n", "----- BEGIN  GLASS REQUEST -----"),
        block.lines().flat_map(|line| line.as_bytes().chunks(37)).fold(String::new(), |text, chunk| {
            let chunk = std::str::from_utf8(chunk).unwrap();
            text + chunk + if chunk.ends_with('-') || chunk.len() < 37 { "\n" } else { "\n> " }
        }),
    ] {
        holds_the_sheet(&bent);
    }
    holds_the_sheet(&format!("{block}{block}"));
    holds_the_sheet(&format!("{}\nand once more\n{}", each_line("> ", ""), block.replace('\n', "\r\n")));
}

#[test]
fn what_a_block_is_not_whole_for_is_told() {
    let block = request_block();
    let lines: Vec<&str> = block.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n");
    let approval = block::write(Kind::Approval, approval(&sheet(), "bob", 2, 60).stored().as_bytes());
    let error = |text: &str| gather(text.as_bytes()).unwrap_err();
    let last = lines.len() - 1;
    assert_eq!(error(&joined(&lines[..last])), GatherError::Block(BlockError::NoEnd(Kind::Request)));
    assert_eq!(error(&joined(&lines[1..])), GatherError::Block(BlockError::NoBegin(Kind::Request)));
    assert_eq!(
        error(&format!("{}{approval}", joined(&lines[..4]))),
        GatherError::Block(BlockError::NoEnd(Kind::Request))
    );
    let mixed = block.replace("END GLASS REQUEST", "END GLASS APPROVAL");
    let mixed_error = BlockError::Mixed { begun: Kind::Request, ended: Kind::Approval };
    assert_eq!(error(&mixed), GatherError::Block(mixed_error));
    assert!(matches!(error(&joined(&[&lines[..5], &lines[6..]].concat())), GatherError::Sheet(_)), "a line is missing");
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    assert!(matches!(error(&joined(&swapped)), GatherError::Sheet(_)), "lines in another order");
    let cut = block.replacen(&lines[5][..7], "", 1);
    assert_eq!(error(&cut), GatherError::Block(BlockError::Damaged(Kind::Request)));
    let foreign = block.replacen(&lines[5][..7], "\u{1b}[2J", 1);
    let escape = BlockError::Foreign { kind: Kind::Request, character: '\u{1b}' };
    assert_eq!(error(&foreign), GatherError::Block(escape));
    assert_eq!(
        error("-----BEGIN GLASS REQUEST----------END GLASS REQUEST-----"),
        GatherError::Block(BlockError::Damaged(Kind::Request))
    );
    let renamed = block.replace("GLASS REQUEST", "GLASS APPROVAL");
    assert!(matches!(error(&renamed), GatherError::Approval(_)), "a request in the lines of an approval");
    let other = Sheet::write(&Asked { duration: 1800, ..sheet().asked().clone() }).unwrap();
    let twins = format!("{block}{}", block::write(Kind::Request, other.line().as_bytes()));
    assert_eq!(error(&twins), GatherError::Twins(id("0123abcd")));
    for nothing in ["", "BEGIN GLASS REQUEST, he said, and then END GLASS REQUEST", "glass", "\u{0}\u{fffd}"] {
        assert_eq!(error(nothing), GatherError::Nothing, "{nothing}");
    }
    assert!(matches!(error(&"x".repeat(1024 * 1024 + 1)), GatherError::Block(BlockError::TooLong(_))));
    assert_eq!(error(&block.repeat(101)), GatherError::Block(BlockError::TooMany));
}

#[test]
fn several_blocks_of_all_kinds_are_gathered_at_once() {
    let sheet = sheet();
    let (bob, carol) = (approval(&sheet, "bob", 2, 60), approval(&sheet, "carol", 3, 61));
    let block = |approval: &Approval| block::write(Kind::Approval, approval.stored().as_bytes());
    let text =
        format!("{}{}> said\n{}{}", block(&bob), request_block(), block(&carol).replace('\n', "\r\n"), block(&bob));
    let growth = Growth::write(sheet.digest(), &[]);
    let proof = block::write(Kind::Proof, growth.stored().as_bytes());
    let gathered = gather(format!("{text}{proof}{proof}").as_bytes()).unwrap();
    assert_eq!((gathered.sheets, gathered.approvals, gathered.growths), (vec![sheet], vec![bob, carol], vec![growth]));
    // By itself it is of no use.
    assert_eq!(gather(proof.as_bytes()), Err(GatherError::Nothing));
}

#[test]
fn a_stored_request_and_an_approval_signed_by_hand_need_no_block() {
    let sheet = sheet();
    assert_eq!(gather(sheet.line().as_bytes()).unwrap().sheets.first(), Some(&sheet));
    let bob = approval(&sheet, "bob", 2, 60);
    assert_eq!(gather(bob.stored().as_bytes()).unwrap().approvals.first(), Some(&bob));
    assert_eq!(gather(bob.stored().replace('\n', "\r\n").as_bytes()).unwrap().approvals.first(), Some(&bob));
    assert!(matches!(gather(sheet.line().trim_end().as_bytes()), Err(GatherError::Sheet(SheetError::Unfinished))));
}

#[test]
fn a_mangled_paste_never_panics_and_never_brings_another_sheet() {
    let sheet = sheet();
    let whole = format!("> hello\n{}{}", request_block(), request_block().replace('\n', "\r\n> "));
    let scraps = ["-----", "BEGIN GLASS REQUEST", "-----END GLASS REQUEST-----", "\u{200b}", "=", "é", ">", "\n"];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut number = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..1000 {
        let mut letters: Vec<char> = whole.chars().collect();
        for _ in 0..=number(3) {
            let from = number(letters.len());
            let to = (from + number(30)).min(letters.len());
            letters.splice(from..to, scraps[number(scraps.len())].chars());
        }
        if let Ok(gathered) = gather(letters.iter().collect::<String>().as_bytes()) {
            assert!(gathered.sheets.iter().all(|one| *one == sheet || one.digest() != sheet.digest()));
        }
    }
}

// The ledger.
