//! One encounter: a bounded set of statements about movements, and the course that follows from them.
//!
//! Statements are kept by the time they occurred at, those of one millisecond by their place in the log; the same statement twice is one.
//! The course is worked out from the whole set whenever it is asked for, so late, early and repeated messages need no care:
//!
//! - *An undo takes back one movement*: the one of its sort at the time it names; else, or if it names none, the last of its sort before
//!   it that still stands, an arrival rather than an announcement. It takes back with it what restates the same: the discharges in the
//!   same row; for an admission everything since, for the stay never was, and announcements of the same before it. Nothing undoes an undo;
//!   what was undone can only be stated anew, at another time.
//! - *A discharge ends the stay.* Only an admission after it opens the encounter again; a transfer after it says nothing of where the
//!   patient is.
//! - *An expectation ends* when the patient arrives anywhere, is expected elsewhere, or leaves.

use crate::canon::{Canon, Reading, Unfit};
use crate::course::Course;
use crate::names::{NameBook, PersonNumber, UnitNumber};
use events::encounter::{Class, Movement, Presence};
use events::{EncounterPseudonym, Timestamp};
use smallvec::{SmallVec, smallvec};

/// The most statements about movements kept of one encounter under one record. When one more comes, the earliest that is not an
/// admission is forgotten.
pub const STATEMENTS_MAX: usize = 64;

/// The most encounters kept of one patient record. When one more comes, one that was undone or of which no movement is known is
/// forgotten, else the one closed first, else the one in which nothing has happened for longest.
pub const ENCOUNTERS_MAX: usize = 32;

/// When something was said to occur, and where in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) at: Timestamp,
    pub(crate) seq: u64,
}

/// What was stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Admission { unit: UnitNumber, presence: Presence },
    Transfer { unit: UnitNumber, presence: Presence },
    Discharge,
    Undo { movement: Movement, happened_at: Moment },
}

/// A time, or that none was said: [`Timestamp::MIN`], to save eight bytes in each of millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    pub(crate) fn new(time: Option<Timestamp>) -> Self {
        Self(time.unwrap_or(Timestamp::MIN))
    }

    pub(crate) fn said(self) -> Option<Timestamp> {
        Some(self.0).filter(|time| *time != Timestamp::MIN)
    }
}

impl What {
    pub(crate) const fn sort(self) -> Option<Movement> {
        match self {
            Self::Admission { .. } => Some(Movement::Admission),
            Self::Transfer { .. } => Some(Movement::Transfer),
            Self::Discharge => Some(Movement::Discharge),
            Self::Undo { .. } => None,
        }
    }

    /// Whether an undo of this sort can take it back.
    pub(crate) fn is_undone_by(self, movement: Movement) -> bool {
        match movement {
            Movement::PendingTransfer => matches!(self, Self::Transfer { presence: Presence::Expected, .. }),
            movement => self.sort() == Some(movement),
        }
    }

    pub(crate) const fn announces(self) -> bool {
        matches!(
            self,
            Self::Admission { presence: Presence::Expected, .. } | Self::Transfer { presence: Presence::Expected, .. }
        )
    }

    pub(crate) const fn is_admission(self) -> bool {
        matches!(self, Self::Admission { .. })
    }
}

/// One statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) stamp: Stamp,
    pub(crate) what: What,
}

impl Statement {
    fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let stamp = Stamp::read(reading)?;
        let what = match reading.number()? {
            admission_or_transfer @ 0..=1 => {
                let unit = names.units.read(reading)?;
                let presence = if reading.flag()? { Presence::Present } else { Presence::Expected };
                match admission_or_transfer {
                    0 => What::Admission { unit, presence },
                    _ => What::Transfer { unit, presence },
                }
            }
            2 => What::Discharge,
            undo => {
                let place = usize::try_from(undo - 3).unwrap_or(usize::MAX);
                let movement = Movement::ALL.get(place).copied().ok_or(Unfit::Form("movement"))?;
                What::Undo { movement, happened_at: Moment(reading.time()?) }
            }
        };
        Ok(Self { stamp, what })
    }
}

/// Statements in order, none twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements(Vec<Statement>);

impl Statements {
    /// Adds a statement. Whether it was new.
    fn add(&mut self, statement: Statement) -> bool {
        let same = |other: &Statement| other.stamp.at == statement.stamp.at && other.what == statement.what;
        if self.0.iter().any(same) {
            return false;
        }
        let place = self.0.partition_point(|other| other.stamp < statement.stamp);
        if self.0.len() < 8 {
            // Most encounters stay this short, and there are millions.
            self.0.reserve_exact(1);
        }
        self.0.insert(place, statement);
        if self.0.len() > STATEMENTS_MAX {
            let earliest = self.0.iter().position(|other| !other.what.is_admission()).unwrap_or(0);
            self.0.remove(earliest);
        }
        true
    }

    /// What is before this time may have been forgotten.
    fn floor(&self) -> Timestamp {
        let full = self.0.len() >= STATEMENTS_MAX;
        let earliest = self.0.iter().find(|statement| full && !statement.what.is_admission());
        earliest.map_or(Timestamp::MIN, |statement| statement.stamp.at)
    }
}

/// Something that a later message replaces: the one that occurred last holds.
#[derive(Clone, Debug)]
struct Latest<T> {
    stamp: Stamp,
    value: T,
}

/// Sets a value unless a later one is known. Whether facts may differ now.
fn set<T: PartialEq>(slot: &mut Option<Latest<T>>, stamp: Stamp, value: T, alone: bool) -> bool {
    match slot {
        Some(known) if known.stamp >= stamp => false,
        Some(known) => {
            // Beside other records of the same patient, being said later makes a difference even when the same is said.
            let changed = !alone || known.value != value;
            *known = Latest { stamp, value };
            changed
        }
        None => {
            *slot = Some(Latest { stamp, value });
            true
        }
    }
}

/// One encounter as told under one patient record.
#[derive(Clone, Debug)]
pub(crate) struct Encounter {
    id: [u8; 16],
    statements: Statements,
    class: Option<Latest<Class>>,
    attending: Option<Latest<Box<[PersonNumber]>>>,
    participants: Option<Latest<Box<[PersonNumber]>>>,
}

/// What is said of an encounter beside its movements.
#[derive(Default)]
pub(crate) struct Details {
    pub(crate) class: Option<Class>,
    pub(crate) attending: Option<Box<[PersonNumber]>>,
    pub(crate) participants: Option<Box<[PersonNumber]>>,
}

impl Encounter {
    pub(crate) const fn new(id: EncounterPseudonym) -> Self {
        Self { id: id.to_bytes(), statements: Statements(Vec::new()), class: None, attending: None, participants: None }
    }

    pub(crate) const fn id(&self) -> EncounterPseudonym {
        EncounterPseudonym::from_bytes(self.id)
    }

    /// Adds a statement. Whether it was new.
    pub(crate) fn state(&mut self, statement: Statement) -> bool {
        self.statements.add(statement)
    }

    /// Keeps details. `alone` says that the record is a patient of its own. Whether facts may differ now.
    pub(crate) fn describe(&mut self, stamp: Stamp, details: Details, alone: bool) -> bool {
        let mut changed = false;
        if let Some(class) = details.class {
            changed |= set(&mut self.class, stamp, class, alone);
        }
        if let Some(attending) = details.attending {
            changed |= set(&mut self.attending, stamp, attending, alone);
        }
        if let Some(participants) = details.participants {
            changed |= set(&mut self.participants, stamp, participants, alone);
        }
        changed
    }

    /// How dispensable it is, the most dispensable first.
    pub(crate) fn dispensable(&self) -> (u8, Timestamp, [u8; 16]) {
        let course = Course::of(&self.statements.0, self.statements.floor());
        let last = self.statements.0.last().map_or(Timestamp::MIN, |statement| statement.stamp.at);
        match (course.opened_at, course.closed_at) {
            (None, _) => (0, last, self.id),
            (Some(_), Some(closed_at)) => (1, closed_at, self.id),
            (Some(_), None) => (2, last, self.id),
        }
    }

    pub(crate) fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let id = reading.array()?;
        let mut statements = reading.list(|reading| Statement::read(names, reading))?;
        statements.shrink_to_fit();
        let class = reading
            .maybe(|reading| Ok(Latest { stamp: Stamp::read(reading)?, value: reading.one_of(&Class::ALL)? }))?;
        let mut people = || {
            reading.maybe(|reading| Ok(Latest { stamp: Stamp::read(reading)?, value: names.people.read_all(reading)? }))
        };
        Ok(Self { id, statements: Statements(statements), class, attending: people()?, participants: people()? })
    }

    pub(crate) fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        canon.bytes(&self.id);
        canon.count(self.statements.0.len());
        for Statement { stamp, what } in &self.statements.0 {
            stamp.write(canon);
            match what {
                What::Admission { unit, presence } => write_place(0, *unit, *presence, names, canon),
                What::Transfer { unit, presence } => write_place(1, *unit, *presence, names, canon),
                What::Discharge => canon.number(2),
                What::Undo { movement, happened_at } => {
                    canon.number(3 + *movement as u64);
                    canon.time(happened_at.0);
                }
            }
        }
        canon.maybe(self.class.as_ref(), |canon, class| {
            class.stamp.write(canon);
            canon.number(class.value as u64);
        });
        for people in [&self.attending, &self.participants] {
            canon.maybe(people.as_ref(), |canon, people| {
                people.stamp.write(canon);
                names.people.write_all(&people.value, canon);
            });
        }
    }
}

impl Stamp {
    fn write(self, canon: &mut Canon<'_>) {
        canon.time(self.at);
        canon.number(self.seq);
    }

    fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(Self { at: reading.time()?, seq: reading.number()? })
    }
}

fn write_place(what: u64, unit: UnitNumber, presence: Presence, names: &NameBook, canon: &mut Canon<'_>) {
    canon.number(what);
    names.units.write(unit, canon);
    canon.flag(presence == Presence::Present);
}

/// One encounter as told under all records of a patient.
pub(crate) struct United<'a>(SmallVec<[&'a Encounter; 2]>);

impl<'a> United<'a> {
    /// Puts together what is of the same encounter.
    pub(crate) fn all(encounters: impl Iterator<Item = &'a Encounter>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for encounter in encounters {
            match all.iter_mut().find(|united| united.0.iter().any(|known| known.id == encounter.id)) {
                Some(united) => united.0.push(encounter),
                None => all.push(Self(smallvec![encounter])),
            }
        }
        all
    }

    pub(crate) fn id(&self) -> Option<EncounterPseudonym> {
        self.0.first().map(|encounter| encounter.id())
    }

    /// What follows from all statements.
    pub(crate) fn course(&self) -> Course {
        match self.0.as_slice() {
            [encounter] => Course::of(&encounter.statements.0, encounter.statements.floor()),
            several => {
                let mut statements: Vec<_> =
                    several.iter().flat_map(|encounter| encounter.statements.0.iter().copied()).collect();
                statements.sort_unstable_by_key(|statement| statement.stamp);
                let mut seen: Vec<Statement> = Vec::with_capacity(statements.len());
                for statement in statements {
                    if !seen.iter().any(|other| other.stamp.at == statement.stamp.at && other.what == statement.what) {
                        seen.push(statement);
                    }
                }
                let floor = several.iter().map(|encounter| encounter.statements.floor()).max();
                Course::of(&seen, floor.unwrap_or(Timestamp::MIN))
            }
        }
    }

    pub(crate) fn class(&self) -> Class {
        latest(self.0.iter().filter_map(|encounter| encounter.class.as_ref())).copied().unwrap_or(Class::Other)
    }

    pub(crate) fn attending(&self) -> &'a [PersonNumber] {
        latest(self.0.iter().filter_map(|encounter| encounter.attending.as_ref())).map_or(&[], |people| people)
    }

    pub(crate) fn participants(&self) -> &'a [PersonNumber] {
        latest(self.0.iter().filter_map(|encounter| encounter.participants.as_ref())).map_or(&[], |people| people)
    }
}

fn latest<'a, T>(values: impl Iterator<Item = &'a Latest<T>>) -> Option<&'a T> {
    values.max_by_key(|latest| latest.stamp).map(|latest| &latest.value)
}
