//! The built program among real things: servers, tools, proxies, terminals, disks, clocks that are off.

mod api_log;
mod aws;
mod aws_tools;
mod bucket;
mod commands;
mod deadline;
mod disk;
mod edges;
mod network;
mod profiles;
mod prompt;
pub mod proxies;
mod recording;
mod refused_by_aws;
mod replay;
mod runbook;
mod secrets;
mod signing;
mod steps;
mod terminal;
mod witness;

use crate::support::Home;

/// Writes a catalogue whose AWS is at this endpoint, and an identity with this source.
fn set_up(home: &Home, endpoint: &str, ca_bundle: Option<&str>, source: &str) {
    let bundle = ca_bundle.map(|path| format!("ca_bundle = \"{path}\"\n")).unwrap_or_default();
    home.write(
        ".config/glass/profiles.toml",
        &format!(
            r#"version = 1
organisation = "acme"

[aws]
endpoint = "{endpoint}"
{bundle}
[naming]
environments = ["prod"]

[levels.emergency]
max_duration = "1h"
recording = false

[triggers.db-outage]
summary = "The orders database is down"
incident = "INC-[0-9]{{1,8}}"

[people.alice]
arn = "arn:aws:iam::123456789012:user/alice"
mfa = "arn:aws:iam::123456789012:mfa/alice"
groups = ["oncall"]

[profiles.prod-db-emergency]
summary = "Write access to the orders database"
role = "arn:aws:iam::123456789012:role/glass/prod-db-emergency"
region = "eu-west-1"
for = ["oncall"]
triggers = ["db-outage"]
duration = "15m"
max_duration = "30m"
"#
        ),
    );
    home.write(
        ".config/glass/identity.toml",
        &format!(
            "version = 1\nperson = \"alice\"\nsource = {{ profile = \"{source}\" }}\n\
             code = {{ command = [\"/bin/echo\", \"123456\"] }}\n"
        ),
    );
}

/// What every elevation of these tests is asked for with.
const BREAK_GLASS: [&str; 6] =
    ["assume", "prod-db-emergency", "--incident", "INC-1", "--reason", "practice makes perfect"];
