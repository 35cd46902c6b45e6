//! Which system is calling, and what may it do? Tokens, rights and rates of the systems that ask for decisions or feed facts.
//!
//! A handler that takes a [`Caller<Evaluate>`] can only run for an authenticated caller whom the charter in force lets evaluate: the
//! authority of every endpoint stands in its signature.

mod extract;
mod rate;
mod token;

pub use extract::{
    Authority, Caller, Evaluate, EvaluateLive, FeedDevices, FeedEmergencies, FeedPeople, FeedRota, FeedTeams, Metrics,
    Refusal,
};
pub use token::NewToken;

use charter::Charter;
use events::{Actor, CallerName};
use plane::Plane;
use std::sync::Arc;
use store::{AppendError, ReadError};

/// The callers of one node. Cheap to clone.
#[derive(Clone)]
pub struct Callers {
    inner: Arc<Inner>,
}

struct Inner {
    plane: Plane,
    tokens: token::Tokens,
    rates: rate::Rates,
    /// Held while tokens change.
    changing: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callers")
    }
}

impl Callers {
    /// Reads the live tokens of a node's store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn load(plane: &Plane) -> Result<Self, ReadError> {
        let tokens = plane.store().read(token::Tokens::load)?;
        let (rates, changing) = (rate::Rates::default(), tokio::sync::Mutex::default());
        Ok(Self { inner: Arc::new(Inner { plane: plane.clone(), tokens, rates, changing }) })
    }

    /// Makes a token for a caller, who can use it as soon as this returns.
    ///
    /// # Errors
    /// When it was not recorded.
    pub async fn add(&self, caller: CallerName, by: Actor) -> Result<NewToken, AppendError> {
        self.change(move |inner: Arc<Inner>| async move {
            let token = token::Tokens::mint(&caller, by, inner.plane.now());
            inner.plane.record(token.batch.clone()).await?;
            inner.tokens.admit(caller, &token);
            Ok(token)
        })
        .await
    }

    /// Ends all tokens of a caller.
    ///
    /// # Errors
    /// When it has none, or the end was not recorded.
    pub async fn revoke(&self, caller: &CallerName, by: Actor) -> Result<(), AppendError> {
        let caller = caller.clone();
        self.change(move |inner: Arc<Inner>| async move {
            let batch = token::Tokens::revocation(&caller, by, inner.plane.now());
            inner.plane.record(batch).await?;
            inner.tokens.forget(&caller);
            Ok(())
        })
        .await
    }

    /// Changes store and memory alike: one change at a time, and to its end even if whoever asked for it is gone. Otherwise a token
    /// revoked in the store could go on in memory.
    async fn change<T, F, C>(&self, change: C) -> Result<T, AppendError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AppendError>> + Send + 'static,
        C: FnOnce(Arc<Inner>) -> F + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let changed = tokio::spawn(async move {
            let _alone = inner.changing.lock().await;
            change(Arc::clone(&inner)).await
        });
        changed.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Whose token this is, if it is anybody's.
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<CallerName> {
        self.inner.tokens.authenticate(token)
    }

    /// Every caller that has a live token, in order.
    #[must_use]
    pub fn names(&self) -> Vec<CallerName> {
        self.inner.tokens.names()
    }

    /// The charter that says what callers may do.
    pub(crate) fn charter(&self) -> Arc<Charter> {
        Arc::clone(self.inner.plane.engine().charter())
    }
}
