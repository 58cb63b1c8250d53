//! Conditions of a policy: operators, keys of the request, and three outcomes.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::time::Timestamp;

/// What is known about a request: keys in lower case, each with its values.
#[derive(Clone, Debug, Default)]
pub struct Context(BTreeMap<String, Vec<String>>);

/// Whether something matches, or cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It matches.
    Matches,
    /// It does not.
    Differs,
    /// An operator, key or value that the practice AWS does not know.
    Unknown,
}

/// Keys that a call to STS may have; whether this one has them is for [`Context`] to say.
const KEYS: [&str; 17] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principaltype",
    "aws:securetransport",
    "aws:sourceidentity",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:userid",
    "aws:username",
    "sts:externalid",
    "sts:rolesessionname",
    "sts:sourceidentity",
    "sts:transitivetagkeys",
];

impl Context {
    /// Adds a key with one value.
    pub fn insert(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_ascii_lowercase(), vec![value.into()]);
    }

    /// Adds a key with its values.
    pub fn insert_all(&mut self, key: &str, values: Vec<String>) {
        self.0.insert(key.to_ascii_lowercase(), values);
    }

    /// The values of a key; `Err` if the practice AWS does not know the key at all.
    fn values(&self, key: &str) -> Result<Option<&[String]>, Unjudged> {
        let key = key.to_ascii_lowercase();
        let tag = ["aws:requesttag/", "aws:principaltag/"].iter().any(|prefix| key.starts_with(prefix));
        if tag || KEYS.contains(&key.as_str()) { Ok(self.0.get(&key).map(Vec::as_slice)) } else { Err(Unjudged) }
    }

    /// Puts the request's values in the place of `${…}`.
    fn fill_in(&self, pattern: &str) -> Result<String, Unjudged> {
        let mut filled = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (variable, after) = after.split_once('}').ok_or(Unjudged)?;
            filled.push_str(before);
            match variable {
                "*" | "?" | "$" => return Err(Unjudged),
                _ => match self.values(variable)? {
                    Some([value]) => filled.push_str(value),
                    Some(_) | None => return Err(Unjudged),
                },
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// Something that the practice AWS cannot judge.
struct Unjudged;

/// Judges the conditions of a statement: all of them have to match.
pub fn judge(conditions: &Map<String, Value>, context: &Context) -> Outcome {
    let mut outcome = Outcome::Matches;
    for (operator, keys) in conditions {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            match one(operator, key, wanted, context) {
                Ok(true) => {}
                Ok(false) => return Outcome::Differs,
                Err(Unjudged) => outcome = Outcome::Unknown,
            }
        }
    }
    outcome
}

/// How a key with several values is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Single,
    All,
    Any,
}

fn one(operator: &str, key: &str, wanted: &Value, context: &Context) -> Result<bool, Unjudged> {
    let (quantifier, operator) = match operator.split_once(':') {
        None => (Quantifier::Single, operator),
        Some(("ForAllValues", operator)) => (Quantifier::All, operator),
        Some(("ForAnyValue", operator)) => (Quantifier::Any, operator),
        Some(_) => return Err(Unjudged),
    };
    let values = context.values(key)?;
    let wanted = scalars(wanted).ok_or(Unjudged)?;
    if operator == "Null" {
        let [wanted] = wanted.as_slice() else { return Err(Unjudged) };
        return Ok(wanted.parse::<bool>().map_err(|_| Unjudged)? == values.is_none());
    }
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let test = Test::named(operator).ok_or(Unjudged)?;
    let Some(values) = values else {
        return Ok(if_exists
            || match quantifier {
                Quantifier::Single => test.negated,
                Quantifier::All => true,
                Quantifier::Any => false,
            });
    };
    let wanted = wanted.iter().map(|wanted| context.fill_in(wanted)).collect::<Result<Vec<_>, _>>()?;
    let fits = |value: &String| -> Result<bool, Unjudged> {
        let mut any = false;
        for wanted in &wanted {
            any |= (test.compare)(value, wanted)?;
        }
        Ok(any != test.negated)
    };
    let fitting = values.iter().map(fits).collect::<Result<Vec<_>, _>>()?;
    Ok(match quantifier {
        Quantifier::Any => fitting.contains(&true),
        Quantifier::All => !fitting.contains(&false),
        Quantifier::Single => match fitting.as_slice() {
            [fits] => *fits,
            _ => return Err(Unjudged),
        },
    })
}

/// Compares a value of the request with one that the policy wants.
type Compare = fn(&str, &str) -> Result<bool, Unjudged>;

/// An operator: how a value is compared with what the policy wants, and whether that is turned round.
struct Test {
    compare: Compare,
    negated: bool,
}

impl Test {
    fn named(operator: &str) -> Option<Self> {
        let (compare, negated): (Compare, bool) = match operator {
            "StringEquals" => (|value, wanted| Ok(value == wanted), false),
            "StringNotEquals" => (|value, wanted| Ok(value == wanted), true),
            "StringEqualsIgnoreCase" => (|value, wanted| Ok(value.eq_ignore_ascii_case(wanted)), false),
            "StringNotEqualsIgnoreCase" => (|value, wanted| Ok(value.eq_ignore_ascii_case(wanted)), true),
            "StringLike" => (|value, wanted| Ok(like(wanted, value)), false),
            "StringNotLike" => (|value, wanted| Ok(like(wanted, value)), true),
            "ArnEquals" | "ArnLike" => (|value, wanted| Ok(like_arn(wanted, value)), false),
            "ArnNotEquals" | "ArnNotLike" => (|value, wanted| Ok(like_arn(wanted, value)), true),
            "Bool" => (|value, wanted| Ok(value.eq_ignore_ascii_case(wanted)), false),
            "NumericEquals" => (|value, wanted| Ok(numbers(value, wanted)?.is_eq()), false),
            "NumericNotEquals" => (|value, wanted| Ok(numbers(value, wanted)?.is_eq()), true),
            "NumericLessThan" => (|value, wanted| Ok(numbers(value, wanted)?.is_lt()), false),
            "NumericLessThanEquals" => (|value, wanted| Ok(numbers(value, wanted)?.is_le()), false),
            "NumericGreaterThan" => (|value, wanted| Ok(numbers(value, wanted)?.is_gt()), false),
            "NumericGreaterThanEquals" => (|value, wanted| Ok(numbers(value, wanted)?.is_ge()), false),
            "DateEquals" => (|value, wanted| Ok(moments(value, wanted)?.is_eq()), false),
            "DateNotEquals" => (|value, wanted| Ok(moments(value, wanted)?.is_eq()), true),
            "DateLessThan" => (|value, wanted| Ok(moments(value, wanted)?.is_lt()), false),
            "DateLessThanEquals" => (|value, wanted| Ok(moments(value, wanted)?.is_le()), false),
            "DateGreaterThan" => (|value, wanted| Ok(moments(value, wanted)?.is_gt()), false),
            "DateGreaterThanEquals" => (|value, wanted| Ok(moments(value, wanted)?.is_ge()), false),
            _ => return None,
        };
        Some(Test { compare, negated })
    }
}

fn numbers(value: &str, wanted: &str) -> Result<Ordering, Unjudged> {
    let number = |text: &str| text.parse::<f64>().map_err(|_| Unjudged);
    number(value)?.partial_cmp(&number(wanted)?).ok_or(Unjudged)
}

fn moments(value: &str, wanted: &str) -> Result<Ordering, Unjudged> {
    let moment = |text: &str| Timestamp::parse(text).map_err(|_| Unjudged);
    Ok(moment(value)?.cmp(&moment(wanted)?))
}

/// What a condition wants: one value or several, written as text, number or truth.
fn scalars(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Bool(truth) => Some(vec![truth.to_string()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Array(values) if values.iter().any(Value::is_array) => None,
        Value::Array(values) => values.iter().map(scalars).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        Value::Null | Value::Object(_) => None,
    }
}

/// Whether a text fits a pattern of `*` and `?`.
pub fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, place));
                at += 1;
            }
            Some(character) if *character == '?' || *character == text[place] => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    (at, place) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

/// The same for ARNs: each of the six parts by itself, so that a `*` does not reach across a colon.
fn like_arn(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), text.splitn(6, ':').collect());
    pattern.len() == 6 && text.len() == 6 && pattern.iter().zip(&text).all(|(pattern, text)| like(pattern, text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context() -> Context {
        let mut context = Context::default();
        context.insert("aws:MultiFactorAuthPresent", "true");
        context.insert("aws:MultiFactorAuthAge", "0");
        context.insert("aws:username", "alice");
        context.insert("sts:SourceIdentity", "alice");
        context.insert("aws:PrincipalArn", "arn:aws:iam::111122223333:user/alice");
        context.insert("aws:CurrentTime", "2026-01-31T02:13:00Z");
        context.insert("aws:RequestTag/Team", "orders");
        context.insert_all("aws:TagKeys", vec!["Team".into(), "Incident".into()]);
        context
    }

    fn outcome(condition: &Value) -> Outcome {
        judge(condition.as_object().expect("an object"), &context())
    }

    #[test]
    fn a_condition_matches_what_it_says() {
        for condition in [
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            json!({"Bool": {"AWS:multifactorauthpresent": true}}),
            json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 300}}),
            json!({"StringEquals": {"sts:SourceIdentity": "${aws:username}"}}),
            json!({"StringLike": {"sts:SourceIdentity": ["bob*", "al?ce"]}}),
            json!({"StringEqualsIfExists": {"sts:ExternalId": "x"}}),
            json!({"StringNotEquals": {"sts:ExternalId": "x"}}),
            json!({"Null": {"sts:ExternalId": "true", "sts:SourceIdentity": "false"}}),
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}),
            json!({"StringEquals": {"aws:RequestTag/team": "orders"}}),
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team", "Incident", "Trigger"]}}),
            json!({"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["x"]}}),
            json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "Incident"}}),
            json!({"DateLessThan": {"aws:CurrentTime": "2026-02-01T00:00:00Z"}}),
        ] {
            assert_eq!(outcome(&condition), Outcome::Matches, "{condition}");
        }
    }

    #[test]
    fn a_condition_differs_where_anything_of_it_does() {
        for condition in [
            json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
            json!({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "300"}}),
            json!({"StringEquals": {"sts:ExternalId": "x"}}),
            json!({"StringEquals": {"sts:SourceIdentity": "Alice"}}),
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:*"}}),
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}),
            json!({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "x"}}),
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"aws:username": "bob"}}),
        ] {
            assert_eq!(outcome(&condition), Outcome::Differs, "{condition}");
        }
    }

    #[test]
    fn what_is_not_known_here_is_not_guessed() {
        for condition in [
            json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}),
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            json!({"StringLikeIfExists": {"aws:PrincipalOrgID": "*"}}),
            json!({"BoolIfSo": {"aws:MultiFactorAuthPresent": "true"}}),
            json!({"StringEquals": {"aws:username": "${aws:PrincipalOrgID}"}}),
            json!({"StringEquals": {"aws:TagKeys": "Team"}}),
            json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "soon"}}),
        ] {
            assert_eq!(outcome(&condition), Outcome::Unknown, "{condition}");
        }
    }

    #[test]
    fn a_star_stands_for_anything_and_a_question_mark_for_one() {
        for (pattern, text) in [("*a*b*", "xxaxxbxx"), ("", ""), ("**", ""), ("a?c*", "abc"), ("*ab", "aab")] {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("?", ""), ("*a", "ab"), ("a", "A"), ("a*b", "ab/")] {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
    }
}
