//! A naive second opinion: keeps every leaf and works everything out from scratch for each question, with nothing taken from the fold.

use events::encounter::{Class, Movement, Presence};
use events::principal::IdentityClass;
use events::{
    Bearing, EncounterPseudonym, Event, Leaf, PatientPseudonym, PrincipalId, ShiftId, Timestamp, UnitId, principal,
    rota,
};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use world::{
    DeviceFacts, EncounterFacts, Facts, FeedFacts, PatientFacts, PrincipalFacts, ShiftFacts, Stay, Subject, TeamFacts,
};

/// Facts by the whole log; the keys are left out.
pub(crate) fn facts(log: &[Leaf], subject: &Subject, now: Timestamp) -> Facts {
    let mut facts = Facts {
        vouched_until: None,
        session: None,
        world_seq: events::Seq(log.len() as u64),
        principal: principal(log, &subject.principal),
        shifts: shifts(log, &subject.principal, now),
        patient: subject.patient.and_then(|patient| patient_facts(log, patient, &subject.principal)),
        device: subject.device.as_ref().and_then(|id| device(log, id)),
        emergencies: Vec::new(),
        feeds: feeds(log),
        keys: SmallVec::new(),
    };
    facts.emergencies = emergencies(log, &facts, now);
    facts
}

fn unique<T: Clone + PartialEq>(values: &[T]) -> Vec<T> {
    let mut unique = Vec::new();
    for value in values {
        if !unique.contains(value) {
            unique.push(value.clone());
        }
    }
    unique
}

fn registration<'a>(log: &'a [Leaf], id: &PrincipalId) -> Option<&'a principal::Registered> {
    log.iter().rev().find_map(|leaf| match &leaf.draft.event {
        Event::PrincipalRegistered(body) if body.principal == *id => Some(body),
        _ => None,
    })
}

fn principal(log: &[Leaf], id: &PrincipalId) -> Option<PrincipalFacts> {
    let body = registration(log, id)?;
    let labels: BTreeSet<_> = body.labels.iter().cloned().collect();
    let class: IdentityClass = body.class;
    Some(PrincipalFacts {
        class,
        roles: unique(&body.roles),
        name: body.name.clone(),
        active: may_act(log, id),
        home_unit: body.home_unit.clone(),
        labels: labels.into_iter().collect(),
        aliases: unique(&body.aliases).into_iter().filter(|alias| means(log, id, alias)).collect(),
    })
}

fn may_act(log: &[Leaf], id: &PrincipalId) -> bool {
    let last = log.iter().rev().find_map(|leaf| match &leaf.draft.event {
        Event::PrincipalRegistered(body) if body.principal == *id => Some(true),
        Event::PrincipalEnded(body) if body.principal == *id => Some(false),
        _ => None,
    });
    last == Some(true)
}

fn goes_by(log: &[Leaf], person: &PrincipalId, code: &PrincipalId) -> bool {
    code == person || registration(log, person).is_some_and(|body| body.aliases.contains(code))
}

/// Whether a code means somebody: they go by it, and nobody else does while both may act.
fn means(log: &[Leaf], person: &PrincipalId, code: &PrincipalId) -> bool {
    let registered: BTreeSet<_> = log
        .iter()
        .filter_map(|leaf| match &leaf.draft.event {
            Event::PrincipalRegistered(body) => Some(&body.principal),
            _ => None,
        })
        .collect();
    let others = registered.into_iter().filter(|other| *other != person && may_act(log, other));
    goes_by(log, person, code) && !(may_act(log, person) && others.into_iter().any(|other| goes_by(log, other, code)))
}

fn shifts(log: &[Leaf], id: &PrincipalId, now: Timestamp) -> Vec<ShiftFacts> {
    let mut all: BTreeMap<ShiftId, rota::ShiftAssigned> = BTreeMap::new();
    for leaf in log {
        match &leaf.draft.event {
            Event::ShiftAssigned(body) => {
                all.insert(body.shift.clone(), body.clone());
            }
            Event::ShiftWithdrawn(body) => {
                if let Some(shift) = all.get_mut(&body.shift).filter(|shift| shift.person == body.person) {
                    shift.until = shift.until.min(leaf.occurred_at());
                }
            }
            _ => {}
        }
        all.retain(|_, shift| shift.from < shift.until);
    }
    let mut mine: Vec<_> = all
        .into_values()
        .filter(|shift| shift.person == *id && shift.until > now - Duration::from_secs(72 * 3600))
        .map(|shift| ShiftFacts {
            shift: shift.shift,
            unit: shift.unit,
            from: shift.from,
            until: shift.until,
            on_call: shift.on_call,
        })
        .collect();
    mine.sort_by_key(|shift| (shift.from, shift.shift.clone()));
    mine
}

fn device(log: &[Leaf], id: &events::DeviceId) -> Option<DeviceFacts> {
    let mut description = None;
    let mut posture = None;
    for leaf in log {
        match &leaf.draft.event {
            Event::DeviceRegistered(body) if body.device == *id => description = Some(body),
            Event::DeviceRetired(body) if body.device == *id => (description, posture) = (None, None),
            Event::PostureReported(body) if body.device == *id => posture = Some((body.posture, body.good_until)),
            _ => {}
        }
    }
    let description = description?;
    Some(DeviceFacts {
        kind: description.kind,
        unit: description.unit.clone(),
        shared: description.shared,
        managed: description.managed,
        posture,
    })
}

fn feeds(log: &[Leaf]) -> FeedFacts {
    let mut feeds = FeedFacts::default();
    for leaf in log.iter().filter(|leaf| leaf.draft.event.kind().bearing == Bearing::Fact) {
        let feed = match &leaf.draft.event {
            Event::FeedHeard(body) => Some(body.feed.as_str()),
            Event::ShiftAssigned(_) | Event::ShiftWithdrawn(_) => Some("rota"),
            _ => leaf.draft.source.as_ref().map(|source| source.feed.as_str()),
        };
        match feed {
            Some("rota") => feeds.rota = Some(leaf.recorded_at),
            Some(_) => feeds.adt = Some(leaf.recorded_at),
            None => {}
        }
    }
    feeds
}

fn emergencies(log: &[Leaf], facts: &Facts, now: Timestamp) -> Vec<(UnitId, Timestamp)> {
    let mut involved: BTreeSet<UnitId> = facts.shifts.iter().map(|shift| shift.unit.clone()).collect();
    involved.extend(facts.principal.iter().filter_map(|principal| principal.home_unit.clone()));
    involved.extend(facts.device.iter().filter_map(|device| device.unit.clone()));
    for encounter in facts.patient.iter().flat_map(|patient| &patient.encounters) {
        let recent = |stay: &&Stay| stay.until.is_none_or(|until| until > now - Duration::from_secs(72 * 3600));
        involved.extend(encounter.stays.iter().filter(recent).map(|stay| stay.unit.clone()));
    }
    let until = |unit: &UnitId| {
        let last = log.iter().rev().find_map(|leaf| match &leaf.draft.event {
            Event::EmergencyDeclared(body) if body.unit == *unit => Some(Some(body.until)),
            Event::EmergencyEnded(body) if body.unit == *unit => Some(None),
            _ => None,
        });
        last.flatten().filter(|until| *until > now)
    };
    involved.into_iter().filter_map(|unit| until(&unit).map(|until| (unit, until))).collect()
}

/// Who survives whom, by the last entry about each pair.
fn merges(log: &[Leaf]) -> Vec<(PatientPseudonym, PatientPseudonym, usize)> {
    let mut edges: Vec<(PatientPseudonym, PatientPseudonym, usize)> = Vec::new();
    for (seq, leaf) in log.iter().enumerate() {
        let (one, other, merged) = match &leaf.draft.event {
            Event::PatientMerged(body) => (body.survivor, body.retired, true),
            Event::PatientUnmerged(body) => (body.survivor, body.retired, false),
            _ => continue,
        };
        edges.retain(|(a, b, _)| BTreeSet::from([*a, *b]) != BTreeSet::from([one, other]));
        if merged && one != other {
            edges.push((one, other, seq));
        }
    }
    edges
}

fn records(log: &[Leaf], patient: PatientPseudonym) -> BTreeSet<PatientPseudonym> {
    let edges = merges(log);
    let mut records = BTreeSet::from([patient]);
    for _ in 0..edges.len() {
        for (a, b, _) in &edges {
            if records.contains(a) || records.contains(b) {
                records.extend([*a, *b]);
            }
        }
    }
    records
}

fn canonical(log: &[Leaf], records: &BTreeSet<PatientPseudonym>) -> PatientPseudonym {
    let edges = merges(log);
    let free: Vec<_> = records.iter().filter(|record| edges.iter().all(|(_, retired, _)| retired != *record)).collect();
    let last = edges
        .iter()
        .filter(|(survivor, _, _)| records.contains(survivor) && (free.is_empty() || free.contains(&survivor)))
        .max_by_key(|(_, _, seq)| *seq);
    last.map_or_else(|| *records.first().unwrap(), |(survivor, _, _)| *survivor)
}

fn named(event: &Event) -> Vec<PatientPseudonym> {
    match event {
        Event::PatientMerged(body) => vec![body.survivor, body.retired],
        Event::PatientUnmerged(body) => vec![body.survivor, body.retired],
        other => other.patient().into_iter().filter(|_| other.kind().bearing == Bearing::Fact).collect(),
    }
}

fn patient_facts(log: &[Leaf], patient: PatientPseudonym, asker: &PrincipalId) -> Option<PatientFacts> {
    if !log.iter().any(|leaf| named(&leaf.draft.event).contains(&patient)) {
        return None;
    }
    let records = records(log, patient);
    let canonical = canonical(log, &records);
    let mut labels = BTreeSet::new();
    for record in &records {
        let last = log.iter().rev().find_map(|leaf| match &leaf.draft.event {
            Event::PatientLabelled(body) if body.patient == *record => Some(body.labels.clone()),
            _ => None,
        });
        labels.extend(last.unwrap_or_default());
    }
    let told: Vec<_> =
        log.iter().filter(|leaf| leaf.draft.event.patient().is_some_and(|id| records.contains(&id))).collect();
    let mut encounters: Vec<_> = (0..3)
        .map(crate::recipes::encounter_id)
        .filter_map(|encounter| encounter_facts(&told, encounter, log, asker))
        .collect();
    encounters.sort_by_key(|encounter| (encounter.opened_at, encounter.encounter));
    let mut order = vec![canonical];
    order.extend(records.iter().filter(|record| **record != canonical));
    Some(PatientFacts {
        canonical,
        records: order,
        labels: labels.into_iter().collect(),
        encounters,
        team: team(log, &records, asker),
        // `services.rs` tests these.
        orders: Vec::new(),
        appointments: Vec::new(),
    })
}

/// As the asker, if it is one of their codes; nobody, if it is written as their id and may mean another.
fn known_as(log: &[Leaf], asker: &PrincipalId, code: &PrincipalId) -> Option<PrincipalId> {
    if means(log, asker, code) { Some(asker.clone()) } else { Some(code.clone()).filter(|code| code != asker) }
}

fn team(log: &[Leaf], now: &BTreeSet<PatientPseudonym>, asker: &PrincipalId) -> Vec<TeamFacts> {
    let mut teams: BTreeMap<(PatientPseudonym, PrincipalId), Option<Timestamp>> = BTreeMap::new();
    for (seq, leaf) in log.iter().enumerate() {
        let (patient, person, joined) = match &leaf.draft.event {
            Event::TeamJoined(body) => (body.patient, &body.person, Some(body.until)),
            Event::TeamLeft(body) => (body.patient, &body.person, None),
            _ => continue,
        };
        for record in records(&log[..seq], patient) {
            teams.remove(&(record, person.clone()));
        }
        if let Some(until) = joined {
            teams.insert((patient, person.clone()), until);
        }
    }
    let mut team: BTreeMap<PrincipalId, Timestamp> = BTreeMap::new();
    for ((_, person), until) in teams.into_iter().filter(|((record, _), _)| now.contains(record)) {
        let Some(person) = known_as(log, asker, &person) else { continue };
        let end = team.entry(person).or_insert(Timestamp::MIN);
        *end = (*end).max(until.unwrap_or(Timestamp::MAX));
    }
    let until = |end: Timestamp| Some(end).filter(|end| *end != Timestamp::MAX);
    team.into_iter().map(|(person, end)| TeamFacts { person, until: until(end) }).collect()
}

type Stamp = (Timestamp, u64);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    In(Movement, UnitId, Presence),
    Out,
    Undo(Movement, Option<Timestamp>),
}

impl Said {
    fn movement(&self) -> Option<Movement> {
        match self {
            Self::In(movement, _, _) => Some(*movement),
            Self::Out => Some(Movement::Discharge),
            Self::Undo(..) => None,
        }
    }

    fn is_in(&self, movement: Movement, presence: Presence) -> bool {
        matches!(self, Self::In(m, _, p) if *m == movement && *p == presence)
    }

    fn is_admission(&self) -> bool {
        self.movement() == Some(Movement::Admission)
    }
}

fn said(leaf: &Leaf, encounter: EncounterPseudonym) -> Option<Said> {
    Some(match &leaf.draft.event {
        Event::EncounterOpened(body) if body.encounter == encounter => {
            Said::In(Movement::Admission, body.place.unit.clone(), body.presence)
        }
        Event::EncounterMoved(body) if body.encounter == encounter => {
            Said::In(Movement::Transfer, body.place.unit.clone(), body.presence)
        }
        Event::EncounterClosed(body) if body.encounter == encounter => Said::Out,
        Event::MovementCancelled(body) if body.encounter == encounter => Said::Undo(body.movement, body.happened_at),
        _ => return None,
    })
}

/// The movements that were not taken back, in order.
fn standing(told: &[&Leaf], encounter: EncounterPseudonym) -> Vec<(Stamp, Said)> {
    let mut all: Vec<(Stamp, Said)> = Vec::new();
    for leaf in told {
        if let Some(said) = said(leaf, encounter) {
            let at = leaf.occurred_at();
            if !all.iter().any(|((other, _), same)| *other == at && *same == said) {
                all.push(((at, leaf.seq.0), said));
            }
        }
    }
    all.sort_by_key(|(stamp, _)| *stamp);
    let mut left: Vec<_> = all.iter().filter(|(_, said)| said.movement().is_some()).cloned().collect();
    for (undo, said) in &all {
        let Said::Undo(movement, happened_at) = said else { continue };
        let target = happened_at
            .and_then(|time| by_name(&all, &left, *undo, *movement, time))
            .unwrap_or_else(|| by_place(&left, *undo, *movement));
        if let Some(target) = target {
            take(&mut left, target, *undo);
        }
    }
    left
}

/// Which movement a time names; `None` if it names none at all, `Some(None)` if what it names is gone already.
fn by_name(
    all: &[(Stamp, Said)],
    left: &[(Stamp, Said)],
    undo: Stamp,
    movement: Movement,
    time: Timestamp,
) -> Option<Option<Stamp>> {
    let fits = |(stamp, said): &&(Stamp, Said)| stamp.0 == time && said.movement() == Some(movement);
    let ever: Vec<u64> = all.iter().filter(fits).map(|(stamp, _)| stamp.1).collect();
    if ever.is_empty() {
        return None;
    }
    let mut still = left.iter().filter(fits).map(|(stamp, _)| *stamp);
    Some(if ever.iter().min().is_some_and(|first| *first < undo.1) {
        still.filter(|stamp| stamp.1 < undo.1).max()
    } else {
        still.next()
    })
}

fn by_place(left: &[(Stamp, Said)], undo: Stamp, movement: Movement) -> Option<Stamp> {
    let before = || left.iter().filter(|(stamp, said)| *stamp < undo && said.movement() == Some(movement));
    let arrived = before().filter(|(_, said)| !said.is_in(movement, Presence::Expected)).max_by_key(|(s, _)| *s);
    arrived.or_else(|| before().max_by_key(|(stamp, _)| *stamp)).map(|(stamp, _)| *stamp)
}

fn take(left: &mut Vec<(Stamp, Said)>, target: Stamp, undo: Stamp) {
    let Some(index) = left.iter().position(|(stamp, _)| *stamp == target) else { return };
    let (_, what) = left.remove(index);
    match what.movement() {
        Some(Movement::Admission) => {
            left.retain(|(stamp, _)| *stamp < target || *stamp > undo);
            while let Some(before) = left.iter().rposition(|(stamp, _)| *stamp < target) {
                if left[before].1 != what {
                    break;
                }
                left.remove(before);
            }
        }
        Some(Movement::Discharge) => {
            let admissions: Vec<_> = left.iter().filter(|(_, s)| s.is_admission()).map(|(stamp, _)| *stamp).collect();
            let between = |a: Stamp, b: Stamp| admissions.iter().any(|s| a.min(b) < *s && *s < a.max(b));
            left.retain(|(stamp, said)| {
                *said != Said::Out || between(*stamp, target) || (*stamp > target && *stamp > undo)
            });
        }
        _ => {}
    }
}

/// Where the patient is at a time, or is expected.
fn whereabouts(standing: &[(Stamp, Said)], at: Timestamp, presence: Presence) -> Option<UnitId> {
    let mut unit = None;
    let mut closed = false;
    for (_, said) in standing.iter().filter(|((time, _), _)| *time <= at) {
        match said {
            Said::Out => (unit, closed) = (None, true),
            Said::In(movement, to, how) => {
                closed &= *movement != Movement::Admission;
                if closed {
                    continue;
                }
                if *how == presence {
                    unit = Some(to.clone());
                } else if *how == Presence::Present {
                    unit = None;
                }
            }
            Said::Undo(..) => unreachable!("undos do not stand"),
        }
    }
    unit
}

fn stays(standing: &[(Stamp, Said)]) -> Vec<Stay> {
    let times: BTreeSet<Timestamp> = standing.iter().map(|((at, _), _)| *at).collect();
    let mut stays = Vec::new();
    for presence in [Presence::Present, Presence::Expected] {
        let mut open: Option<(UnitId, Timestamp)> = None;
        for time in &times {
            let unit = whereabouts(standing, *time, presence);
            if open.as_ref().map(|(unit, _)| unit) == unit.as_ref() {
                continue;
            }
            if let Some((unit, from)) = open.take() {
                stays.push(Stay { unit, presence, from, until: Some(*time) });
            }
            open = unit.map(|unit| (unit, *time));
        }
        stays.extend(open.map(|(unit, from)| Stay { unit, presence, from, until: None }));
    }
    stays.sort_by_key(|stay| (stay.from, stay.presence == Presence::Expected));
    stays
}

fn encounter_facts(
    told: &[&Leaf],
    encounter: EncounterPseudonym,
    log: &[Leaf],
    asker: &PrincipalId,
) -> Option<EncounterFacts> {
    let standing = standing(told, encounter);
    let opened_at = standing.first()?.0.0;
    let admitted = standing.iter().rposition(|(_, said)| said.is_admission()).map_or(0, |index| index + 1);
    let closed_at = standing[admitted..].iter().find(|(_, said)| *said == Said::Out).map(|((at, _), _)| *at);
    let mut class: Vec<(Stamp, Class)> = Vec::new();
    let mut attending: Vec<(Stamp, Vec<PrincipalId>)> = Vec::new();
    let mut participants: Vec<(Stamp, Vec<PrincipalId>)> = Vec::new();
    for leaf in told {
        let stamp = (leaf.occurred_at(), leaf.seq.0);
        match &leaf.draft.event {
            Event::EncounterOpened(body) if body.encounter == encounter => {
                class.push((stamp, body.class));
                attending.extend(Some((stamp, body.attending.clone())).filter(|(_, people)| !people.is_empty()));
                participants.extend(Some((stamp, body.participants.clone())).filter(|(_, people)| !people.is_empty()));
            }
            Event::EncounterUpdated(body) if body.encounter == encounter => {
                class.extend(body.class.map(|class| (stamp, class)));
                attending.extend(body.attending.clone().map(|people| (stamp, people)));
                participants.extend(body.participants.clone().map(|people| (stamp, people)));
            }
            _ => {}
        }
    }
    let people = |mut values: Vec<(Stamp, Vec<PrincipalId>)>| {
        values.sort();
        let codes = values.pop().map(|(_, codes)| codes).unwrap_or_default();
        unique(&codes.iter().filter_map(|code| known_as(log, asker, code)).collect::<Vec<_>>())
    };
    Some(EncounterFacts {
        encounter,
        class: class.into_iter().max_by_key(|(stamp, _)| *stamp).map_or(Class::Other, |(_, class)| class),
        opened_at,
        closed_at,
        stays: stays(&standing),
        attending: people(attending),
        participants: people(participants),
    })
}
