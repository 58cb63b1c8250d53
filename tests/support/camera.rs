//! A camera in front of a terminal: what it reads of the QR code that is shown there.

use super::{Home, Outcome, python};

/// Reads the one QR code of a picture of so many columns, a byte a pixel.
const CAMERA: &str = "
import sys, zxingcpp
columns, pixels = int(sys.argv[1]), sys.stdin.buffer.read().decode().encode('latin-1')
picture = memoryview(pixels).cast('B', [len(pixels) // columns, columns])
# It sees codes of other kinds in what is none of them.
texts = [code.text for code in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)]
assert len(texts) == 1, texts
print(texts[0], end='')
";

/// What a camera makes of a terminal that shows this, with this in front of what is drawn and behind it.
pub fn seen_by_a_camera(home: &Home, shown: &str, colours: Option<(&str, &str)>) -> String {
    const SCALE: usize = 4;
    let lines = shown.lines().filter_map(|line| match colours {
        Some((before, after)) => line.strip_prefix(before)?.strip_suffix(after),
        None => line.contains('█').then_some(line),
    });
    // White on black, unless it says otherwise.
    let (drawn, not_drawn) = if colours.is_some() { ('\0', '\u{ff}') } else { ('\u{ff}', '\0') };
    let (mut picture, mut columns) = (String::new(), 0);
    for line in lines {
        columns = line.chars().count() * SCALE;
        for half in ["█▀", "█▄"] {
            let row: String =
                line.chars().flat_map(|cell| [if half.contains(cell) { drawn } else { not_drawn }; SCALE]).collect();
            picture.push_str(&row.repeat(SCALE));
        }
    }
    Outcome::of(home.command(python("python")).args(["-c", CAMERA, &columns.to_string()]), &picture).exits(0).stdout
}
