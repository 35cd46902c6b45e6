//! What would help? On a deny the question is decided again under each remedy its workflow lists, cheapest for care first, and what would
//! permit is offered. A remedy changes the circumstances only (or asks for less); it never changes who asks or about whom.

use crate::circumstances::{Circumstances, LEVELS, Session};
use charter::assurance::Assurance;
use charter::workflow::{RemedyKind, Workflow};
use events::decision::Remedy;
use events::{ActionName, Label, OwnerId};
use smol_str::SmolStr;

/// The most further decisions made for one deny.
pub const TRIES_MAX: usize = 12;

/// A change worth trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Ask for less.
    Action(ActionName),
    /// Prove again who you are.
    Session(Session),
    /// A colleague vouches.
    Vouched,
    /// Hold an entitlement.
    Elevated(Label),
    /// Break the glass.
    GlassBroken,
}

impl Change {
    /// The circumstances with this change.
    #[must_use]
    pub fn apply(&self, circumstances: &Circumstances) -> Circumstances {
        let mut changed = circumstances.clone();
        match self {
            Self::Action(_) => {}
            Self::Session(session) => changed = changed.signed_in(session.clone()),
            Self::Vouched => changed.live.vouched = true,
            Self::Elevated(entitlement) => drop(changed.live.elevations.insert(entitlement.clone())),
            Self::GlassBroken => changed.live.break_glass = true,
        }
        changed
    }

    fn into_remedy(self) -> Remedy {
        match self {
            Self::Action(action) => Remedy::Narrow { action },
            Self::Session(session) => Remedy::StepUp { level: u8::try_from(session.level).unwrap_or(u8::MAX) },
            Self::Vouched => Remedy::Vouch,
            Self::Elevated(entitlement) => Remedy::Elevation { entitlement },
            Self::GlassBroken => Remedy::BreakGlass,
        }
    }
}

/// What the asker is entitled to be offered, by who they are.
#[derive(Clone, Copy, Debug)]
pub struct Eligible {
    /// They are of a role that may break the glass.
    pub break_glass: bool,
    /// They are of a role that may ask for the workflow's entitlement.
    pub elevation: bool,
    /// A colleague's word is good for what is asked for.
    pub vouch: bool,
}

/// The changes to try for one kind of remedy, the least first: the first that permits is offered.
fn changes(
    kind: RemedyKind,
    workflow: &Workflow,
    action: &ActionName,
    circumstances: &Circumstances,
    assurance: &Assurance,
    eligible: Eligible,
) -> Vec<Change> {
    match kind {
        RemedyKind::Narrow => workflow.narrow.get(action).into_iter().flatten().cloned().map(Change::Action).collect(),
        RemedyKind::StepUp => step_ups(workflow, circumstances, assurance).into_iter().map(Change::Session).collect(),
        RemedyKind::Vouch if circumstances.live.vouched => Vec::new(),
        RemedyKind::Vouch if eligible.vouch => vec![Change::Vouched],
        RemedyKind::Elevation if eligible.elevation => {
            workflow.elevation.iter().cloned().map(Change::Elevated).collect()
        }
        RemedyKind::BreakGlass if eligible.break_glass => vec![Change::GlassBroken],
        RemedyKind::Vouch | RemedyKind::Elevation | RemedyKind::BreakGlass | RemedyKind::HelpDesk => Vec::new(),
    }
}

/// The fresh sign-ins a workflow's step-up could ask for, the least first.
pub(crate) fn step_ups(workflow: &Workflow, circumstances: &Circumstances, assurance: &Assurance) -> Vec<Session> {
    (i64::from(workflow.assurance.level).max(*LEVELS.start())..=*LEVELS.end())
        .map(|level| Session::renewed(circumstances.session.as_ref(), level, method(assurance, level)))
        .filter(|session| circumstances.session.as_ref() != Some(session))
        .collect()
}

/// The method a step-up to a level would use: one that withstands phishing, if there is one.
fn method(assurance: &Assurance, level: i64) -> SmolStr {
    let of_level = || assurance.methods.iter().filter(|(_, method)| i64::from(method.level) == level);
    let best = of_level().find(|(_, method)| method.phishing_resistant).or_else(|| of_level().next());
    best.map_or_else(|| SmolStr::new_static("unknown"), |(name, _)| name.as_str().into())
}

/// The sort of a remedy.
#[must_use]
pub const fn kind(remedy: &Remedy) -> RemedyKind {
    match remedy {
        Remedy::Narrow { .. } => RemedyKind::Narrow,
        Remedy::StepUp { .. } => RemedyKind::StepUp,
        Remedy::Vouch => RemedyKind::Vouch,
        Remedy::Elevation { .. } => RemedyKind::Elevation,
        Remedy::BreakGlass => RemedyKind::BreakGlass,
        Remedy::HelpDesk { .. } => RemedyKind::HelpDesk,
    }
}

/// What would help, cheapest first; the help desk when nothing else would.
pub(crate) fn find(
    workflow: Option<&Workflow>,
    action: &ActionName,
    circumstances: &Circumstances,
    assurance: &Assurance,
    eligible: Eligible,
    help_desk: &OwnerId,
    mut permits: impl FnMut(&Change) -> bool,
) -> Vec<Remedy> {
    let mut kinds = workflow.map(|workflow| workflow.remedies.clone()).unwrap_or_default();
    // The order of the kinds is the order of their cost to care.
    kinds.sort_unstable();
    kinds.dedup();
    let mut tries = 0;
    let mut found = Vec::new();
    for (workflow, kind) in workflow.into_iter().flat_map(|workflow| kinds.iter().map(move |kind| (workflow, *kind))) {
        let helps = changes(kind, workflow, action, circumstances, assurance, eligible).into_iter().find(|change| {
            tries += 1;
            tries <= TRIES_MAX && permits(change)
        });
        found.extend(helps.map(Change::into_remedy));
    }
    if found.is_empty() {
        found.push(Remedy::HelpDesk { owner: help_desk.clone() });
    }
    found
}
