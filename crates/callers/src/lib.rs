//! Which system is calling, and what may it do? Tokens, certificates, rights and rates of the systems that ask for decisions or feed facts, and
//! the places of the listeners they connect to.
//!
//! A handler that takes a [`Caller<Evaluate>`] can only run for an authenticated caller whom the charter in force lets evaluate: the
//! authority of every endpoint stands in its signature.

pub mod certificate;
mod extract;
mod rate;
mod seats;
mod token;

pub use certificate::{CertificateError, Shown};
pub use extract::{
    Authority, Caller, Evaluate, EvaluateLive, FeedDevices, FeedEmergencies, FeedPatients, FeedPeople, FeedRota,
    FeedTeams, Follow, Metrics, ReadAudit, ReadLedger, Refusal, Search,
};
pub use seats::{Seat, Seated, Seats};
pub use token::NewToken;

use charter::Charter;
use events::caller::{CertificateAdded, Revoked};
use events::{Actor, CallerName, Draft};
use plane::Plane;
use std::sync::Arc;
use std::time::Duration;
use store::{AppendError, Batch};
use tokio_util::sync::CancellationToken;

/// How often a node looks how many there are to share a rate.
const SHARES_EVERY: Duration = Duration::from_secs(2);

/// The callers of one node. Cheap to clone.
#[derive(Clone)]
pub struct Callers {
    inner: Arc<Inner>,
}

struct Inner {
    plane: Plane,
    rates: rate::Rates,
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callers")
    }
}

impl Callers {
    /// The callers of a node. Their tokens are a fold of its log, so there is nothing to load.
    #[must_use]
    pub fn new(plane: &Plane) -> Self {
        Self { inner: Arc::new(Inner { plane: plane.clone(), rates: rate::Rates::default() }) }
    }

    /// Shares every caller's rate with the other nodes that work, as they come and go, until `stop`. While the database is out of reach the last share
    /// holds. Exactly one such task runs a node.
    pub async fn keep_shares(&self, stop: CancellationToken) {
        let plane = &self.inner.plane;
        // A file has one node, and nobody to ask.
        while plane.store().health().contact.is_some() && !stop.is_cancelled() {
            let store = plane.store().clone();
            let nodes = tokio::task::spawn_blocking(move || store.read(|reader| reader.nodes())).await;
            if let Ok(Ok(nodes)) = nodes {
                let working = nodes.iter().filter(|node| node.beats()).count();
                self.inner.rates.share_among(u32::try_from(working).unwrap_or(u32::MAX));
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(SHARES_EVERY) => {}
            }
        }
    }

    /// Makes a token for a caller, who can use it as soon as this returns.
    ///
    /// # Errors
    /// When it was not recorded.
    pub async fn add(&self, caller: CallerName, by: Actor) -> Result<NewToken, AppendError> {
        let (token, added) = token::mint(caller);
        self.inner.plane.record(Batch::one(Draft::new(by, added))).await?;
        Ok(token)
    }

    /// Registers a certificate (PEM) for a caller, who can call with it as soon as this returns.
    ///
    /// # Errors
    /// When it is no certificate, past its time, an authority's or another caller's, or was not recorded.
    pub async fn add_certificate(
        &self,
        caller: CallerName,
        pem: &str,
        by: Actor,
    ) -> Result<CertificateAdded, CertificateError> {
        let plane = &self.inner.plane;
        let added = certificate::registration(caller, pem, plane.now())?;
        if plane.tokens().certificate(&added.sha256).is_some_and(|known| known.caller != added.caller) {
            return Err(CertificateError::Taken);
        }
        match plane.record(Batch::one(Draft::new(by, added.clone()))).await {
            // Over another node.
            Err(AppendError::Stale) => Err(CertificateError::Taken),
            recorded => Ok(recorded.map(|_| added)?),
        }
    }

    /// Whose certificate was shown, if it is registered and not past its time.
    #[must_use]
    pub fn authenticate_certificate(&self, shown: &Shown) -> Option<CallerName> {
        let plane = &self.inner.plane;
        let known = plane.tokens().certificate(shown.sha256())?;
        (plane.now() < known.not_after).then_some(known.caller)
    }

    /// Ends all tokens and certificates of a caller, and every live permit it holds. Of a caller that has none it records just that.
    ///
    /// # Errors
    /// When the end was not recorded.
    pub async fn revoke(&self, caller: &CallerName, by: Actor) -> Result<(), AppendError> {
        let revoked = Revoked { caller: caller.clone() };
        self.inner.plane.record(Batch::one(Draft::new(by, revoked))).await.map(drop)
    }

    /// Whose token this is, if it is anybody's.
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<CallerName> {
        token::authenticate(self.inner.plane.tokens(), token)
    }

    /// Every caller that has a live token or a certificate, in order.
    #[must_use]
    pub fn names(&self) -> Vec<CallerName> {
        self.inner.plane.tokens().callers()
    }

    /// The charter that says what callers may do.
    pub(crate) fn charter(&self) -> Arc<Charter> {
        Arc::clone(self.inner.plane.engine().charter())
    }
}
