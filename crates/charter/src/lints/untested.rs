//! Policies that decide in no scenario: nobody would notice if they were gone.

use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::files;
use crate::parts::Parts;
use std::collections::BTreeSet;

pub(super) fn check(parts: &Parts<'_>, findings: &mut Findings) {
    if parts.scenarios.is_empty() {
        let problem = Diagnostic::of_file(
            Code::Untested,
            files::SCENARIOS,
            "there is no scenario: nothing says what the policies must come to",
        );
        findings.push(
            problem.with_help("write a file such as scenarios/care.toml; docs/charter.md says how").into_warning(),
        );
        return;
    }
    let asks = parts.scenarios.iter().flat_map(|doc| &doc.value.ask);
    let deciding: BTreeSet<&str> = asks.flat_map(|ask| ask.policies.iter().flatten()).map(|id| id.as_str()).collect();
    for read in &parts.policies {
        let Some(id) = read.id.as_ref().filter(|id| !deciding.contains(id.as_str())) else { continue };
        let message = format!("no scenario has a question that `{id}` decides");
        let help = format!("write one that names it, `policies = [\"{id}\"]`, and one for somebody it must not reach");
        findings.warn(read.problem(Code::Untested, message), &help);
    }
}
