//! Who goes by a code. A code that two who may act go by, as id or as alias, stands for neither: nobody gets what is another's.

use crate::keys::{Key, Touched};
use crate::names::PersonNumber;
use crate::world::World;
use events::{Event, PrincipalId};
use smallvec::SmallVec;

/// Codes of one person.
pub(crate) type Codes = SmallVec<[PersonNumber; 4]>;

impl World {
    /// Everybody who may act and goes by this code, by their id or an alias, in order.
    #[must_use]
    pub fn who_goes_by(&self, code: &PrincipalId) -> Vec<PrincipalId> {
        let Some(code) = self.names.people.find(code) else { return Vec::new() };
        let mut people: Vec<_> =
            self.called(code).filter_map(|person| self.names.people.name(person)).cloned().collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Those who may act and go by a code; one who has their own id as an alias comes twice.
    fn called(&self, code: PersonNumber) -> impl Iterator<Item = PersonNumber> + '_ {
        let people = std::iter::once(code).chain(self.candidates.known_as(code));
        people.filter(|person| self.principals.active(*person).is_some())
    }

    /// The codes that mean this person: id and aliases, but for those that somebody else who may act goes by too.
    pub(crate) fn codes_of(&self, person: PersonNumber) -> Codes {
        let codes = std::iter::once(person).chain(self.principals.aliases(person).iter().copied());
        if self.principals.active(person).is_none() {
            // Who may not act takes nothing from anybody, and gets nothing by it.
            return codes.collect();
        }
        codes.filter(|code| self.called(*code).all(|other| other == person)).collect()
    }

    /// Folds who somebody is, or that they may act no more. Whoever shares a code with them, before or after, may be meant by it again, or not any
    /// more.
    pub(crate) fn fold_principal(&mut self, event: &Event, touched: &mut Touched) {
        let (principal, registered) = match event {
            Event::PrincipalRegistered(body) => (&body.principal, Some(body)),
            Event::PrincipalEnded(body) => (&body.principal, None),
            _ => return,
        };
        let person = self.names.people.number(principal);
        let before: Codes = self.principals.aliases(person).iter().copied().collect();
        let changed = match registered {
            Some(body) => self.principals.register(body, &mut self.names),
            None => self.principals.end(person),
        };
        if !changed {
            return;
        }
        touched.add(Key::Principal(principal.clone()));
        for code in std::iter::once(&person).chain(&before).chain(self.principals.aliases(person)) {
            for other in self.called(*code).filter(|other| *other != person) {
                if let Some(id) = self.names.people.name(other) {
                    touched.add(Key::Principal(id.clone()));
                }
            }
        }
    }
}
