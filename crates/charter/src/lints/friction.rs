//! A workflow of which nobody has said how much friction is too much: what is not measured gets in the way until it is bypassed.

use crate::diagnostic::{Code, Findings};
use crate::document::at;
use crate::parts::Parts;
use crate::workflow::FrictionLimits;

pub(super) fn check(parts: &Parts<'_>, findings: &mut Findings) {
    let Some(doc) = &parts.workflows else { return };
    for (index, workflow) in doc.value.workflow.iter().enumerate() {
        if workflow.friction == FrictionLimits::default() {
            let message = "nothing says how much friction is too much in this workflow, so nobody is told when it is";
            let problem = doc.problem(Code::NoFrictionLimits, at!["workflow", index, "name"], message);
            let help = "add `[workflow.friction]` with `denied_percent_max`, `access_p95_s_max` or another limit";
            findings.warn(problem, help);
        }
    }
}
