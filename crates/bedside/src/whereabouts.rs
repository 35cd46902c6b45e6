//! Where is a patient? Handrail keeps no names: a patient is told from others by where they are, and since when.

use events::encounter::Presence;
use events::{PatientPseudonym, Timestamp, UnitId};
use maud::{Markup, html};
use pages::Watch;
use world::{PatientFacts, Stay};

/// Where somebody is, as far as feeds say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// In a unit.
    In(UnitId, Timestamp),
    /// On the way to one.
    Expected(UnitId, Timestamp),
    /// They left, or nobody said.
    Elsewhere,
}

impl Whereabouts {
    pub(crate) fn of(patient: Option<&PatientFacts>, now: Timestamp) -> Self {
        let encounters = patient.map_or(&[][..], |patient| &patient.encounters);
        let open = encounters.iter().filter(|one| one.closed_at.is_none_or(|closed| now < closed));
        let stays: Vec<&Stay> = open.flat_map(|one| &one.stays).collect();
        let current = |stay: &&&Stay| stay.from <= now && stay.until.is_none_or(|until| now < until);
        let here = stays.iter().filter(current).filter(|stay| stay.presence == Presence::Present);
        if let Some(stay) = here.max_by_key(|stay| stay.from) {
            return Self::In(stay.unit.clone(), stay.from);
        }
        let coming = stays.iter().filter(|stay| stay.until.is_none_or(|until| now < until));
        coming
            .filter(|stay| stay.presence == Presence::Expected)
            .min_by_key(|stay| stay.from)
            .map_or(Self::Elsewhere, |stay| Self::Expected(stay.unit.clone(), stay.from))
    }

    /// The unit, if one is known.
    pub(crate) const fn unit(&self) -> Option<&UnitId> {
        match self {
            Self::In(unit, _) | Self::Expected(unit, _) => Some(unit),
            Self::Elsewhere => None,
        }
    }

    /// From when on.
    pub(crate) const fn from(&self) -> Option<Timestamp> {
        match self {
            Self::In(_, from) | Self::Expected(_, from) => Some(*from),
            Self::Elsewhere => None,
        }
    }

    /// Since when, in words, under the name of the unit.
    pub(crate) fn words(&self, watch: &Watch) -> Markup {
        match self {
            Self::In(_, since) => html! { "Here since " (watch.short(*since)) },
            Self::Expected(..) => html! { "On the way" },
            Self::Elsewhere => html! { "Not in a unit now" },
        }
    }
}

/// What tells one pseudonym from another when said aloud.
pub(crate) fn short(patient: PatientPseudonym) -> String {
    patient.to_string().rsplit('_').next().unwrap_or_default().chars().take(6).collect()
}
