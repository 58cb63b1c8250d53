//! What of a recording may reach the terminal that it is shown on: the picture, and nothing else.
//!
//! Keeps the promise that a recording changes nothing of the viewer's terminal but its picture, and makes it
//! type nothing. What is let through is listed; what is not on the list is dropped, known or not.

use std::fmt::Write;

use super::escapes::{Escapes, Part};

/// Private modes that are the picture's: reversed colours, wrapping, the cursor, the other screen, whole updates.
/// Not so 1 and 66 (keys), 3 (the window), 9 and 1000 to 1016 (the mouse types), 2004 (pasting).
const MODES: [u16; 9] = [5, 7, 12, 25, 47, 1047, 1048, 1049, 2026];

/// Those of them that are the other screen.
const OTHER_SCREEN: [u16; 3] = [47, 1047, 1049];

/// What puts a terminal right whatever was shown: letters, colours, whole updates, modes, margins (which
/// moves the cursor), the cursor's shape.
const PUT_RIGHT: &str = "\x0f\x1b(B\x1b)B\x1b[0m\x1b[?2026l\x1b[4l\x1b[?5l\x1b[?7;25h\x1b7\x1b[r\x1b8\x1b[0 q";

/// A terminal's picture, out of anything.
#[derive(Debug, Default)]
pub struct Harmless {
    escapes: Escapes,
    other_screen: Option<u16>,
}

impl Harmless {
    /// Gives what of the next piece of output may be shown; sequences may be split between pieces.
    pub fn filter(&mut self, output: &str) -> String {
        let mut shown = String::with_capacity(output.len());
        for character in output.chars() {
            let Some(part) = self.escapes.take(character) else { continue };
            match part {
                Part::Text(character) => shown.push(character),
                Part::Control('\u{7}'..='\u{f}') => shown.extend([character]),
                Part::Control(_) => {}
                Part::Escape(between, last) => shown.push_str(&escape(between, last)),
                Part::Csi(parameters, "", last @ ('h' | 'l')) if parameters.starts_with('?') => {
                    let modes = modes(&parameters[1..]);
                    if let Some(screen) = modes.iter().find(|mode| OTHER_SCREEN.contains(mode)) {
                        self.other_screen = (last == 'h').then_some(*screen);
                    }
                    shown.push_str(&set(&modes, last));
                }
                Part::Csi(parameters, between, last) if is_picture(parameters, between, last) => {
                    write!(shown, "\x1b[{parameters}{between}{last}").expect("writing to a String cannot fail");
                }
                Part::Csi(..) => {}
            }
        }
        shown
    }

    /// What leaves the terminal as a person expects to find it.
    pub fn put_right(&self) -> String {
        let screen: &[u16] = self.other_screen.as_slice();
        set(screen, 'l') + PUT_RIGHT
    }
}

/// What is shown of a sequence without parameters.
fn escape(between: &str, last: char) -> String {
    match (between, last) {
        // A full reset takes the lines above the screen with it, which are the viewer's.
        ("", 'c') => "\x1b[!p\x1b[H\x1b[2J".to_owned(),
        // Cursor, lines, tabs.
        ("", '7' | '8' | 'D' | 'E' | 'H' | 'M') | ("#", '3'..='6' | '8') => format!("\x1b{between}{last}"),
        // Letters, line drawing, British letters.
        ("(" | ")", '0' | 'A' | 'B') => format!("\x1b{between}{last}"),
        _ => String::new(),
    }
}

/// Whether a sequence with parameters is for the picture alone; modes are seen to by [`modes`].
fn is_picture(parameters: &str, between: &str, last: char) -> bool {
    if parameters.chars().skip(1).any(|character| character > ';') {
        return false;
    }
    match (parameters.chars().next().unwrap_or('0'), between, last) {
        (
            '0'..=';',
            "",
            '@' | 'A'..='I' | 'K'..='M' | 'P' | 'S' | 'X' | 'Z' | '`' | 'a' | 'b' | 'd'..='g' | 'm' | 'r',
        ) => true,
        // Not what is above the screen: that is the viewer's.
        ('0'..=';', "", 'J') => ["", "0", "1", "2"].contains(&parameters),
        // With parameters these two are other things in some terminals.
        ('0'..=';', "", 's' | 'u') => parameters.is_empty(),
        ('0'..=';', "", 'T') => !parameters.contains(';'),
        ('0'..=';', "", 'h' | 'l') => parameters == "4",
        ('?', "", 'J' | 'K') | ('0'..=';', " " | "\"", 'q') | ('0'..=';', "!", 'p') => true,
        _ => false,
    }
}

/// Those of some private modes that are the picture's.
fn modes(parameters: &str) -> Vec<u16> {
    parameters.split(';').filter_map(|mode| mode.parse().ok()).filter(|mode| MODES.contains(mode)).collect()
}

fn set(modes: &[u16], last: char) -> String {
    if modes.is_empty() {
        return String::new();
    }
    let modes: Vec<String> = modes.iter().map(u16::to_string).collect();
    format!("\x1b[?{}{last}", modes.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Harmless::default().filter(text)
    }

    #[test]
    fn the_picture_is_let_through() {
        for text in [
            "plain äöü 漢 \u{1f511}\r\n\t\u{8}\u{7}",
            "\u{1b}[1;38;2;10;20;30;48:5:7mbold\u{1b}[0m",
            "\u{1b}[2J\u{1b}[H\u{1b}[10;20H\u{1b}[K\u{1b}[1A\u{1b}[3P\u{1b}[5r\u{1b}[J",
            "\u{1b}[?1049h\u{1b}[?25l\u{1b}[4 q\u{1b}(0lqk\u{1b}(B\u{1b}7\u{1b}8\u{1b}M",
            "\u{1b}[?2026h\u{1b}[s\u{1b}[u\u{1b}[4h\u{1b}#8",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_does_more_than_a_picture_is_not() {
        for hostile in [
            "\u{1b}]52;c;cm0gLXJmIC8=\u{7}",     // the clipboard
            "\u{1b}]0;title\u{1b}\\",            // the title, and with the next its report
            "\u{1b}[21t\u{1b}[20t\u{1b}[18t",    // reports that are typed
            "\u{1b}[c\u{1b}[>c\u{1b}[=c\u{1b}Z", // who are you
            "\u{1b}[5n\u{1b}[6n\u{1b}[?6n",      // how are you, where are you
            "\u{1b}[x\u{1b}[?1$p\u{1b}[1;1;1;1;1;1*y\u{1b}[?u\u{1b}[>q",
            "\u{5}", // answer back
            "\u{1b}P$qm\u{1b}\\\u{1b}P+q544e\u{1b}\\",
            "\u{1b}]1337;File=name=eA==;inline=0:eA==\u{7}",
            "\u{1b}_Gi=31,s=1,v=1,a=q,t=f;L2V0Yy9wYXNzd2Q=\u{1b}\\",
            "\u{1b}]4;1;?\u{7}\u{1b}]10;?\u{7}\u{1b}]11;#000000\u{7}\u{1b}]8;;http://x\u{1b}\\",
            "\u{1b}[?1000h\u{1b}[?1003;1006h\u{1b}[?1004h\u{1b}[?2004h\u{1b}[?1h\u{1b}=\u{1b}[?66h\u{1b}[>1u\u{1b}[=5u\u{1b}[>4;1m",
            "\u{1b}[2h\u{1b}[?8l",              // keys that are dead, or do not repeat
            "\u{1b}[5i\u{1b}[?5i\u{1b}[i",      // the printer
            "\u{1b}[8;1;1t\u{1b}[2t\u{1b}[?3h", // the window
            "\u{1b}[3J",                        // what is above the screen
            "\u{1b}[1;2;3;4;5T\u{1b}[1;2s\u{1b}[3q\u{1b}%@\u{1b}n\u{1b}N\u{1b}l",
            "\u{1b}[1>m\u{1b}[4?h\u{1b}[?25$h\u{1b}[1;=K",
            "\u{9b}\u{9d}\u{90}\u{84}\u{0}\u{11}\u{13}\u{7f}",
            "\u{1b}ktitle\u{1b}\\",
            "\u{1b}Ptmux;\u{1b}\u{1b}]52;c;eA==\u{7}\u{1b}\\",
        ] {
            assert_eq!(shown(hostile), "", "{hostile:?}");
            let mut harmless = Harmless::default();
            let apart: String = hostile.chars().map(|character| harmless.filter(&character.to_string())).collect();
            assert_eq!(apart, "", "{hostile:?} in pieces");
        }
        assert_eq!(shown("\u{1b}[?1000;25;2004h"), "\u{1b}[?25h", "of several modes those that are harmless are set");
        assert_eq!(shown("\u{1b}c"), "\u{1b}[!p\u{1b}[H\u{1b}[2J");
    }

    /// A sequence that becomes one only when another is taken out of it.
    #[test]
    fn what_is_left_after_filtering_is_harmless_too() {
        let hostile = ["\u{1b}]52;c;eA==\u{7}", "\u{1b}[6n", "\u{9b}6n", "\u{1b}[21t", "\u{5}"];
        let mut cut = Vec::new();
        for outer in hostile {
            for at in (0..=outer.len()).filter(|at| outer.is_char_boundary(*at)) {
                cut.extend(hostile.map(|inner| format!("{}{inner}{}", &outer[..at], &outer[at..])));
            }
        }
        for text in cut {
            let once = shown(&text);
            assert_eq!(shown(&once), once, "{text:?}");
            assert!(!once.contains(['\u{1b}', '\u{9b}', '\u{5}']), "{text:?} gives {once:?}");
        }
    }

    #[test]
    fn the_other_screen_is_left_the_way_it_was_entered() {
        let mut harmless = Harmless::default();
        assert!(!harmless.put_right().contains("1049"));
        harmless.filter("\u{1b}[?1049h\u{1b}[31m");
        assert!(harmless.put_right().starts_with("\u{1b}[?1049l"));
        harmless.filter("\u{1b}[?1049l");
        assert!(!harmless.put_right().contains("1049"));
        assert!(harmless.put_right().contains("\u{1b}[0m"));
    }
}
