//! One thing of which the last to be said holds, in whatever order the sayings come.

use crate::canon::{Canon, Reading, Unfit};
use crate::encounters::Stamp;

/// The last that was said, by when it was said to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told<T>(Option<(Stamp, T)>);

impl<T> Told<T> {
    /// Nothing said yet.
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    pub(crate) const fn get(&self) -> Option<&T> {
        match &self.0 {
            Some((_, value)) => Some(value),
            None => None,
        }
    }

    pub(crate) const fn stamp(&self) -> Option<Stamp> {
        match &self.0 {
            Some((stamp, _)) => Some(*stamp),
            None => None,
        }
    }

    /// Takes note of what was said; says whether that is now the last.
    pub(crate) fn tell(&mut self, stamp: Stamp, value: T) -> bool {
        let last = self.0.as_ref().is_none_or(|(known, _)| *known < stamp);
        if last {
            self.0 = Some((stamp, value));
        }
        last
    }

    /// As [`Self::tell`], if anything was said.
    pub(crate) fn tell_maybe(&mut self, stamp: Stamp, value: Option<T>) -> bool {
        value.is_some_and(|value| self.tell(stamp, value))
    }

    /// The last of both.
    pub(crate) fn join(&mut self, other: &Self)
    where
        T: Clone,
    {
        if let Some((stamp, value)) = &other.0 {
            self.tell(*stamp, value.clone());
        }
    }

    pub(crate) fn read(
        reading: &mut Reading<'_>,
        value: impl FnOnce(&mut Reading<'_>) -> Result<T, Unfit>,
    ) -> Result<Self, Unfit> {
        let told = |reading: &mut Reading<'_>| {
            let stamp = Stamp { at: reading.time()?, seq: reading.number()? };
            Ok((stamp, value(reading)?))
        };
        reading.maybe(told).map(Self)
    }

    pub(crate) fn write<'w>(&self, canon: &mut Canon<'w>, value: impl FnOnce(&mut Canon<'w>, &T)) {
        canon.maybe(self.0.as_ref(), |canon, (stamp, held)| {
            canon.time(stamp.at);
            canon.number(stamp.seq);
            value(canon, held);
        });
    }
}
