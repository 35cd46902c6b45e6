//! Every name once: units, people, roles and labels as small numbers, so that a million patients do not each hold texts.

use crate::canon::{Canon, Reading, Unfit};
use events::{Label, PrincipalId, RoleName, UnitId};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::str::FromStr;

/// Stands for a name within one world. Numbers are given in order of first mention and never taken back.
pub(crate) trait Number: Copy + Eq {
    fn new(number: u32) -> Self;
    fn get(self) -> u32;
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(u32);

        impl Number for $name {
            fn new(number: u32) -> Self {
                Self(number)
            }

            fn get(self) -> u32 {
                self.0
            }
        }
    )*};
}

numbers! {
    /// A unit.
    UnitNumber;
    /// A principal, or a code some system uses for one.
    PersonNumber;
    /// A role.
    RoleNumber;
    /// A label, of a patient or a principal.
    LabelNumber;
}

/// The names of one sort.
#[derive(Clone, Debug)]
pub(crate) struct Names<T, N> {
    names: Vec<T>,
    numbers: HashMap<T, u32>,
    sort: PhantomData<N>,
}

impl<T, N> Default for Names<T, N> {
    fn default() -> Self {
        Self { names: Vec::new(), numbers: HashMap::new(), sort: PhantomData }
    }
}

impl<T: Clone + Eq + Hash + AsRef<str> + Borrow<str> + FromStr, N: Number> Names<T, N> {
    /// The number of a name, new if need be.
    pub(crate) fn number(&mut self, name: &T) -> N {
        if let Some(number) = self.numbers.get::<T>(name) {
            return N::new(*number);
        }
        // A log that names four thousand million things does not fit the machine first.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.clone());
        self.numbers.insert(name.clone(), number);
        N::new(number)
    }

    /// The number of a name, if any leaf ever had it.
    pub(crate) fn find(&self, name: &T) -> Option<N> {
        self.numbers.get::<T>(name).map(|number| N::new(*number))
    }

    /// The name of a number.
    pub(crate) fn name(&self, number: N) -> Option<&T> {
        self.names.get(number.get() as usize)
    }

    /// How many names there are; the last one's number is one less.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    /// The names of numbers, in their order.
    pub(crate) fn names<'a>(&'a self, numbers: &'a [N]) -> impl Iterator<Item = &'a T> {
        numbers.iter().filter_map(|number| self.name(*number))
    }

    /// The numbers of names, each once, in order of first mention, at most `max`.
    pub(crate) fn numbers(&mut self, names: &[T], max: usize) -> Box<[N]> {
        let mut numbers = Vec::with_capacity(names.len().min(max));
        for name in names {
            let number = self.number(name);
            if numbers.len() < max && !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        numbers.into_boxed_slice()
    }

    /// Writes a name rather than its number: numbers are nobody's business outside one world.
    pub(crate) fn write(&self, number: N, canon: &mut Canon<'_>) {
        canon.text(self.name(number).map_or("", AsRef::as_ref));
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(&mut self, reading: &mut Reading<'_>) -> Result<N, Unfit> {
        let text = reading.text()?;
        if let Some(number) = self.numbers.get(text) {
            return Ok(N::new(*number));
        }
        text.parse().map(|name| self.number(&name)).map_err(|_| Unfit::Form("name"))
    }

    /// Reads what [`Self::write_all`] wrote.
    pub(crate) fn read_all(&mut self, reading: &mut Reading<'_>) -> Result<Box<[N]>, Unfit> {
        reading.list(|reading| self.read(reading)).map(Vec::into_boxed_slice)
    }

    /// Writes names in their order.
    pub(crate) fn write_all(&self, numbers: &[N], canon: &mut Canon<'_>) {
        canon.count(numbers.len());
        for number in numbers {
            self.write(*number, canon);
        }
    }
}

/// All names of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameBook {
    pub(crate) units: Names<UnitId, UnitNumber>,
    pub(crate) people: Names<PrincipalId, PersonNumber>,
    pub(crate) roles: Names<RoleName, RoleNumber>,
    pub(crate) labels: Names<Label, LabelNumber>,
}
