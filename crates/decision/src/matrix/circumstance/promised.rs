//! Circumstances in which an order, an appointment or being on call is what connects the asker with the patient.
//!
//! What is over is over by exactly the charter's grace, by the shorter one where two charters are compared: so a longer grace shows.

use super::super::setting::{Appointment, Order, Setting, Work};
use super::{About, List};
use std::time::Duration;

/// More than what a grace still covers.
const MOMENT: Duration = Duration::from_secs(1);

impl List<'_> {
    fn ordered(&self, order: Order) -> Setting {
        Setting { order: Some(order), ..self.elsewhere() }
    }

    pub(super) fn performing(&self) -> Setting {
        self.ordered(Order::Open)
    }

    fn booked(&self, appointment: Appointment) -> Setting {
        Setting { appointment: Some(appointment), ..self.elsewhere() }
    }

    pub(super) fn orders(&mut self) {
        let grace = self.basis.graces.order;
        let all = [
            ("ordered", "waiting for what they ordered for the patient", Order::Placed),
            ("performing", "asked to do what was ordered for the patient", Order::Open),
            ("performed", "done just now with what was ordered for the patient", Order::Done(Duration::ZERO)),
            (
                "performed-long-ago",
                "done with what was ordered for the patient, so long ago that the grace for orders has just run out",
                Order::Done(grace),
            ),
        ];
        for (key, says, order) in all {
            self.add(About::Patient, key, format!("{says}, on shift elsewhere"), self.ordered(order));
        }
    }

    pub(super) fn appointments(&mut self) {
        let graces = self.basis.graces;
        let all = [
            (
                "appointment-ahead",
                "to see the patient by an appointment that is just too far ahead to prepare for",
                Appointment::Ahead(graces.before + MOMENT),
            ),
            ("appointment", "to see the patient by appointment now", Appointment::Now),
            (
                "appointment-over",
                "done with an appointment with the patient, so long ago that the grace after appointments has just run out",
                Appointment::Over(graces.after),
            ),
        ];
        for (key, says, appointment) in all {
            self.add(About::Patient, key, format!("{says}, on shift elsewhere"), self.booked(appointment));
        }
        for unit in self.basis.scheduled {
            let setting = Setting { work: Work::In(unit.clone()), ..self.booked(Appointment::Now) };
            let says = format!("on shift in {unit}, to see a patient of another unit by appointment now");
            self.add(About::Patient, format!("appointment-{unit}"), says, setting);
        }
    }

    pub(super) fn on_call(&mut self) {
        for unit in self.basis.on_call {
            let setting = Setting { work: Work::OnCallFor(unit.clone()), ..self.in_unit() };
            let says = format!("on call for {unit}, asking about a patient of another unit");
            self.add(About::Patient, format!("on-call-{unit}"), says, setting);
        }
    }
}
