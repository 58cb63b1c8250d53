//! What the clients of one identity are made from.
//!
//! Keeps the promise that nothing of it is from the environment: where AWS is, says the catalogue.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, IdentityCache, Region, SharedHttpClient};
use aws_types::SdkConfig;

use super::ATTEMPTS;

/// Credentials that were resolved, and how AWS is reached with them.
pub struct Wiring {
    pub credentials: Credentials,
    pub http_client: SharedHttpClient,
    pub region: Region,
    pub endpoint: Option<String>,
    pub timeouts: TimeoutConfig,
}

impl Wiring {
    /// The same in the words of every client of the SDK.
    pub fn config(self) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .identity_cache(IdentityCache::no_cache())
            .credentials_provider(SharedCredentialsProvider::new(self.credentials))
            .http_client(self.http_client)
            .region(self.region)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(self.timeouts);
        config.set_endpoint_url(self.endpoint);
        config.build()
    }
}
