//! Badge numbers: they say who somebody is, and prove nothing. Whether a number is anybody's is never told.

mod routes;

pub use routes::routes;

use crate::point::PointOfCare;
use crate::session::Refusal;
use events::signin::Cause;
use events::{DeviceId, PrincipalId};
use maud::{Markup, html};
use world::SessionFacts;

/// The field that a scanner types into, and what it is called in forms.
pub const BADGE_FIELD: &str = "badge";

/// A field that a scanner types a number and Enter into.
#[must_use]
pub fn field(label: &str, autofocus: bool, required: bool) -> Markup {
    field_called(BADGE_FIELD, label, autofocus, required)
}

/// The same, where a page has another one: with an id of its own.
#[must_use]
pub(crate) fn field_called(id: &str, label: &str, autofocus: bool, required: bool) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            input type="text" id=(id) name=(BADGE_FIELD) autocomplete="off" autocapitalize="none" spellcheck="false"
                maxlength="128" autofocus[autofocus] required[required];
        }
    }
}

/// A code that somebody scanned or typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it says.
    pub code: PrincipalId,
    /// Whose it is, if it is one person's who may act.
    pub person: Option<PrincipalId>,
}

impl PointOfCare {
    /// What a badge says; none where nothing was scanned, or nothing that could be a code.
    #[must_use]
    pub fn claim(&self, badge: &str) -> Option<Claim> {
        let code: PrincipalId = badge.trim().parse().ok()?;
        let mut people = self.plane().world(|world| world.who_goes_by(&code));
        let person = people.pop().filter(|_| people.is_empty());
        Some(Claim { code, person })
    }

    /// Holds a touch against the badge that was scanned with it, if one was: both are one person's. The words are the same whether or not the
    /// badge is anybody's.
    pub(crate) fn is_badge_of(&self, badge: Option<&str>, who: &PrincipalId) -> Result<(), Refusal> {
        let scanned = badge.map(str::trim).filter(|badge| !badge.is_empty());
        let same = scanned.is_none_or(|badge| self.claim(badge).and_then(|claim| claim.person).as_ref() == Some(who));
        if same { Ok(()) } else { Err(not_its_key()) }
    }

    /// Whether a session's screen locks when its owner's badge is taken away.
    pub(crate) fn locks_without_badge(&self, session: &SessionFacts) -> bool {
        self.session_rules(session).is_none_or(|rules| rules.badge_away_locks)
    }

    /// The unit a session is worked in.
    pub(crate) fn unit_of_session(&self, session: &SessionFacts) -> Option<events::UnitId> {
        session.workstation.as_ref().and_then(|device: &DeviceId| self.unit_of(device))
    }
}

/// The badge and the key are not one person's.
fn not_its_key() -> Refusal {
    let words = "This is a colleague’s key: it does not belong to the badge you scanned. Use the key that does, or leave the badge out.";
    Refusal::new(words, Cause::User, "others_authenticator")
}
