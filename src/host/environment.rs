//! The process's own environment, and what must not steer it.
//!
//! Keeps the promise that no variable of the caller's chooses whose credentials glass's own calls
//! carry or where they go: the AWS SDK reads the process's environment and cannot be told not to.

use std::env;

use crate::model::environment::keeps;

/// Makes the AWS SDK write credentials into its log.
const SENSITIVE_BODIES: &str = "LOG_SENSITIVE_BODIES";

/// Takes such variables out of the process's environment. To be called first, while there is one thread.
pub fn forget_what_steers() {
    let steering = env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(steers));
    for name in steering.collect::<Vec<_>>() {
        // SAFETY: main calls this before it starts a thread, so nobody reads the environment meanwhile.
        #[expect(unsafe_code, reason = "there is no safe way to change one's own environment")]
        unsafe {
            env::remove_var(name);
        }
    }
}

fn steers(name: &str) -> bool {
    !keeps(name) || name == SENSITIVE_BODIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chooses_credentials_or_endpoints_steers_and_what_configures_does_not() {
        for name in ["AWS_PROFILE", "AWS_ENDPOINT_URL_STS", "AWS_ACCESS_KEY_ID", "LOG_SENSITIVE_BODIES"] {
            assert!(steers(name), "{name}");
        }
        for name in ["AWS_CONFIG_FILE", "HTTPS_PROXY", "HOME", "GLASS_CATALOGUE"] {
            assert!(!steers(name), "{name}");
        }
    }
}
