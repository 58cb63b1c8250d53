//! Requests and approvals as they are written, and what is none.

use super::people::{after, approval, asked, denial, load, sheet, text};
use super::tally_at;
use crate::model::name::{Digest, StepName, TriggerName};
use crate::model::sign_off::approval::{Approval, ApprovalError};
use crate::model::sign_off::sheet::{Asked, Sheet, SheetError};
use crate::model::time::Timestamp;

#[test]
fn a_sheet_is_one_line_with_its_fields_in_order() {
    let sheet = sheet();
    let parts: String = sheet.asked().parts.iter().map(|(part, digest)| format!("\"{part}\":\"{digest}\",")).collect();
    let expected = format!(
        "{{\"v\":1,\"kind\":\"glass-request\",\"id\":\"0123abcd\",\"organisation\":\"acme\",\
         \"origin\":\"glass/acme/laptop/alice/62rp5vxh\",\"person\":\"alice\",\"profile\":\"prod-db-emergency\",\
         \"parts\":{{{}}},\"role\":\"arn:aws:iam::444455556666:role/db\",\"trigger\":\"down\",\"incident\":\"INC-4711\",\
         \"reason\":\"orders \\\"database\\\" lost its writér \\\\o/\",\"duration\":900,\"step\":null,\"override\":false,\
         \"made\":\"2026-01-31T02:13:00Z\",\"expires\":\"2026-01-31T02:43:00Z\",\
         \"ledger\":{{\"size\":42,\"root\":\"{}\"}},\"nonce\":\"07070707070707070707070707070707\"}}\n",
        parts.trim_end_matches(','),
        Digest::of(b"root"),
    );
    assert_eq!(sheet.line(), expected);
    assert_eq!(sheet.digest(), Digest::of(expected.as_bytes()));
    assert_eq!(Sheet::parse(expected.as_bytes()), Ok(sheet));
}

#[test]
fn times_of_a_sheet_are_whole_seconds() {
    let mut asked = asked(&load(&text()));
    asked.made = Timestamp::from_micros(asked.made.micros() + 999_999);
    assert_eq!(Sheet::write(&asked), Ok(sheet()));
}

#[test]
fn a_line_that_glass_would_have_written_otherwise_is_no_sheet() {
    let line = sheet().line().to_owned();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\": 1"),
        ("glass-request", "glass-approval"),
        ("\"id\":\"0123abcd\"", "\"id\":\"0123ABCD\""),
        ("\"id\":\"0123abcd\",", ""),
        ("\"id\":\"0123abcd\",", "\"id\":\"0123abcd\",\"id\":\"0123abcd\","),
        (
            "\"person\":\"alice\",\"profile\":\"prod-db-emergency\"",
            "\"profile\":\"prod-db-emergency\",\"person\":\"alice\"",
        ),
        ("\"duration\":900", "\"duration\":900.0"),
        ("\"duration\":900", "\"duration\":-900"),
        ("\"duration\":900", "\"duration\":9e2"),
        ("\"step\":null", "\"step\":\"\""),
        ("\"step\":null,", ""),
        ("\"override\":false", "\"override\":0"),
        ("02:13:00Z", "02:13:00.0Z"),
        ("02:13:00Z", "03:13:00+01:00"),
        ("writér", "writ\\u00e9r"),
        ("writér", "writ\u{202e}r"),
        ("\\\\o/", "\\\\o\\/"),
        ("\"size\":42", "\"size\":042"),
        ("\"nonce\":\"07", "\"nonce\":\"0A"),
        ("\"nonce\"", "\"more\":1,\"nonce\""),
        ("\"policy\":", "\"polizei\":"),
        ("\"runbook\":", "\"extra\":\"\",\"runbook\":"),
        ("glass/acme/laptop", "glass/acme/lap top"),
        ("}\n", "}"),
        ("}\n", "}\r\n"),
        ("}\n", "} \n"),
        ("}\n", "}\n\n"),
        ("}\n", ",\"x\":1}\n"),
        ("{\"v\"", " {\"v\""),
    ] {
        let wrong = line.replacen(from, to, 1);
        assert_ne!(wrong, line, "{from}");
        assert!(Sheet::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let no_time = line.replacen("02:43:00Z", "02:13:00Z", 1);
    assert_eq!(Sheet::parse(no_time.as_bytes()), Err(SheetError::NoTime));
    let long = format!("{}{}\n", line.trim_end(), " ".repeat(16 * 1024));
    assert!(matches!(Sheet::parse(long.as_bytes()), Err(SheetError::TooLong(_))));
    let deep = format!("{{\"v\":1,\"kind\":\"glass-request\",\"id\":{}1{}}}\n", "[".repeat(5000), "]".repeat(5000));
    assert!(matches!(Sheet::parse(deep.as_bytes()), Err(SheetError::Malformed(_))));
}

#[test]
fn every_byte_of_a_sheet_that_is_changed_makes_another_one_or_none() {
    let sheet = sheet();
    for place in 0..sheet.line().len() {
        for flip in [1, 2, 0x20, 0x80] {
            let mut bytes = sheet.line().as_bytes().to_vec();
            bytes[place] ^= flip;
            if let Ok(other) = Sheet::parse(&bytes) {
                assert_ne!(other.digest(), sheet.digest(), "byte {place}");
                assert_eq!(other.line().as_bytes(), bytes, "byte {place}");
            }
        }
    }
}

// The approval.

#[test]
fn an_approval_is_six_lines_and_a_signature() {
    let sheet = sheet();
    let approval = denial(&sheet, "bob", 2, 60);
    let text = format!("glass-approval-v1\ndeny\nbob\n2026-01-31T02:14:00Z\n{}\nnot tonight\n", sheet.digest());
    assert_eq!(approval.text(), text);
    assert!(approval.signature().starts_with("-----BEGIN SSH SIGNATURE-----\n"));
    assert_eq!(approval.stored(), format!("{text}{}", approval.signature()));
    assert_eq!(approval.digest(), Digest::of(approval.stored().as_bytes()));
    assert_eq!(Approval::parse(approval.stored().as_bytes()), Ok(approval));
}

#[test]
fn what_is_not_just_an_approval_is_none() {
    let sheet = sheet();
    let good = approval(&sheet, "bob", 2, 60).stored().to_owned();
    for (from, to) in [
        ("glass-approval-v1", "glass-approval-v2"),
        ("glass-approval-v1\n", "\nglass-approval-v1\n"),
        ("approve\n", "Approve\n"),
        ("approve\n", "approve\r\n"),
        ("bob\n", "Bob\n"),
        ("bob\n", "bob \n"),
        ("02:14:00Z", "yesterday"),
        ("\n\n-----BEGIN", "\n-----BEGIN"),
        ("\n\n-----BEGIN", "\n\n\n-----BEGIN"),
        ("\n\n-----BEGIN", "\na\u{1b}[2J\n-----BEGIN"),
        ("-----BEGIN SSH", "-----BEGIN PGP"),
        ("-----END SSH SIGNATURE-----\n", ""),
        ("-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\nmore\n"),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good, "{from}");
        assert!(Approval::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let upper = good.replacen(&sheet.digest().to_string(), &sheet.digest().to_string().to_uppercase(), 1);
    assert!(matches!(Approval::parse(upper.as_bytes()), Err(ApprovalError::Line { line: 5, .. })));
    let long = good.replacen("\n\n-----BEGIN", &format!("\n{}\n-----BEGIN", "x".repeat(501)), 1);
    assert_eq!(Approval::parse(long.as_bytes()), Err(ApprovalError::Remark));
    assert!(matches!(Approval::parse(&[b'x'; 17 * 1024]), Err(ApprovalError::TooLarge(_))));
    assert_eq!(Approval::parse(b""), Err(ApprovalError::Start));
    for end in 0..good.len() {
        assert!(Approval::parse(&good.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

// What counts.

#[test]
fn a_step_is_part_of_what_is_signed() {
    let catalogue = load(&text());
    let asked = Asked { step: Some(StepName::parse("failover").unwrap()), ..asked(&catalogue) };
    assert!(Sheet::write(&asked).unwrap().line().contains("\"step\":\"failover\""));
    let gone = Asked { trigger: TriggerName::parse("up").unwrap(), ..asked };
    let tally = tally_at(&catalogue, &Sheet::write(&gone).unwrap(), &[], after(1));
    assert_eq!(tally.void()[0].to_string(), "the catalogue has no trigger `up`");
}
