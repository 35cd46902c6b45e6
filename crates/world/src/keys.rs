//! What facts rest on, as names a live permit can be found by.

use crate::canon::{Canon, Reading, Unfit};
use events::{DeviceId, PatientPseudonym, PrincipalId, SessionId, UnitId};
use smallvec::SmallVec;

/// The most keys the facts of one question rest on. Where more units are involved, [`Key::AnyUnit`] stands for all of them.
pub const KEYS_MAX: usize = 16;

/// One thing whose facts can change. A key may name what does not exist: absence is a fact too.
///
/// Facts about a patient rest on the record asked about and on the record the patient goes by. Whatever happens to any of a patient's
/// records touches the one they go by; merging and unmerging touch every record concerned.
///
/// Attending and team codes are matched against the *asker's* own id and aliases, so they rest on the asker's [`Key::Principal`] and the
/// patient's key and on no other principal. A code that two principals claim is either of them, to whoever of them asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Who somebody is: class, roles, labels, aliases, and whether they may still act.
    Principal(PrincipalId),
    /// When and where they work.
    Rota(PrincipalId),
    /// A patient's encounters, labels, team and merges.
    Patient(PatientPseudonym),
    /// A device's description and posture.
    Device(DeviceId),
    /// Whether a unit is in an emergency.
    Unit(UnitId),
    /// Whether any unit is, for facts that involve more units than [`KEYS_MAX`] leaves room for.
    AnyUnit,
    /// How somebody signed in, where, and whether their screen is locked.
    Session(SessionId),
}

impl Key {
    /// Writes it down.
    pub fn write(&self, canon: &mut Canon<'_>) {
        match self {
            Self::Principal(id) => canon.kind_and_text(0, id.as_str()),
            Self::Rota(id) => canon.kind_and_text(1, id.as_str()),
            Self::Patient(id) => {
                canon.number(2);
                canon.bytes(&id.to_bytes());
            }
            Self::Device(id) => canon.kind_and_text(3, id.as_str()),
            Self::Unit(id) => canon.kind_and_text(4, id.as_str()),
            Self::AnyUnit => canon.number(5),
            Self::Session(id) => canon.kind_and_text(6, id.as_str()),
        }
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// When it is no key.
    pub fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(match reading.number()? {
            0 => Self::Principal(reading.parsed()?),
            1 => Self::Rota(reading.parsed()?),
            2 => Self::Patient(PatientPseudonym::from_bytes(reading.array()?)),
            3 => Self::Device(reading.parsed()?),
            4 => Self::Unit(reading.parsed()?),
            5 => Self::AnyUnit,
            6 => Self::Session(reading.parsed()?),
            _ => return Err(Unfit::Form("key")),
        })
    }
}

/// What folding one leaf touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Every key whose facts may differ now. No key twice.
    pub keys: SmallVec<[Key; 4]>,
    /// Whether other rules are in force, so that everything must be decided again.
    pub charter: bool,
    /// Which sort of feed was heard. It changes no facts but [`crate::Facts::feeds`]; what rests on its silence must be decided again.
    pub heard: Option<Heard>,
}

/// A sort of feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Heard {
    /// Who is where.
    Adt,
    /// Who works when.
    Rota,
}

impl Touched {
    /// Whether no facts changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.charter
    }

    pub(crate) fn add(&mut self, key: Key) {
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }
}

/// After which entry something last changed; nothing before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed(u64);

impl Changed {
    pub(crate) const fn by(seq: u64) -> Self {
        Self(seq.saturating_add(1))
    }

    /// Whether an entry from `since` on did it.
    pub(crate) const fn since(self, since: u64) -> bool {
        self.0 > since
    }

    pub(crate) fn write(self, canon: &mut Canon<'_>) {
        canon.number(self.0);
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        reading.number().map(Self)
    }
}
