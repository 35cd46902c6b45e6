//! The account of disclosures of one patient: who was given access to their record, when, for what, and on whose authority.
//!
//! It says more than 45 CFR 164.528 asks for: every permitted access and every refused one, treatment included. What one person did for one
//! purpose on one day is one line with first, last and number, as 164.528(b)(3) has it for repeated disclosures.

use crate::find::{self, Question};
use crate::period::{self, Period};
use crate::tell::{Access, Authority, Emergency, Teller};
use crate::{AuditError, find::Findings};
use events::decision::Effect;
use events::{Actor, Event, Leaf, PatientPseudonym, PrincipalId, Seq, Timestamp};
use jiff::tz::TimeZone;
use ledger::note;
use plane::{Naming, Plane};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{ReadError, Search};

/// The most entries one account is made from; beyond, it says so and a shorter period has to do.
pub const ENTRIES_MAX: usize = 50_000;
/// The most entries one line names.
pub const LINE_ENTRIES_MAX: usize = 50;

/// What is accounted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whose record.
    pub patient: PatientPseudonym,
    /// Over which period.
    pub period: Period,
}

/// The account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// The hospital.
    pub hospital: String,
    /// The patient's pseudonym.
    pub patient: PatientPseudonym,
    /// The patient's name, as the last message told it. Making the account is recorded as a look at this patient, and so is who was shown it.
    #[serde(default)]
    pub name: Option<String>,
    /// The entry by which everything that told who the patient is was destroyed.
    #[serde(default)]
    pub erased: Option<Seq>,
    /// The pseudonyms of records merged into this patient.
    pub merged: Vec<PatientPseudonym>,
    /// From then, inclusive.
    pub from: Timestamp,
    /// Until then, exclusive.
    pub until: Timestamp,
    /// When it was made.
    pub made_at: Timestamp,
    /// The time zone of the days below.
    pub time_zone: String,
    /// Access that was permitted, by day.
    pub accesses: Vec<Line>,
    /// Access that was refused: nothing was shown.
    pub refused: Vec<Line>,
    /// Who looked at this evidence about the patient.
    pub looks: Vec<Look>,
    /// Every entry before this one was looked at.
    pub complete_to: Seq,
    /// How many entries the log had then.
    pub entries: Seq,
    /// There was more than one account holds: choose a shorter period.
    pub cut_short: bool,
    /// What anybody can check it against.
    pub checkpoint: Checkpoint,
}

/// What one person did, or was refused, for one purpose on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The day, in the hospital's time zone.
    pub day: String,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// How often.
    pub times: u64,
    /// Who, as systems call them.
    pub who: PrincipalId,
    /// What people call them.
    pub name: Option<String>,
    /// Their roles then.
    pub roles: BTreeSet<String>,
    /// What for, if anybody said.
    pub purpose: Option<String>,
    /// What was accessed, as the end of "may …".
    pub did: BTreeSet<String>,
    /// Where.
    pub places: BTreeSet<String>,
    /// On whose authority.
    pub authority: BTreeSet<Authority>,
    /// Emergency access.
    pub emergency: Option<Emergency>,
    /// The systems it went through.
    pub through: BTreeSet<String>,
    /// The first [`LINE_ENTRIES_MAX`] entries that are the evidence.
    pub entries: Vec<Seq>,
}

/// Somebody looked at the evidence about the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// How: `account`, `console`, `csv`, `fhir`, `identity`, `detail`, `who`, `prove` or `show`, with the entry where it was one; or `what if` where it
    /// was asked what would be decided.
    pub how: String,
    /// The entry that says so.
    pub entry: Seq,
}

/// The signed state of the ledger that covers everything in the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The ledger's name.
    pub origin: String,
    /// How many entries it signs.
    pub size: u64,
    /// The root hash over them, base64.
    pub root: String,
    /// As the signed note.
    pub note: String,
    /// The key that verifies it.
    pub key: String,
}

/// Makes the account; who asked for it is recorded first, and stands in it.
///
/// # Errors
/// When the log or the search file cannot be read, or making it cannot be recorded.
pub async fn make(plane: &Plane, search: &Search, asked: &Asked, by: Actor) -> Result<Account, AuditError> {
    let searched = Question {
        patient: Some(asked.patient),
        from: Some(asked.period.from),
        until: Some(asked.period.until),
        ..Question::default()
    };
    let of = |kind: &str| Question { kind: Some(kind.to_owned()), ..searched.clone() };
    let decisions = gather(plane, search, of(find::DECISIONS)).await?;
    find::record(plane, by, "account", &searched, decisions.leaves.len()).await?;
    // Whoever looks today is shown too, whatever the period ends with.
    let mut looks = gather(plane, search, Question { until: None, ..of(find::SEARCHES) }).await?;
    for kind in [find::READINGS, find::WHAT_IFS] {
        let more = gather(plane, search, Question { until: None, ..of(kind) }).await?;
        looks.more |= more.more;
        looks.leaves.extend(more.leaves);
    }
    looks.leaves.sort_by_key(|leaf| leaf.seq);
    plane.store().seal().await?;
    let (plane, asked) = (plane.clone(), asked.clone());
    tokio::task::spawn_blocking(move || told(&plane, &asked, &decisions, &looks)).await?
}

/// Everything that fits, oldest first.
async fn gather(plane: &Plane, search: &Search, asked: Question) -> Result<Findings, AuditError> {
    let mut all = find::find(plane, search, &asked, store::search::ROWS_MAX).await?;
    while all.more && all.leaves.len() < ENTRIES_MAX {
        let before = all.leaves.last().map(|leaf| leaf.seq);
        let older = find::find(plane, search, &Question { before, ..asked.clone() }, store::search::ROWS_MAX).await?;
        all.more = older.more && !older.leaves.is_empty();
        all.leaves.extend(older.leaves);
    }
    all.leaves.reverse();
    Ok(all)
}

fn told(plane: &Plane, asked: &Asked, decisions: &Findings, looks: &Findings) -> Result<Account, AuditError> {
    let engine = plane.engine();
    let hospital = engine.charter().hospital();
    let zone = period::zone(&hospital.time_zone);
    let mut teller = Teller::new(plane);
    let accesses: Vec<Access> =
        find::answers(&decisions.leaves).into_iter().filter_map(|leaf| teller.access(leaf)).collect();
    let of = |effect| lines(accesses.iter().filter(|access| access.effect == effect), &zone);
    let mut merged = find::records(plane, asked.patient);
    merged.retain(|record| *record != asked.patient);
    let (name, erased) = match plane.name_of(asked.patient)? {
        Naming::Known(identity) => (identity.name, None),
        Naming::Erased { by } => (None, Some(by)),
        Naming::Unknown => (None, None),
    };
    Ok(Account {
        hospital: hospital.name.clone(),
        patient: asked.patient,
        name,
        erased,
        merged,
        from: asked.period.from,
        until: asked.period.until,
        made_at: plane.now(),
        time_zone: hospital.time_zone.clone(),
        accesses: of(Effect::Permit),
        refused: of(Effect::Deny),
        looks: looks.leaves.iter().filter_map(look).collect(),
        complete_to: decisions.complete_to,
        entries: decisions.entries,
        cut_short: decisions.more || looks.more,
        checkpoint: checkpoint(plane)?,
    })
}

/// Accesses as lines, by day, then in the order of their first time.
#[must_use]
pub fn lines<'a>(accesses: impl IntoIterator<Item = &'a Access>, zone: &TimeZone) -> Vec<Line> {
    let mut lines: BTreeMap<_, Line> = BTreeMap::new();
    for access in accesses {
        let day = period::day(access.at, zone);
        let key = (day.clone(), access.who.clone(), access.purpose.clone(), access.emergency);
        let line = lines.entry(key).or_insert_with(|| Line {
            day,
            first: access.at,
            last: access.at,
            times: 0,
            who: access.who.clone(),
            name: access.name.clone(),
            roles: BTreeSet::new(),
            purpose: access.purpose.clone(),
            did: BTreeSet::new(),
            places: BTreeSet::new(),
            authority: BTreeSet::new(),
            emergency: access.emergency,
            through: BTreeSet::new(),
            entries: Vec::new(),
        });
        line.first = line.first.min(access.at);
        line.last = line.last.max(access.at);
        line.times += 1;
        line.roles.extend(access.roles.iter().cloned());
        line.did.insert(access.did.clone());
        line.places.extend(access.place.clone());
        line.authority.extend(access.authority.iter().cloned());
        line.through.insert(access.through.clone());
        if line.entries.len() < LINE_ENTRIES_MAX {
            line.entries.push(access.entry);
        }
    }
    let mut lines: Vec<Line> = lines.into_values().collect();
    lines.sort_by(|one, other| (&one.day, one.first, &one.who).cmp(&(&other.day, other.first, &other.who)));
    lines
}

fn look(leaf: &Leaf) -> Option<Look> {
    let how = match &leaf.draft.event {
        Event::LedgerSearched(searched) => searched.how.to_string(),
        Event::LedgerRead(read) => format!("{}, entry {}", read.how, read.from),
        Event::WhatIfAsked(_) => "what if".to_owned(),
        _ => return None,
    };
    Some(Look { at: leaf.recorded_at, by: leaf.draft.actor.to_string(), how, entry: leaf.seq })
}

fn checkpoint(plane: &Plane) -> Result<Checkpoint, AuditError> {
    let store = plane.store();
    let note = store.checkpoint()?.ok_or(ReadError::NoEntry(Seq(0)))?;
    let key = store.signer_of(&note);
    let signed = note::open(note.as_bytes(), &key)?;
    Ok(Checkpoint {
        origin: signed.origin.to_string(),
        size: signed.size,
        root: signed.root.to_string(),
        note,
        key: key.to_string(),
    })
}
