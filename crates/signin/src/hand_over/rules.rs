//! Who may take over from whom, and what passes on. Pure: facts and the time go in.

use events::{PatientPseudonym, PrincipalId, Timestamp, UnitId};
use std::collections::BTreeSet;
use std::time::Duration;
use world::{Facts, Membership};

/// Somebody whose shift begins within this may take over already.
pub const BEGINS_WITHIN: Duration = Duration::from_secs(3_600);

/// Why nothing passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// Nobody hands over to themselves.
    Yourself,
    /// The badge is nobody's, or of somebody who is not on shift here: one answer for all.
    NotHere,
    /// Whoever touched is not who was chosen.
    OthersKey,
    /// A session that rests on a colleague's word, or on none, hands nothing over.
    NotYours,
    /// None was chosen, or none is theirs any more.
    NoPatients,
}

impl No {
    /// What happened and what helps.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Yourself => "You cannot hand over to yourself. Choose the colleague who takes over.",
            Self::NotHere => {
                "This badge cannot take over here. It has to be that of a colleague whose shift in your unit or this one is on, or begins within the hour."
            }
            Self::OthersKey => {
                "This is not the key of the colleague you chose. They touch theirs, or you go back and choose again."
            }
            Self::NotYours => "To hand over, sign in with your own key first.",
            Self::NoPatients => "Choose at least one patient. If nobody passes on, just sign out.",
        }
    }

    /// A fixed word for the record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Yourself => "hand_over_yourself",
            Self::NotHere => "hand_over_not_here",
            Self::OthersKey => "others_authenticator",
            Self::NotYours => "hand_over_not_yours",
            Self::NoPatients => "hand_over_no_patients",
        }
    }
}

/// Until when somebody works in a unit, where their shift there is on or begins within [`BEGINS_WITHIN`].
#[must_use]
pub fn takes_over_until(incoming: &Facts, unit: &UnitId, now: Timestamp) -> Option<Timestamp> {
    incoming.principal.as_ref().filter(|known| known.active)?;
    let soon = now + BEGINS_WITHIN;
    let shifts = incoming.shifts.iter();
    shifts.filter(|shift| shift.unit == *unit && shift.from <= soon && now < shift.until).map(|shift| shift.until).max()
}

/// A change of one place in a treatment team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The record it is told for.
    pub record: PatientPseudonym,
    /// Who, by which code.
    pub code: PrincipalId,
    /// Until when, if an end is known.
    pub until: Option<Timestamp>,
}

/// What becomes of the teams of these patients: the incoming colleague joins for as long as the outgoing one would have been there, and at
/// least for their own shift; every place of the outgoing one, under whichever record and code it was told, ends with the grace.
#[must_use]
pub fn places(
    patients: &BTreeSet<PatientPseudonym>,
    held: &[Membership],
    to: &PrincipalId,
    shift_until: Timestamp,
    ends_at: Timestamp,
) -> Vec<Place> {
    let mut made = Vec::new();
    for patient in patients {
        let own: Vec<&Membership> = held.iter().filter(|one| one.patient == *patient).collect();
        if own.is_empty() {
            continue;
        }
        let last = own.iter().map(|one| one.until.unwrap_or(Timestamp::MAX)).max();
        let until = last.filter(|last| *last < Timestamp::MAX).map(|last| last.max(shift_until));
        made.push(Place { record: *patient, code: to.clone(), until });
        made.extend(own.iter().map(|one| Place {
            record: one.record,
            code: one.code.clone(),
            until: Some(one.until.unwrap_or(ends_at).min(ends_at)),
        }));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn pat(number: u8) -> PatientPseudonym {
        PatientPseudonym::from_bytes([number; 16])
    }

    fn held(patient: u8, record: u8, code: &str, until: Option<Timestamp>) -> Membership {
        Membership { patient: pat(patient), record: pat(record), code: id(code), until }
    }

    #[test]
    fn every_place_of_who_goes_ends_and_who_comes_stays_at_least_their_shift() {
        let (shift, ends) = (NOW + MINUTE * 480, NOW + MINUTE * 15);
        let held = [
            held(1, 1, "n-amara", None),
            held(1, 7, "badge-1", Some(NOW + MINUTE * 5)),
            held(2, 2, "n-amara", Some(NOW + MINUTE * 30)),
            held(3, 3, "n-amara", None),
        ];
        let made = places(&[pat(1), pat(2), pat(9)].into(), &held, &id("n-bea"), shift, ends);
        let place = |record: u8, code: &str, until| Place { record: pat(record), code: id(code), until };
        let expected = [
            place(1, "n-bea", None),
            place(1, "n-amara", Some(ends)),
            place(7, "badge-1", Some(NOW + MINUTE * 5)),
            place(2, "n-bea", Some(shift)),
            place(2, "n-amara", Some(ends)),
        ];
        assert_eq!(made, expected, "nobody passes on that was not theirs or not chosen");
    }
}
