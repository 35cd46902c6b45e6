//! `sites/<site>/*.toml`: what a site, or some of its units, do differently, within the bounds of `hospital.toml`.
//!
//! An overlay names only what differs. Whoever is judged at a unit is judged by the hospital's rules with the overlays of that unit laid
//! over them: first those for the whole site, then those that name the unit.

use crate::assurance::{Assurance, SessionLimit};
use crate::entities::Risk;
use crate::hospital::{Grace, Hospital, Staleness};
use crate::length::{Minutes, Seconds};
use crate::name::SiteId;
use crate::workflow::{FallbackMode, FrictionLimits, RemedyKind, RequiredAssurance, Workflow};
use events::decision::EndMode;
use events::{OwnerId, UnitId, WorkflowName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a site or unit does differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Why, in plain words.
    pub title: String,
    /// Who answers for it: a team or person of `owners.toml`.
    pub owner: OwnerId,
    /// Where: units of the site; empty means all of them.
    #[serde(default)]
    pub units: Vec<UnitId>,
    /// How long a claim outlives the fact it rested on.
    #[serde(default)]
    pub grace: LocalGrace,
    /// From when a silent feed is stale.
    #[serde(default)]
    pub staleness: LocalStaleness,
    /// How surely one must have signed in, by the risk of the action. Can only be raised.
    #[serde(default)]
    pub required: BTreeMap<Risk, RequiredAssurance>,
    /// How long a session lasts; counts before the hospital's.
    #[serde(default)]
    pub session: Vec<SessionLimit>,
    /// What differs in workflows.
    #[serde(default)]
    pub workflow: BTreeMap<WorkflowName, LocalWorkflow>,
}

/// What differs of [`Grace`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the field of the same name of `Grace`")]
pub struct LocalGrace {
    #[serde(default)]
    pub transfer_s: Option<Seconds>,
    #[serde(default)]
    pub discharge_s: Option<Seconds>,
    #[serde(default)]
    pub late_charting_s: Option<Seconds>,
}

/// What differs of [`Staleness`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the field of the same name of `Staleness`")]
pub struct LocalStaleness {
    #[serde(default)]
    pub adt_s: Option<Seconds>,
    #[serde(default)]
    pub rota_s: Option<Seconds>,
}

/// What differs of a [`Workflow`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalWorkflow {
    /// What a step-up asks for. Can only be raised.
    #[serde(default)]
    pub assurance: Option<RequiredAssurance>,
    /// How access ends.
    #[serde(default)]
    pub end: Option<EndMode>,
    /// What a denied asker may be offered.
    #[serde(default)]
    pub remedies: Option<Vec<RemedyKind>>,
    /// How long care can go on without it.
    #[serde(default)]
    pub downtime_tolerance_min: Option<Minutes>,
    /// What happens when something access depends on fails.
    #[serde(default)]
    pub fallback: LocalFallback,
    /// How much friction is too much; a limit can only be lowered.
    #[serde(default)]
    pub friction: FrictionLimits,
}

/// What differs of a workflow's fallback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the field of the same name of `Fallback`")]
pub struct LocalFallback {
    #[serde(default)]
    pub authenticator: Option<FallbackMode>,
    #[serde(default)]
    pub device_trust: Option<FallbackMode>,
    #[serde(default)]
    pub feed: Option<FallbackMode>,
    #[serde(default)]
    pub store: Option<FallbackMode>,
    #[serde(default)]
    pub reader: Option<FallbackMode>,
    #[serde(default)]
    pub federation: Option<FallbackMode>,
    #[serde(default)]
    pub network: Option<FallbackMode>,
}

/// The rules somebody is judged by at one place: the hospital's, or the hospital's with overlays laid over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The site whose overlays these are; none for the hospital's own.
    pub site: Option<SiteId>,
    /// How long claims outlive what they rested on.
    pub grace: Grace,
    /// From when a silent feed is stale.
    pub staleness: Staleness,
    /// How sure sign-in must make us.
    pub assurance: Assurance,
    /// Workflows, in the order of `workflows.toml`.
    pub workflows: Vec<Workflow>,
}

impl Rules {
    /// The hospital's own.
    pub(crate) fn of(hospital: &Hospital, assurance: &Assurance, workflows: &[Workflow]) -> Self {
        Self {
            site: None,
            grace: hospital.grace,
            staleness: hospital.staleness,
            assurance: assurance.clone(),
            workflows: workflows.to_vec(),
        }
    }

    /// With an overlay laid over them.
    fn under(mut self, site: &SiteId, overlay: &Overlay) -> Self {
        self.site = Some(site.clone());
        let (grace, staleness) = (&overlay.grace, &overlay.staleness);
        put(&mut self.grace.transfer_s, grace.transfer_s);
        put(&mut self.grace.discharge_s, grace.discharge_s);
        put(&mut self.grace.late_charting_s, grace.late_charting_s);
        put(&mut self.staleness.adt_s, staleness.adt_s);
        put(&mut self.staleness.rota_s, staleness.rota_s);
        if let Some(required) = &mut self.assurance.required {
            for (risk, raised) in &overlay.required {
                *required.of_mut(*risk) = *raised;
            }
        }
        self.assurance.session.splice(0..0, overlay.session.iter().cloned());
        for workflow in &mut self.workflows {
            if let Some(local) = overlay.workflow.get(&workflow.name) {
                local.over(workflow);
            }
        }
        self
    }
}

impl LocalWorkflow {
    fn over(&self, workflow: &mut Workflow) {
        put(&mut workflow.assurance, self.assurance);
        put(&mut workflow.end, self.end);
        put(&mut workflow.remedies, self.remedies.clone());
        put(&mut workflow.downtime_tolerance_min, self.downtime_tolerance_min);
        put(&mut workflow.fallback.authenticator, self.fallback.authenticator);
        put(&mut workflow.fallback.device_trust, self.fallback.device_trust);
        put(&mut workflow.fallback.feed, self.fallback.feed);
        put(&mut workflow.fallback.store, self.fallback.store);
        let (modes, local) = (&mut workflow.fallback, &self.fallback);
        modes.reader = local.reader.or(modes.reader);
        modes.federation = local.federation.or(modes.federation);
        modes.network = local.network.or(modes.network);
        let (limits, lower) = (&mut workflow.friction, &self.friction);
        limits.denied_percent_max = lower.denied_percent_max.or(limits.denied_percent_max);
        limits.prompts_per_shift_max = lower.prompts_per_shift_max.or(limits.prompts_per_shift_max);
        limits.access_p95_s_max = lower.access_p95_s_max.or(limits.access_p95_s_max);
        limits.approval_p95_min_max = lower.approval_p95_min_max.or(limits.approval_p95_min_max);
        limits.workarounds_per_week_max = lower.workarounds_per_week_max.or(limits.workarounds_per_week_max);
    }
}

fn put<T>(to: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *to = value;
    }
}

/// The rules of every unit that has overlays. Units with the same overlays share theirs.
pub(crate) fn lay(rules: &Rules, hospital: &Hospital, overlays: &[(SiteId, Overlay)]) -> BTreeMap<UnitId, Arc<Rules>> {
    let mut shared: BTreeMap<Vec<usize>, Arc<Rules>> = BTreeMap::new();
    let mut by_unit = BTreeMap::new();
    for (id, unit) in &hospital.units {
        let here = |whole: bool| {
            let counts = move |(_, (site, overlay)): &(usize, &(SiteId, Overlay))| {
                *site == unit.site && (if whole { overlay.units.is_empty() } else { overlay.units.contains(id) })
            };
            overlays.iter().enumerate().filter(counts).map(|(number, _)| number)
        };
        let laid: Vec<usize> = here(true).chain(here(false)).collect();
        if laid.is_empty() {
            continue;
        }
        let local = shared.entry(laid).or_insert_with_key(|laid| {
            let overlays = laid.iter().filter_map(|number| overlays.get(*number));
            Arc::new(overlays.fold(rules.clone(), |rules, (site, overlay)| rules.under(site, overlay)))
        });
        by_unit.insert(id.clone(), Arc::clone(local));
    }
    by_unit
}
