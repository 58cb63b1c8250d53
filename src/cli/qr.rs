//! What is pasted otherwise, as a QR code on the terminal: for a camera, over a video call or a table.

use qrcodegen::{QrCode, QrCodeEcc};

use super::context::Context;
use super::out::{self, Paint, Style};
use crate::model::sign_off::block::{self, Kind};

/// How many modules around a code are light (ISO/IEC 18004).
const MARGIN: i32 = 4;

/// Shows a request or an answer to one on stderr, in the form that takes the least room.
pub fn show(kind: Kind, content: &[u8], context: &Context) {
    let Ok(code) = QrCode::encode_text(&block::write_packed(kind, content), QrCodeEcc::Low) else {
        out::warn(&"it is too long for a QR code: send the block");
        return;
    };
    let side = code.size() + 2 * MARGIN;
    let lines = (side + 1) / 2;
    if let Some((columns, rows)) = context.world().terminal.size()
        && (side > i32::from(columns) || lines >= i32::from(rows))
    {
        out::say(&format!(
            "glass: the code takes {side} columns and {lines} lines, and the terminal has {columns} and {rows}: make its letters smaller"
        ));
    }
    out::say(drawn(&code, Paint::for_stderr(context.color())).trim_end_matches('\n'));
}

/// Draws a code with two modules to a character, one above the other: in black on white, or without colours in those
/// that a terminal has, which is light on dark more often than not.
fn drawn(code: &QrCode, paint: Paint) -> String {
    let is_drawn = |x, y| code.get_module(x, y) == paint.is_coloured();
    let side = -MARGIN..code.size() + MARGIN;
    let line = |y| {
        let line: String = side
            .clone()
            .map(|x| match (is_drawn(x, y), is_drawn(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        paint.paint(Style::Code, &line) + "\n"
    };
    side.clone().step_by(2).map(line).collect()
}
