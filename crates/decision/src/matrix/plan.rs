//! What a matrix covers: every role, every action, one resource of each type, and the circumstances. Made from both charters where two are
//! compared, so that both are asked the same questions.

use super::circumstance::{self, About, Basis, Circumstance};
use super::{Line, Who};
use charter::Charter;
use charter::hospital::Grace;
use charter::length::Seconds;
use charter::vocabulary::PRINCIPAL_TYPES;
use events::{ActionName, IdError, Label, PrincipalId, RoleName, TypeName, UnitId};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The most units that get circumstances of their own.
const UNITS_MAX: usize = 24;
/// The most labels that do.
const LABELS_MAX: usize = 24;
/// The most entitlements that do.
const ENTITLEMENTS_MAX: usize = 24;

/// The two wards of the matrix.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) here: UnitId,
    pub(super) elsewhere: UnitId,
}

/// How long claims outlast what they rest on: of several charters' hospital-wide graces the shortest each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Graces {
    pub(super) late_charting: Duration,
    pub(super) order: Duration,
    pub(super) before: Duration,
    pub(super) after: Duration,
}

impl Graces {
    fn of(charters: &[&Charter]) -> Self {
        let shortest = |grace: fn(&Grace) -> Seconds| {
            charters.iter().map(|charter| grace(&charter.hospital().grace).duration()).min().unwrap_or_default()
        };
        Self {
            late_charting: shortest(|grace| grace.late_charting_s),
            order: shortest(|grace| grace.order_s),
            before: shortest(|grace| grace.appointment_before_s),
            after: shortest(|grace| grace.appointment_after_s),
        }
    }
}

/// One resource of a type that is no patient.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) id: PrincipalId,
    /// The labels it names in its attributes.
    pub(super) labels: Vec<Label>,
}

#[derive(Clone, Debug, Default)]
struct ActionTypes {
    principals: BTreeSet<TypeName>,
    resources: BTreeSet<TypeName>,
    /// Yes-or-no properties that only the caller can assert.
    said: BTreeSet<SmolStr>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Plan {
    roles: BTreeSet<RoleName>,
    actions: BTreeMap<ActionName, ActionTypes>,
    patients: BTreeSet<TypeName>,
    things: BTreeMap<TypeName, Thing>,
    pub(super) places: Places,
    circumstances: Vec<Circumstance>,
}

impl Plan {
    /// For these charters, at least one.
    ///
    /// # Errors
    /// Only for a defect of this crate: a name of its own that is none.
    pub fn of(charters: &[&Charter]) -> Result<Self, IdError> {
        let units: BTreeSet<&UnitId> = charters.iter().flat_map(|charter| charter.hospital().units.keys()).collect();
        let texts = Texts::of(charters);
        let mut named = texts.units(&units, "");
        let mut local: BTreeSet<UnitId> = BTreeSet::new();
        for alike in charters.iter().flat_map(|charter| charter.units_with_own_rules()) {
            named.extend(alike.first().cloned());
            local.extend(alike);
        }
        let is_quiet = |unit: &UnitId| !named.contains(unit) && !local.contains(unit);
        let mut quiet = units.iter().filter(|unit| is_quiet(unit)).map(|unit| (*unit).clone());
        // Wards of our own where every unit there is has something special.
        let ward = |found: Option<UnitId>, own: &str| found.map_or_else(|| UnitId::new(own), Ok);
        let places = Places { here: ward(quiet.next(), "SOME-WARD")?, elsewhere: ward(quiet.next(), "OTHER-WARD")? };
        let mut labels: BTreeMap<Label, String> = BTreeMap::new();
        let mut entitlements: BTreeMap<Label, String> = BTreeMap::new();
        for charter in charters {
            let sensitive =
                charter.entities().labels.iter().filter(|(_, meaning)| meaning.sensitive && !meaning.prefix);
            labels.extend(sensitive.map(|(label, meaning)| (label.clone(), meaning.title.clone())));
            let all = charter.elevation().entitlements.iter();
            entitlements.extend(all.map(|(name, entitlement)| (name.clone(), entitlement.title.clone())));
        }
        let labels: BTreeMap<Label, String> = labels.into_iter().take(LABELS_MAX).collect();
        let entitlements = entitlements.into_iter().take(ENTITLEMENTS_MAX).collect();
        let within = |named: BTreeSet<UnitId>| named.into_iter().take(UNITS_MAX).collect::<Vec<UnitId>>();
        let labelled = labels.keys().flat_map(|label| {
            let named = texts.units(&units, &quoted(label));
            named.into_iter().map(|unit| (label.clone(), unit))
        });
        let circumstances = circumstance::all(&Basis {
            places: &places,
            labelled: &labelled.take(LABELS_MAX).collect::<Vec<_>>(),
            on_call: &within(texts.units(&units, "on_call_units")),
            scheduled: &within(texts.units(&units, "scheduled")),
            devices: &within(texts.units(&units, "device.unit")),
            units: &within(named),
            labels: &labels,
            entitlements: &entitlements,
            graces: Graces::of(charters),
        });
        Ok(Self {
            roles: charters.iter().flat_map(|charter| charter.entities().roles.keys().cloned()).collect(),
            actions: actions(charters),
            patients: charters.iter().flat_map(|charter| charter.systems().patient_types.iter().cloned()).collect(),
            things: things(charters, &places.here),
            places,
            circumstances,
        })
    }

    /// The labels that things name: what a supplier's people carry.
    pub(super) fn named_labels(&self) -> impl Iterator<Item = Label> {
        let labels: BTreeSet<Label> = self.things.values().flat_map(|thing| thing.labels.iter().cloned()).collect();
        labels.into_iter()
    }

    /// The circumstances, in one order.
    #[must_use]
    pub fn circumstances(&self) -> &[Circumstance] {
        &self.circumstances
    }

    /// One by its key.
    #[must_use]
    pub fn circumstance(&self, key: &str) -> Option<&Circumstance> {
        self.circumstances.iter().find(|one| one.key == key)
    }

    pub(super) fn askers(&self) -> impl Iterator<Item = Who> {
        let roles = std::iter::once(None).chain(self.roles.iter().cloned().map(Some));
        let kinds: Vec<TypeName> = PRINCIPAL_TYPES.iter().filter_map(|kind| TypeName::new(kind).ok()).collect();
        roles.flat_map(move |role| {
            let role = role.clone();
            kinds.clone().into_iter().map(move |kind| Who { role: role.clone(), kind })
        })
    }

    pub(super) fn lines(&self, who: &Who) -> impl Iterator<Item = Line> {
        let actions = self.actions.iter().filter(|(_, types)| types.principals.contains(&who.kind));
        actions.flat_map(|(action, types)| {
            types.resources.iter().map(|resource| Line {
                who: who.clone(),
                action: action.clone(),
                resource: resource.clone(),
            })
        })
    }

    pub(super) fn fits(&self, circumstance: &Circumstance, line: &Line) -> bool {
        let about = match circumstance.about {
            About::Either => true,
            About::Patient => self.is_patient(&line.resource),
            About::House => !self.is_patient(&line.resource),
        };
        // Where nothing is asked, what is said of it changes nothing.
        about && (circumstance.setting.says == Some(true) || self.asks_more(&line.action))
    }

    pub(super) fn is_patient(&self, kind: &TypeName) -> bool {
        self.patients.contains(kind)
    }

    pub(super) fn thing(&self, kind: &TypeName) -> Option<&Thing> {
        self.things.get(kind)
    }

    /// What can be said of how an action is done.
    pub(super) fn said(&self, action: &ActionName) -> impl Iterator<Item = &SmolStr> {
        self.actions.get(action).into_iter().flat_map(|types| &types.said)
    }

    fn asks_more(&self, action: &ActionName) -> bool {
        self.said(action).next().is_some()
    }
}

/// Every policy as text.
struct Texts(Vec<String>);

impl Texts {
    fn of(charters: &[&Charter]) -> Self {
        Self(charters.iter().flat_map(|charter| charter.policy_set().policies().map(ToString::to_string)).collect())
    }

    /// Units whose id stands as a text in some policy that has these words, too: what happens there can be special.
    fn units(&self, units: &BTreeSet<&UnitId>, words: &str) -> BTreeSet<UnitId> {
        let named = |unit: &&&UnitId| {
            let id = quoted(unit);
            self.0.iter().any(|text| text.contains(words) && text.contains(&id))
        };
        units.iter().filter(named).map(|unit| (*unit).clone()).collect()
    }
}

fn quoted(id: &impl std::fmt::Display) -> String {
    format!("\"{id}\"")
}

fn actions(charters: &[&Charter]) -> BTreeMap<ActionName, ActionTypes> {
    use charter::vocabulary::{REQUEST, Shape};
    let mut all: BTreeMap<ActionName, ActionTypes> = BTreeMap::new();
    for (name, shape) in charters.iter().flat_map(|charter| &charter.vocabulary().actions) {
        let types = all.entry(name.clone()).or_default();
        types.principals.extend(shape.principals.iter().cloned());
        types.resources.extend(shape.resources.iter().cloned());
        if let Some(Shape::Record(attributes)) = shape.context.get(REQUEST).map(|attribute| &attribute.shape) {
            let yes_or_no = attributes.iter().filter(|(_, attribute)| attribute.shape == Shape::Bool);
            types.said.extend(yes_or_no.map(|(name, _)| name.clone()));
        }
    }
    all
}

/// Of each type the entity that stands still and goes by the ward's id, or else the first.
fn things(charters: &[&Charter], here: &UnitId) -> BTreeMap<TypeName, Thing> {
    let mut things: BTreeMap<TypeName, Thing> = BTreeMap::new();
    for charter in charters {
        let prefixes: Vec<&Label> =
            charter.entities().labels.iter().filter(|(_, meaning)| meaning.prefix).map(|(label, _)| label).collect();
        for entity in &charter.entities().entity {
            if things.contains_key(&entity.kind) && entity.id.as_str() != here.as_str() {
                continue;
            }
            let texts = entity.attributes.values().filter_map(serde_json::Value::as_str);
            let labels = texts.filter(|text| prefixes.iter().any(|prefix| text.starts_with(prefix.as_str())));
            let labels = labels.filter_map(|text| Label::new(text).ok()).collect();
            things.insert(entity.kind.clone(), Thing { id: entity.id.clone(), labels });
        }
    }
    things
}
