//! Would anybody notice if a policy were changed? Every policy of a charter is deleted, reversed, negated, widened and narrowed, each change
//! alone, and the scenarios are run under it. A change that no scenario notices is one that a slip of the hand could make tomorrow.
//!
//! What cannot matter is not counted as noticed, but apart: a change that strict validation refuses could never be loaded; one after which the
//! policy, by the schema, applies to exactly the requests it did before is the same policy in other words; and a permit widened only to what
//! a `forbid` denies in any case answers nothing differently.

mod change;
mod covered;
mod expression;
mod scope;

use crate::engine::{Engine, EngineError};
use crate::scenario::{self, Prepared, ScenarioError};
use cedar_policy::{PolicySet, ValidationMode, Validator};
use change::Change;
use charter::{Policy, Scenario};
use events::{PolicyId, Timestamp};
use serde::Serialize;

pub use change::Kind;

/// The most changes made to one policy: a policy with more could not be read by anybody.
pub const CHANGES_MAX: usize = 400;

/// Why policies cannot be changed for a trial.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MutationError {
    /// A scenario cannot be run.
    #[error("a scenario cannot be run")]
    Scenario(#[from] ScenarioError),
    /// An engine cannot be made.
    #[error("an engine with a changed policy cannot be made")]
    Engine(#[from] EngineError),
    /// A scenario fails before anything is changed, so that it cannot tell a change.
    #[error("`{0}` fails before anything is changed")]
    FailsAlready(String),
    /// A policy has no form that can be changed.
    #[error("policy `{0}` cannot be taken apart")]
    Form(PolicyId),
}

/// What came of changing every policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// How many policies were changed.
    pub policies: usize,
    /// How many changes could matter: `noticed` and `survivors` together.
    pub changes: usize,
    /// How many of them made a scenario fail.
    pub noticed: usize,
    /// Changes that strict validation refuses.
    pub refused: usize,
    /// Changes after which the policy applies, by the schema, to exactly the requests it did before.
    pub same: usize,
    /// Permits widened only to what a `forbid` denies in any case.
    pub forbidden: usize,
    /// Changes that nobody noticed.
    pub survivors: Vec<Survivor>,
}

/// A change that no scenario noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// The policy.
    pub policy: PolicyId,
    /// Its file, relative to the charter.
    pub file: String,
    /// The line it begins on.
    pub line: usize,
    /// What sort of change.
    pub kind: Kind,
    /// What was changed, in words.
    pub change: String,
}

/// What became of one change.
enum Fate {
    Refused,
    Same,
    Forbidden,
    Noticed,
    Survived,
}

/// Changes each policy of the engine's charter that `wanted` takes, in every way, and runs all scenarios under each change, until one fails.
///
/// # Errors
/// When a scenario cannot be run, or fails with the policies as they are.
pub fn run(engine: &Engine, now: Timestamp, wanted: impl Fn(&Policy) -> bool) -> Result<Trial, MutationError> {
    let charter = engine.charter();
    let scenarios = charter.scenarios().iter().map(|(_, scenario)| scenario);
    let bench = Bench::new(engine, scenarios, now)?;
    let groups = scope::Groups::of(charter);
    let mut trial = Trial::default();
    for policy in charter.policies().values().filter(|policy| wanted(policy)) {
        let form = || MutationError::Form(policy.id.clone());
        let cedar = charter.policy_set().policy(&cedar_policy::PolicyId::new(policy.id.as_str())).ok_or_else(form)?;
        let changes = change::all(cedar, &groups).ok_or_else(form)?;
        trial.policies += 1;
        let everywhere = policy.site.as_ref().map(|site| change::everywhere(cedar, site));
        for change in changes.into_iter().chain(everywhere) {
            match bench.fate(policy, cedar, &change)? {
                Fate::Refused => trial.refused += 1,
                Fate::Same => trial.same += 1,
                Fate::Forbidden => trial.forbidden += 1,
                Fate::Noticed => trial.noticed += 1,
                Fate::Survived => trial.survivors.push(Survivor {
                    policy: policy.id.clone(),
                    file: policy.file.clone(),
                    line: policy.line,
                    kind: change.kind,
                    change: change.words,
                }),
            }
        }
    }
    trial.changes = trial.noticed + trial.survivors.len();
    Ok(trial)
}

/// Everything changes are tried on: the scenarios' worlds are built once, and only the changed policy is compiled anew.
struct Bench<'a> {
    engine: &'a Engine,
    validator: Validator,
    questions: Vec<Question<'a>>,
}

/// A question with the policies that decide it as long as nothing is changed.
struct Question<'a> {
    put: Prepared<'a>,
    deciding: Vec<PolicyId>,
}

impl<'a> Bench<'a> {
    fn new(
        engine: &'a Engine,
        scenarios: impl Iterator<Item = &'a Scenario>,
        now: Timestamp,
    ) -> Result<Self, MutationError> {
        let mut questions = Vec::new();
        for scenario in scenarios {
            for put in scenario::prepare(engine, scenario, now)? {
                let outcome = put.to(engine);
                if !outcome.passed() {
                    return Err(MutationError::FailsAlready(outcome.title));
                }
                questions.push(Question { put, deciding: outcome.judgement.policies });
            }
        }
        Ok(Self { engine, validator: Validator::new(engine.charter().schema().clone()), questions })
    }

    fn fate(&self, policy: &Policy, before: &cedar_policy::Policy, change: &Change) -> Result<Fate, MutationError> {
        if let Some(after) = &change.policy {
            if !self.validates(after) {
                return Ok(Fate::Refused);
            }
            let charter = self.engine.charter();
            let reached = covered::reach(before, charter.schema());
            if change.only_types && reached == covered::reach(after, charter.schema()) {
                return Ok(Fate::Same);
            }
            if change.only_types && covered::is_forbidden(charter, &reached, after) {
                return Ok(Fate::Forbidden);
            }
        }
        let engine = if change.everywhere {
            self.engine.with_policy_everywhere(&policy.id)?
        } else {
            self.engine.with_policy(&policy.id, change.policy.clone())?
        };
        // Whatever the policy decides is where a change of it shows first.
        let (near, far): (Vec<_>, Vec<_>) =
            self.questions.iter().partition(|question| question.deciding.contains(&policy.id));
        let noticed = near.into_iter().chain(far).any(|question| !question.put.to(&engine).passed());
        Ok(if noticed { Fate::Noticed } else { Fate::Survived })
    }

    fn validates(&self, policy: &cedar_policy::Policy) -> bool {
        let mut alone = PolicySet::new();
        alone.add(policy.clone()).is_ok() && self.validator.validate(&alone, ValidationMode::Strict).validation_passed()
    }
}
