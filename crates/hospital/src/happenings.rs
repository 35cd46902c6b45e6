//! How each kind of step comes about: choose somebody it can happen to, change the truth, tell it.

use crate::day::{Day, Step, StepKind};
use crate::hl7;
use crate::patients::{self, Patient};
use crate::staff::Member;
use crate::truth::Stay;
use crate::units::{self, CHILDREN, EMERGENCY, Purpose, UNITS, Unit};
use events::encounter::Presence;
use events::{PrincipalId, Timestamp, UnitId};

/// The most places a stay remembers.
const PLACES_MAX: usize = 16;
/// How often chance is asked for somebody who is not in the house.
const DRAWS_MAX: usize = 32;

impl Day {
    /// Somebody comes to a ward, with a chance of `ward_percent`, or else to the emergency department.
    pub(crate) fn admit(&mut self, ward_percent: usize) -> Option<Step> {
        let ward = self.random.happens(ward_percent);
        let (purpose, class) = if ward { (Purpose::Ward, 'I') } else { (Purpose::Emergency, 'E') };
        self.open(StepKind::Admission, class, Presence::Present, purpose)
    }

    /// Somebody comes, or will come, to a unit of a purpose.
    pub(crate) fn open(&mut self, kind: StepKind, class: char, presence: Presence, purpose: Purpose) -> Option<Step> {
        let patient = self.somebody_outside()?;
        let unit = match purpose {
            Purpose::Ward if patient.child => CHILDREN,
            _ => self.random.pick(&units::of(purpose)).copied()?,
        };
        let mut stay = self.new_stay(&patient, class, presence, unit);
        stay.fresh = kind == StepKind::Admission;
        self.people.insert(patient.record.clone(), patient);
        Some(self.tell(kind, stay, None, None))
    }

    pub(crate) fn unknown_arrival(&mut self) -> Step {
        let patient = patients::unknown(&mut self.random, self.sequence + 1, self.start_s & 0xff_ffff);
        let mut stay = self.new_stay(&patient, 'E', Presence::Present, EMERGENCY);
        stay.unknown = true;
        self.people.insert(patient.record.clone(), patient);
        self.tell(StepKind::UnknownArrival, stay, None, None)
    }

    pub(crate) fn arrive(&mut self) -> Option<Step> {
        let mut stay = self.pick_stay(|stay| stay.presence == Presence::Expected)?;
        stay.presence = Presence::Present;
        if let Some((_, since)) = stay.places.last_mut() {
            *since = self.now;
        }
        Some(self.tell(StepKind::Arrival, stay, None, None))
    }

    pub(crate) fn transfer(&mut self) -> Option<Step> {
        let mut stay = self.pick_stay(|stay| stay.presence == Presence::Present && stay.class != 'O')?;
        let from = stay.unit()?.clone();
        let child = self.people.get(&stay.record).is_some_and(|patient| patient.child);
        let fits = |unit: &&Unit| {
            let reachable = match unit.purpose {
                Purpose::Ward => child == (unit.id == CHILDREN.id) || unit.id == "ICU",
                Purpose::Theatre => from.as_str() != EMERGENCY.id,
                _ => false,
            };
            reachable && unit.id != from.as_str()
        };
        let choices: Vec<&'static Unit> = UNITS.iter().filter(fits).collect();
        let unit = self.random.pick(&choices).copied()?;
        stay.places.push((unit.unit_id(), self.now));
        if stay.places.len() > PLACES_MAX {
            stay.places.remove(0);
        }
        stay.bed = self.bed(unit);
        stay.class = 'I';
        stay.fresh = false;
        // Whoever attends a patient in theatre is a guest there; elsewhere the ward's own doctor takes over.
        if unit.purpose == Purpose::Ward {
            stay.attending = self.attending(unit).or(stay.attending);
        }
        Some(self.tell(StepKind::Transfer, stay, Some(from), None))
    }

    pub(crate) fn discharge(&mut self) -> Option<Step> {
        // A result is only ever awaited by somebody with a name.
        let mut stay = self.pick_stay(|stay| stay.presence == Presence::Present && !stay.unknown)?;
        stay.left_at = Some(self.now);
        stay.fresh = false;
        Some(self.tell(StepKind::Discharge, stay, None, None))
    }

    pub(crate) fn cancel_admission(&mut self) -> Option<Step> {
        let stay = self.pick_stay(|stay| stay.fresh)?;
        let admitted_at = stay.places.last()?.1;
        Some(self.tell(StepKind::AdmissionCancelled, stay, None, Some(admitted_at)))
    }

    pub(crate) fn cancel_transfer(&mut self) -> Option<Step> {
        let mut stay = self.pick_stay(|stay| stay.places.len() > 1)?;
        let (from, moved_at) = stay.places.pop()?;
        let unit = units::find(stay.unit()?)?;
        stay.bed = self.bed(unit);
        Some(self.tell(StepKind::TransferCancelled, stay, Some(from), Some(moved_at)))
    }

    pub(crate) fn cancel_discharge(&mut self) -> Option<Step> {
        let back = |stay: &Stay| !self.truth.open.contains_key(&stay.record);
        let at = self.truth.ended.iter().rposition(back)?;
        let mut stay = self.truth.ended.remove(at)?;
        let left_at = stay.left_at.take()?;
        Some(self.tell(StepKind::DischargeCancelled, stay, None, Some(left_at)))
    }

    pub(crate) fn update(&mut self) -> Option<Step> {
        let mut stay = self.pick_stay(|stay| stay.presence == Presence::Present)?;
        let unit = units::find(stay.unit()?)?;
        stay.attending = self.attending(unit).or(stay.attending);
        Some(self.tell(StepKind::Update, stay, None, None))
    }

    /// Somebody without a name turns out to be somebody with a record: the stay goes on under it.
    pub(crate) fn merge(&mut self) -> Option<Step> {
        let mut stay = self.pick_stay(|stay| stay.unknown)?;
        let survivor = self.somebody_outside()?;
        let retired = self.people.remove(&stay.record)?;
        self.truth.open.remove(&retired.record);
        self.truth.merge(retired.record.clone(), survivor.record.clone());
        stay.record.clone_from(&survivor.record);
        (stay.unknown, stay.fresh) = (false, false);
        self.people.insert(survivor.record.clone(), survivor.clone());
        self.truth.open.insert(stay.record.clone(), stay);
        Some(self.write(StepKind::Merge, "ADT", "A40", &survivor, None, &[hl7::mrg(&retired)]))
    }

    pub(crate) fn result(&mut self) -> Option<Step> {
        let stay = self.pick_stay(|stay| stay.presence == Presence::Present)?;
        let patient = self.people.get(&stay.record)?.clone();
        let mut lines = vec![self.pv1(&stay, None, &patient)];
        let at = hl7::written(self.now, self.hospital.zone());
        let value = self.random.below(30);
        lines.extend(hl7::result(self.sequence + 1, value, &at));
        Some(self.write(StepKind::Result, "ORU", "R01", &patient, None, &lines))
    }

    /// Puts the stay where it now belongs and tells what happened to it.
    fn tell(&mut self, kind: StepKind, stay: Stay, prior: Option<UnitId>, happened_at: Option<Timestamp>) -> Step {
        let trigger = match kind {
            StepKind::Admission | StepKind::Arrival | StepKind::UnknownArrival => "A01",
            StepKind::Visit => "A04",
            StepKind::Announcement => "A05",
            StepKind::Transfer => "A02",
            StepKind::Discharge => "A03",
            StepKind::AdmissionCancelled => "A11",
            StepKind::TransferCancelled => "A12",
            StepKind::DischargeCancelled => "A13",
            StepKind::Update => "A08",
            StepKind::Merge => "A40",
            StepKind::Result => "R01",
        };
        let patient = self.people.get(&stay.record).cloned().unwrap_or_default();
        let lines = [self.pv1(&stay, prior.as_ref(), &patient)];
        match kind {
            StepKind::Discharge => {
                self.truth.open.remove(&stay.record);
                self.truth.end(stay);
            }
            StepKind::AdmissionCancelled => {
                self.truth.open.remove(&stay.record);
            }
            _ => {
                self.truth.open.insert(stay.record.clone(), stay);
            }
        }
        self.write(kind, "ADT", trigger, &patient, happened_at, &lines)
    }

    fn write(
        &mut self,
        kind: StepKind,
        message: &'static str,
        trigger: &'static str,
        patient: &Patient,
        happened_at: Option<Timestamp>,
        lines: &[String],
    ) -> Step {
        self.sequence += 1;
        let control_id = format!("H{:X}-{}", self.start_s & 0xffff_ffff, self.sequence);
        let about = hl7::About {
            kind: message,
            trigger,
            control_id: &control_id,
            at: self.now,
            happened_at,
            zone: self.hospital.zone(),
        };
        let message = hl7::message(&about, patient, lines);
        Step { at: self.now, kind, record: patient.record.clone(), control_id, message }
    }

    fn pv1(&self, stay: &Stay, prior: Option<&UnitId>, patient: &Patient) -> String {
        let attending = stay.attending.as_ref();
        let member = attending.and_then(|code| self.hospital.staff().iter().find(|member| member.code == *code));
        let opened = stay.places.first().map(|(_, at)| hl7::written(*at, self.hospital.zone())).unwrap_or_default();
        hl7::pv1(stay, member, prior, patient.vip, &opened)
    }

    fn new_stay(&mut self, patient: &Patient, class: char, presence: Presence, unit: &'static Unit) -> Stay {
        Stay {
            visit: format!("V{:X}-{}", self.start_s & 0xffff_ffff, self.sequence + 1),
            record: patient.record.clone(),
            class,
            presence,
            places: vec![(unit.unit_id(), self.now)],
            bed: self.bed(unit),
            attending: self.attending(unit),
            unknown: false,
            fresh: false,
            left_at: None,
        }
    }

    fn bed(&mut self, unit: &Unit) -> (usize, usize) {
        (1 + self.random.below(unit.rooms), 1 + self.random.below(4))
    }

    fn attending(&mut self, unit: &Unit) -> Option<PrincipalId> {
        let here = |member: &&Member| member.unit.as_str() == unit.id && member.role == unit.attending;
        let doctors: Vec<&Member> = self.hospital.staff().iter().filter(here).collect();
        let at = self.random.below(doctors.len());
        doctors.get(at).map(|member| member.code.clone())
    }

    /// Somebody with a record who is neither here nor expected.
    fn somebody_outside(&mut self) -> Option<Patient> {
        let hospital = self.hospital.clone();
        let outside = |patient: &&Patient| !self.truth.open.contains_key(&patient.record);
        let mut drawn = None;
        for _ in 0..DRAWS_MAX {
            drawn = self.random.pick(hospital.patients()).filter(outside);
            if drawn.is_some() {
                break;
            }
        }
        drawn.or_else(|| hospital.patients().iter().find(outside)).cloned()
    }

    fn pick_stay(&mut self, fits: impl Fn(&Stay) -> bool) -> Option<Stay> {
        let count = self.truth.open.values().filter(|stay| fits(stay)).count();
        let at = self.random.below(count);
        self.truth.open.values().filter(|stay| fits(stay)).nth(at).cloned()
    }
}
