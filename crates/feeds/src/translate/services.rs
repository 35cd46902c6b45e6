//! Orders and appointments: what an order, a result or a schedule message stands for.

use super::{Circumstances, Directory, Rejection, TranslateError, Work};
use crate::hl7::{ORDERS_MAX, Order, OrderState, Stated};
use events::{PatientPseudonym, Timestamp, UnitId, appointment, order};

/// What an SIU trigger does to an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schedules {
    Books,
    Changes,
    Withdraws(appointment::Why),
}

impl<'a, D: Directory> Work<'a, D> {
    /// ORM, OMG, OMI, OML, ORU, OUL: one event for each order.
    pub(super) fn ordered(&mut self) -> Result<(), TranslateError<D::Error>> {
        if self.message.orders.is_empty() {
            return Ok(());
        }
        if self.message.orders.len() > ORDERS_MAX {
            return Err(Rejection::TooManyOrders.into());
        }
        let said = self.said()?;
        let patient = self.patient(&said.record, None)?;
        for order in &self.message.orders {
            self.one_order(patient, order)?;
        }
        Ok(())
    }

    fn one_order(&mut self, patient: PatientPseudonym, said: &Order) -> Result<(), TranslateError<D::Error>> {
        if said.number.is_empty() {
            return Err(Rejection::NoOrderNumber.into());
        }
        if !super::is_readable(&said.number) {
            return Err(Rejection::UnreadableOrder.into());
        }
        let order = self.directory.order(&said.number, said.by_placer).map_err(TranslateError::Directory)?;
        let unit = said.places.iter().find_map(|code| self.directory.known_unit(code));
        let occurred_at = said.at.and_then(|at| self.believed(at)).or_else(|| self.occurred_at());
        let (ordered_by, performers) = (super::said(&said.ordered_by), super::said(&said.performers));
        let place = unit.clone();
        match said.state {
            OrderState::Placed => {
                let (ordered_by, performers) = (ordered_by.unwrap_or_default(), performers.unwrap_or_default());
                self.push(order::Placed { order, patient, ordered_by, performers, unit }, occurred_at, place);
            }
            OrderState::Changed => {
                self.push(order::Changed { order, patient, ordered_by, performers, unit }, occurred_at, place);
            }
            OrderState::Completed => {
                self.push(order::Completed { order, patient, ordered_by, performers, unit }, occurred_at, place);
            }
            OrderState::Cancelled => self.push(order::Cancelled { order, patient }, occurred_at, None),
        }
        Ok(())
    }

    /// SIU: S12 books, S13 and S14 change, S15 to S17 and S26 withdraw. Other triggers are heard only.
    pub(super) fn scheduled(&mut self) -> Result<(), TranslateError<D::Error>> {
        let Some(what) = schedules(&self.message.trigger) else { return Ok(()) };
        let said = self.message.appointment.as_ref().filter(|said| !said.number.is_empty());
        let said = said.ok_or(Rejection::NoAppointmentNumber)?;
        if !super::is_readable(&said.number) {
            return Err(Rejection::UnreadableAppointment.into());
        }
        // Some senders change an appointment's status and nothing else.
        let what = match (what, said.status.as_str()) {
            (Schedules::Changes, "CANCELLED" | "CANCELED") => Schedules::Withdraws(appointment::Why::Cancelled),
            (Schedules::Changes, "NOSHOW") => Schedules::Withdraws(appointment::Why::NoShow),
            (Schedules::Changes, "DELETED") => Schedules::Withdraws(appointment::Why::Deleted),
            (what, _) => what,
        };
        let whose = self.said()?;
        let patient = self.patient(&whose.record, None)?;
        let appointment = self.directory.appointment(&said.number).map_err(TranslateError::Directory)?;
        let occurred_at = self.occurred_at();
        if let Schedules::Withdraws(why) = what {
            self.push(appointment::Withdrawn { appointment, patient, why }, occurred_at, None);
            return Ok(());
        }
        let unit: Option<UnitId> = match &said.location {
            Some(location) => Some(self.place(location)?.unit),
            None => None,
        };
        let window = said.window.map(|window| self.bounded(window)).transpose()?;
        let place = unit.clone();
        match (what, window) {
            (Schedules::Books, None) => return Err(Rejection::NoAppointmentTime.into()),
            (Schedules::Books, Some(appointment::Window { from, until })) => {
                let people = super::said(&said.people).unwrap_or_default();
                self.push(appointment::Booked { appointment, patient, from, until, unit, people }, occurred_at, place);
            }
            (_, window) => {
                let people = match &said.people {
                    Stated::Absent => None,
                    said => super::said(said),
                };
                self.push(appointment::Changed { appointment, patient, window, unit, people }, occurred_at, place);
            }
        }
        Ok(())
    }

    /// An appointment years away, or long past, is a slip of a sender's, and would hold until then.
    fn bounded(&self, window: appointment::Window) -> Result<appointment::Window, Rejection> {
        let Circumstances { now, .. } = *self.circumstances;
        let furthest: Timestamp = now + super::AHEAD_MAX;
        if window.from > furthest || window.until < now - super::LAG_MAX {
            return Err(Rejection::FarAppointment);
        }
        Ok(window)
    }
}

fn schedules(trigger: &str) -> Option<Schedules> {
    use appointment::Why;
    Some(match trigger {
        "S12" => Schedules::Books,
        "S13" | "S14" => Schedules::Changes,
        "S15" => Schedules::Withdraws(Why::Cancelled),
        "S16" => Schedules::Withdraws(Why::Discontinued),
        "S17" => Schedules::Withdraws(Why::Deleted),
        "S26" => Schedules::Withdraws(Why::NoShow),
        _ => return None,
    })
}
