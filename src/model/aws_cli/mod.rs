//! The text of the AWS CLI's two files, read and edited line by line.
//!
//! Keeps the promise that whatever glass does not mean stays as it is, byte for byte: comments,
//! order, blank lines. Lines are understood as the AWS CLI does, whose reader is Python's `configparser`.

pub mod block;
pub mod plain_key;

/// Which of the two files a text is of; they name profiles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `~/.aws/config`: `[default]`, `[profile NAME]`.
    Config,
    /// `~/.aws/credentials`: `[NAME]`.
    Credentials,
}

/// A line with its end, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line<'t> {
    text: &'t str,
    /// The header that it is below, or that it is.
    header: Option<&'t str>,
    what: What<'t>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What<'t> {
    Header,
    Setting {
        key: &'t str,
        value: &'t str,
    },
    /// A further line of the value of this key.
    Continued {
        key: &'t str,
    },
    /// A comment, a blank line, or what no reader understands.
    Other,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let (mut header, mut key, mut indent) = (None, None, 0);
    let mut read = |text| {
        let bare: &str = str::trim(text);
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            return Line { text, header, what: What::Other };
        }
        let depth = text.len() - text.trim_start().len();
        if let Some(key) = key.filter(|_| depth > indent) {
            return Line { text, header, what: What::Continued { key } };
        }
        indent = depth;
        if let Some((name, _)) = bare.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            (header, key) = (Some(name.trim()), None);
            return Line { text, header, what: What::Header };
        }
        let Some((name, value)) = bare.split_once(['=', ':']) else {
            return Line { text, header, what: What::Other };
        };
        key = Some(name.trim_end());
        Line { text, header, what: What::Setting { key: name.trim_end(), value: value.trim_start() } }
    };
    text.split_inclusive('\n').map(&mut read).collect()
}

/// The profile that a header names, if it names one.
fn profile_of(kind: Kind, header: &str) -> Option<&str> {
    let name = match kind {
        Kind::Credentials => header,
        Kind::Config if header == "default" => header,
        Kind::Config => header.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']))?.trim(),
    };
    let unquoted = |quote| name.strip_prefix(quote)?.strip_suffix(quote);
    unquoted('"').or_else(|| unquoted('\'')).or(Some(name))
}

/// Finds the header of a profile; its line, from 1.
pub fn find_profile(kind: Kind, text: &str, profile: &str) -> Option<usize> {
    let is_it = |line: &Line<'_>| line.what == What::Header && is_below(kind, line, profile);
    lines(text).iter().position(is_it).map(|index| index + 1)
}

fn is_below(kind: Kind, line: &Line<'_>, profile: &str) -> bool {
    line.header.and_then(|header| profile_of(kind, header)) == Some(profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_as_configparser_does() {
        let text = "# c\n[profile a]\nRegion : x\n  more = y\n\n;c\n[ b ] trailing\nodd\nlast=1";
        let what: Vec<_> = lines(text).iter().map(|line| (line.header, line.what)).collect();
        let a = Some("profile a");
        assert_eq!(
            what,
            [
                (None, What::Other),
                (a, What::Header),
                (a, What::Setting { key: "Region", value: "x" }),
                (a, What::Continued { key: "Region" }),
                (a, What::Other),
                (a, What::Other),
                (Some("b"), What::Header),
                (Some("b"), What::Other),
                (Some("b"), What::Setting { key: "last", value: "1" }),
            ]
        );
        assert_eq!(lines(text).iter().map(|line| line.text).collect::<String>(), text);
    }

    #[test]
    fn the_two_files_name_profiles_each_in_its_way() {
        let names = |kind| {
            ["default", "profile x", "profile  'x y'", "profile \"x\"", "x", "profiles", "sso-session x"]
                .map(|header| profile_of(kind, header))
        };
        assert_eq!(names(Kind::Config), [Some("default"), Some("x"), Some("x y"), Some("x"), None, None, None]);
        assert_eq!(names(Kind::Credentials)[4], Some("x"));
        assert_eq!(find_profile(Kind::Config, "[default]\na=1\n[profile x]\n", "x"), Some(3));
        assert_eq!(find_profile(Kind::Config, "[default]\na=1\n [x]\n[x]\n", "x"), None);
    }
}
