//! What is true now, and what of it is imagined otherwise.

use super::{Sent, named, odd};
use crate::trouble::Trouble;
use decision::circumstances::Live;
use events::device::{DeviceKind, Posture};
use events::encounter::{Class, Presence};
use events::principal::IdentityClass;
use events::{EncounterPseudonym, PatientPseudonym, PrincipalId, Timestamp, UnitId};
use std::time::Duration;
use world::{DeviceFacts, EncounterFacts, Facts, PatientFacts, PrincipalFacts, ShiftFacts, Stay, TeamFacts};

/// An imagined shift or stay began so long ago.
const BEGAN: Duration = Duration::from_secs(3600);
/// An imagined shift or finding of health is good for so long.
const GOOD: Duration = Duration::from_secs(6 * 3600);

impl Sent {
    /// Changes what is imagined otherwise; the rest stays as it is.
    pub(super) fn imagine(&self, facts: &mut Facts, patient: PatientPseudonym, now: Timestamp) -> Result<(), Trouble> {
        let who = self.person()?;
        self.role(facts)?;
        self.shift(facts, now)?;
        self.device(facts, now)?;
        self.feeds(facts, now)?;
        self.emergency(facts, now)?;
        let of_patient = [&self.place, &self.team, &self.label, &self.order, &self.appointment];
        if of_patient.iter().any(|imagined| !imagined.is_empty()) {
            let known = facts.patient.get_or_insert_with(|| unheard_of(patient));
            self.order(known, &who, now)?;
            self.appointment(known, &who, now)?;
            self.place(known, now)?;
            self.team(known, &who)?;
            match self.label.as_str() {
                "" => {}
                "none" => known.labels.clear(),
                label => known.labels = vec![named(label, "a label")?],
            }
        }
        Ok(())
    }

    /// What they hold for a while.
    pub(super) fn held(&self) -> Result<Live, Trouble> {
        let mut held = Live::default();
        match self.held.split_once(':').unwrap_or((&self.held, "")) {
            ("", _) => {}
            ("break_glass", _) => held.break_glass = true,
            ("vouched", _) => held.vouched = true,
            ("elevation", label) => {
                held.elevations.insert(named(label, "an entitlement")?);
            }
            _ => return Err(odd(&self.held, "something that is held for a while")),
        }
        Ok(held)
    }

    fn role(&self, facts: &mut Facts) -> Result<(), Trouble> {
        if self.role.is_empty() {
            return Ok(());
        }
        let roles = vec![named(&self.role, "a role")?];
        match &mut facts.principal {
            Some(known) => known.roles = roles,
            unknown => {
                *unknown = Some(PrincipalFacts {
                    class: IdentityClass::Staff,
                    roles,
                    name: None,
                    active: true,
                    home_unit: None,
                    labels: Vec::new(),
                    aliases: Vec::new(),
                });
            }
        }
        Ok(())
    }

    fn shift(&self, facts: &mut Facts, now: Timestamp) -> Result<(), Trouble> {
        let (how, unit) = self.shift.split_once(':').unwrap_or((&self.shift, ""));
        let on_call = match how {
            "" => return Ok(()),
            "none" => {
                facts.shifts.clear();
                return Ok(());
            }
            "on" => false,
            "call" => true,
            _ => return Err(odd(&self.shift, "a shift")),
        };
        let (from, until) = (now - BEGAN, now + GOOD);
        facts.shifts = vec![ShiftFacts { shift: named("imagined", "a shift")?, unit: at(unit)?, from, until, on_call }];
        Ok(())
    }

    fn device(&self, facts: &mut Facts, now: Timestamp) -> Result<(), Trouble> {
        let posture = match self.device.as_str() {
            "" => return Ok(()),
            "stranger" => {
                facts.device = None;
                return Ok(());
            }
            "unchecked" => None,
            found => Some(
                Posture::ALL.into_iter().find(|one| one.as_str() == found).ok_or_else(|| odd(found, "a finding"))?,
            ),
        };
        facts.device = Some(DeviceFacts {
            kind: DeviceKind::Workstation,
            // Where they work now, if anywhere.
            unit: facts
                .shifts
                .iter()
                .find(|shift| shift.from <= now && now < shift.until)
                .map(|shift| shift.unit.clone()),
            shared: true,
            managed: true,
            posture: posture.map(|posture| (posture, now + GOOD)),
        });
        Ok(())
    }

    fn feeds(&self, facts: &mut Facts, now: Timestamp) -> Result<(), Trouble> {
        let (feed, minutes) = self.feeds.split_once(':').unwrap_or((&self.feeds, "0"));
        let silent: u32 = minutes.parse().map_err(|_| odd(&self.feeds, "a silence"))?;
        let heard = now - Duration::from_secs(60) * silent;
        match feed {
            "" => return Ok(()),
            "heard" => {}
            "adt" => facts.feeds.adt = Some(heard),
            "rota" => facts.feeds.rota = Some(heard),
            _ => return Err(odd(&self.feeds, "a feed")),
        }
        // The other one was heard just now: a silence is looked at by itself.
        if feed != "adt" {
            facts.feeds.adt = Some(now);
        }
        if feed != "rota" {
            facts.feeds.rota = Some(now);
        }
        Ok(())
    }

    /// Where the patient is instead. Who attends them stays.
    fn place(&self, known: &mut PatientFacts, now: Timestamp) -> Result<(), Trouble> {
        let (how, unit) = self.place.split_once(':').unwrap_or((&self.place, ""));
        let presence = match how {
            "" => return Ok(()),
            "none" => {
                known.encounters.clear();
                return Ok(());
            }
            "in" => Presence::Present,
            "expected" => Presence::Expected,
            _ => return Err(odd(&self.place, "a place")),
        };
        let open: Vec<_> = known.encounters.drain(..).filter(|one| one.closed_at.is_none()).collect();
        known.encounters = vec![EncounterFacts {
            encounter: EncounterPseudonym::from_bytes([0; 16]),
            class: open.first().map_or(Class::Inpatient, |one| one.class),
            opened_at: now - BEGAN,
            closed_at: None,
            stays: vec![Stay { unit: at(unit)?, presence, from: now - BEGAN, until: None }],
            attending: open.iter().flat_map(|one| one.attending.clone()).collect(),
            participants: open.iter().flat_map(|one| one.participants.clone()).collect(),
        }];
        Ok(())
    }

    fn team(&self, known: &mut PatientFacts, who: &PrincipalId) -> Result<(), Trouble> {
        known.team.retain(|one| self.team.is_empty() || one.person != *who);
        match self.team.as_str() {
            "" => {}
            "on" => known.team.push(TeamFacts { person: who.clone(), until: None }),
            "off" => {
                for one in &mut known.encounters {
                    one.attending.retain(|person| person != who);
                    one.participants.retain(|person| person != who);
                }
            }
            other => return Err(odd(other, "a part in the treatment")),
        }
        Ok(())
    }
}

pub(super) fn at(unit: &str) -> Result<UnitId, Trouble> {
    named(unit, "a unit")
}

/// A patient of whom nothing is known but what is imagined.
fn unheard_of(patient: PatientPseudonym) -> PatientFacts {
    PatientFacts {
        canonical: patient,
        records: vec![patient],
        labels: Vec::new(),
        encounters: Vec::new(),
        team: Vec::new(),
        orders: Vec::new(),
        appointments: Vec::new(),
    }
}
