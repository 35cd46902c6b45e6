//! What connects an asker with a patient, as spans of time; and the next instant at which time alone could change any circumstance.

use crate::circumstances::{Circumstances, Session, minutes, on_shift};
use crate::clockwork::{Counter, Field, Uses};
use charter::hospital::{Grace, Staleness};
use events::encounter::Presence;
use events::{PrincipalId, Timestamp, UnitId};
use std::time::Duration;
use world::{AppointmentFacts, EncounterFacts, Facts, OrderFacts, PatientFacts, ShiftFacts, Stay};

/// Spans during which one thing connects an asker with a patient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    claims: Vec<Claim>,
    /// When the patient was, is and will be in the house.
    presence: Vec<Span>,
    /// For how long after the last claim `left_minutes` counts.
    late_charting: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    field: Field,
    span: Span,
}

/// From when, inclusive, until when, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl Span {
    fn holds(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// When it next begins or ends.
    fn next(self, now: Timestamp) -> Option<Timestamp> {
        [self.from, self.until].into_iter().find(|edge| *edge > now && self.from < self.until)
    }

    fn overlap(self, other: Self) -> Option<Self> {
        let span = Self { from: self.from.max(other.from), until: self.until.min(other.until) };
        (span.from < span.until).then_some(span)
    }
}

/// The claims after which notes may still be finished. Whoever was only to prepare, to perform an order or to see the patient at an hour has
/// nothing left to write once that is over.
const CHARTING: [Field; 4] = [Field::CareTeam, Field::CareAttending, Field::CareParticipant, Field::CareUnit];

impl Claims {
    /// Everything that connects them, past and future included.
    #[must_use]
    pub fn of(asker: &PrincipalId, shifts: &[ShiftFacts], patient: &PatientFacts, grace: &Grace) -> Self {
        let remembered = Duration::from_secs(world::PAST_HOURS * 3_600);
        let mut found = Self { late_charting: grace.late_charting_s.duration().min(remembered), ..Self::default() };
        for member in patient.team.iter().filter(|member| member.person == *asker) {
            found.add(Field::CareTeam, Timestamp::MIN, member.until.unwrap_or(Timestamp::MAX));
        }
        for encounter in &patient.encounters {
            let end = encounter.closed_at.map_or(Timestamp::MAX, |closed| closed + grace.discharge_s.duration());
            if encounter.attending.contains(asker) {
                found.add(Field::CareAttending, encounter.opened_at, end);
            }
            if encounter.participants.contains(asker) {
                found.add(Field::CareParticipant, encounter.opened_at, end);
            }
            for stay in &encounter.stays {
                found.stay(encounter, stay, shifts, grace);
            }
        }
        for order in &patient.orders {
            found.order(asker, order, shifts, grace);
        }
        for appointment in &patient.appointments {
            found.appointment(asker, appointment, shifts, grace);
        }
        found
    }

    /// An order connects with whoever ordered it and whoever performs it, by name or by working in the unit that does, until it is done and
    /// the grace is over; one of which nothing more is heard, for as long as the charter says.
    fn order(&mut self, asker: &PrincipalId, order: &OrderFacts, shifts: &[ShiftFacts], grace: &Grace) {
        let longest = order.placed_at + grace.open_order_days.duration();
        let until = match order.ended_at {
            Some(ended) if order.cancelled => ended,
            Some(ended) => ended + grace.order_s.duration(),
            None => longest,
        };
        let held = Span { from: order.placed_at, until: until.min(longest) };
        if order.ordered_by.contains(asker) {
            self.add(Field::CareOrdered, held.from, held.until);
        }
        if order.performers.contains(asker) {
            self.add(Field::CarePerforming, held.from, held.until);
        }
        self.worked(Field::CarePerforming, held, order.unit.as_ref(), shifts);
    }

    /// An appointment connects with whoever is named in it and whoever works where it is, from a while before until a while after.
    fn appointment(
        &mut self,
        asker: &PrincipalId,
        appointment: &AppointmentFacts,
        shifts: &[ShiftFacts],
        grace: &Grace,
    ) {
        let until = appointment.until + grace.appointment_after_s.duration();
        let held = Span {
            from: appointment.from - grace.appointment_before_s.duration(),
            until: appointment.withdrawn_at.map_or(until, |withdrawn| withdrawn.min(until)),
        };
        if appointment.people.contains(asker) {
            self.add(Field::CareScheduled, held.from, held.until);
        }
        self.worked(Field::CareScheduled, held, appointment.unit.as_ref(), shifts);
    }

    /// A claim of whoever works in the unit at the time.
    fn worked(&mut self, field: Field, held: Span, unit: Option<&UnitId>, shifts: &[ShiftFacts]) {
        for shift in shifts.iter().filter(|shift| Some(&shift.unit) == unit) {
            if let Some(span) = held.overlap(Span { from: shift.from, until: shift.until }) {
                self.add(field, span.from, span.until);
            }
        }
    }

    fn add(&mut self, field: Field, from: Timestamp, until: Timestamp) {
        if from < until {
            self.claims.push(Claim { field, span: Span { from, until } });
        }
    }

    /// A stay connects with whoever works in its unit at the time.
    fn stay(&mut self, encounter: &EncounterFacts, stay: &Stay, shifts: &[ShiftFacts], grace: &Grace) {
        let until = stay.until.unwrap_or(Timestamp::MAX);
        let present = stay.presence == Presence::Present;
        if present {
            self.presence.push(Span { from: stay.from, until });
        }
        let kept = if !present || stay.until.is_none() {
            until
        } else if stay.until == encounter.closed_at {
            until + grace.discharge_s.duration()
        } else {
            until + grace.transfer_s.duration()
        };
        let held = Span { from: stay.from, until: kept };
        let field = if present { Field::CareUnit } else { Field::CareExpecting };
        self.worked(field, held, Some(&stay.unit), shifts);
    }

    /// Whether a claim of this sort holds.
    #[must_use]
    pub fn hold(&self, field: Field, now: Timestamp) -> bool {
        self.claims.iter().any(|claim| claim.field == field && claim.span.holds(now))
    }

    /// Whether any claim holds or held.
    #[must_use]
    pub fn begun(&self, now: Timestamp) -> bool {
        self.claims.iter().any(|claim| claim.span.from <= now)
    }

    /// Whether the patient is in the house.
    #[must_use]
    pub fn present(&self, now: Timestamp) -> bool {
        self.presence.iter().any(|span| span.holds(now))
    }

    /// When the last claim that gives a right to chart ended; absent while one holds, or when none ever did.
    fn left_at(&self, now: Timestamp) -> Option<Timestamp> {
        let charting = || self.claims.iter().filter(|claim| CHARTING.contains(&claim.field));
        if charting().any(|claim| claim.span.holds(now)) {
            return None;
        }
        charting().map(|claim| claim.span.until).filter(|until| *until <= now).max()
    }

    /// Minutes since then, within the time for late charting.
    #[must_use]
    pub fn left_minutes(&self, now: Timestamp) -> Option<i64> {
        let since = now.since(self.left_at(now)?);
        (since < self.late_charting).then(|| minutes(since))
    }
}

/// The next instant at which time alone could change any circumstance that is looked at; absent when none could.
///
/// Until then, with the same facts, every such circumstance stays as it is.
#[must_use]
pub fn holds_until(
    circumstances: &Circumstances,
    claims: &Claims,
    facts: &Facts,
    staleness: &Staleness,
    uses: &Uses,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut next = Next { now, at: None };
    next.shifts(facts, uses);
    if circumstances.care.is_some() {
        next.care(claims, uses, circumstances.related());
    }
    // Of a session that a caller asserts nobody knows the seconds; of one that Handrail knows they count.
    let proved_at = |session: &Session| match (&facts.session, session.presence) {
        (Some(known), Some(_)) => known.proved_at,
        _ => now - Duration::from_secs(u64::try_from(session.age_minutes).unwrap_or(0).saturating_mul(60)),
    };
    if let Some(session) = &circumstances.session
        && let Some(count) = uses.next_count(Counter::SessionAge, session.age_minutes)
    {
        next.offer(later(proved_at(session), count));
    }
    if let (Some(assurance), Some(session)) = (&circumstances.assurance, &circumstances.session)
        && uses.looks_at(Field::AssuranceEnough)
    {
        let over = assurance.oldest(session.level).map(|oldest| oldest.saturating_add(1));
        next.offer(over.and_then(|minutes| later(proved_at(session), minutes)));
    }
    if let Some(device) = &facts.device
        && uses.looks_at(Field::DevicePosture)
    {
        next.offer(device.posture.map(|(_, good_until)| good_until));
    }
    let feeds = [
        (facts.feeds.adt, staleness.adt_s.duration(), Field::FeedsAdtStale, Counter::AdtQuiet),
        (facts.feeds.rota, staleness.rota_s.duration(), Field::FeedsRotaStale, Counter::RotaQuiet),
    ];
    for (heard, stale_after, field, counter) in feeds {
        let Some(heard) = heard else { continue };
        if uses.looks_at(field) {
            next.offer(Some(heard + stale_after));
        }
        next.offer(uses.next_count(counter, minutes(now.since(heard))).and_then(|count| later(heard, count)));
    }
    next.at
}

/// So many minutes later; absent when that is beyond all time.
fn later(from: Timestamp, minutes: i64) -> Option<Timestamp> {
    let seconds = u64::try_from(minutes.checked_mul(60)?).ok()?;
    Some(from + Duration::from_secs(seconds)).filter(|at| *at < Timestamp::MAX)
}

struct Next {
    now: Timestamp,
    at: Option<Timestamp>,
}

impl Next {
    fn offer(&mut self, at: Option<Timestamp>) {
        if let Some(at) = at.filter(|at| *at > self.now && *at < Timestamp::MAX) {
            self.at = Some(self.at.map_or(at, |known| known.min(at)));
        }
    }

    fn shifts(&mut self, facts: &Facts, uses: &Uses) {
        // Only the asker's own units and the device's: when an emergency elsewhere ends would say where the patient is.
        let home = facts.principal.as_ref().and_then(|principal| principal.home_unit.as_ref());
        let device = facts.device.as_ref().and_then(|device| device.unit.as_ref());
        let own = |unit: &UnitId| {
            home == Some(unit) || device == Some(unit) || facts.shifts.iter().any(|shift| shift.unit == *unit)
        };
        let ends: Vec<Timestamp> = facts.emergencies.iter().filter(|(u, _)| own(u)).map(|(_, until)| *until).collect();
        let emergency = uses.looks_at(Field::Emergency) && !ends.is_empty();
        let present = uses.looks_at(Field::ShiftOn) || uses.looks_at(Field::ShiftUnits);
        let on_call = uses.looks_at(Field::ShiftOnCallUnits);
        for shift in &facts.shifts {
            if emergency || if shift.on_call { on_call } else { present } {
                self.offer(Some(if on_shift(shift, self.now) { shift.until } else { shift.from }));
            }
        }
        if emergency {
            ends.into_iter().for_each(|until| self.offer(Some(until)));
        }
    }

    fn care(&mut self, claims: &Claims, uses: &Uses, related: bool) {
        let any = uses.looks_at(Field::CareKnown) || uses.looks_at(Field::CarePresent);
        let left = uses.looks_at(Field::CareLeftMinutes);
        for claim in &claims.claims {
            if any || left || uses.looks_at(claim.field) {
                self.offer(claim.span.next(self.now));
            }
        }
        // Without a connection nothing shows where the patient is, and so neither does the time it changes.
        if related && uses.looks_at(Field::CarePresent) {
            claims.presence.iter().for_each(|span| self.offer(span.next(self.now)));
        }
        if left && let Some(left_at) = claims.left_at(self.now) {
            self.offer(Some(left_at + claims.late_charting));
            let count = uses.next_count(Counter::Left, minutes(self.now.since(left_at)));
            self.offer(count.and_then(|count| later(left_at, count)));
        }
    }
}
