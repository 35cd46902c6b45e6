//! The charter in force: workflows, and one of them with everything it says.

use crate::frame;
use charter::Charter;
use charter::workflow::{FallbackMode, Workflow};
use events::{OwnerId, Timestamp};
use maud::{Markup, html};
use pages::{Column, Icon, Table, Tone, Watch, badge, definitions, empty, sheet, tag};
use plane::{Ending, Proposal, Proposals};

/// Proposals, workflows, and policies of no workflow.
pub(super) fn all(charter: &Charter, proposals: &Proposals, now: Timestamp, watch: &Watch) -> Markup {
    let mut workflows = Table::new(
        "Workflows",
        [Column::text("Workflow"), Column::text("Answers for the work"), Column::number("Policies")],
    );
    for workflow in charter.workflows() {
        let policies = charter.policies().values().filter(|policy| policy.workflow.as_ref() == Some(&workflow.name));
        workflows.row([
            html! { a.cover href={ "/charter/workflows/" (workflow.name) } { (workflow.title) } },
            frame::owner(charter, &workflow.owners.operations),
            html! { (policies.count()) },
        ]);
    }
    html! {
        (sheet("Proposed changes", &html! { "newest first" }, &list(&proposals.all(), charter, now, watch)))
        (sheet("Workflows", &html! {}, &html! { (workflows) }))
        (sheet("Policies of no workflow", &html! { "they hold everywhere" }, &policies(charter, None)))
        (sheet("In force", &html! {}, &html! { div.pad { (definitions([
            ("Digest", html! { code { (charter.digest()) } }),
            ("Signs a change", signers(charter, proposals.development())),
        ])) } }))
    }
}

fn signers(charter: &Charter, development: bool) -> Markup {
    let signatories = charter.owners().signatories();
    html! {
        @if development {
            p { strong { "This store was made by handrail dev" } ": in it one person may apply a charter at once, for good." }
        }
        (signatories.signatures) " different people of: "
        @for (index, person) in signatories.people.iter().enumerate() {
            @if index > 0 { ", " }
            (charter.owner(person).map_or(person.as_str(), |owner| owner.name())) " (" code { (person) } ")"
        }
    }
}

fn list(proposals: &[Proposal], charter: &Charter, now: Timestamp, watch: &Watch) -> Markup {
    let mut table = Table::new(
        "Proposed changes",
        [
            Column::tight("Proposal"),
            Column::tight("When"),
            Column::text("Why"),
            Column::tight("Wider cells"),
            Column::tight("Standing"),
        ],
    );
    for proposal in proposals {
        table.row([
            html! { a.cover href={ "/charter/proposals/" (proposal.number) } { (proposal.number) } },
            watch.short(proposal.proposed_at),
            html! { (proposal.proposed.reason) },
            html! { (proposal.proposed.wider) },
            standing(proposal, charter, now),
        ]);
    }
    html! { @if table.is_empty() { (empty(Icon::Quiet, "Nothing is proposed", "handrail charter propose DIR --reason TEXT, on the server, proposes another charter.")) } @else { (table) } }
}

/// How a proposal stands.
pub(super) fn standing(proposal: &Proposal, in_force: &Charter, now: Timestamp) -> Markup {
    match &proposal.ended {
        Some(Ending::Applied(_)) if proposal.proposed.digest == in_force.digest() => badge(Tone::Good, "In force"),
        Some(Ending::Applied(_)) => badge(Tone::Plain, "Was in force"),
        Some(Ending::Overtaken(_)) => badge(Tone::Plain, "Overtaken"),
        Some(Ending::Withdrawn(_)) => badge(Tone::Plain, "Withdrawn"),
        Some(Ending::Rejected(_)) => badge(Tone::Bad, "Rejected"),
        None if proposal.is_open(now) => badge(Tone::Warn, "Waits for signatures"),
        None => badge(Tone::Plain, "Expired"),
    }
}

fn policies(charter: &Charter, workflow: Option<&Workflow>) -> Markup {
    let mut table = Table::new(
        "Policies",
        [Column::tight("Policy"), Column::tight("Effect"), Column::text("Why"), Column::text("Owner")],
    );
    let of = charter.policies().values().filter(|policy| policy.workflow.as_ref() == workflow.map(|known| &known.name));
    for policy in of {
        let permits = policy.permits();
        table.row([
            html! { (tag(policy.id.as_str())) },
            if permits { badge(Tone::Good, "Permits") } else { badge(Tone::Bad, "Forbids") },
            html! { (policy.reason) },
            frame::owner(charter, &policy.owner),
        ]);
    }
    html! { (table) }
}

/// One workflow.
pub(super) fn one(charter: &Charter, workflow: &Workflow) -> Markup {
    let owner = |id: &OwnerId| frame::owner(charter, id);
    let owners = |ids: &[OwnerId]| html! { @for id in ids { div { (owner(id)) } } };
    let actions = workflow.actions.iter().map(|action| frame::action_title(charter, action));
    let remedies: Vec<String> = workflow.remedies.iter().map(|kind| kind.as_str().replace('_', " ")).collect();
    let limit = |value: Option<String>| html! { (value.unwrap_or_else(|| "not watched".to_owned())) };
    let friction = &workflow.friction;
    html! {
        (sheet("Who answers for it", &html! {}, &html! { div.pad { (definitions([
            ("The work", owner(&workflow.owners.operations)),
            ("Clinical systems", owner(&workflow.owners.clinical_it)),
            ("Identities", owner(&workflow.owners.identity)),
            ("Availability", owner(&workflow.owners.availability)),
            ("An incident", owner(&workflow.incident_owner)),
            ("Watches it", owner(&workflow.monitored_by)),
            ("Grants exceptions", owners(&workflow.exceptions_granted_by)),
            ("Told of a bypass", owners(&workflow.bypass_told)),
        ])) } }))
        (sheet("Policies", &html! {}, &policies(charter, Some(workflow))))
        (sheet("What it is", &html! {}, &html! { div.pad { (definitions([
            ("Actions", html! { (actions.collect::<Vec<_>>().join(", ")) }),
            ("Offered on a deny", html! { (remedies.join(", ")) }),
            ("Sign-in needed", html! { "level " (workflow.assurance.level) }),
            ("Care can do without for", html! { (workflow.downtime_tolerance_min) }),
        ])) } }))
        (sheet("Limits to friction", &html! {}, &html! { div.pad { (definitions([
            ("Denials", limit(friction.denied_percent_max.map(|most| format!("at most {most} of 100 requests")))),
            ("Prompts", limit(friction.prompts_per_shift_max.map(|most| format!("at most {most} a shift")))),
            ("Time to access", limit(friction.access_p95_s_max.map(|most| format!("95 of 100 within {most}")))),
            ("Approvals", limit(friction.approval_p95_min_max.map(|most| format!("95 of 100 within {most}")))),
            ("Workarounds", limit(friction.workarounds_per_week_max.map(|most| format!("at most {most} a week")))),
        ])) } }))
        (sheet("When something fails", &html! {}, &html! { div.pad { (definitions([
            ("The way to sign in", fallback(workflow.fallback.authenticator)),
            ("Trust in the device", fallback(workflow.fallback.device_trust)),
            ("A feed is stale", fallback(workflow.fallback.feed)),
            ("Recording", fallback(workflow.fallback.store)),
        ])) } }))
    }
}

fn fallback(mode: FallbackMode) -> Markup {
    html! { (match mode {
        FallbackMode::Block => "nothing opens",
        FallbackMode::Temporary => "access for a short time, marked and reviewed",
        FallbackMode::Vouch => "a colleague may vouch",
        FallbackMode::BreakGlass => "the glass may be broken",
    }) }
}
