//! Who may invite whom to register a key, on what evidence, and for how long. Pure: people, evidence and the charter go in.

use super::store::{EVIDENCE_CHARS_MAX, Evidence};
use charter::Charter;
use charter::owners::Owners;
use charter::signing_in::AuthenticatorRules;
use events::principal::IdentityClass;
use events::{OwnerId, PrincipalId};
use std::time::Duration;
use store::AppendError;
use world::PrincipalFacts;

/// Why there is no invitation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// Nobody of that name may act.
    #[error("nobody `{0}` is known who may act; register them first")]
    NoSuchPerson(PrincipalId),
    /// It is no person who signs in at a screen.
    #[error("`{0}` does not sign in at a screen: only staff, vendors and patients are invited")]
    NoPerson(PrincipalId),
    /// Whoever stands for somebody is known, may act, is staff, and is somebody else.
    #[error("`{0}` cannot stand for them: whoever does is staff, is known, may act, and is somebody else")]
    Voucher(PrincipalId),
    /// What was checked is not said, or at too great length.
    #[error("say in at most {EVIDENCE_CHARS_MAX} characters what was checked, with a proofing level of 1 to 3")]
    Evidence,
    /// The charter lets others invite people of this class.
    #[error("`{voucher}` may not invite people of class `{class}`; the charter lets these: {may}")]
    NotTheirs {
        /// Who was to stand for them.
        voucher: PrincipalId,
        /// The class of whoever is invited.
        class: &'static str,
        /// Who may, in words.
        may: String,
    },
    /// The charter asks for better proof of who somebody is.
    #[error(
        "people of class `{class}` are invited when their identity is proved at level {needed} or above (SP 800-63A-4), not {reached}"
    )]
    Proofing {
        /// The class of whoever is invited.
        class: &'static str,
        /// What the charter asks for.
        needed: u8,
        /// What was reached.
        reached: u8,
    },
    /// A list names somebody more than once.
    #[error("`{0}` is in the list twice")]
    Twice(PrincipalId),
    /// It could not be recorded.
    #[error("the invitation could not be recorded")]
    Record(#[from] AppendError),
}

/// The teams and people who invite. A role that invites is enough; where neither is named, whoever answers for the class.
pub(super) fn inviting<'a>(
    rules: &'a AuthenticatorRules,
    owners: &'a Owners,
    class: IdentityClass,
) -> Vec<&'a OwnerId> {
    match rules.invited_by.as_slice() {
        [] if rules.inviting_roles.is_empty() => owners.identity_class.get(&class).into_iter().collect(),
        named => named.iter().collect(),
    }
}

/// How long an invitation is good for, if there may be one.
pub(super) fn lifetime(
    charter: &Charter,
    who: &PrincipalId,
    person: Option<&PrincipalFacts>,
    evidence: &Evidence,
    voucher: Option<&PrincipalFacts>,
) -> Result<Duration, InviteError> {
    let Some(person) = person.filter(|known| known.active) else {
        return Err(InviteError::NoSuchPerson(who.clone()));
    };
    if !matches!(person.class, IdentityClass::Staff | IdentityClass::Vendor | IdentityClass::Patient) {
        return Err(InviteError::NoPerson(who.clone()));
    }
    let stands = voucher.filter(|known| known.active && known.class == IdentityClass::Staff);
    let Some(stands) = stands.filter(|_| evidence.voucher != *who) else {
        return Err(InviteError::Voucher(evidence.voucher.clone()));
    };
    let (checked, reached) = (evidence.checked.trim(), evidence.proofing);
    let length = checked.chars().count();
    if length == 0
        || length > EVIDENCE_CHARS_MAX
        || checked.chars().any(events::is_unseen)
        || !(1..=3).contains(&reached)
    {
        return Err(InviteError::Evidence);
    }
    let (rules, class) = (charter.rules_at(person.home_unit.as_ref()), person.class.as_str());
    let rules = rules.assurance.authenticators_of(person.class);
    let owners = charter.owners();
    let inviting = inviting(&rules, owners, person.class);
    let named = inviting.iter().any(|owner| owners.is_led_by(owner, evidence.voucher.as_str()))
        || stands.roles.iter().any(|role| rules.inviting_roles.contains(role));
    if !named {
        let teams = inviting.iter().filter_map(|id| Some((owners.find(id)?, owners.answers_for(id)?)));
        let teams = teams.map(|(owner, lead)| format!("{} (`{lead}`)", owner.name()));
        let may: Vec<String> = teams.chain(rules.inviting_roles.iter().map(|role| format!("every `{role}`"))).collect();
        return Err(InviteError::NotTheirs { voucher: evidence.voucher.clone(), class, may: may.join(", ") });
    }
    if reached < rules.proofing_level {
        return Err(InviteError::Proofing { class, needed: rules.proofing_level, reached });
    }
    Ok(rules.invitation_h.duration())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn facts(class: IdentityClass, role: &str) -> PrincipalFacts {
        PrincipalFacts {
            class,
            roles: vec![role.parse().unwrap()],
            name: None,
            active: true,
            home_unit: None,
            labels: Vec::new(),
            aliases: Vec::new(),
        }
    }

    fn asked(who: &PrincipalFacts, by: (&str, &PrincipalFacts), proofing: u8) -> Result<u64, String> {
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let evidence = Evidence { voucher: by.0.parse().unwrap(), checked: "staff card and face".into(), proofing };
        lifetime(&charter, &"n-amara".parse().unwrap(), Some(who), &evidence, Some(by.1))
            .map(|long| long.as_secs() / 3_600)
            .map_err(|no| no.to_string())
    }

    #[test]
    fn each_class_is_invited_by_whom_the_charter_names_and_for_as_long_as_it_says() {
        let (nurse, lead) = (facts(IdentityClass::Staff, "nurse"), facts(IdentityClass::Staff, "charge_nurse"));
        let (vendor, patient) =
            (facts(IdentityClass::Vendor, "vendor_engineer"), facts(IdentityClass::Patient, "patient"));
        assert_eq!(asked(&nurse, ("n-lead", &lead), 2), Ok(72));
        assert_eq!(asked(&nurse, ("tomasz-adeyemi", &nurse), 2), Ok(72), "who leads a team that is named");
        assert_eq!(asked(&vendor, ("oskar-delacroix", &nurse), 3), Ok(24));
        assert_eq!(asked(&patient, ("gwen-okonkwo", &nurse), 1), Ok(168));
        for (who, by) in [(&nurse, ("n-bea", &nurse)), (&vendor, ("n-lead", &lead)), (&patient, ("n-lead", &lead))] {
            let no = asked(who, by, 3).unwrap_err();
            assert!(no.contains("may not invite"), "{no}");
        }
        let no = asked(&nurse, ("n-bea", &nurse), 2).unwrap_err();
        assert!(no.contains("Service desk (`tomasz-adeyemi`)") && no.contains("every `charge_nurse`"), "{no}");
    }

    #[test]
    fn nobody_is_invited_on_weaker_proof_than_the_charter_asks_for() {
        let (nurse, lead) = (facts(IdentityClass::Staff, "nurse"), facts(IdentityClass::Staff, "charge_nurse"));
        let no = asked(&nurse, ("n-lead", &lead), 1).unwrap_err();
        assert!(no.contains("level 2 or above") && no.contains("not 1"), "{no}");
        for level in [0, 4] {
            assert!(asked(&nurse, ("n-lead", &lead), level).unwrap_err().contains("1 to 3"));
        }
    }

    #[test]
    fn whoever_is_no_person_or_has_left_neither_comes_nor_stands_for_anybody() {
        let (nurse, lead) = (facts(IdentityClass::Staff, "nurse"), facts(IdentityClass::Staff, "charge_nurse"));
        let gone = PrincipalFacts { active: false, ..lead.clone() };
        assert!(asked(&gone, ("n-lead", &lead), 2).unwrap_err().contains("known who may act"));
        assert!(asked(&nurse, ("n-lead", &gone), 2).unwrap_err().contains("cannot stand"));
        assert!(asked(&nurse, ("n-amara", &lead), 2).unwrap_err().contains("cannot stand"), "not for themselves");
        let supplier = facts(IdentityClass::Vendor, "charge_nurse");
        assert!(asked(&nurse, ("v-one", &supplier), 2).unwrap_err().contains("cannot stand"));
        let pump = facts(IdentityClass::Device, "infusion_pump");
        assert!(asked(&pump, ("n-lead", &lead), 2).unwrap_err().contains("only staff, vendors and patients"));
    }
}
