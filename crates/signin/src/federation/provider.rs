//! One configured provider: its description and keys, fetched when they are first needed and kept for a while, and the exchange of a code for a token.

use super::address::Reach;
use super::client::{Client, Towards};
use super::fetch::Fetch;
use super::keys::{Keys, Signed};
use super::metadata::Metadata;
use super::refusal::{FetchFault, Refusal, TokenFault, error_code};
use super::settings::{Settings, SettingsError};
use super::token::Frame;
use events::Timestamp;
use reqwest::header::HeaderValue;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

/// How long what a provider says of itself and its keys is kept.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// How long nobody asks again after it did not answer, so that people who wait do not wait one after the other.
const PAUSE: Duration = Duration::from_secs(5);
/// How often a key that is not known makes us ask for the keys again.
const REFETCH: Duration = Duration::from_secs(60);

/// One configured provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) settings: Settings,
    reach: Reach,
    client: Client,
    fetch: Fetch,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: Option<(Arc<Keys>, Timestamp)>,
    /// When a key that was not known last made us ask.
    refetched: Option<Timestamp>,
    failed: Option<(Refusal, Timestamp)>,
}

/// What a code was exchanged for.
pub(super) struct Tokens {
    pub(super) id: Zeroizing<String>,
    pub(super) access: Zeroizing<String>,
}

impl Provider {
    /// Checks its settings and reads its files. Nothing is asked of it yet.
    pub(super) fn open(settings: Settings) -> Result<Self, SettingsError> {
        let reach = settings.check()?;
        let client = settings.client()?;
        let what = "no client for it can be made with these authorities";
        let fetch = Fetch::new(settings.authorities()?)
            .map_err(|_| SettingsError::Value { name: settings.name.clone(), what })?;
        Ok(Self { settings, reach, client, fetch, kept: Mutex::default() })
    }

    /// The frame every token of it must fit.
    pub(super) fn frame(&self, now: Timestamp) -> Frame<'_> {
        Frame {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            now,
            skew: Duration::from_secs(self.settings.clock_skew_s.into()),
        }
    }

    /// What it says of itself.
    pub(super) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Refusal> {
        let mut kept = self.kept.lock().await;
        self.metadata_into(&mut kept, now).await
    }

    async fn metadata_into(&self, kept: &mut Kept, now: Timestamp) -> Result<Arc<Metadata>, Refusal> {
        if let Some((metadata, _)) = kept.metadata.as_ref().filter(|(_, at)| is_within(KEPT, *at, now)) {
            return Ok(Arc::clone(metadata));
        }
        kept.paused(now)?;
        let read = match self.fetch.document(&self.reach.description()).await {
            Ok(fields) => {
                Metadata::read(&fields, &self.settings.issuer, &self.reach).map(Arc::new).map_err(Refusal::Metadata)
            }
            Err(fault) => Err(Refusal::Unreachable { what: "its description", fault }),
        };
        kept.failed = read.as_ref().err().map(|refusal| (refusal.clone(), now));
        let metadata = read?;
        kept.metadata = Some((Arc::clone(&metadata), now));
        Ok(metadata)
    }

    async fn keys_into(&self, kept: &mut Kept, now: Timestamp) -> Result<Arc<Keys>, Refusal> {
        if let Some((keys, _)) = kept.keys.as_ref().filter(|(_, at)| is_within(KEPT, *at, now)) {
            return Ok(Arc::clone(keys));
        }
        let metadata = self.metadata_into(kept, now).await?;
        kept.paused(now)?;
        let read = match self.fetch.document(&metadata.keys).await {
            Ok(set) => Keys::read(&set).map(Arc::new).ok_or(FetchFault::Form),
            Err(fault) => Err(fault),
        };
        let read = read.map_err(|fault| Refusal::Unreachable { what: "its keys", fault });
        kept.failed = read.as_ref().err().map(|refusal| (refusal.clone(), now));
        let keys = read?;
        kept.keys = Some((Arc::clone(&keys), now));
        Ok(keys)
    }

    /// The claims of a token it signed. Where none of its keys is the one, they are asked for again, at most once in [`REFETCH`].
    pub(super) async fn signed(&self, token: &str, types: &[&str], now: Timestamp) -> Result<Signed, Refusal> {
        let mut kept = self.kept.lock().await;
        let metadata = self.metadata_into(&mut kept, now).await?;
        let keys = self.keys_into(&mut kept, now).await?;
        match keys.open(token, &metadata.algorithms, types) {
            Err(TokenFault::Key) if kept.refetched.is_none_or(|at| !is_within(REFETCH, at, now)) => {
                kept.refetched = Some(now);
                kept.keys = None;
                let keys = self.keys_into(&mut kept, now).await?;
                Ok(keys.open(token, &metadata.algorithms, types)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Exchanges a code.
    pub(super) async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<Tokens, Refusal> {
        let metadata = self.metadata(now).await?;
        let towards = Towards {
            client_id: &self.settings.client_id,
            issuer: &self.settings.issuer,
            token_endpoint: metadata.token.as_str(),
            ways: &metadata.client_auth,
            now,
        };
        let (form, header) = self.question(code, verifier, redirect_uri, towards)?;
        let answer = self.fetch.form(&metadata.token, form, header).await;
        let answer = answer.map_err(|fault| Refusal::Unreachable { what: "its token endpoint", fault })?;
        let text = |name: &str| answer.fields.get(name).and_then(Value::as_str);
        if answer.status != 200 {
            return Err(Refusal::Exchange(error_code(text("error").unwrap_or_default())));
        }
        let needed =
            |name: &'static str| text(name).map(|text| Zeroizing::new(text.to_owned())).ok_or(TokenFault::Claim(name));
        Ok(Tokens { id: needed("id_token")?, access: needed("access_token")? })
    }

    /// The form a code is exchanged by, and the header that goes with it.
    fn question(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
        towards: Towards<'_>,
    ) -> Result<(String, Option<HeaderValue>), Refusal> {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier);
        let header = self.client.prove(towards, &mut form).map_err(Refusal::Client)?;
        Ok((form.finish(), header))
    }
}

impl Kept {
    /// Refuses while it is no use to ask again.
    fn paused(&self, now: Timestamp) -> Result<(), Refusal> {
        match &self.failed {
            Some((refusal, at)) if is_within(PAUSE, *at, now) => Err(refusal.clone()),
            _ => Ok(()),
        }
    }
}

/// Whether less than `span` has passed since `at`. A clock that was set back makes nothing last longer.
fn is_within(span: Duration, at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < span
}
