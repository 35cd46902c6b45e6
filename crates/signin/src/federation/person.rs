//! Who of us a token is about, whether the charter lets them in by it, and how surely. Pure: what is known of people is given.

use super::refusal::{PersonFault, Refusal};
use super::token::Identity;
use charter::Charter;
use charter::provider::Provider;
use events::principal::IdentityClass;
use events::{PrincipalId, RoleName};
use serde_json::{Map, Value};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// The most groups of one token that are looked at.
const GROUPS_MAX: usize = 1000;
/// How deep roles may be in one another.
const ROLES_DEEP_MAX: usize = 32;

/// Somebody who may act and goes by a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) principal: PrincipalId,
    pub(super) class: IdentityClass,
    pub(super) roles: Vec<RoleName>,
}

/// A group of the provider's that stands for a role the person has not got. It gives nothing; whoever owns the identity should look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The provider's group.
    pub group: SmolStr,
    /// The role it stands for by the charter.
    pub role: RoleName,
}

/// Who it is, and how surely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linked {
    pub(super) principal: PrincipalId,
    pub(super) level: u8,
    pub(super) disagreements: Vec<Disagreement>,
}

/// Links a token to the one person it is about.
pub(super) fn link(
    charter: &Charter,
    provider: &Provider,
    identity: &Identity,
    who_goes_by: impl FnOnce(&PrincipalId) -> Vec<Known>,
) -> Result<Linked, Refusal> {
    let code = code(provider, &identity.claims)?;
    let level = provider.level_of(identity.acr.as_deref()).ok_or(PersonFault::Level)?;
    let mut people = who_goes_by(&code).into_iter();
    let person = match (people.next(), people.next()) {
        (Some(person), None) => person,
        (None, _) => return Err(PersonFault::Unknown.into()),
        (Some(_), Some(_)) => return Err(PersonFault::Several.into()),
    };
    if !provider.classes.contains(&person.class) {
        return Err(PersonFault::Class(person.class.as_str()).into());
    }
    let disagreements = groups(charter, provider, &identity.claims, &person.roles)?;
    Ok(Linked { principal: person.principal, level, disagreements })
}

/// What the claim that names the person says.
fn code(provider: &Provider, claims: &Map<String, Value>) -> Result<PrincipalId, PersonFault> {
    let text = claims.get(&provider.claim).and_then(Value::as_str).ok_or(PersonFault::Unnamed)?;
    if provider.claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Err(PersonFault::Unverified);
    }
    if text.chars().any(events::is_unseen) {
        return Err(PersonFault::Unnamed);
    }
    PrincipalId::new(text).map_err(|_| PersonFault::Unnamed)
}

/// Whether one of the groups lets them in, and which of the others stand for roles they have not got.
fn groups(
    charter: &Charter,
    provider: &Provider,
    claims: &Map<String, Value>,
    roles: &[RoleName],
) -> Result<Vec<Disagreement>, PersonFault> {
    if provider.groups.is_empty() {
        return Ok(Vec::new());
    }
    let too_many = claims.get("_claim_names").and_then(|names| names.get(&provider.groups_claim)).is_some();
    let listed: BTreeSet<&str> = match claims.get(&provider.groups_claim) {
        Some(Value::Array(all)) => all.iter().take(GROUPS_MAX).filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
        _ => BTreeSet::new(),
    };
    let theirs = provider.groups.iter().filter(|(group, _)| listed.contains(group.as_str()));
    let (have, lack): (Vec<_>, Vec<_>) = theirs.partition(|(_, role)| has(charter, roles, role, ROLES_DEEP_MAX));
    if have.is_empty() {
        return Err(PersonFault::Groups { too_many });
    }
    Ok(lack.into_iter().map(|(group, role)| Disagreement { group: SmolStr::new(group), role: role.clone() }).collect())
}

/// Whether somebody with these roles has a role, directly or through what theirs are in.
fn has(charter: &Charter, roles: &[RoleName], wanted: &RoleName, deep: usize) -> bool {
    roles.iter().any(|role| {
        let parents = charter.entities().roles.get(role).map_or(&[][..], |role| &role.parents);
        role == wanted || (deep > 0 && has(charter, parents, wanted, deep - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use charter::name::ProviderName;
    use events::Timestamp;
    use serde_json::json;
    use std::path::Path;

    fn charter(section: &str) -> Charter {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charter/tests/fixtures/minimal");
        let mut files = Vec::new();
        for entry in
            ["", "policies", "scenarios"].iter().flat_map(|folder| std::fs::read_dir(dir.join(folder)).unwrap())
        {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(&dir).unwrap().to_str().unwrap().to_owned();
                let mut text = std::fs::read_to_string(&path).unwrap();
                if name == "assurance.toml" {
                    text.push_str(section);
                }
                files.push((name, text));
            }
        }
        Charter::from_files(files).unwrap()
    }

    const STAFF: &str = "\n[provider.p]\ntitle = \"P\"\nclaim = \"staff_number\"\nclasses = [\"staff\"]\nlevel = 1\nacr = { mfa = { level = 2 } }\n";

    fn identity(claims: Value) -> Identity {
        Identity {
            subject: "4711".into(),
            auth_time: Timestamp::from_millis(0),
            acr: claims.get("acr").and_then(Value::as_str).map(SmolStr::new),
            session: None,
            claims: claims.as_object().unwrap().clone(),
        }
    }

    fn known(name: &str, class: IdentityClass, roles: &[&str]) -> Known {
        Known {
            principal: PrincipalId::new(name).unwrap(),
            class,
            roles: roles.iter().map(|role| RoleName::new(role).unwrap()).collect(),
        }
    }

    /// Links a token at a charter with this section, where these go by the code `n-17`.
    fn linked(section: &str, claims: Value, people: &[Known]) -> Result<Linked, Refusal> {
        let charter = charter(section);
        let provider = &charter.assurance().provider[&ProviderName::new("p").unwrap()];
        link(
            &charter,
            provider,
            &identity(claims),
            |code| {
                if code.as_str() == "n-17" { people.to_vec() } else { Vec::new() }
            },
        )
    }

    fn nurse() -> Known {
        known("nadia", IdentityClass::Staff, &["nurse"])
    }

    fn refused(fault: PersonFault) -> Result<Linked, Refusal> {
        Err(Refusal::Person(fault))
    }

    #[test]
    fn exactly_one_of_a_class_that_it_may_speak_for() {
        let claims = || json!({ "staff_number": "n-17" });
        let one = linked(STAFF, claims(), &[nurse()]).unwrap();
        assert_eq!((one.principal.as_str(), one.level), ("nadia", 1));
        assert_eq!(linked(STAFF, claims(), &[]), refused(PersonFault::Unknown));
        assert_eq!(
            linked(STAFF, claims(), &[nurse(), known("omar", IdentityClass::Staff, &[])]),
            refused(PersonFault::Several)
        );
        assert_eq!(
            linked(STAFF, claims(), &[known("lena", IdentityClass::Patient, &[])]),
            refused(PersonFault::Class("patient"))
        );
    }

    #[test]
    fn only_the_claim_the_charter_names_says_who() {
        for claims in [
            json!({}),
            json!({ "name": "n-17", "preferred_username": "n-17", "sub": "n-17" }),
            json!({ "staff_number": 17 }),
            json!({ "staff_number": "" }),
            json!({ "staff_number": " n-17" }),
            json!({ "staff_number": "n-17\u{200b}" }),
            json!({ "staff_number": ["n-17"] }),
        ] {
            assert_eq!(linked(STAFF, claims.clone(), &[nurse()]), refused(PersonFault::Unnamed), "{claims}");
        }
        assert_eq!(linked(STAFF, json!({ "staff_number": "N-17" }), &[nurse()]), refused(PersonFault::Unknown));
    }

    #[test]
    fn an_address_counts_only_where_the_provider_verified_it() {
        let section = STAFF.replace("staff_number", "email");
        let with =
            |verified: Value| linked(&section, json!({ "email": "n-17", "email_verified": verified }), &[nurse()]);
        assert!(with(json!(true)).is_ok());
        for not in [json!(false), json!("true"), json!(1), Value::Null] {
            assert_eq!(with(not.clone()), refused(PersonFault::Unverified), "{not}");
        }
        assert_eq!(linked(&section, json!({ "email": "n-17" }), &[nurse()]), refused(PersonFault::Unverified));
    }

    #[test]
    fn the_level_is_the_charters_word_on_the_context() {
        let level = |section: &str, acr: Value| {
            linked(section, json!({ "staff_number": "n-17", "acr": acr }), &[nurse()]).map(|linked| linked.level)
        };
        assert_eq!(level(STAFF, json!("mfa")), Ok(2));
        assert_eq!(level(STAFF, json!("3")), Ok(1));
        let without = STAFF.replace("level = 1\n", "");
        assert_eq!(level(&without, json!("mfa")), Ok(2));
        assert_eq!(level(&without, json!("3")), Err(Refusal::Person(PersonFault::Level)));
    }

    #[test]
    fn a_group_lets_in_who_has_its_role_and_gives_it_to_nobody() {
        let section = format!("{STAFF}\n[provider.p.groups]\nward = \"nurse\"\nhouse = \"clinician\"\n");
        let with = |groups: Value, person: Known| {
            linked(&section, json!({ "staff_number": "n-17", "groups": groups }), &[person])
        };
        let clinician = || known("omar", IdentityClass::Staff, &["clinician"]);
        assert_eq!(with(json!(["ward", "choir"]), nurse()).unwrap().disagreements, []);
        assert_eq!(with(json!("ward"), nurse()).unwrap().disagreements, []);
        assert_eq!(with(json!(["house"]), nurse()).unwrap().disagreements, [], "every nurse is a clinician");
        let more = with(json!(["house", "ward"]), clinician()).unwrap();
        assert_eq!(more.disagreements, [Disagreement { group: "ward".into(), role: RoleName::new("nurse").unwrap() }]);
        let none = || refused(PersonFault::Groups { too_many: false });
        assert_eq!(with(json!(["ward"]), clinician()), none(), "the provider makes nobody a nurse");
        assert_eq!(with(json!(["Ward"]), nurse()), none());
        assert_eq!(with(json!([]), nurse()), none());
        assert_eq!(with(json!({ "ward": true }), nurse()), none());
        let left_out = json!({ "staff_number": "n-17", "_claim_names": { "groups": "src1" } });
        assert_eq!(linked(&section, left_out, &[nurse()]), refused(PersonFault::Groups { too_many: true }));
    }

    #[test]
    fn whoever_may_not_come_in_reads_the_same_whatever_the_reason() {
        let faults = [
            PersonFault::Unknown,
            PersonFault::Several,
            PersonFault::Class("patient"),
            PersonFault::Groups { too_many: false },
            PersonFault::Unnamed,
            PersonFault::Unverified,
        ];
        let words: BTreeSet<_> = faults.into_iter().map(|fault| Refusal::Person(fault).words().what).collect();
        assert_eq!(words.len(), 1, "{words:?}");
    }
}
