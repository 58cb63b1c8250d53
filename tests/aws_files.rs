//! The AWS CLI's files as glass understands them, against the reader that the AWS CLI uses.

use std::process::Command;

use glass::model::aws_cli::Kind;
use glass::model::aws_cli::plain_key::{Found, find, without};

use crate::support::{Home, Outcome, python};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// What is in a file line by line, in every order.
const PIECES: [&str; 8] = [
    "[x]\n",
    "[y] z\n",
    "\n",
    "# comment\n",
    "  [x]\n",
    "AWS_access_key_id : AKIAIOSFODNN7EXAMPLE\n",
    "  aws_access_key_id=AKIAIOSFODNN7EXAMPLE\n",
    "other =\n",
];

/// Prints for each text what stands in its section x, or null if it cannot be read.
const READ: &str = r"
import botocore.configloader, json, sys, tempfile
def read(text):
    with tempfile.NamedTemporaryFile('w', newline='') as file:
        file.write(text)
        file.flush()
        try:
            section = botocore.configloader.raw_config_parse(file.name, parse_subsections=False).get('x', {})
            return [section.get('aws_access_key_id'), section.get('aws_secret_access_key')]
        except botocore.exceptions.ConfigParseError:
            return None
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
";

fn read(home: &Home, texts: &[String]) -> Vec<Option<[Option<String>; 2]>> {
    let mut command: Command = home.command(python("python"));
    let out = Outcome::of(command.args(["-c", READ]), &serde_json::to_string(texts).unwrap()).exits(0);
    serde_json::from_str(&out.stdout).unwrap()
}

#[test]
fn glass_finds_the_key_that_the_aws_cli_finds_and_takes_out_that_key_alone() {
    let home = Home::new();
    let count = PIECES.len();
    let text = |number: usize| -> String {
        let piece = |place| PIECES[number / count.pow(place) % count];
        (0..4).map(piece).collect::<String>() + "aws_secret_access_key = " + SECRET + "\n"
    };
    let texts: Vec<String> = (0..count.pow(4)).map(text).collect();
    let rest: Vec<String> =
        texts.iter().map(|text| without(Kind::Credentials, text, "x").expose().to_owned()).collect();
    let whole = Some([Some(ID.to_owned()), Some(SECRET.to_owned())]);
    let mut found = 0;
    for ((text, rest), (seen, left)) in
        texts.iter().zip(&rest).zip(read(&home, &texts).into_iter().zip(read(&home, &rest)))
    {
        // What the AWS CLI cannot read at all is nobody's source.
        let Some(seen) = seen else { continue };
        let key = matches!(find(Kind::Credentials, text, "x"), Found::Key(_));
        assert_eq!(key, Some(&seen) == whole.as_ref(), "{text:?} {seen:?}");
        assert_eq!(left, Some([None, None]), "{text:?} {rest:?}");
        found += usize::from(key);
    }
    assert!(found > 100, "{found}");
}
