//! The point of care: what every slice of signing in hangs on.
//!
//! [`PointOfCare`] is the state; [`Visitor`] is whoever sent a request, as far as it shows; [`SignedIn`] is somebody who is signed in and at
//! the screen; [`Posted`] is a form they sent from one of our pages. Handlers say in their signature which of these they need.
//!
//! A browser is recognised by a [cookie](cookie) that counts for [`cookie::COOKIE_LIFETIME`] only and is renewed by a proof of the device key
//! that does not leave the browser ([`crate::workstation`]): whoever copies it has it for less than that.

pub mod cookie;
mod extract;
mod page;
mod resume;

pub use extract::{FORM_BYTES_MAX, FromOwnPage, Posted, SignedIn, Visitor};
pub(crate) use page::{ANEW_PATH, elsewhere, locked, prove, sign_in};
pub(crate) use resume::{CLOSED_PATH, LOCK_PATH};
pub use resume::{Held, RESUME_LIFETIME, resume_field};

use crate::attempt::{Attempts, Failures, Seen};
use crate::desktop::Waiting;
use crate::federation::Federation;
use crate::operator::BaseUrl;
use crate::passkey::{AddressError, Ceremonies};
use crate::workstation::{Nonces, Unproven};
use cookie::Cookies;
use events::{DeviceId, PrincipalId, UnitId};
use pages::{Environment, Shell};
use plane::{Plane, Sealer};
use std::sync::Arc;

/// What the key of a helper's questions seals, and nothing else.
const DESKTOP_PURPOSE: &str = "desktop question 1";
/// The longest sealed question that is looked at, in bytes.
const DESKTOP_BYTES_MAX: usize = 2 * 1_024;

/// Where people sign in and are recognised again. Cheap to clone; a router's state gives it by `FromRef`.
#[derive(Clone)]
pub struct PointOfCare(Arc<Inside>);

struct Inside {
    plane: Plane,
    base: BaseUrl,
    environment: Environment,
    version: &'static str,
    cookies: Cookies,
    nonces: Nonces,
    resumes: Sealer,
    desktop: Sealer,
    waiting: Waiting,
    attempts: Attempts,
    failures: Failures,
    seen: Seen,
    unproven: Unproven,
    ceremonies: Result<Ceremonies, AddressError>,
    federation: Federation,
}

impl std::fmt::Debug for PointOfCare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PointOfCare({})", self.0.base)
    }
}

impl PointOfCare {
    /// For the node that people reach at `base`, where nobody else says who people are.
    #[must_use]
    pub fn new(plane: Plane, base: BaseUrl, environment: Environment, version: &'static str) -> Self {
        let federation = Federation::none(plane.clone(), base.clone());
        Self::federating(plane, base, environment, version, federation)
    }

    /// For one where others say so as well.
    #[must_use]
    pub fn federating(
        plane: Plane,
        base: BaseUrl,
        environment: Environment,
        version: &'static str,
        federation: Federation,
    ) -> Self {
        let ceremonies = Ceremonies::new(&base);
        if let Err(error) = &ceremonies {
            tracing::warn!(%error, "nobody can sign in with a passkey at this address");
        }
        Self(Arc::new(Inside {
            cookies: Cookies::new(&plane),
            nonces: Nonces::new(&plane),
            resumes: Sealer::new(&plane, resume::PURPOSE, resume::SEALED_BYTES_MAX),
            desktop: Sealer::new(&plane, DESKTOP_PURPOSE, DESKTOP_BYTES_MAX),
            waiting: Waiting::default(),
            attempts: Attempts::default(),
            failures: Failures::default(),
            seen: Seen::default(),
            unproven: Unproven::default(),
            ceremonies,
            federation,
            plane,
            base,
            environment,
            version,
        }))
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

    /// The ceremonies of passkeys; an error where browsers offer none at this address.
    pub(crate) fn ceremonies(&self) -> Result<&Ceremonies, &AddressError> {
        self.0.ceremonies.as_ref()
    }

    /// The others who say who people are.
    #[must_use]
    pub fn federation(&self) -> &Federation {
        &self.0.federation
    }

    pub(crate) fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    pub(crate) fn nonces(&self) -> &Nonces {
        &self.0.nonces
    }

    pub(crate) fn attempts(&self) -> &Attempts {
        &self.0.attempts
    }

    pub(crate) fn failures(&self) -> &Failures {
        &self.0.failures
    }

    /// Where people were a moment ago.
    pub(crate) fn seen(&self) -> &Seen {
        &self.0.seen
    }

    pub(crate) fn unproven(&self) -> &Unproven {
        &self.0.unproven
    }

    pub(crate) fn resumes(&self) -> &Sealer {
        &self.0.resumes
    }

    /// Seals what a workstation's helper asked, until its touch is there.
    pub(crate) fn desktop(&self) -> &Sealer {
        &self.0.desktop
    }

    /// Whose touch a desktop waits for.
    pub(crate) fn waiting(&self) -> &Waiting {
        &self.0.waiting
    }

    /// What surrounds every page.
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

    /// What people call somebody: their name, or their id where none is known.
    #[must_use]
    pub fn name_of(&self, who: &PrincipalId) -> String {
        let subject = world::Subject { principal: who.clone(), patient: None, device: None, session: None };
        let facts = self.plane().world(|world| world.facts(&subject, self.plane().now()));
        facts.principal.and_then(|known| known.name).map_or_else(|| who.to_string(), |name| name.to_string())
    }

    /// The unit a device stands in.
    #[must_use]
    pub fn unit_of(&self, device: &DeviceId) -> Option<UnitId> {
        self.plane().world(|world| world.device(device)).and_then(|device| device.unit)
    }
}
