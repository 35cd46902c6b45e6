//! Who is accountable? Walks workflow, policies, the asker's class, the action's risk and the incident owner, and answers with names.

use crate::engine::Engine;
use events::OwnerId;
use events::decision::{Made, Remedy};
use events::principal::IdentityClass;
use serde::Serialize;
use std::fmt;

/// What somebody answers for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "answers_for", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The work itself.
    Operations,
    /// The clinical systems.
    ClinicalIt,
    /// Who people are and how they sign in.
    Identity,
    /// The workflow being there at all.
    Availability,
    /// One policy that decided or could not be evaluated.
    Policy {
        /// Which.
        policy: events::PolicyId,
    },
    /// All policies.
    Policies,
    /// Identities of the asker's class.
    IdentityClass {
        /// Which.
        class: IdentityClass,
    },
    /// The clinical risk of the action.
    Risk,
    /// The control: Handrail.
    Control,
    /// The system it is about.
    System {
        /// Which: a key of `targets` in `systems.toml`.
        target: String,
    },
    /// Taking over from the system's supplier.
    Handoff {
        /// Which: a key of `vendors` in `systems.toml`.
        vendor: String,
    },
    /// An incident here.
    Incident,
    /// Helping who is stuck.
    Help,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operations => f.write_str("runs the work"),
            Self::ClinicalIt => f.write_str("runs the clinical systems"),
            Self::Identity => f.write_str("answers for sign-in"),
            Self::Availability => f.write_str("keeps it available"),
            Self::Policy { policy } => write!(f, "owns policy {policy}"),
            Self::Policies => f.write_str("owns the policies"),
            Self::IdentityClass { class } => write!(f, "owns {} identities", class.as_str().replace('_', " ")),
            Self::Risk => f.write_str("accepts the clinical risk"),
            Self::Control => f.write_str("operates the control"),
            Self::System { target } => write!(f, "runs the system {target}"),
            Self::Handoff { vendor } => write!(f, "takes over from the supplier {vendor}"),
            Self::Incident => f.write_str("owns an incident here"),
            Self::Help => f.write_str("helps whoever is stuck"),
        }
    }
}

/// Somebody accountable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accountable {
    /// For what.
    pub role: Role,
    /// Their id in the charter.
    pub owner: OwnerId,
    /// What people call the team or person.
    pub name: String,
    /// The person who answers in the end: a team's lead, or the person.
    pub person: String,
    /// How to reach them.
    pub contact: String,
}

impl Engine {
    /// Who is accountable for a decision made under this engine's charter, whoever is nearest to the work first. Always at least those who
    /// own the policies, accept the risk and operate the control.
    #[must_use]
    pub fn accountable(&self, made: &Made) -> Vec<Accountable> {
        self.nearest_accountable(made, usize::MAX)
    }

    /// The first so many of them.
    #[must_use]
    pub fn nearest_accountable(&self, made: &Made, most: usize) -> Vec<Accountable> {
        let answering = self.answering(made).into_iter();
        answering.filter_map(|(role, owner)| self.named(role, owner)).take(most).collect()
    }

    /// Who answers for what, whoever is nearest to the work first.
    fn answering(&self, made: &Made) -> Vec<(Role, &OwnerId)> {
        let charter = self.charter();
        let owners = charter.owners();
        let mut of: Vec<(Role, &OwnerId)> = Vec::new();
        let workflow = made.workflow.as_ref().and_then(|name| charter.workflow(name));
        if let Some(workflow) = workflow {
            of.push((Role::Operations, &workflow.owners.operations));
            of.push((Role::Incident, &workflow.incident_owner));
        }
        for id in made.policies.iter().chain(&made.errors) {
            if let Some(policy) = charter.policy(id) {
                of.push((Role::Policy { policy: id.clone() }, &policy.owner));
            }
        }
        of.push((Role::Policies, &owners.policy_owner));
        if let Some(class) = class(made)
            && let Some(owner) = charter.identity_owner(class)
        {
            of.push((Role::IdentityClass { class }, owner));
        }
        of.push((Role::Risk, charter.risk_owner(&made.question.action)));
        if let Some(workflow) = workflow {
            of.push((Role::Identity, &workflow.owners.identity));
            of.push((Role::ClinicalIt, &workflow.owners.clinical_it));
            of.push((Role::Availability, &workflow.owners.availability));
        }
        let systems = charter.systems();
        let asked = &made.question.resource;
        let target =
            systems.targets.get_key_value(asked.id.as_str()).filter(|_| !systems.is_patient(asked.kind.as_str()));
        if let Some((name, target)) = target {
            of.push((Role::System { target: name.to_string() }, &target.owner));
            let vendor = target.vendor.as_ref().and_then(|name| systems.vendors.get_key_value(name));
            of.extend(vendor.map(|(name, vendor)| (Role::Handoff { vendor: name.to_string() }, &vendor.handoff_owner)));
        }
        of.push((Role::Control, &owners.control_owner));
        if made.remedies.iter().any(|remedy| matches!(remedy, Remedy::HelpDesk { .. })) {
            of.push((Role::Help, &owners.help_desk));
        }
        of
    }

    /// A role and an owner's id as names; absent when the charter does not know the owner.
    #[must_use]
    pub fn named(&self, role: Role, owner: &OwnerId) -> Option<Accountable> {
        let found = self.charter().owner(owner)?;
        Some(Accountable {
            role,
            owner: owner.clone(),
            name: found.name().to_owned(),
            person: found.person().name.clone(),
            contact: found.contact().to_owned(),
        })
    }
}

/// The asker's class as the decision saw it; by the type of principal where nobody had registered them.
fn class(made: &Made) -> Option<IdentityClass> {
    let seen = made.circumstances.get("asker").and_then(|asker| asker.get("class")).and_then(|class| class.as_str());
    let of_class = |name: &str| IdentityClass::ALL.into_iter().find(|class| class.as_str() == name);
    let of_kind = || {
        let kind = made.question.principal.kind.as_str();
        IdentityClass::ALL.into_iter().find(|class| charter::vocabulary::principal_type(*class) == kind)
    };
    seen.and_then(of_class).or_else(of_kind)
}
