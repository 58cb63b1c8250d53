//! Parameters of a call, as the query protocol of STS and IAM writes them.
//!
//! `Name=value` pairs, lists as `Tags.member.1.Key`; each parameter once.

use super::fault::{Code, Fault};

/// The parameters of one call.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// When an escape is broken, the text is not UTF-8, or a parameter is given twice.
    pub fn parse(form: &str) -> Result<Self, Fault> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(malformed)?;
            let value = decode(value).ok_or_else(malformed)?;
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(Fault::new(Code::ValidationError, format!("Duplicate parameter: {name}")));
            }
            parameters.push((name, value));
        }
        Ok(Parameters(parameters))
    }

    /// The value of a parameter.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that has to be there; `member` is how AWS's message spells it.
    ///
    /// # Errors
    /// When it is missing.
    pub fn required(&self, name: &str, member: &str) -> Result<&str, Fault> {
        self.one(name).ok_or_else(|| constraint("null", member, "Member must not be null"))
    }

    /// A list: for each member, in order, its value below `field` (`""` for a list of plain texts).
    pub fn list(&self, name: &str, field: &str) -> Vec<Option<&str>> {
        let prefix = format!("{name}.member.");
        let mut places: Vec<u32> = self
            .0
            .iter()
            .filter_map(|(known, _)| known.strip_prefix(&prefix)?.split('.').next()?.parse().ok())
            .collect();
        places.sort_unstable();
        places.dedup();
        let dot = if field.is_empty() { "" } else { "." };
        places.into_iter().map(|place| self.one(&format!("{prefix}{place}{dot}{field}"))).collect()
    }
}

/// The refusal of a value that breaks a rule of its parameter; `value` is shown quoted unless it is `null`.
pub fn constraint(value: &str, member: &str, rule: &str) -> Fault {
    let shown = if value == "null" { value.to_owned() } else { format!("'{value}'") };
    Fault::new(
        Code::ValidationError,
        format!("1 validation error detected: Value {shown} at '{member}' failed to satisfy constraint: {rule}"),
    )
}

/// Checks the length, in characters, and the characters of a parameter.
///
/// # Errors
/// With AWS's text for the first rule that is broken.
pub fn check(value: &str, member: &str, shape: &Shape) -> Result<(), Fault> {
    let length = value.chars().count();
    if length < shape.shortest {
        let rule = format!("Member must have length greater than or equal to {}", shape.shortest);
        return Err(constraint(value, member, &rule));
    }
    if length > shape.longest {
        let rule = format!("Member must have length less than or equal to {}", shape.longest);
        return Err(constraint(value, member, &rule));
    }
    if !value.chars().all(shape.allows) {
        let rule = format!("Member must satisfy regular expression pattern: {}", shape.pattern);
        return Err(constraint(value, member, &rule));
    }
    Ok(())
}

/// The rule of a text parameter.
pub struct Shape {
    /// The least number of characters.
    pub shortest: usize,
    /// The greatest number of characters.
    pub longest: usize,
    /// The pattern as AWS's message shows it.
    pub pattern: &'static str,
    /// The same pattern, a character at a time.
    pub allows: fn(char) -> bool,
}

/// Whether a character is `\w` to AWS.
pub fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Undoes the encoding of a form; nothing if it is broken or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(bytes.next()?)? << 4 | digit(bytes.next()?)?
            }
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn malformed() -> Fault {
    Fault::new(Code::ValidationError, "The request is not a form in UTF-8.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let form = "Tags.member.2.Key=b&Tags.member.10.Key=c&Tags.member.1.Key=a%2Bx+y&Tags.member.1.Value=v&Tags=";
        let parameters = Parameters::parse(form).expect("a form");
        assert_eq!(parameters.list("Tags", "Key"), [Some("a+x y"), Some("b"), Some("c")]);
        assert_eq!(parameters.list("Tags", "Value"), [Some("v"), None, None]);
        assert_eq!(parameters.list("TransitiveTagKeys", ""), []);
    }

    #[test]
    fn what_is_given_twice_or_broken_is_refused() {
        for form in ["A=1&A=2", "A=%2", "A=%zz", "A=%ff"] {
            assert!(Parameters::parse(form).is_err(), "{form}");
        }
    }

    #[test]
    fn a_value_is_refused_with_the_rule_it_breaks() {
        let shape = Shape { shortest: 2, longest: 4, pattern: "[\\w]*", allows: is_word };
        let message = |value| check(value, "name", &shape).expect_err("refused").message;
        assert!(message("a").ends_with("Member must have length greater than or equal to 2"));
        assert!(message("abcde").ends_with("Member must have length less than or equal to 4"));
        assert_eq!(
            message("a b"),
            "1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w]*"
        );
        assert_eq!(check("ab_c", "name", &shape), Ok(()));
    }
}
