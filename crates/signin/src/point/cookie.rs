//! The cookie that says which workstation a browser is and which session is in it: sealed, and good for a minute.

use crate::operator::BaseUrl;
use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::CookieJar;
use events::{DeviceId, PrincipalId, SessionId, Timestamp};
use plane::{Plane, Sealer};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// A cookie counts for this long; then the device key has to prove that the browser is the one it was given to.
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(60);
/// How long browsers keep it, so that one that was asleep is recognised and asked for its proof.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3_600);
/// Whose cookie it is.
const COOKIE: &str = "bedside";
/// The longest cookie that is looked at, in bytes.
const COOKIE_BYTES_MAX: usize = 1_024;

/// What a cookie says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The enrolled workstation the browser is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<DeviceId>,
    /// The session in it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Whose session it is: known even when the session is over and forgotten, so that a form of theirs waits for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<PrincipalId>,
    /// Whether the session was open then, so that a page of it is told when it is not any more.
    #[serde(default)]
    pub open: bool,
    /// When its minute began: as the browser last proved which one it is.
    pub given_at: Timestamp,
}

impl Carried {
    /// Of a browser that nobody is signed in at.
    pub(crate) const fn of(workstation: Option<DeviceId>, given_at: Timestamp) -> Self {
        Self { workstation, session: None, who: None, open: false, given_at }
    }
}

/// What a request's cookie comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// There is none, or none of ours.
    Nothing,
    /// It is past its minute: only the device key can say whose browser this is.
    Stale(Carried),
    /// It counts.
    Fresh(Carried),
}

/// Gives cookies and reads them again.
#[derive(Debug)]
pub(crate) struct Cookies {
    sealer: Sealer,
}

impl Cookies {
    pub(crate) fn new(plane: &Plane) -> Self {
        Self { sealer: Sealer::new(plane, "bedside cookie 1", COOKIE_BYTES_MAX) }
    }

    /// What a request shows at `now`. One that was given later than now was not given by us.
    pub(crate) fn shown(&self, base: &BaseUrl, headers: &HeaderMap, now: Timestamp) -> Shown {
        let jar = CookieJar::from_headers(headers);
        let Some(carried) =
            jar.get(&base.cookie_name(COOKIE)).and_then(|cookie| self.sealer.open::<Carried>(cookie.value()))
        else {
            return Shown::Nothing;
        };
        if carried.given_at <= now + COOKIE_LIFETIME && now.since(carried.given_at) < COOKIE_LIFETIME {
            Shown::Fresh(carried)
        } else {
            Shown::Stale(carried)
        }
    }

    /// The header that gives a browser a cookie.
    pub(crate) fn give(&self, base: &BaseUrl, carried: &Carried) -> Option<HeaderValue> {
        let sealed = Zeroizing::new(self.sealer.seal(carried)?);
        let secure = if base.is_https() { "; Secure" } else { "" };
        let (name, kept) = (base.cookie_name(COOKIE), KEPT.as_secs());
        let text =
            Zeroizing::new(format!("{name}={}; Path=/; Max-Age={kept}; HttpOnly; SameSite=Strict{secure}", *sealed));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}
