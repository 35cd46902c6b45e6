//! What every page of the console shares: navigation, the hospital's clock, names out of the charter, short forms.

use crate::Console;
use charter::Charter;
use events::decision::Made;
use events::{ActionName, OwnerId, PatientPseudonym, PrincipalId, WorkflowName};
use jiff::tz::TimeZone;
use maud::{Markup, html};
use pages::{Icon, Shell, ShellLink, Watch};
use signin::operator::Operator;
use std::time::Duration;
use world::Subject;

/// How often a live page loads itself again.
pub(crate) const LIVE_EVERY: Duration = Duration::from_secs(5);
/// The time within which things count as recent.
pub(crate) const RECENT: Duration = Duration::from_secs(60 * 60);

/// What surrounds an operator's pages.
pub(crate) fn shell(console: &Console, operator: &Operator) -> Shell {
    let link = |href, label, icon| ShellLink { href, label, icon, waiting: 0 };
    Shell {
        links: vec![
            (
                "",
                vec![
                    link("/", "Now", Icon::Now),
                    link("/decisions", "Decisions", Icon::Scales),
                    link("/audit", "Audit", Icon::Person),
                    link("/charter", "Charter", Icon::Key),
                ],
            ),
            (
                "Evidence and its sources",
                vec![link("/feeds", "Feeds", Icon::Feed), link("/ledger", "Ledger", Icon::Ledger)],
            ),
        ],
        ..operator.shell(&console.desk)
    }
}

/// The hospital's clock; UTC where this machine does not know the hospital's time zone.
pub(crate) fn watch(console: &Console) -> Watch {
    let plane = console.desk.plane();
    let now = plane.now();
    Watch::named(now, &plane.engine().charter().hospital().time_zone).unwrap_or_else(|_| Watch::new(now, TimeZone::UTC))
}

/// What people call a workflow.
pub(crate) fn workflow_title(charter: &Charter, name: &WorkflowName) -> String {
    charter
        .workflows()
        .iter()
        .find(|workflow| workflow.name == *name)
        .map_or_else(|| name.to_string(), |w| w.title.clone())
}

/// What people call an action.
pub(crate) fn action_title(charter: &Charter, name: &ActionName) -> String {
    charter.entities().actions.get(name).map_or_else(|| name.to_string(), |action| action.title.clone())
}

/// A team or person with the way to reach them.
pub(crate) fn owner(charter: &Charter, id: &OwnerId) -> Markup {
    match charter.owners().find(id) {
        Some(owner) => html! { (owner.name()) span.quiet { " · " (owner.contact()) } },
        None => html! { (id) },
    }
}

/// What people call a principal, as far as anybody told us.
pub(crate) fn name_of(console: &Console, principal: &PrincipalId) -> Option<String> {
    let plane = console.desk.plane();
    let subject = Subject { principal: principal.clone(), patient: None, device: None, session: None };
    let facts = plane.world(|world| world.facts(&subject, plane.now()));
    facts.principal.and_then(|known| known.name).map(Into::into)
}

/// A pseudonym short enough for a list, long enough to tell patients apart at a glance.
pub(crate) fn short_patient(patient: &PatientPseudonym) -> Markup {
    let text = patient.to_string();
    let short: String = text.chars().take(12).collect();
    html! { span.mono title=(text) { (short) "…" } }
}

/// To what or whom, for a list.
pub(crate) fn target(made: &Made) -> Markup {
    match &made.patient {
        Some(patient) => short_patient(patient),
        None => match made.question.resource.id.as_str().parse::<PatientPseudonym>() {
            Ok(patient) => short_patient(&patient),
            Err(_) => html! { (made.question.resource.kind) " " (made.question.resource.id) },
        },
    }
}
