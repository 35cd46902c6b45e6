//! What the charter lets somebody register: by which method, of which make, how many. The same whichever way they come.

use super::inviting::inviting;
use crate::passkey::{Attestation, AttestationRoots, Registered, Traits, means};
use crate::point::PointOfCare;
use crate::session::Refusal;
use charter::Charter;
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

/// The makers' certificates that can be read, with the makers' names.
fn readable(charter: &Charter) -> Vec<(&str, &str)> {
    let all = charter.assurance().makers.iter();
    let each = all.flat_map(|(name, maker)| maker.roots.iter().map(move |root| (name.as_str(), root.as_str())));
    each.filter(|(_, root)| AttestationRoots::from_pem([*root]).is_ok()).collect()
}

/// How many makers' certificates a charter has, and in words what it asks of authenticators that it gives no means to see: for whoever runs the
/// node.
///
/// # Errors
/// What is wrong, all of it.
pub fn makers_known(charter: &Charter) -> Result<usize, Vec<String>> {
    let (assurance, known) = (charter.assurance(), readable(charter));
    let mut wrong = Vec::new();
    for (name, maker) in &assurance.makers {
        if known.iter().filter(|(of, _)| *of == name.as_str()).count() < maker.roots.len() {
            wrong.push(format!("a certificate of maker `{}` cannot be read", name.as_str()));
        }
    }
    for (class, _) in assurance.authenticators.iter().filter(|(_, rules)| rules.attestation == Wanted::Required) {
        if known.is_empty() {
            wrong.push(format!(
                "people of class `{}` can register nothing: they need a maker's word, and no maker is known",
                class.as_str()
            ));
        }
    }
    if wrong.is_empty() { Ok(known.len()) } else { Err(wrong) }
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

    /// Who invites people like them: names, and how to reach them.
    pub(crate) fn who_invite(&self) -> Vec<(String, String)> {
        let (rules, owners) = (self.authenticators(), self.engine.charter().owners());
        let found = inviting(&rules, owners, self.class).into_iter().filter_map(|id| owners.find(id));
        found.map(|owner| (owner.name().to_owned(), owner.contact().to_owned())).collect()
    }

    /// The makers whose word about what they made counts. One that cannot be read counts for nothing, and `handrail doctor` names it.
    pub(crate) fn roots(&self) -> Option<AttestationRoots> {
        AttestationRoots::from_pem(readable(self.engine.charter()).into_iter().map(|(_, root)| root)).ok().flatten()
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
        if rules.attestation == Wanted::Required && !made.attestation.is_trusted() {
            let by_somebody = matches!(made.attestation, Attestation::Certificate { .. });
            let (words, detail) = if by_somebody {
                (
                    "Nobody whom the hospital trusts says who made this one. Take the key that you were given for this.",
                    "other_maker",
                )
            } else {
                (
                    "This one does not show who made it, and yours has to. Take the key that you were given for this.",
                    "not_attested",
                )
            };
            return Err(refused(words, detail));
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
