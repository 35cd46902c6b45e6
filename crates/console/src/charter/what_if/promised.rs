//! Orders, appointments and emergencies that are imagined.

use super::facts::at;
use super::{Sent, odd};
use crate::trouble::Trouble;
use events::{AppointmentPseudonym, OrderPseudonym, PrincipalId, Timestamp};
use std::time::Duration;
use world::{AppointmentFacts, Facts, OrderFacts, PatientFacts};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

impl Sent {
    /// Imagined in the place of every order there is, so that the answer is about this one.
    pub(super) fn order(&self, known: &mut PatientFacts, who: &PrincipalId, now: Timestamp) -> Result<(), Trouble> {
        let (how, what) = self.order.split_once(':').unwrap_or((&self.order, ""));
        let nobody: Vec<PrincipalId> = Vec::new();
        let own = vec![who.clone()];
        let (ordered_by, performers, unit, done) = match how {
            "" => return Ok(()),
            "none" => {
                known.orders.clear();
                return Ok(());
            }
            "ordered" => (own, nobody, None, None),
            "performing" => (nobody, own, None, None),
            "performed" => (nobody, own, None, Some(now - MINUTE * minutes(what, &self.order)?)),
            "unit" => (nobody.clone(), nobody, Some(at(what)?), None),
            _ => return Err(odd(&self.order, "an order")),
        };
        known.orders = vec![OrderFacts {
            order: OrderPseudonym::from_bytes([0; 16]),
            placed_at: done.unwrap_or(now) - HOUR,
            ended_at: done,
            cancelled: false,
            ordered_by,
            performers,
            unit,
        }];
        Ok(())
    }

    /// Imagined in the place of every appointment there is.
    pub(super) fn appointment(
        &self,
        known: &mut PatientFacts,
        who: &PrincipalId,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let (how, what) = self.appointment.split_once(':').unwrap_or((&self.appointment, ""));
        let own = vec![who.clone()];
        let (from, unit, people) = match how {
            "" => return Ok(()),
            "none" => {
                known.appointments.clear();
                return Ok(());
            }
            "now" => (now, None, own),
            "ahead" => (now + MINUTE * minutes(what, &self.appointment)?, None, own),
            "over" => (now - MINUTE * minutes(what, &self.appointment)? - HOUR, None, own),
            "unit" => (now, Some(at(what)?), Vec::new()),
            _ => return Err(odd(&self.appointment, "an appointment")),
        };
        known.appointments = vec![AppointmentFacts {
            appointment: AppointmentPseudonym::from_bytes([0; 16]),
            from,
            until: from + HOUR,
            withdrawn_at: None,
            unit,
            people,
        }];
        Ok(())
    }

    /// Whether an emergency is declared, and where: of nowhere else.
    pub(super) fn emergency(&self, facts: &mut Facts, now: Timestamp) -> Result<(), Trouble> {
        match self.emergency.split_once(':').unwrap_or((&self.emergency, "")) {
            ("", _) => {}
            ("none", _) => facts.emergencies.clear(),
            ("in", unit) => facts.emergencies = vec![(at(unit)?, now + HOUR)],
            _ => return Err(odd(&self.emergency, "an emergency")),
        }
        Ok(())
    }
}

/// So many minutes.
fn minutes(sent: &str, whole: &str) -> Result<u32, Trouble> {
    let longest = 60 * 24 * 365;
    sent.parse().ok().filter(|minutes| *minutes <= longest).ok_or_else(|| odd(whole, "a time"))
}
