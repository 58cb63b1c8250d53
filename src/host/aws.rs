//! AWS over its own SDK. Async stops here.
//!
//! Keeps the promises that endpoints come from the catalogue and from nowhere else, that the
//! daily credentials are resolved once, and that a call with an MFA code is sent once.

pub(super) mod call;
pub(super) mod classify;
mod daily;
mod profile;
pub(super) mod wiring;

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::http_client_fn;
use aws_types::os_shim_internal::Env;
use tokio::time::timeout;

use crate::host::executor::Executor;
use crate::host::wire::{self, Way, told};
use crate::model::daily_key::DailyKey;
use crate::model::identity::{Source, Store};
use crate::model::name::PersonName;
use crate::model::session;
use crate::world::aws::{Aws, CALL_TIMEOUT, CONNECT_TIMEOUT, Daily, Place, SourceError};
use crate::world::machine::Vault;
use daily::HostDaily;
use wiring::Wiring;

/// AWS itself, or what the catalogue has in its place.
pub struct HostAws<'v> {
    /// The keyring that holds long-lived keys.
    pub vault: &'v dyn Vault,
}

/// How many times a call without a code is sent at most, within [`CALL_TIMEOUT`].
const ATTEMPTS: u32 = 3;

/// The most that is read of an answer. AWS's own are a few KiB.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// How long a profile may take to give its credentials: somebody may have to sign in meanwhile.
const SIGN_IN_TIME: Duration = Duration::from_secs(60);

impl Aws for HostAws<'_> {
    fn sign_in(&self, person: &PersonName, source: &Source, place: &Place) -> Result<Box<dyn Daily>, SourceError> {
        let SignedIn { executor, wiring, how } = self.resolve(person, source, place)?;
        Ok(Box::new(HostDaily::new(executor, wiring, how)))
    }

    fn take(
        &self,
        credentials: session::Credentials,
        how: String,
        place: &Place,
    ) -> Result<Box<dyn Daily>, SourceError> {
        let executor = Executor::new().map_err(SourceError::Network)?;
        let session::Credentials { access_key_id, secret_access_key, session_token } = credentials;
        let token = Some(session_token.expose().to_owned());
        let credentials = Credentials::new(access_key_id, secret_access_key.expose(), token, None, "session");
        let wiring = wiring(credentials, place, client(place, LONGEST_ANSWER)?);
        Ok(Box::new(HostDaily::new(executor, wiring, how)))
    }
}

/// A source whose credentials have been resolved, once.
pub(super) struct SignedIn {
    pub executor: Executor,
    pub wiring: Wiring,
    /// How the source was authenticated.
    pub how: String,
}

impl HostAws<'_> {
    /// Resolves the credentials of a person's source.
    pub(super) fn resolve(&self, person: &PersonName, source: &Source, place: &Place) -> Result<SignedIn, SourceError> {
        let http_client = client(place, LONGEST_ANSWER)?;
        let executor = Executor::new().map_err(SourceError::Network)?;
        let (credentials, how) = match source {
            Source::Keyring(store) => (self.stored_key(person, *store)?, format!("keyring {store}")),
            Source::Profile(name) => from_profile(&executor, &Env::real(), name, place, &http_client)?,
        };
        Ok(SignedIn { executor, wiring: wiring(credentials, place, http_client), how })
    }

    fn stored_key(&self, person: &PersonName, store: Store) -> Result<Credentials, SourceError> {
        let stored = self.vault.read(store, &DailyKey::entry(person)).map_err(SourceError::Keyring)?;
        let key = DailyKey::parse(&stored).ok_or(SourceError::NotAKey(store))?;
        Ok(Credentials::new(key.access_key_id, key.secret_access_key.expose(), None, None, "keyring"))
    }
}

fn wiring(credentials: Credentials, place: &Place, http_client: SharedHttpClient) -> Wiring {
    let region = Region::new(place.region.to_string());
    Wiring { credentials, http_client, region, endpoint: place.endpoint.clone(), timeouts: timeouts(CALL_TIMEOUT) }
}

/// An HTTP client whose answers are at most so long.
pub(super) fn client(place: &Place, longest: usize) -> Result<SharedHttpClient, SourceError> {
    let way = place.endpoint.as_deref().map_or(Way::Encrypted, Way::to);
    let connector = wire::connector(way, place.ca_bundle.as_deref(), longest)?;
    Ok(http_client_fn(move |_, _| connector.clone()))
}

/// Resolves a profile of the AWS CLI, once.
fn from_profile(
    executor: &Executor,
    env: &Env,
    name: &str,
    place: &Place,
    http_client: &SharedHttpClient,
) -> Result<(Credentials, String), SourceError> {
    let unresolved = |message| SourceError::Unresolved { profile: name.to_owned(), message };
    executor.run(async {
        let profile = profile::follow(env, name, place.endpoint.as_deref()).await?;
        let config = ProviderConfig::without_region()
            .with_region(Some(Region::new(place.region.to_string())))
            .with_http_client(http_client.clone())
            .with_retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .with_timeout_config(timeouts(CALL_TIMEOUT));
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(name)
            .profile_files(profile.files)
            .build();
        let credentials = provided(&provider, SIGN_IN_TIME).await.map_err(unresolved)?;
        Ok((credentials, format!("profile {name} ({})", profile.kind)))
    })
}

/// A `credential_process` may never end, and the SDK would wait for it.
async fn provided(provider: &impl ProvideCredentials, limit: Duration) -> Result<Credentials, String> {
    match timeout(limit, provider.provide_credentials()).await {
        Ok(provided) => provided.map_err(|error| told(&error)),
        Err(_) => Err(format!("none came within {} s", limit.as_secs())),
    }
}

/// The time for a whole call, retries included.
pub(super) fn timeouts(whole: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(whole).build()
}

#[cfg(test)]
pub(super) mod tests;
