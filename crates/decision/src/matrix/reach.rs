//! Which lines can differ between two charters? Working out a cell takes a decision and as many more as there are remedies to try; most
//! changes of a charter are of a few policies, and reach a few lines.
//!
//! An answer is made of the policies whose scope holds for the question, or for a narrower one that a deny may offer, and of the rest of the
//! charter. So where all of a charter but its policies and scenarios is the same text, only lines that a changed policy covers can differ.

use super::{Line, stage};
use crate::engine::Engine;
use crate::index::PolicyIndex;
use cedar_policy::{Policy, PolicySet};
use charter::Charter;
use events::{ActionName, RoleName};
use std::collections::BTreeSet;

/// Which lines.
pub(super) struct Reach {
    /// Those that these cover: changed, new and gone policies, as they were and as they are. Absent: all lines, as far as anybody can tell.
    policies: Option<[PolicyIndex; 2]>,
}

impl Reach {
    pub(super) fn of(before: &Engine, after: &Engine) -> Self {
        let (old, new) = (before.charter(), after.charter());
        let policies_only = old.differs_in_policies_only(new) && old.has_overlays() == new.has_overlays();
        let both = changed(old, new).zip(changed(new, old)).filter(|_| policies_only);
        Self { policies: both.map(|(before, after)| [before, after].map(PolicyIndex::new)) }
    }

    pub(super) fn covers(&self, before: &Engine, after: &Engine, line: &Line) -> bool {
        let Some([old, new]) = &self.policies else { return true };
        let roles: Vec<RoleName> = line.who.role.iter().cloned().collect();
        asked(before.charter(), &line.action).into_iter().any(|action| {
            let asked = Line { action, ..line.clone() };
            let Ok(question) = stage::bare_question(&asked) else { return true };
            before.covers(old, &question, &roles) || after.covers(new, &question, &roles)
        })
    }
}

/// The policies of one charter that the other does not have just so.
fn changed(of: &Charter, other: &Charter) -> Option<PolicySet> {
    let same = |policy: &Policy| {
        let id: &str = policy.id().as_ref();
        let site = |charter: &Charter| charter.policies().get(id).map(|known| known.site.clone());
        other.policy_set().policy(policy.id()) == Some(policy) && site(of) == site(other)
    };
    PolicySet::from_policies(of.policy_set().policies().filter(|policy| !same(policy)).cloned()).ok()
}

/// The action, and everything narrower that may be offered in its stead.
fn asked(charter: &Charter, action: &ActionName) -> BTreeSet<ActionName> {
    let places = std::iter::once(None).chain(charter.hospital().units.keys().map(Some));
    let workflows = places.flat_map(|unit| &charter.rules_at(unit).workflows);
    let narrower = workflows.flat_map(|workflow| workflow.narrow.get(action).into_iter().flatten());
    narrower.chain([action]).cloned().collect()
}
