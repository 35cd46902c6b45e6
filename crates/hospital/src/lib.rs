//! A synthetic hospital from a seed: people, patients, devices and a rota, and an endless clinical day with the truth beside it.
//!
//! The same seed, size and start give the same hospital and the same day, byte for byte. Every name is invented. Nothing here reads a
//! clock: [`Hospital::new`] and [`Day`] are told what time it is. A [`Region`] is many hospitals, as still as they are large.
//!
//! ```
//! use hospital::{Day, Hospital, Size};
//! let start = "2026-11-22T07:30:00Z".parse()?;
//! let hospital = std::sync::Arc::new(Hospital::new(7, Size::SMALL, start, "Europe/London")?);
//! let mut day = Day::new(hospital, start);
//! for step in day.census().into_iter().chain(day.by_ref().take(20)) {
//!     assert!(step.message.starts_with("MSH|"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod day;
mod devices;
mod happenings;
mod hl7;
mod names;
mod patients;
mod random;
mod region;
mod rota;
mod staff;
mod truth;
mod units;

pub use day::{Day, Step, StepKind};
pub use patients::{Patient, RECORD_AUTHORITY};
pub use random::Random;
pub use region::{Region, RegionSize, Site, Visit};
pub use staff::Member;
pub use truth::{Stay, Truth};
pub use units::{Purpose, UNITS, Unit};

use events::principal::Registered;
use events::rota::ShiftAssigned;
use events::{Timestamp, UnitId, device};
use jiff::tz::TimeZone;

/// How large the hospital is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How many people each unit has of each role that works there around the clock.
    pub people_per_role: usize,
    /// How many people the hospital has records of.
    pub patients: usize,
    /// How many of them are in the house on an ordinary day.
    pub inpatients: usize,
    /// How many shared workstations each unit has.
    pub workstations_per_unit: usize,
    /// How many days of rota there are on each side of the start.
    pub rota_days: i16,
}

impl Size {
    /// Enough to look at: some 90 staff, 40 patients in the house.
    pub const SMALL: Self =
        Self { people_per_role: 3, patients: 400, inpatients: 40, workstations_per_unit: 3, rota_days: 7 };
    /// A general hospital: some 600 staff, 600 patients in the house.
    pub const GENERAL: Self =
        Self { people_per_role: 18, patients: 60_000, inpatients: 600, workstations_per_unit: 24, rota_days: 14 };
}

/// Why there is no such hospital.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HospitalError {
    /// The time zone's name means nothing.
    #[error("`{name}` is not a time zone")]
    Zone {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: jiff::Error,
    },
}

/// The hospital as it stands before anybody comes.
#[derive(Clone, Debug)]
pub struct Hospital {
    seed: u64,
    size: Size,
    zone: TimeZone,
    staff: Vec<Member>,
    others: Vec<Registered>,
    devices: Vec<device::Registered>,
    postures: Vec<device::PostureReported>,
    shifts: Vec<ShiftAssigned>,
    patients: Vec<Patient>,
}

impl Hospital {
    /// Makes it up. `now` is the middle of the rota and the time at which devices were last checked.
    ///
    /// # Errors
    /// When the time zone is not known.
    pub fn new(seed: u64, size: Size, now: Timestamp, zone: &str) -> Result<Self, HospitalError> {
        let zone = TimeZone::get(zone).map_err(|source| HospitalError::Zone { name: zone.to_owned(), source })?;
        let random = Random::new(seed);
        let staff = staff::staff(&mut random.branch("staff"), size.people_per_role);
        let others = staff::others();
        let devices = devices::devices(size.workstations_per_unit);
        let postures = devices::postures(&mut random.branch("postures"), &devices, now);
        let shifts = rota::shifts(&staff, size.rota_days, now, &zone);
        let patients = patients::patients(&mut random.branch("patients"), size.patients.max(size.inpatients * 2), now);
        Ok(Self { seed, size, zone, staff, others, devices, postures, shifts, patients })
    }

    /// How large it is.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Its staff.
    #[must_use]
    pub fn staff(&self) -> &[Member] {
        &self.staff
    }

    /// Everyone and everything that may act: staff, a supplier's engineer, workloads, an agent, pumps.
    pub fn principals(&self) -> impl Iterator<Item = Registered> + '_ {
        self.staff.iter().map(Member::registered).chain(self.others.iter().cloned())
    }

    /// Its devices.
    #[must_use]
    pub fn devices(&self) -> &[device::Registered] {
        &self.devices
    }

    /// What was last found out about them.
    #[must_use]
    pub fn postures(&self) -> &[device::PostureReported] {
        &self.postures
    }

    /// Its rota.
    #[must_use]
    pub fn shifts(&self) -> &[ShiftAssigned] {
        &self.shifts
    }

    /// The rota as a CSV file with a heading.
    #[must_use]
    pub fn rota_csv(&self) -> String {
        rota::csv(&self.shifts)
    }

    /// Everybody it has a record of.
    #[must_use]
    pub fn patients(&self) -> &[Patient] {
        &self.patients
    }

    /// Who is on shift (not on call) in a unit at a time, in a role.
    #[must_use]
    pub fn on_shift(&self, unit: &UnitId, role: &str, at: Timestamp) -> Vec<&Member> {
        let works = |member: &&Member| {
            let here = |shift: &&ShiftAssigned| shift.person == member.id && shift.unit == *unit && !shift.on_call;
            self.shifts.iter().filter(here).any(|shift| shift.from <= at && at < shift.until)
        };
        self.staff.iter().filter(|member| member.role == role && member.unit == *unit).filter(works).collect()
    }

    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }
}
