//! Which of the caller's environment variables may reach a child.
//!
//! Variables that select credentials or endpoints are removed, those that only configure are
//! kept. An old or hostile one must neither be in the child nor steer it.

/// Variables that select credentials, for the AWS CLI, the SDKs and older tools.
const REMOVED: [&str; 21] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ACCOUNT_ID",
    "AWS_SDK_LOAD_CONFIG",
    "EC2_SECURITY_TOKEN",
    "AWS_VAULT",
    // With it the CLI and the SDKs pass over the endpoint that the session is for.
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
];

/// Beginnings of such variables.
const REMOVED_PREFIXES: [&str; 9] = [
    "AWSU_PROFILE",
    "AWSUME_",
    "AWS_SSO",
    "AWS_OKTA_",
    "GRANTED_",
    "SAML2AWS_",
    "AWS_ENDPOINT_URL",
    "AWS_CSM_",
    // `AWS_BEARER_TOKEN_<SERVICE>` is used in place of the session's credentials.
    "AWS_BEARER_TOKEN_",
];

/// What a step of a runbook has in its environment besides the session's own variables: no home whose
/// files, no search path whose programs, no pager whose commands could make another command of it.
pub const OF_STEP: [(&str, &str); 5] = [
    ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"),
    ("HOME", "/nonexistent"),
    ("TERM", "dumb"),
    ("LANG", "C.UTF-8"),
    ("AWS_PAGER", ""),
];

/// What the program of a hook has in its environment, besides what it keeps of the caller's.
pub const OF_HOOK: [(&str, &str); 1] = [("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")];

/// Whether a variable of the caller's may reach the program of a hook: none that can hold a secret.
pub fn keeps_for_hook(name: &str) -> bool {
    ["HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"].contains(&name)
}

/// Where SDKs send a datagram for each call: to a port on loopback, in the name of this client.
pub fn monitored(port: &str, client_id: &str) -> [(&'static str, String); 4] {
    let [enabled, host] = ["true", "127.0.0.1"].map(str::to_owned);
    [
        ("AWS_CSM_ENABLED", enabled),
        ("AWS_CSM_HOST", host),
        (CSM_PORT, port.to_owned()),
        (CSM_CLIENT_ID, client_id.to_owned()),
    ]
}

/// The port of [`monitored`].
pub const CSM_PORT: &str = "AWS_CSM_PORT";

/// The client of [`monitored`].
pub const CSM_CLIENT_ID: &str = "AWS_CSM_CLIENT_ID";

/// Whether a variable of the caller's may reach a child.
pub fn keeps(name: &str) -> bool {
    !REMOVED.contains(&name) && !REMOVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a variable of the caller's may reach a step: none.
pub fn keeps_nothing(_: &str) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_selects_credentials_is_removed_and_what_configures_is_kept() {
        for removed in [
            "AWS_PROFILE",
            "AWS_ENDPOINT_URL_STS",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_SSO_ACCOUNT",
            "AWSUME_X",
            "AWS_CSM_ENABLED",
        ] {
            assert!(!keeps(removed), "{removed}");
        }
        for kept in ["AWS_CONFIG_FILE", "AWS_CA_BUNDLE", "AWS_PAGER", "HTTPS_PROXY", "AWS_EC2_METADATA_DISABLED"] {
            assert!(keeps(kept), "{kept}");
        }
    }
}
