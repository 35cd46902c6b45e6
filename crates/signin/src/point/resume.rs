//! Going on where one was: a form that needed a touch first, sealed, and opened again for the same person only.
//!
//! Nothing readable of it stays on a locked screen. It is not kept by any node: the page carries it, and another node opens it as well.

use super::PointOfCare;
use events::{PrincipalId, Timestamp};
use maud::{Markup, html};
use pages::form::TOKEN_FIELD;
use pages::resume_form;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the key seals, and nothing else.
pub(super) const PURPOSE: &str = "bedside resume 1";
/// The longest sealed form that is looked at, in bytes: the longest form, as base64.
pub(super) const SEALED_BYTES_MAX: usize = 2 * super::FORM_BYTES_MAX;
/// A form that nobody comes back to within this is lost.
pub const RESUME_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A form as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Who sent it.
    pub principal: PrincipalId,
    /// Where to.
    pub path: String,
    /// What is in it.
    pub fields: Vec<(String, String)>,
    /// When.
    pub at: Timestamp,
}

/// Where screens are locked. A form that was half filled comes along, with its own address in [`KEPT_ACTION`].
pub(crate) const LOCK_PATH: &str = "/bedside/lock";
/// Where a page goes whose screen is closed. A form that was half filled comes along here as well.
pub(crate) const CLOSED_PATH: &str = "/bedside";
/// The field with the address of a half-filled form.
const KEPT_ACTION: &str = "kept_action";

impl Held {
    /// A form of somebody's; none where there is nothing to go on with.
    pub(crate) fn of(
        principal: PrincipalId,
        path: &str,
        mut fields: Vec<(String, String)>,
        at: Timestamp,
    ) -> Option<Self> {
        fields.retain(|(name, _)| name != TOKEN_FIELD);
        let mut path = path.to_owned();
        if path == LOCK_PATH || path == CLOSED_PATH {
            let kept = fields.iter().position(|(name, _)| name == KEPT_ACTION)?;
            path = fields.remove(kept).1;
        }
        let own = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
        own.then_some(Self { principal, path, fields, at })
    }
}

impl PointOfCare {
    /// Seals a form for whoever sent it.
    pub(crate) fn hold(&self, held: &Held) -> Option<String> {
        self.resumes().seal(held)
    }

    /// Whether a text is a form that was sealed here and can still be opened by its owner.
    pub(crate) fn is_held(&self, sealed: &str) -> bool {
        self.resumes().open(sealed).is_some_and(|held: Held| self.plane().now().since(held.at) < RESUME_LIFETIME)
    }

    /// Opens a form for somebody, if it is theirs and not too old.
    pub(crate) fn held_for(&self, who: &PrincipalId, sealed: &str) -> Option<Held> {
        let held: Held = self.resumes().open(sealed)?;
        let in_time = self.plane().now().since(held.at) < RESUME_LIFETIME;
        (held.principal == *who && in_time).then_some(held)
    }
}

/// The hidden form that goes on once the touch is done.
#[must_use]
pub fn resume_field(sealed: Option<&str>, form_token: &str) -> Markup {
    html! { @if let Some(sealed) = sealed { (resume_form("/bedside/resume", sealed, form_token)) } }
}
