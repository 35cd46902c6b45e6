//! What does a permit oblige the enforcement point to do?

use crate::circumstances::Circumstances;
use charter::workflow::Workflow;
use events::Timestamp;
use events::decision::Obligation;

/// The obligations of a permit: ask again when time could change it, end the access as the workflow says, tell those who are told of a
/// bypass when the glass was broken, and mark emergency access as such.
#[must_use]
pub fn of_permit(
    workflow: Option<&Workflow>,
    circumstances: &Circumstances,
    emergency_decided: bool,
    holds_until: Option<Timestamp>,
) -> Vec<Obligation> {
    let mut obligations = Vec::new();
    obligations.extend(holds_until.map(|at| Obligation::AskAgain { at }));
    obligations.extend(workflow.map(|workflow| Obligation::EndAccess { mode: workflow.end }));
    if circumstances.live.break_glass {
        let told = workflow.into_iter().flat_map(|workflow| &workflow.bypass_told);
        obligations.extend(told.map(|owner| Obligation::Notify { owner: owner.clone() }));
    }
    if circumstances.live.break_glass || emergency_decided {
        obligations.push(Obligation::MarkEmergency);
    }
    obligations
}
