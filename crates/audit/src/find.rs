//! Finding entries: a patient's merged records are searched as one, and every search is recorded before its finds are shown.

use crate::AuditError;
use events::decision::Effect;
use events::ledger::{Read, Searched};
use events::{Actor, Draft, Event, Leaf, PatientPseudonym, PrincipalId, Seq, Timestamp, UnitId, WorkflowName};
use plane::Plane;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use store::search::Wanted;
use store::{Batch, ReadError, Search};
use world::Subject;

/// How long a search waits for the newest entries to be put into the search file.
pub const WAIT_FOR_NEWEST: Duration = Duration::from_secs(3);

/// The decisions' kind.
pub const DECISIONS: &str = "decision.made";
/// The searches' kind.
pub const SEARCHES: &str = "ledger.searched";
/// The kind of entries that say that entries were read.
pub const READINGS: &str = "ledger.read";
/// The kind of entries that say it was asked what would be decided.
pub const WHAT_IFS: &str = "charter.what_if";

/// The reading of entries `from` to before `to`. Where it is one entry and that is about a patient, it names them, so that whoever looked stands in their
/// account.
///
/// # Errors
/// When the store cannot be read.
pub fn reading(plane: &Plane, how: &str, from: Seq, to: Seq) -> Result<Read, ReadError> {
    let one = from.0.checked_add(1) == Some(to.0);
    // One that this build cannot read is about nobody it knows.
    let bytes = if one { plane.store().read(|reader| reader.leaf_bytes(from))? } else { None };
    let patient = bytes.and_then(|bytes| Leaf::parse(&bytes).ok()).and_then(|leaf| subject(&leaf.draft.event));
    Ok(Read { how: how.into(), from, to, patient })
}

/// The patient an entry is about. A decision about somebody the world did not know names them as its resource alone.
pub(crate) fn subject(event: &Event) -> Option<PatientPseudonym> {
    event.patient().or_else(|| match event {
        Event::DecisionMade(made) => made.question.resource.id.as_str().parse().ok(),
        _ => None,
    })
}

/// What somebody looks for, as people ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// About this patient, all merged records included.
    pub patient: Option<PatientPseudonym>,
    /// Asked by, or telling of, this person.
    pub person: Option<PrincipalId>,
    /// In this workflow.
    pub workflow: Option<WorkflowName>,
    /// In this unit.
    pub unit: Option<UnitId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// With this answer.
    pub effect: Option<Effect>,
    /// Emergencies only.
    pub emergency: bool,
    /// Recorded then or later.
    pub from: Option<Timestamp>,
    /// Recorded before then.
    pub until: Option<Timestamp>,
    /// Before this entry.
    pub before: Option<Seq>,
    /// After this entry.
    pub after: Option<Seq>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The entries, newest first. What this build cannot read is left out.
    pub leaves: Vec<Leaf>,
    /// The last entry found, readable or not: where the next page goes on.
    pub oldest: Option<Seq>,
    /// There are more in the direction asked for.
    pub more: bool,
    /// Every entry before this one was looked at.
    pub complete_to: Seq,
    /// How many entries the log had then.
    pub entries: Seq,
}

impl Question {
    /// As the search file is asked.
    fn wanted(&self, plane: &Plane) -> Wanted {
        Wanted {
            patients: self.patient.map(|patient| records(plane, patient)).unwrap_or_default(),
            person: self.person.clone(),
            workflow: self.workflow.clone(),
            kind: self.kind.clone(),
            effect: self.effect,
            emergency: self.emergency,
            place: self.unit.clone(),
            actor: None,
            from: self.from,
            until: self.until,
            before: self.before,
            after: self.after,
        }
    }

    /// What narrowed the search beside patient, person and time, by name.
    fn narrowed(&self) -> BTreeMap<SmolStr, SmolStr> {
        let effect = self.effect.map(|effect| match effect {
            Effect::Permit => SmolStr::new_static("permit"),
            Effect::Deny => SmolStr::new_static("deny"),
        });
        let parts = [
            ("workflow", self.workflow.as_ref().map(|name| SmolStr::new(name.as_str()))),
            ("unit", self.unit.as_ref().map(|unit| SmolStr::new(unit.as_str()))),
            ("kind", self.kind.as_ref().map(SmolStr::new)),
            ("effect", effect),
            ("emergency", self.emergency.then_some(SmolStr::new_static("yes"))),
            ("before", self.before.map(|entry| SmolStr::new(entry.to_string()))),
            ("after", self.after.map(|entry| SmolStr::new(entry.to_string()))),
        ];
        let given = parts.into_iter().filter_map(|(name, value)| Some((SmolStr::new_static(name), value?)));
        given.collect()
    }
}

/// Every record that is this patient today, the one given first.
#[must_use]
pub fn records(plane: &Plane, patient: PatientPseudonym) -> Vec<PatientPseudonym> {
    // Nobody asks: only the patient's own records are looked up.
    let Ok(nobody) = PrincipalId::new("handrail") else { return vec![patient] };
    let subject = Subject { principal: nobody, patient: Some(patient), device: None, session: None };
    let facts = plane.world(|world| world.facts(&subject, plane.now()));
    let mut records = vec![patient];
    let mut seen = HashSet::from([patient]);
    records.extend(facts.patient.into_iter().flat_map(|known| known.records).filter(|record| seen.insert(*record)));
    records
}

/// Finds entries, off the threads that answer requests.
///
/// # Errors
/// When the log or the search file cannot be read.
pub async fn find(plane: &Plane, search: &Search, asked: &Question, rows_max: usize) -> Result<Findings, AuditError> {
    let (plane, search, asked) = (plane.clone(), search.clone(), asked.clone());
    tokio::task::spawn_blocking(move || find_blocking(&plane, &search, &asked, rows_max)).await?
}

/// As [`find()`], for threads that may block.
///
/// # Errors
/// When the log or the search file cannot be read.
pub fn find_blocking(
    plane: &Plane,
    search: &Search,
    asked: &Question,
    rows_max: usize,
) -> Result<Findings, AuditError> {
    let entries = plane.store().head().next;
    let _newest_too = search.wait_until(entries, WAIT_FOR_NEWEST);
    let found = search.find(&asked.wanted(plane), rows_max)?;
    let leaves = plane.store().read(|reader| {
        let mut leaves = Vec::with_capacity(found.entries.len());
        for entry in &found.entries {
            let bytes = reader.leaf_bytes(*entry)?.ok_or(ReadError::NoEntry(*entry))?;
            leaves.extend(Leaf::parse(&bytes).ok());
        }
        Ok::<_, ReadError>(leaves)
    })?;
    let oldest = found.entries.last().copied();
    Ok(Findings { leaves, oldest, more: found.more, complete_to: found.complete_to, entries })
}

/// Records that somebody searched, and so saw what was found. To be done before it is shown.
///
/// # Errors
/// When it was not recorded: then nothing may be shown.
pub async fn record(
    plane: &Plane,
    by: Actor,
    how: &'static str,
    asked: &Question,
    shown: usize,
) -> Result<(), AuditError> {
    let searched = Searched {
        how: SmolStr::new_static(how),
        patient: asked.patient,
        person: asked.person.clone(),
        from: asked.from,
        until: asked.until,
        narrowed: asked.narrowed(),
        shown: shown as u64,
    };
    plane.record(Batch::one(Draft::new(by, searched))).await?;
    Ok(())
}

/// Decisions that were answers: not those Handrail made by itself to see whether a permit still holds, nor those that were replaced before
/// anybody was told.
#[must_use]
pub fn answers(leaves: &[Leaf]) -> Vec<&Leaf> {
    let replaced: HashSet<Seq> = leaves.iter().filter(|leaf| asked_by_somebody(leaf)).filter_map(superseded).collect();
    leaves.iter().filter(|leaf| asked_by_somebody(leaf) && !replaced.contains(&leaf.seq)).collect()
}

fn asked_by_somebody(leaf: &Leaf) -> bool {
    matches!(leaf.draft.event, Event::DecisionMade(_)) && leaf.draft.actor.kind != events::ActorKind::Handrail
}

fn superseded(leaf: &Leaf) -> Option<Seq> {
    match &leaf.draft.event {
        Event::DecisionMade(made) => made.supersedes,
        _ => None,
    }
}
