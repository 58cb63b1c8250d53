//! A long-lived key that lies in one of the AWS CLI's files: found, and taken out without a trace in the text.

use super::{Kind, Line, What, is_below, lines};
use crate::model::daily_key::DailyKey;
use crate::model::secret::Secret;

/// The settings that make up a key.
const KEY: [&str; 2] = ["aws_access_key_id", "aws_secret_access_key"];

/// The settings that say that a key is only half of temporary credentials.
const TOKEN: [&str; 2] = ["aws_session_token", "aws_security_token"];

/// What a profile has in a file.
#[derive(Debug)]
pub enum Found {
    /// The profile is not in this file, or has no part of a key here.
    Nothing,
    /// A long-lived key.
    Key(DailyKey),
    /// The key of temporary credentials, which ends by itself.
    Temporary,
    /// Something that is not a whole key.
    Damaged,
}

/// Looks for the key of a profile.
pub fn find(kind: Kind, text: &str, profile: &str) -> Found {
    let lines = lines(text);
    let below = || lines.iter().filter(|line| is_below(kind, line, profile));
    let value = |wanted: &str| {
        below().find_map(|line| match line.what {
            What::Setting { key, value } if key.eq_ignore_ascii_case(wanted) => Some(value),
            What::Setting { .. } | What::Header | What::Continued { .. } | What::Other => None,
        })
    };
    if TOKEN.iter().any(|name| value(name).is_some()) {
        return Found::Temporary;
    }
    match KEY.map(value) {
        [None, None] => Found::Nothing,
        [Some(id), Some(secret)] => {
            let key = DailyKey { access_key_id: id.to_owned(), secret_access_key: Secret::new(secret.to_owned()) };
            let goes_on = below().any(|line| matches!(line.what, What::Continued { key } if is_half(key)));
            if key.is_plausible() && !goes_on { Found::Key(key) } else { Found::Damaged }
        }
        [Some(_), None] | [None, Some(_)] => Found::Damaged,
    }
}

/// The text without the key of a profile; all else is as it was, byte for byte.
pub fn without(kind: Kind, text: &str, profile: &str) -> Secret {
    // As long as the text from the start: it never moves, and leaves no copy of what else it holds.
    let mut kept = String::with_capacity(text.len());
    kept.extend(lines(text).iter().filter(|line| !is_of_key(kind, line, profile)).map(|line| line.text));
    Secret::new(kept)
}

fn is_of_key(kind: Kind, line: &Line<'_>, profile: &str) -> bool {
    let key = match line.what {
        What::Setting { key, .. } | What::Continued { key } => key,
        What::Header | What::Other => return false,
    };
    is_half(key) && is_below(kind, line, profile)
}

fn is_half(key: &str) -> bool {
    KEY.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// The line, from 1, in which an access key is named, be it in a comment.
pub fn line_that_names(text: &str, access_key_id: &str) -> Option<usize> {
    text.lines().position(|line| line.contains(access_key_id)).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn credentials() -> String {
        format!(
            "# mine\r\n[default]\naws_access_key_id=AKIAOTHEROTHEROTHER0\naws_secret_access_key = {SECRET}\n\n\
             [daily]  \n; the old one\nAWS_ACCESS_KEY_ID = {ID}\nregion = eu-west-1\naws_secret_access_key: {SECRET}\n\
             \n# tail\n[other]\noutput=json"
        )
    }

    #[test]
    fn the_key_of_a_profile_is_found() {
        let Found::Key(key) = find(Kind::Credentials, &credentials(), "daily") else { panic!("it is there") };
        assert_eq!((key.access_key_id.as_str(), key.secret_access_key.expose()), (ID, SECRET));
        assert!(matches!(find(Kind::Credentials, &credentials(), "other"), Found::Nothing));
        assert!(matches!(find(Kind::Credentials, &credentials(), "nobody"), Found::Nothing));
        assert!(matches!(find(Kind::Config, &credentials(), "daily"), Found::Nothing));
        assert!(matches!(find(Kind::Config, "[profile x]\naws_access_key_id=1\n", "x"), Found::Damaged));
        let two_lines = credentials().replace("\n\n# tail", "\n  and more\n\n# tail");
        assert!(matches!(find(Kind::Credentials, &two_lines, "daily"), Found::Damaged));
        assert_eq!(
            without(Kind::Credentials, &two_lines, "daily").expose(),
            without(Kind::Credentials, &credentials(), "daily").expose()
        );
        let temporary = format!("[x]\naws_access_key_id={ID}\naws_secret_access_key={SECRET}\naws_session_token=t\n");
        assert!(matches!(find(Kind::Credentials, &temporary, "x"), Found::Temporary));
    }

    #[test]
    fn everything_but_the_key_stays_byte_for_byte() {
        let without = without(Kind::Credentials, &credentials(), "daily");
        assert_eq!(
            without.expose(),
            format!(
                "# mine\r\n[default]\naws_access_key_id=AKIAOTHEROTHEROTHER0\naws_secret_access_key = {SECRET}\n\n\
                 [daily]  \n; the old one\nregion = eu-west-1\n\n# tail\n[other]\noutput=json"
            )
        );
        assert_eq!(line_that_names(&credentials(), ID), Some(8));
        assert_eq!(line_that_names(without.expose(), ID), None);
    }
}
