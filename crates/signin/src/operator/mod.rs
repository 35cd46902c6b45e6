//! Operators: people who work with Handrail itself, signed in by a link that somebody with a shell on the server makes for them.
//!
//! The promise: a link works once, within [`LINK_LIFETIME`], and looking at it does not use it up. A session ends after
//! [`SESSION_LIFETIME`], after [`SESSION_IDLE`] without use, or when its operator says so. Neither secret is kept: the store has their
//! SHA-256 only. Making a link, signing in, signing out, and ending everything of an operator ([`revoke`]) are entries in the ledger.
//!
//! Handlers say in their signature what authority they run under: [`Operator`] to look, [`Posted`] to change. `Operator` refuses any
//! method that changes something, so no handler can forget to check that a form came from one of our own pages.

mod base;
mod extract;
mod page;
mod routes;
mod rules;
mod store;

pub use base::{BaseUrl, BaseUrlError};
pub use extract::{FORM_BYTES_MAX, Operator, Posted, UNATTENDED};
pub use routes::{SIGN_OUT_PATH, routes};
pub use rules::{LINK_LIFETIME, SESSION_IDLE, SESSION_LIFETIME, SESSIONS_REMEMBERED_MAX};
pub use store::{Door, Link, Live, SignInError, issue_link, live, may_come_in, revoke};

use events::Timestamp;
use pages::{Environment, Shell};
use plane::Plane;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where operators sign in and are recognised again. Cheap to clone; a router's state gives it by `FromRef`.
#[derive(Clone)]
pub struct Desk(Arc<Inside>);

struct Inside {
    plane: Plane,
    base: BaseUrl,
    environment: Environment,
    version: &'static str,
    /// When each session was last used, as far as this process knows. What it does not know was last used at sign-in.
    used: Mutex<HashMap<SmolStr, Timestamp>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({})", self.0.base)
    }
}

impl Desk {
    /// A desk for the node that people reach at `base`. `version` is shown at the foot of every page.
    #[must_use]
    pub fn new(plane: Plane, base: BaseUrl, environment: Environment, version: &'static str) -> Self {
        Self(Arc::new(Inside { plane, base, environment, version, used: Mutex::default() }))
    }

    /// The node.
    #[must_use]
    pub fn plane(&self) -> &Plane {
        &self.0.plane
    }

    /// Where people reach the node.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.0.base
    }

    /// What surrounds every page, without navigation and account.
    #[must_use]
    pub fn shell(&self) -> Shell {
        let engine = self.0.plane.engine();
        let digest: String = engine.charter().digest().to_string().chars().take(12).collect();
        Shell {
            hospital: engine.charter().hospital().name.clone(),
            environment: self.0.environment.clone(),
            links: Vec::new(),
            account: None,
            foot: format!("Handrail {} · charter {digest}", self.0.version),
        }
    }

    /// When a session was last used, as far as this process knows.
    fn last_used(&self, session: &str) -> Option<Timestamp> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner).get(session).copied()
    }

    /// Notes that a session is used now.
    fn use_now(&self, session: &SmolStr, now: Timestamp) {
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= SESSIONS_REMEMBERED_MAX && !used.contains_key(session) {
            used.retain(|_, last| now.since(*last) < SESSION_IDLE);
        }
        if used.len() < SESSIONS_REMEMBERED_MAX || used.contains_key(session) {
            used.insert(session.clone(), now);
        }
    }

    fn forget(&self, session: &str) {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }
}
