//! The units of the starter charter's hospital, and who works in each.

use events::UnitId;

/// What happens in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// People arrive unannounced.
    Emergency,
    /// People stay overnight.
    Ward,
    /// People are brought for an operation and taken back.
    Theatre,
    /// People come for an hour.
    Clinic,
    /// Nobody stays: others send work there.
    Support,
}

/// A unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    /// Its id in the charter.
    pub id: &'static str,
    /// What the admission system calls it in PV1-3.
    pub code: &'static str,
    /// What happens there.
    pub purpose: Purpose,
    /// How many rooms of four beds.
    pub rooms: usize,
    /// Roles that are there around the clock.
    pub roles: &'static [&'static str],
    /// The roles, among those, that attend patients.
    pub attending: &'static str,
}

impl Unit {
    /// Its id.
    ///
    /// # Panics
    /// Never: every id in [`UNITS`] is well formed, and a test says so.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constants, checked by a test")]
    pub fn unit_id(&self) -> UnitId {
        UnitId::new(self.id).expect("a constant")
    }
}

const WARD: &[&str] = &["nurse", "doctor", "healthcare_assistant"];

/// Every unit.
pub const UNITS: [Unit; 11] = [
    unit("ED", "EMERG", Purpose::Emergency, 6, &["nurse", "doctor", "ward_clerk"], "doctor"),
    unit("ICU", "ITU", Purpose::Ward, 3, &["nurse", "doctor"], "doctor"),
    unit("WARD-3A", "3A", Purpose::Ward, 8, WARD, "doctor"),
    unit("WARD-3B", "3B", Purpose::Ward, 8, WARD, "doctor"),
    unit("THEATRE", "OT", Purpose::Theatre, 2, &["surgeon", "anaesthetist", "theatre_nurse"], "surgeon"),
    unit("RADIOLOGY", "RAD", Purpose::Support, 0, &["radiologist", "radiographer"], ""),
    unit("LAB", "PATH", Purpose::Support, 0, &["laboratory_scientist"], ""),
    unit("PHARMACY", "PHARM", Purpose::Support, 0, &["pharmacist", "pharmacy_technician"], ""),
    unit("PAEDS", "PED", Purpose::Ward, 4, &["nurse", "doctor"], "doctor"),
    unit("PSYCH", "MH", Purpose::Ward, 4, &["nurse", "doctor"], "doctor"),
    unit("CLINIC", "OPD", Purpose::Clinic, 4, &["nurse", "doctor", "therapist"], "doctor"),
];

const fn unit(
    id: &'static str,
    code: &'static str,
    purpose: Purpose,
    rooms: usize,
    roles: &'static [&'static str],
    attending: &'static str,
) -> Unit {
    Unit { id, code, purpose, rooms, roles, attending }
}

/// Where people come unannounced.
pub(crate) const EMERGENCY: &Unit = &UNITS[0];
/// Where children stay.
pub(crate) const CHILDREN: &Unit = &UNITS[8];

/// The units of one purpose.
pub(crate) fn of(purpose: Purpose) -> Vec<&'static Unit> {
    UNITS.iter().filter(|unit| unit.purpose == purpose).collect()
}

/// The unit of an id.
pub(crate) fn find(id: &UnitId) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.id == id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_an_id_and_an_attending_role_that_works_there() {
        assert_eq!((EMERGENCY.id, CHILDREN.id), ("ED", "PAEDS"));
        for unit in &UNITS {
            assert_eq!(unit.unit_id().as_str(), unit.id);
            assert!(unit.attending.is_empty() || unit.roles.contains(&unit.attending), "{}", unit.id);
            assert!((unit.rooms > 0) == (unit.purpose != Purpose::Support), "{}", unit.id);
        }
    }
}
