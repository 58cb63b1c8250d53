//! The ledger as a table for a spreadsheet: RFC 4180, one row an entry.
//!
//! Keeps the promise that no cell is taken for a formula, whoever wrote what is in it.

use super::Place;
use crate::model::chain::entry::Entry;
use crate::model::name::Digest;

/// The names of the columns.
pub const HEADER: &str = "seq,ts,who,ev,session,host,pid,uid,boot,mono,prev,sha256,d\r\n";

/// What a spreadsheet takes a cell for a formula by, if it begins with it.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The row of an entry: its fields, the SHA-256 of its line, and the details as JSON.
pub fn row(line: &[u8], entry: &Entry<'_>) -> String {
    let Entry { seq, prev, ts, pid, who, ev, session, d } = entry;
    let Place { mono, boot, host, uid } = Place::of(line);
    let (seq, pid, uid, sha256) = (seq.to_string(), pid.to_string(), uid.to_string(), Digest::of(line).to_string());
    // Outside of texts there is no `;` in JSON. Where it parts cells, what comes after it would begin one.
    let d = d.replace(';', "\\u003b");
    let cells: [&str; 13] = [&seq, ts, who, ev, session, &host, &pid, &uid, &boot, &mono, prev, &sha256, &d];
    cells.map(cell).join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    let guarded = if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() };
    if guarded.contains(['"', ',', ';', '\r', '\n']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_every_field_and_the_hash_of_its_line() {
        let line = concat!(
            r#"{"v":1,"seq":3,"prev":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","#,
            r#""ts":"2026-01-31T02:13:00.000042Z","mono":"7","boot":"b05b","host":"=h,\u00e9","pid":1,"uid":0,"#,
            r#""who":"-alice","ev":"some.future","session":"","d":{"x":"a;=b\"c"}}"#,
            "\n"
        );
        let entry = Entry::parse(line.as_bytes()).expect("an entry");
        let hash = Digest::of(line.as_bytes());
        let expected = format!(
            "3,2026-01-31T02:13:00.000042Z,'-alice,some.future,,\"'=h,é\",1,0,b05b,7,\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,{hash},\
             \"{{\"\"x\"\":\"\"a\\u003b=b\\\"\"c\"\"}}\"\r\n"
        );
        assert_eq!(row(line.as_bytes(), &entry), expected);
        assert_eq!(HEADER.split(',').count(), 13);
    }

    #[test]
    fn what_a_spreadsheet_would_run_it_shows() {
        for begin in FORMULA {
            assert!(cell(&format!("{begin}1")).trim_start_matches('"').starts_with('\''), "{begin:?}");
        }
        assert_eq!([cell("alice"), cell("a\"b"), cell("a,b")], ["alice", "\"a\"\"b\"", "\"a,b\""]);
    }
}
