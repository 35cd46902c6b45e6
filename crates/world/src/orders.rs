//! Orders of each patient record: since when each is open, when it ended, who ordered it and who performs it.
//!
//! What follows from the messages about an order does not depend on the order they come in: it is open from the first of them, and ended by
//! the first end that no later word of it being open contradicts. Of who ordered and who performs the last that was said holds.

use crate::canon::{Canon, Reading, Unfit};
use crate::encounters::Stamp;
use crate::names::{NameBook, PersonNumber, UnitNumber};
use crate::patients::RecordNumber;
use crate::told::Told;
use events::{OrderPseudonym, Timestamp};
use smallvec::SmallVec;
use std::collections::HashMap;

/// The most orders kept of one patient record. When one more comes, the one that ended first is forgotten; if none has, the one that was
/// placed first.
pub const ORDERS_MAX: usize = 64;

/// The most ends kept of one order: it may be completed, opened again and completed again.
const ENDS_MAX: usize = 4;

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Completed,
    Cancelled,
}

/// What a message says of an order's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Ended(End),
}

/// Who ordered and who performs, as far as a message says.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderDetails {
    pub(crate) ordered_by: Option<Box<[PersonNumber]>>,
    pub(crate) performers: Option<Box<[PersonNumber]>>,
    pub(crate) unit: Option<UnitNumber>,
}

/// One order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: OrderPseudonym,
    /// When anything was first said of it.
    first: Timestamp,
    /// When it was last said to be open.
    open: Option<Timestamp>,
    /// When it was said to have ended, in order of time.
    ends: SmallVec<[(Timestamp, End); 1]>,
    ordered_by: Told<Box<[PersonNumber]>>,
    performers: Told<Box<[PersonNumber]>>,
    unit: Told<UnitNumber>,
}

impl Order {
    const fn new(id: OrderPseudonym, first: Timestamp) -> Self {
        Self {
            id,
            first,
            open: None,
            ends: SmallVec::new_const(),
            ordered_by: Told::new(),
            performers: Told::new(),
            unit: Told::new(),
        }
    }

    pub(crate) const fn placed_at(&self) -> Timestamp {
        self.first
    }

    /// When and how it ended: by the first end since it was last said to be open.
    pub(crate) fn ended(&self) -> Option<(Timestamp, End)> {
        self.ends.iter().copied().find(|(at, _)| self.open.is_none_or(|open| open <= *at))
    }

    pub(crate) fn ordered_by(&self) -> &[PersonNumber] {
        self.ordered_by.get().map_or(&[], |people| people)
    }

    pub(crate) fn performers(&self) -> &[PersonNumber] {
        self.performers.get().map_or(&[], |people| people)
    }

    pub(crate) const fn unit(&self) -> Option<UnitNumber> {
        self.unit.get().copied()
    }

    fn state(&mut self, at: Timestamp, state: State) {
        self.first = self.first.min(at);
        match state {
            State::Open => self.open = self.open.max(Some(at)),
            State::Ended(end) => self.end(at, end),
        }
    }

    fn end(&mut self, at: Timestamp, end: End) {
        if let Err(place) = self.ends.binary_search(&(at, end)) {
            self.ends.insert(place, (at, end));
            if self.ends.len() > ENDS_MAX {
                // The earliest that is contradicted says nothing any more; if none is, the last does not count while the first stands.
                let contradicted = self.ends.iter().position(|(at, _)| self.open.is_some_and(|open| open > *at));
                self.ends.remove(contradicted.unwrap_or(ENDS_MAX));
            }
        }
    }

    fn describe(&mut self, stamp: Stamp, details: OrderDetails) {
        self.ordered_by.tell_maybe(stamp, details.ordered_by);
        self.performers.tell_maybe(stamp, details.performers);
        self.unit.tell_maybe(stamp, details.unit);
    }

    /// The same order as told under two records.
    pub(crate) fn join(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.open = self.open.max(other.open);
        for (at, end) in &other.ends {
            self.end(*at, *end);
        }
        self.ordered_by.join(&other.ordered_by);
        self.performers.join(&other.performers);
        self.unit.join(&other.unit);
    }

    /// How dispensable it is, the most dispensable first.
    fn dispensable(&self) -> (bool, Timestamp, OrderPseudonym) {
        let ended = self.ended();
        (ended.is_none(), ended.map_or(self.first, |(at, _)| at), self.id)
    }

    fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let id = OrderPseudonym::from_bytes(reading.array()?);
        let first = reading.time()?;
        let open = reading.maybe(Reading::time)?;
        let ends = reading.list(|reading| {
            let at = reading.time()?;
            Ok((at, if reading.flag()? { End::Cancelled } else { End::Completed }))
        })?;
        Ok(Self {
            id,
            first,
            open,
            ends: ends.into_iter().collect(),
            ordered_by: Told::read(reading, |reading| names.people.read_all(reading))?,
            performers: Told::read(reading, |reading| names.people.read_all(reading))?,
            unit: Told::read(reading, |reading| names.units.read(reading))?,
        })
    }

    fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        canon.bytes(&self.id.to_bytes());
        canon.time(self.first);
        canon.maybe(self.open, Canon::time);
        canon.count(self.ends.len());
        for (at, end) in &self.ends {
            canon.time(*at);
            canon.flag(*end == End::Cancelled);
        }
        self.ordered_by.write(canon, |canon, people| names.people.write_all(people, canon));
        self.performers.write(canon, |canon, people| names.people.write_all(people, canon));
        self.unit.write(canon, |canon, unit| names.units.write(*unit, canon));
    }
}

/// The orders of every record that has any. Most have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    of: HashMap<RecordNumber, Vec<Order>>,
}

impl Orders {
    pub(crate) fn of(&self, record: RecordNumber) -> &[Order] {
        self.of.get(&record).map_or(&[], |orders| orders)
    }

    /// Keeps what a message says of an order.
    pub(crate) fn tell(
        &mut self,
        record: RecordNumber,
        id: OrderPseudonym,
        stamp: Stamp,
        state: State,
        details: OrderDetails,
    ) {
        let orders = self.of.entry(record).or_default();
        let index = match orders.iter().position(|known| known.id == id) {
            Some(index) => index,
            None => {
                orders.push(Order::new(id, stamp.at));
                orders.len() - 1
            }
        };
        if let Some(order) = orders.get_mut(index) {
            order.state(stamp.at, state);
            order.describe(stamp, details);
        }
        if orders.len() > ORDERS_MAX {
            let indexed = orders.iter().enumerate();
            let spare = indexed.min_by_key(|(_, order)| order.dispensable()).map(|(index, _)| index);
            if let Some(spare) = spare {
                orders.swap_remove(spare);
            }
        }
    }

    /// Forgets what is known under a record.
    pub(crate) fn forget(&mut self, record: RecordNumber) {
        self.of.remove(&record);
    }

    /// Reads what [`Self::write`] wrote of a record.
    pub(crate) fn read(
        &mut self,
        record: RecordNumber,
        names: &mut NameBook,
        reading: &mut Reading<'_>,
    ) -> Result<(), Unfit> {
        let orders = reading.list(|reading| Order::read(names, reading))?;
        if !orders.is_empty() {
            self.of.insert(record, orders);
        }
        Ok(())
    }

    pub(crate) fn write(&self, record: RecordNumber, names: &NameBook, canon: &mut Canon<'_>) {
        let mut orders: Vec<_> = self.of(record).iter().collect();
        orders.sort_unstable_by_key(|order| order.id);
        canon.count(orders.len());
        for order in orders {
            order.write(names, canon);
        }
    }
}
