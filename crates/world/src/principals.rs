//! Who may act. The last entry about a principal holds.

use crate::canon::{Canon, Reading, Unfit};
use crate::facts::PrincipalFacts;
use crate::keys::Changed;
use crate::names::{LabelNumber, NameBook, PersonNumber, RoleNumber, UnitNumber};
use events::principal::{ALIASES_MAX, IdentityClass, ROLES_MAX, Registered};
use smol_str::SmolStr;
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Description {
    class: IdentityClass,
    roles: Box<[RoleNumber]>,
    name: Option<SmolStr>,
    home_unit: Option<UnitNumber>,
    /// All that the leaf has: leaving one out would open records. The leaf's length bounds them.
    labels: Box<[LabelNumber]>,
    aliases: Box<[PersonNumber]>,
    active: bool,
}

#[derive(Clone, Debug, Default)]
struct Principal {
    changed: Changed,
    description: Option<Box<Description>>,
}

impl Description {
    fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            class: reading.named(&IdentityClass::ALL, IdentityClass::as_str)?,
            roles: names.roles.read_all(reading)?,
            name: reading.maybe(|reading| reading.text().map(SmolStr::new))?,
            home_unit: reading.maybe(|reading| names.units.read(reading))?,
            labels: names.labels.read_all(reading)?,
            aliases: names.people.read_all(reading)?,
            active: reading.flag()?,
        })
    }
}

/// Every principal ever registered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Principals {
    of: HashMap<PersonNumber, Principal>,
}

impl Principals {
    /// Describes a principal anew. Whether anything changed.
    pub(crate) fn register(&mut self, body: &Registered, names: &mut NameBook) -> bool {
        let person = names.people.number(&body.principal);
        let description = Some(Box::new(Description {
            class: body.class,
            roles: names.roles.numbers(&body.roles, ROLES_MAX),
            name: body.name.clone(),
            home_unit: body.home_unit.as_ref().map(|unit| names.units.number(unit)),
            labels: names.labels.numbers(&body.labels, usize::MAX),
            aliases: names.people.numbers(&body.aliases, ALIASES_MAX),
            active: true,
        }));
        let principal = self.of.entry(person).or_default();
        let changed = principal.description != description;
        principal.description = description;
        changed
    }

    /// Ends a principal. Whether they could act until now.
    pub(crate) fn end(&mut self, person: PersonNumber) -> bool {
        let description = self.of.get_mut(&person).and_then(|principal| principal.description.as_mut());
        description.is_some_and(|description| std::mem::replace(&mut description.active, false))
    }

    pub(crate) fn mark(&mut self, person: PersonNumber, changed: Changed) {
        self.of.entry(person).or_default().changed = changed;
    }

    pub(crate) fn changed(&self, person: PersonNumber) -> Changed {
        self.of.get(&person).map_or_else(Changed::default, |principal| principal.changed)
    }

    pub(crate) fn count(&self) -> usize {
        self.of.values().filter(|principal| principal.description.is_some()).count()
    }

    fn description(&self, person: PersonNumber) -> Option<&Description> {
        self.of.get(&person)?.description.as_deref()
    }

    /// What other systems call them.
    pub(crate) fn aliases(&self, person: PersonNumber) -> &[PersonNumber] {
        self.description(person).map_or(&[], |description| &description.aliases)
    }

    /// Their class, if they were ever registered and may act.
    pub(crate) fn active(&self, person: PersonNumber) -> Option<IdentityClass> {
        self.description(person).filter(|description| description.active).map(|description| description.class)
    }

    /// Everybody ever registered.
    pub(crate) fn people(&self) -> impl Iterator<Item = PersonNumber> + '_ {
        self.of.keys().copied()
    }

    /// What is known of somebody; of their aliases, those among `codes`.
    pub(crate) fn facts(
        &self,
        person: PersonNumber,
        codes: &[PersonNumber],
        names: &NameBook,
    ) -> Option<PrincipalFacts> {
        let description = self.description(person)?;
        let theirs: Vec<_> = description.aliases.iter().copied().filter(|alias| codes.contains(alias)).collect();
        let mut labels: Vec<_> = names.labels.names(&description.labels).cloned().collect();
        labels.sort_unstable();
        Some(PrincipalFacts {
            class: description.class,
            roles: names.roles.names(&description.roles).cloned().collect(),
            name: description.name.clone(),
            active: description.active,
            home_unit: description.home_unit.and_then(|unit| names.units.name(unit).cloned()),
            labels,
            aliases: names.people.names(&theirs).cloned().collect(),
        })
    }

    pub(crate) fn read(names: &mut NameBook, reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let all = reading.list(|reading| {
            let person = names.people.read(reading)?;
            let changed = Changed::read(reading)?;
            let description = reading.maybe(|reading| Description::read(names, reading).map(Box::new))?;
            Ok((person, Principal { changed, description }))
        })?;
        Ok(Self { of: all.into_iter().collect() })
    }

    pub(crate) fn write(&self, names: &NameBook, canon: &mut Canon<'_>) {
        let mut all: Vec<_> =
            self.of.iter().map(|(person, principal)| (names.people.name(*person), principal)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        canon.count(all.len());
        for (name, principal) in all {
            canon.text(name.map_or("", AsRef::as_ref));
            principal.changed.write(canon);
            canon.maybe(principal.description.as_deref(), |canon, description| {
                canon.text(description.class.as_str());
                names.roles.write_all(&description.roles, canon);
                canon.maybe(description.name.as_deref(), Canon::text);
                canon.maybe(description.home_unit, |canon, unit| names.units.write(unit, canon));
                names.labels.write_all(&description.labels, canon);
                names.people.write_all(&description.aliases, canon);
                canon.flag(description.active);
            });
        }
    }
}
