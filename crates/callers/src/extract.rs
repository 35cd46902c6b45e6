//! Extractors: a handler's argument is the proof that its caller may call it.

use crate::{Callers, Seat, Shown};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use charter::{Caller as Entry, CallerRight, Charter};
use events::{Actor, CallerName};
use std::marker::PhantomData;
use std::sync::Arc;

/// One right of a caller, as a type.
pub trait Authority: Send + Sync + 'static {
    /// The right in the charter.
    const RIGHT: CallerRight;
}

macro_rules! authorities {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Authority for $name {
            const RIGHT: CallerRight = CallerRight::$name;
        }
    )*};
}

authorities! {
    /// May ask for decisions.
    Evaluate;
    /// May ask for permits that stay live.
    EvaluateLive;
    /// May ask who or what would be permitted.
    Search;
    /// May tell us of people.
    FeedPeople;
    /// May tell us of shifts.
    FeedRota;
    /// May tell us of devices.
    FeedDevices;
    /// May tell us of treatment teams.
    FeedTeams;
    /// May give temporary record numbers and merge records.
    FeedPatients;
    /// May declare emergencies.
    FeedEmergencies;
    /// May read metrics.
    Metrics;
    /// May read the ledger's entries.
    ReadLedger;
    /// May read who was given access to what.
    ReadAudit;
    /// May follow people's sessions.
    Follow;
}

/// An authenticated caller who has right `A` under the charter in force and has not called too fast.
pub struct Caller<A: Authority> {
    callers: Callers,
    name: CallerName,
    charter: Arc<Charter>,
    right: PhantomData<A>,
}

impl<A: Authority> std::fmt::Debug for Caller<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Caller({})", self.name)
    }
}

impl<A: Authority> Caller<A> {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &CallerName {
        &self.name
    }

    /// It, as the actor of an entry.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::caller(&self.name)
    }

    /// Its entry in the charter.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        self.charter.caller(&self.name)
    }

    /// Counts more requests against its rate: one was counted when it came in. At most a whole second's worth is counted at once, so that
    /// nothing is out of reach for a slow caller.
    ///
    /// # Errors
    /// When that is faster than it may call.
    pub fn charge(&self, requests: usize) -> Result<(), Refusal> {
        let rate_per_s = self.entry().rate_per_s;
        let requests = u32::try_from(requests).unwrap_or(u32::MAX).min(rate_per_s);
        self.callers
            .inner
            .rates
            .take(&self.name, rate_per_s, requests)
            .map_err(|wait| Refusal::TooFast { retry_after_s: wait.as_secs() + 1 })
    }

    /// The charter it was judged by.
    #[must_use]
    pub const fn charter(&self) -> &Arc<Charter> {
        &self.charter
    }
}

/// Why a caller is not let in. The body is one JSON string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token and no registered certificate, or a token that is nobody's, or the two of different callers.
    Unauthenticated,
    /// The caller does not have the right.
    Forbidden(CallerRight),
    /// The caller calls faster than its rate.
    TooFast {
        /// Whole seconds after which it may try again.
        retry_after_s: u64,
    },
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match &self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "a valid bearer token is needed".to_owned()),
            Self::Forbidden(right) => (StatusCode::FORBIDDEN, format!("this caller may not `{}`", right.as_str())),
            Self::TooFast { retry_after_s } => {
                (StatusCode::TOO_MANY_REQUESTS, format!("this caller calls too fast; try again in {retry_after_s} s"))
            }
        };
        let mut response = (status, axum::Json(message)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"handrail\""));
            }
            Self::TooFast { retry_after_s } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
            }
            Self::Forbidden(_) => {}
        }
        response
    }
}

/// The token of an `Authorization: Bearer` header; the scheme's case does not matter (RFC 9110 section 11.1).
fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Who calls: by token, by the certificate shown on the connection, or by both, which have to agree. A certificate that nobody registered
/// says nothing; a token that is nobody's is not made good by a certificate.
fn named(callers: &Callers, parts: &Parts) -> Option<CallerName> {
    let shown = parts.extensions.get::<Shown>().and_then(|shown| callers.authenticate_certificate(shown));
    if !parts.headers.contains_key(header::AUTHORIZATION) {
        return shown;
    }
    let name = callers.authenticate(bearer(parts)?)?;
    shown.is_none_or(|shown| shown == name).then_some(name)
}

impl<S, A> FromRequestParts<S> for Caller<A>
where
    S: Send + Sync,
    A: Authority,
    Callers: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let callers = Callers::from_ref(state);
        let name = named(&callers, parts).ok_or(Refusal::Unauthenticated)?;
        if let Some(seat) = parts.extensions.get::<Seat>() {
            seat.is_of_use();
        }
        let charter = callers.charter();
        if !charter.caller(&name).may(A::RIGHT) {
            return Err(Refusal::Forbidden(A::RIGHT));
        }
        let caller = Self { callers, name, charter, right: PhantomData };
        caller.charge(1)?;
        Ok(caller)
    }
}
