//! What is done before anything else, so that nothing secret leaves by a side door, and that no
//! variable of the caller's chooses whose credentials glass's own calls carry or where they go.
#![allow(unsafe_code, reason = "changing the environment of the own process is unsafe in Rust")]

use std::env;

use crate::model::environment::{CSM_CLIENT_ID, CSM_PORT, keeps};
use crate::model::secret::Secret;
use crate::model::session::Credentials;

/// Makes the AWS SDK write credentials into its log.
const SENSITIVE_BODIES: &str = "LOG_SENSITIVE_BODIES";

/// Makes the process undumpable, and drops the variables that steer the AWS SDK, which reads them by itself.
///
/// To be called first, while there is only one thread. The answer are the credentials that were among
/// these variables, if all three of a session were: those of the elevated shell that glass may run in.
pub fn at_start() -> Option<Credentials> {
    let secret = |name| env::var(name).ok().map(Secret::new);
    let inherited = || {
        Some(Credentials {
            access_key_id: env::var("AWS_ACCESS_KEY_ID").ok()?,
            secret_access_key: secret("AWS_SECRET_ACCESS_KEY")?,
            session_token: secret("AWS_SESSION_TOKEN")?,
        })
    };
    let inherited = inherited();
    // Where the kernel refuses, core dumps are at worst what they are for every program.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // Elsewhere a limit of 0 does the same; children inherit it.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Core,
        rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
    );
    let names = env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_str().is_some_and(steers)).collect::<Vec<_>>() {
        // SAFETY: nothing else runs yet that could read the environment.
        unsafe { env::remove_var(name) };
    }
    inherited
}

/// Whether a variable steers glass's own SDK. It sends no datagrams, so where those go does not; a step within a
/// session is told.
fn steers(name: &str) -> bool {
    (!keeps(name) && name != CSM_PORT && name != CSM_CLIENT_ID) || name == SENSITIVE_BODIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chooses_credentials_or_endpoints_steers_and_what_configures_does_not() {
        for name in ["AWS_PROFILE", "AWS_ENDPOINT_URL_STS", "AWS_ACCESS_KEY_ID", "AWS_CSM_HOST", "LOG_SENSITIVE_BODIES"]
        {
            assert!(steers(name), "{name}");
        }
        for name in ["AWS_CONFIG_FILE", "HTTPS_PROXY", "HOME", "GLASS_CATALOGUE", "AWS_CSM_PORT"] {
            assert!(!steers(name), "{name}");
        }
    }
}
