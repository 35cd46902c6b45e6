//! A region: several hospitals from one seed, each made when its turn comes and forgotten after, so that a million patients need no room.
//!
//! Whom and what a hospital names (people, units, record numbers) begins with the hospital's own name, so that nobody works, or lies, in
//! two of them.

use crate::rota;
use crate::staff::{self, Member};
use crate::units::{Purpose, UNITS, Unit};
use crate::{HospitalError, Random};
use events::encounter::Class;
use events::principal::Registered;
use events::rota::ShiftAssigned;
use events::{PrincipalId, Timestamp, UnitId};
use jiff::tz::TimeZone;
use smol_str::format_smolstr;
use std::time::Duration;

/// How far back the stays reach that have ended, in hours.
const PAST_HOURS: usize = 2 * 365 * 24;
/// How long a stay lasts at most, in hours.
const STAY_HOURS: usize = 6 * 24;
/// Of those who stay overnight, one in so many lies in the emergency department.
const EMERGENCY_ONE_IN: usize = 8;

/// How large a region is, over all its hospitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionSize {
    /// How many hospitals.
    pub hospitals: usize,
    /// How many people work there, spread evenly.
    pub staff: usize,
    /// How many patients there are records of, spread evenly. Each has had one stay.
    pub patients: usize,
    /// One in so many of them is in the house.
    pub in_house_one_in: usize,
}

impl RegionSize {
    /// Twenty hospitals, a hundred thousand staff, a million patients, twenty thousand of them in the house.
    pub const FULL: Self = Self { hospitals: 20, staff: 100_000, patients: 1_000_000, in_house_one_in: 50 };
}

/// A region. Holds nothing but what it is made from.
#[derive(Clone, Debug)]
pub struct Region {
    seed: u64,
    size: RegionSize,
    now: Timestamp,
    zone: TimeZone,
}

impl Region {
    /// Makes it up, as of `now`.
    ///
    /// # Errors
    /// When the time zone is not known.
    pub fn new(seed: u64, size: RegionSize, now: Timestamp, zone: &str) -> Result<Self, HospitalError> {
        let zone = TimeZone::get(zone).map_err(|source| HospitalError::Zone { name: zone.to_owned(), source })?;
        Ok(Self { seed, size, now, zone })
    }

    /// Its hospitals, one after another.
    pub fn sites(&self) -> impl Iterator<Item = Site> + '_ {
        (0..self.size.hospitals).map(|number| self.site(number))
    }

    /// One of its hospitals: the same whether or not others are made.
    #[must_use]
    pub fn site(&self, number: usize) -> Site {
        let name = format!("H{number:02}");
        let random = Random::new(self.seed).branch(&name);
        let share = |whole: usize| (whole * (number + 1)).div_euclid(self.size.hospitals.max(1));
        let of_this = |whole: usize| share(whole) - (whole * number).div_euclid(self.size.hospitals.max(1));
        let wanted = of_this(self.size.staff);
        let mut staff = staff::staff(&mut random.branch("staff"), staff::people_per_role(wanted));
        staff.truncate(wanted);
        for member in &mut staff {
            member.belong_to(&name);
        }
        let shifts = rota::shifts(&staff, 0, self.now, &self.zone);
        Site { name, random, staff, shifts, patients: of_this(self.size.patients), size: self.size, now: self.now }
    }
}

/// One hospital of a region: its people and shifts in memory, its patients made as they are asked for.
#[derive(Clone, Debug)]
pub struct Site {
    name: String,
    random: Random,
    staff: Vec<Member>,
    shifts: Vec<ShiftAssigned>,
    patients: usize,
    size: RegionSize,
    now: Timestamp,
}

/// The one stay a patient of a region has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The record number.
    pub record: String,
    /// The visit number.
    pub visit: String,
    /// Of which sort it is.
    pub class: Class,
    /// Where.
    pub unit: UnitId,
    /// Who attends, by their code.
    pub attending: Option<PrincipalId>,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it ended; nothing while the patient is in the house.
    pub closed_at: Option<Timestamp>,
}

impl Site {
    /// What it is called, such as `H07`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everybody who works there, as the people feed tells it.
    pub fn staff(&self) -> impl Iterator<Item = Registered> + '_ {
        self.staff.iter().map(Member::registered)
    }

    /// Their shifts yesterday and today.
    #[must_use]
    pub fn shifts(&self) -> &[ShiftAssigned] {
        &self.shifts
    }

    /// Who is on shift (not on call) at a time in a role, with where.
    pub fn on_shift(&self, role: &str, at: Timestamp) -> impl Iterator<Item = (&PrincipalId, &UnitId)> {
        let mut here: Vec<&Member> = self.staff.iter().filter(|member| member.role == role).collect();
        here.sort_unstable_by_key(|member| &member.id);
        let works = move |person: &PrincipalId| here.binary_search_by_key(&person, |member| &member.id).is_ok();
        let now = move |shift: &&ShiftAssigned| !shift.on_call && shift.from <= at && at < shift.until;
        self.shifts
            .iter()
            .filter(now)
            .filter(move |shift| works(&shift.person))
            .map(|shift| (&shift.person, &shift.unit))
    }

    /// Its patients' stays, the same ones in the same order each time.
    pub fn visits(&self) -> impl Iterator<Item = Visit> + '_ {
        let mut random = self.random.branch("visits");
        let wards: Vec<Place<'_>> = UNITS.iter().filter(|unit| stays(unit)).map(|unit| self.place(unit)).collect();
        (0..self.patients).filter_map(move |number| self.visit(number, &wards, &mut random))
    }

    fn visit(&self, number: usize, wards: &[Place<'_>], random: &mut Random) -> Option<Visit> {
        let emergency = random.below(EMERGENCY_ONE_IN) == 0;
        let purpose = if emergency { Purpose::Emergency } else { Purpose::Ward };
        let fitting: Vec<&Place<'_>> = wards.iter().filter(|place| place.purpose == purpose).collect();
        let place = random.pick(&fitting).copied()?;
        let attending = random.pick(&place.attending).map(|code| (*code).clone());
        let (long, ago) = (1 + random.below(STAY_HOURS), random.below(PAST_HOURS));
        let in_house = number.is_multiple_of(self.size.in_house_one_in.max(1));
        let closed_at = (!in_house).then(|| self.now - hours(24 + ago));
        Some(Visit {
            record: format!("{}-{}", self.name, 4_000_000 + number),
            visit: format!("{}-V{number}", self.name),
            class: if emergency { Class::Emergency } else { Class::Inpatient },
            unit: place.unit.clone(),
            attending,
            opened_at: closed_at.unwrap_or(self.now) - hours(long),
            closed_at,
        })
    }

    fn place(&self, unit: &Unit) -> Place<'_> {
        let id = within(&self.name, unit.unit_id());
        let attends = |member: &&Member| member.unit == id && member.role == unit.attending;
        let attending = self.staff.iter().filter(attends).map(|member| &member.code).collect();
        Place { purpose: unit.purpose, attending, unit: id }
    }
}

/// A unit of one hospital, and by which codes those who attend there go.
struct Place<'a> {
    unit: UnitId,
    purpose: Purpose,
    attending: Vec<&'a PrincipalId>,
}

fn stays(unit: &Unit) -> bool {
    matches!(unit.purpose, Purpose::Ward | Purpose::Emergency)
}

const fn hours(hours: usize) -> Duration {
    Duration::from_secs(hours as u64 * 3_600)
}

/// A unit's name within a hospital.
fn within(site: &str, unit: UnitId) -> UnitId {
    UnitId::new(&format_smolstr!("{site}-{unit}")).unwrap_or(unit)
}

impl Member {
    /// Gives them and their unit the name of their hospital.
    fn belong_to(&mut self, site: &str) {
        let named = |id: &PrincipalId| PrincipalId::new(&format_smolstr!("{site}-{id}"));
        if let (Ok(id), Ok(code)) = (named(&self.id), named(&self.code)) {
            (self.id, self.code) = (id, code);
        }
        self.unit = within(site, self.unit.clone());
    }
}
