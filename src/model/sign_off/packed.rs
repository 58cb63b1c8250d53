//! The shortest text of a request or an approval that a camera reads well: packed by deflate (RFC 1951), in base32 (RFC
//! 4648) without its padding, so that a QR code needs five and a half bits for each character.
//!
//! Keeps the promise that what is unpacked is bounded, whatever it came from.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// The most that is unpacked, in bytes: no request and no approval is longer.
const LONGEST: usize = super::sheet::LONGEST;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Packs a content.
pub(super) fn pack(content: &[u8]) -> String {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(content).expect("a vector takes all that is written to it");
    to_base32(&packed.finish().expect("a vector takes all that is written to it"))
}

/// Unpacks a content; none if the text is not whole, or is of more than there can be.
pub(super) fn unpack(text: &str) -> Option<Vec<u8>> {
    let packed = of_base32(text)?;
    let mut content = Vec::new();
    DeflateDecoder::new(packed.as_slice()).take(LONGEST as u64 + 1).read_to_end(&mut content).ok()?;
    (content.len() <= LONGEST).then_some(content)
}

fn to_base32(bytes: &[u8]) -> String {
    let digit = |five: u64| char::from(ALPHABET[(five & 31) as usize]);
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        (0..(chunk.len() * 8).div_ceil(5)).map(move |at| digit(bits >> (35 - 5 * at))).collect::<String>()
    };
    bytes.chunks(5).map(group).collect()
}

fn of_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes() {
        let five = ALPHABET.iter().position(|digit| *digit == letter)?;
        bits = (bits << 5 | u32::try_from(five).ok()?) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    // What is left over of the last character is nothing.
    (count < 5 && bits & ((1 << count) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sign_off::block::{self, Kind};
    use crate::model::sign_off::gather::gather;
    use crate::model::sign_off::tests::people::{approval, sheet};

    #[test]
    fn base32_is_that_of_its_standard() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(to_base32(bytes.as_bytes()), text);
            assert_eq!(of_base32(text).as_deref(), Some(bytes.as_bytes()));
        }
        for wrong in ["M", "MZX", "MZ", "my", "MZXW6===", "M1"] {
            assert_eq!(of_base32(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_and_what_is_too_much_is_not() {
        let all: Vec<u8> = (0..=250).cycle().take(LONGEST).collect();
        for content in [&b""[..], b"x", &all] {
            assert_eq!(unpack(&pack(content)).as_deref(), Some(content));
        }
        let bomb = pack(&vec![0; 64 * LONGEST]);
        assert!(bomb.len() < 4096, "{}", bomb.len());
        assert_eq!(unpack(&bomb), None);
        let text = pack(&all);
        assert_eq!(unpack(&text[..text.len() / 16 * 8]), None);
    }
    #[test]
    fn a_packed_block_is_one_line_for_a_camera_and_read_as_others_are() {
        let sheet = sheet();
        let approval = approval(&sheet, "bob", 2, 60);
        let request = block::write_packed(Kind::Request, sheet.line().as_bytes());
        let answer = block::write_packed(Kind::Approval, approval.stored().as_bytes());
        for packed in [&request, &answer] {
            let has_short_form = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || " $%*+-./:".contains(c);
            assert!(packed.chars().all(has_short_form), "{packed}");
        }
        assert!(request.len() < block::write(Kind::Request, sheet.line().as_bytes()).len() * 4 / 5);
        let (head, tail) = request.split_at(400);
        for text in [
            format!("{request}{answer}"),
            format!("> {head}\r\n> {tail}\r\n\n-- \nAlice\n{answer}"),
            format!("{answer}\n{}", block::write(Kind::Request, sheet.line().as_bytes())),
        ] {
            let gathered = gather(text.as_bytes()).unwrap();
            assert_eq!((gathered.sheets, gathered.approvals), (vec![sheet.clone()], vec![approval.clone()]), "{text}");
        }
        for damaged in [request.replace(tail, &tail[1..]), request.replace(':', ""), request.replace(':', ":a")] {
            assert!(gather(damaged.as_bytes()).is_err(), "{damaged}");
        }
    }
}
