//! The treatment team of one patient record. The last entry about a person holds.

use crate::canon::{Canon, Reading, Unfit};
use crate::names::{NameBook, PersonNumber};
use events::Timestamp;

/// The most people on the team of one patient record. When one more joins, the one whose time ends first leaves; of those without an
/// end, the one who joined first.
pub const TEAM_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) person: PersonNumber,
    pub(crate) until: Option<Timestamp>,
}

/// Who treats the patient, in order of joining.
#[derive(Clone, Debug, Default)]
pub(crate) struct Team(Vec<Member>);

impl Team {
    /// Adds somebody, or replaces their time. Whether anything changed.
    pub(crate) fn join(&mut self, person: PersonNumber, until: Option<Timestamp>) -> bool {
        if let Some(member) = self.0.iter_mut().find(|member| member.person == person) {
            return std::mem::replace(&mut member.until, until) != until;
        }
        if self.0.len() >= TEAM_MAX {
            let ends = |member: &Member| member.until.unwrap_or(Timestamp::MAX);
            // `min_by_key` takes the first of equals.
            let first = self.0.iter().enumerate().min_by_key(|(_, member)| ends(member)).map(|(index, _)| index);
            if let Some(first) = first {
                self.0.remove(first);
            }
        }
        self.0.push(Member { person, until });
        true
    }

    /// Takes somebody away. Whether they were there.
    pub(crate) fn leave(&mut self, person: PersonNumber) -> bool {
        let before = self.0.len();
        self.0.retain(|member| member.person != person);
        self.0.len() < before
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.0
    }

    pub(crate) fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let member = |reading: &mut Reading<'_>| {
            Ok(Member { person: names.people.read(reading)?, until: reading.maybe(Reading::time)? })
        };
        reading.list(member).map(|mut members| {
            members.shrink_to_fit();
            Self(members)
        })
    }

    pub(crate) fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        canon.count(self.0.len());
        for member in &self.0 {
            names.people.write(member.person, canon);
            canon.maybe(member.until, Canon::time);
        }
    }
}
