//! What would have helped: on a deny the question is put again under each change that its workflow lists.

use super::{Case, Engine, Gathered, Situation};
use crate::remedy::{self, Change, Eligible};
use crate::unsaid::{self, Unsaid};
use charter::workflow::{RemedyKind, Workflow};
use events::RoleName;
use events::decision::{Question, Remedy};

/// What would have helped.
pub(super) struct Help {
    pub(super) remedies: Vec<Remedy>,
    pub(super) unsaid: Option<Unsaid>,
}

impl Engine {
    /// What would have helped.
    pub(super) fn help(
        &self,
        question: &Question,
        case: &Case<'_>,
        gathered: &Gathered,
        workflow: Option<&Workflow>,
        situation: Situation<'_>,
    ) -> Help {
        let remedies = self.remedies(question, case, gathered, workflow, situation);
        // What a fresh sign-in does by itself needs nothing said besides.
        let alone = remedies.iter().any(|remedy| matches!(remedy, Remedy::StepUp { .. }));
        let step_ups = workflow
            .filter(|workflow| !alone && workflow.remedies.contains(&RemedyKind::StepUp))
            .map(|workflow| remedy::step_ups(workflow, &case.found.circumstances, &situation.rules.assurance));
        let changes = std::iter::once(None).chain(step_ups.into_iter().flatten().map(Some));
        let sets = unsaid::sets(&case.action.context.unsaid(&question.asserted.action));
        let unsaid =
            changes.flat_map(|change| sets.iter().map(move |set| (change.clone(), set))).find_map(|(change, set)| {
                let mut said = question.clone();
                said.asserted.action = unsaid::saying(&said.asserted.action, set);
                let mut said = self.case(&said, situation, case.unit.clone(), case.masked).ok()?;
                let step_up = change.as_ref().map(|session| u8::try_from(session.level).unwrap_or(u8::MAX));
                if let Some(session) = change {
                    said.found.circumstances = said.found.circumstances.signed_in(session);
                }
                self.permits(&said, gathered, &said.found.circumstances)
                    .then(|| Unsaid { properties: set.clone(), step_up })
            });
        Help { remedies, unsaid }
    }

    /// What would help, decided again under each change with what was gathered.
    fn remedies(
        &self,
        question: &Question,
        case: &Case<'_>,
        gathered: &Gathered,
        workflow: Option<&Workflow>,
        situation: Situation<'_>,
    ) -> Vec<Remedy> {
        let attempt = |change: &Change| match change {
            // Another action declares other circumstances and rests on other policies, so it is another case.
            Change::Action(action) => {
                let narrower = Question { action: action.clone(), ..question.clone() };
                let Ok(narrower) = self.case(&narrower, situation, case.unit.clone(), case.masked) else {
                    return false;
                };
                self.gather(&narrower).is_ok_and(|to| self.permits(&narrower, &to, &narrower.found.circumstances))
            }
            _ => self.permits(case, gathered, &change.apply(&case.found.circumstances)),
        };
        remedy::find(
            workflow,
            &case.action.name,
            &case.found.circumstances,
            &situation.rules.assurance,
            self.eligible(workflow, case),
            &self.charter.owners().help_desk,
            attempt,
        )
    }

    fn eligible(&self, workflow: Option<&Workflow>, case: &Case<'_>) -> Eligible {
        let principal = &case.principal;
        let has = |roles: &[RoleName]| {
            roles.iter().any(|role| principal.ancestors.iter().any(|uid| self.statics.is_role(uid, role)))
        };
        let entitlement = workflow
            .and_then(|workflow| workflow.elevation.as_ref())
            .and_then(|name| self.charter.elevation().entitlements.get(name));
        Eligible {
            break_glass: has(&self.charter.emergency().may_break_glass),
            elevation: entitlement.is_some_and(|entitlement| has(&entitlement.may_ask)),
            vouch: self.charter.vouching_covers(&case.action.name),
        }
    }
}
