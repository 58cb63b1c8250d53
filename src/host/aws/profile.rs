//! A profile of the AWS CLI, followed to where its credentials come from.
//!
//! Keeps the promises that long-lived keys lie in no plain file, and that no file but the catalogue
//! says where AWS is: the SDK gets a copy of the profile in which neither `endpoint_url` nor
//! `services` is left, and the catalogue's endpoint is.

use std::fmt::Write;

use aws_config::profile::{Profile, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};

use crate::host::wire::told;
use crate::model::policy::BadSource;
use crate::world::aws::SourceError;

/// What of a profile reaches the SDK.
const PROFILE_KEYS: [&str; 17] = [
    "aws_access_key_id",
    "aws_account_id",
    "aws_secret_access_key",
    "aws_session_token",
    "credential_process",
    "credential_source",
    "external_id",
    "login_session",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// What of an `sso-session` section reaches the SDK.
const SSO_SESSION_KEYS: [&str; 3] = ["sso_region", "sso_registration_scopes", "sso_start_url"];

/// A profile that may be a daily source.
#[derive(Debug)]
pub struct Followed {
    /// How it authenticates, for the ledger: `sso`, `assume-role from sso`.
    pub kind: String,
    /// The copy of it that the SDK resolves.
    pub files: EnvConfigFiles,
}

/// Reads the AWS CLI's files and follows a profile through its `source_profile`s.
///
/// # Errors
/// When it is not there, holds a plain long-lived key, or would have to ask for an MFA code.
pub async fn follow(env: &Env, name: &str, endpoint: Option<&str>) -> Result<Followed, SourceError> {
    let both = read(env, name, &[EnvConfigFileKind::Config, EnvConfigFileKind::Credentials]).await?;
    let links = links(&both, name);
    let Some(first) = links.first() else {
        return Err(SourceError::UnknownProfile(name.to_owned()));
    };
    // The files are looked at one by one too: in the union a key of one may hide that of the other.
    let config = read(env, name, &[EnvConfigFileKind::Config]).await?;
    let credentials = read(env, name, &[EnvConfigFileKind::Credentials]).await?;
    for link in [&config, &credentials, &both]
        .iter()
        .flat_map(|file| links.iter().filter_map(|link| file.get_profile(link.name())))
    {
        check(link)?;
    }
    let files =
        EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, copy(&both, &links, endpoint)).build();
    Ok(Followed { kind: kind(first, &links), files })
}

/// Reads one kind of the AWS CLI's files, or all of them.
async fn read(env: &Env, name: &str, kinds: &[EnvConfigFileKind]) -> Result<ProfileSet, SourceError> {
    let files = EnvConfigFiles::builder()
        .include_default_config_file(kinds.iter().any(|kind| matches!(kind, EnvConfigFileKind::Config)))
        .include_default_credentials_file(kinds.iter().any(|kind| matches!(kind, EnvConfigFileKind::Credentials)))
        .build();
    aws_config::profile::load(&Fs::real(), env, &files, Some(name.to_owned().into()))
        .await
        .map_err(|error| SourceError::Unresolved { profile: name.to_owned(), message: told(&error) })
}

/// The profile and what its `source_profile`s lead to; nothing when there is no such profile.
fn links<'p>(profiles: &'p ProfileSet, name: &str) -> Vec<&'p Profile> {
    let mut links: Vec<&Profile> = Vec::new();
    let mut next = profiles.get_profile(name);
    while let Some(link) = next.filter(|next| links.iter().all(|link| link.name() != next.name())) {
        links.push(link);
        next = link.get("source_profile").and_then(|name| profiles.get_profile(name));
    }
    links
}

fn check(link: &Profile) -> Result<(), SourceError> {
    let key = link.get("aws_access_key_id").or(link.get("aws_secret_access_key"));
    if key.is_some_and(|key| key.starts_with("AKIA") || link.get("aws_session_token").is_none()) {
        return Err(SourceError::Refused(BadSource::PlainKey(link.name().to_owned())));
    }
    if link.get("mfa_serial").is_some() {
        return Err(SourceError::Refused(BadSource::WithMfa(link.name().to_owned())));
    }
    Ok(())
}

/// How the profile authenticates; the order is the one in which the SDK looks.
fn kind(first: &Profile, links: &[&Profile]) -> String {
    let base = links.last().copied().unwrap_or(first);
    let has = |key| base.get(key).is_some();
    let how = match base.get("credential_source") {
        Some(source) => source,
        None if has("web_identity_token_file") => "web-identity",
        None if has("sso_session") || has("sso_start_url") => "sso",
        None if has("login_session") => "login",
        None if has("credential_process") => "credential_process",
        None => "session keys",
    };
    let assumes = first.get("role_arn").is_some() && first.get("web_identity_token_file").is_none();
    if assumes { format!("assume-role from {how}") } else { how.to_owned() }
}

fn copy(profiles: &ProfileSet, links: &[&Profile], endpoint: Option<&str>) -> String {
    let mut text = String::new();
    for link in links {
        section(&mut text, &format!("profile {}", link.name()), &PROFILE_KEYS, |key| link.get(key));
        if let Some(endpoint) = endpoint {
            line(&mut text, "endpoint_url", endpoint);
        }
        if let Some((name, session)) =
            link.get("sso_session").and_then(|name| Some((name, profiles.sso_session(name)?)))
        {
            section(&mut text, &format!("sso-session {name}"), &SSO_SESSION_KEYS, |key| session.get(key));
        }
    }
    text
}

fn section<'v>(text: &mut String, title: &str, keys: &[&str], value: impl Fn(&str) -> Option<&'v str>) {
    writeln!(text, "[{title}]").expect("writing to a String cannot fail");
    for key in keys {
        // A value of several lines is a nested section, which none of these keys may have.
        if let Some(value) = value(key).filter(|value| !value.contains('\n')) {
            line(text, key, value);
        }
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    writeln!(text, "{key} = {value}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::executor::Executor;

    /// Follows a profile of these two files.
    fn followed(config: &str, credentials: &str, name: &str) -> Result<Followed, SourceError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |file: &str| folder.path().join(file).to_str().expect("UTF-8").to_owned();
        fs::write(path("config"), config).expect("a file");
        fs::write(path("credentials"), credentials).expect("a file");
        let env = Env::from_slice(&[
            ("AWS_CONFIG_FILE", path("config").as_str()),
            ("AWS_SHARED_CREDENTIALS_FILE", path("credentials").as_str()),
        ]);
        Executor::new().expect("a runtime").run(follow(&env, name, Some("http://127.0.0.1:4566")))
    }

    const PLAIN: &str = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n";
    const TEMPORARY: &str =
        "aws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalr\naws_session_token = token\n";

    #[test]
    fn a_profile_says_how_it_authenticates() {
        let config = "[default]\ncredential_process = /bin/key\n\
            [profile portal]\nsso_session = acme\nsso_account_id = 111122223333\nsso_role_name = Daily\n\
            [sso-session acme]\nsso_region = eu-west-1\nsso_start_url = https://acme.awsapps.com/start\n\
            [profile old-portal]\nsso_start_url = https://acme.awsapps.com/start\nsso_region = eu-west-1\n\
            [profile console]\nlogin_session = arn:aws:iam::111122223333:user/alice\n\
            [profile pod]\nrole_arn = arn:aws:iam::111122223333:role/pod\nweb_identity_token_file = /token\n\
            [profile chain]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = link\n\
            [profile link]\nrole_arn = arn:aws:iam::111122223333:role/b\nsource_profile = portal\n\
            [profile self]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = self\n\
            credential_process = /bin/key\n\
            [profile machine]\nrole_arn = arn:aws:iam::111122223333:role/a\ncredential_source = Ec2InstanceMetadata\n";
        let credentials = format!("[keys]\n{TEMPORARY}");
        for (name, kind) in [
            ("default", "credential_process"),
            ("portal", "sso"),
            ("old-portal", "sso"),
            ("console", "login"),
            ("pod", "web-identity"),
            ("chain", "assume-role from sso"),
            ("self", "assume-role from credential_process"),
            ("machine", "assume-role from Ec2InstanceMetadata"),
            ("keys", "session keys"),
        ] {
            assert_eq!(followed(config, &credentials, name).expect(name).kind, kind, "{name}");
        }
    }

    #[test]
    fn an_unknown_profile_is_refused() {
        let error = followed("[profile other]\nregion = eu-west-1\n", "", "acme");
        assert!(matches!(&error, Err(SourceError::UnknownProfile(name)) if name == "acme"), "{error:?}");
        assert!(matches!(followed("", "", "acme"), Err(SourceError::UnknownProfile(_))));
    }

    #[test]
    fn a_plain_long_lived_key_is_refused_wherever_it_lies() {
        let chain = "[profile acme]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = base\n";
        for (config, credentials, holder) in [
            (format!("[profile acme]\n{PLAIN}"), String::new(), "acme"),
            (String::new(), format!("[acme]\n{PLAIN}"), "acme"),
            (chain.to_owned(), format!("[base]\n{PLAIN}"), "base"),
            (format!("[profile acme]\n{PLAIN}"), format!("[acme]\n{TEMPORARY}"), "acme"),
            (format!("[profile acme]\n{PLAIN}aws_session_token = nonsense\n"), String::new(), "acme"),
            (format!("[profile acme]\n{PLAIN}credential_process = /bin/key\n"), String::new(), "acme"),
        ] {
            let error = followed(&config, &credentials, "acme");
            assert!(
                matches!(&error, Err(SourceError::Refused(BadSource::PlainKey(name))) if name == holder),
                "{config}{credentials}{error:?}"
            );
        }
    }

    #[test]
    fn a_profile_that_would_ask_for_a_code_is_refused() {
        let config = "[profile acme]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = base\n\
            [profile base]\ncredential_process = /bin/key\nmfa_serial = arn:aws:iam::111122223333:mfa/alice\n";
        let error = followed(config, "", "acme");
        assert!(matches!(&error, Err(SourceError::Refused(BadSource::WithMfa(name))) if name == "base"), "{error:?}");
    }

    #[test]
    fn profiles_that_lead_in_a_circle_end() {
        let config = "[profile a]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = b\n\
            [profile b]\nrole_arn = arn:aws:iam::111122223333:role/b\nsource_profile = a\n";
        assert!(followed(config, "", "a").is_ok());
    }

    #[test]
    fn no_file_says_where_aws_is() {
        let config = "[profile acme]\nendpoint_url = http://evil.example\nservices = evil\n\
            credential_process = /bin/key --for alice\n\
            [services evil]\nsts =\n  endpoint_url = http://evil.example\n";
        let files = format!("{:?}", followed(config, "", "acme").expect("it is acceptable").files);
        assert!(files.contains("redacted"), "the copy is not for showing: {files}");
        let both = Executor::new().expect("a runtime").run(async {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("config");
            fs::write(&path, config).expect("a file");
            let env = Env::from_slice(&[("AWS_CONFIG_FILE", path.to_str().expect("UTF-8"))]);
            read(&env, "acme", &[EnvConfigFileKind::Config]).await.expect("it is there")
        });
        assert_eq!(
            copy(&both, &links(&both, "acme"), Some("http://127.0.0.1:4566")),
            "[profile acme]\ncredential_process = /bin/key --for alice\nendpoint_url = http://127.0.0.1:4566\n"
        );
        assert!(!copy(&both, &links(&both, "acme"), None).contains("endpoint_url"));
    }
}
