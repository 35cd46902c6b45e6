//! What the charter lets somebody register: by which method, of which make, how many. The same whichever way they come.

use crate::passkey::{Attestation, Registered, Traits, means};
use crate::point::PointOfCare;
use crate::session::Refusal;
use charter::signing_in::{Aaguid, Attestation as Wanted, AuthenticatorRules};
use decision::Engine;
use events::principal::IdentityClass;
use events::signin::Cause;
use events::{PrincipalId, UnitId};
use std::sync::Arc;

/// The rules for one person.
pub(crate) struct Rules {
    engine: Arc<Engine>,
    class: IdentityClass,
    home: Option<UnitId>,
}

fn refused(words: impl Into<String>, detail: &'static str) -> Refusal {
    Refusal::new(words, Cause::Policy, detail)
}

impl Rules {
    pub(crate) fn of(point: &PointOfCare, who: &PrincipalId) -> Result<Self, Refusal> {
        let subject = world::Subject { principal: who.clone(), patient: None, device: None, session: None };
        let facts = point.plane().world(|world| world.facts(&subject, point.plane().now()));
        let known = facts.principal.filter(|known| known.active);
        let known = known.ok_or_else(|| refused("This account has ended. The service desk can tell why.", "ended"))?;
        Ok(Self { engine: point.plane().engine(), class: known.class, home: known.home_unit })
    }

    pub(crate) fn authenticators(&self) -> AuthenticatorRules {
        let rules = self.engine.charter().rules_at(self.home.as_ref());
        rules.assurance.authenticators_of(self.class).into_owned()
    }

    /// Whether somebody who has so many may have another.
    pub(crate) fn have_room(&self, held: usize) -> Result<(), Refusal> {
        let most = self.authenticators().most;
        if held < usize::from(most) {
            return Ok(());
        }
        let words = format!("You have {held} keys, and nobody has more than {most}. Remove one that you do not use.");
        Err(refused(words, "too_many_keys"))
    }

    /// The charter's method that a new authenticator counts as, if it may be registered.
    pub(crate) fn method(&self, made: &Registered) -> Result<&'static str, Refusal> {
        let rules = self.authenticators();
        let makes: Vec<&str> = rules.aaguids.keys().map(Aaguid::as_str).collect();
        let attested = matches!(made.attestation, Attestation::Certificate { .. });
        if rules.attestation == Wanted::Required && !attested {
            let words =
                "This one does not show who made it, and yours has to. Take the key that you were given for this.";
            return Err(refused(words, "not_attested"));
        }
        if !makes.is_empty() && !Aaguid::new(&made.aaguid).is_some_and(|make| rules.takes(&make)) {
            let words = "Keys of this make do not count here. Take the key that you were given for this.";
            return Err(refused(words, "other_make"));
        }
        if made.backup_eligible && !rules.synced {
            let words = "This passkey may be copied to other devices, and yours must not. Take a security key.";
            return Err(refused(words, "synced"));
        }
        let traits = Traits {
            verified: made.verified,
            backup_eligible: made.backup_eligible,
            attachment: made.attachment,
            transports: &made.transports,
            aaguid: &made.aaguid,
            attestation: &made.attestation,
        };
        let method = means(&traits, &makes).map_or("passkey", |means| means.name());
        let assurance = &self.engine.charter().rules_at(self.home.as_ref()).assurance;
        if assurance.may_register(self.class).iter().any(|may| may.as_str() == method) {
            return Ok(method);
        }
        let titles = assurance.may_register(self.class).into_iter();
        let titles: Vec<&str> = titles.filter_map(|may| assurance.methods.get(may)).map(|m| m.title.as_str()).collect();
        let words = format!("This one cannot be registered for you. What can: {}.", titles.join("; "));
        Err(refused(words, "other_method"))
    }
}
