//! Which records are the same patient: links between pairs of records, each with a direction, added by merges and taken away by unmerges.
//!
//! Everything linked, directly or through others and whatever the direction, is one patient, so a merge never separates anybody and
//! no chain or circle of merges can do harm. The direction only chooses the record the patient goes by: one that was never retired,
//! and of several (or of none, after a circle) the survivor named last.

use crate::canon::{Canon, Reading, Unfit};
use crate::patients::RecordNumber;
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;

/// The most records that can be one patient. A merge that would join more is not made: a feed that wants it is broken. A caller can ask
/// beforehand with [`crate::World::can_merge`].
pub const MERGED_RECORDS_MAX: usize = 64;

/// The records of one patient, in no particular order.
pub(crate) type Group = SmallVec<[RecordNumber; 4]>;

#[derive(Clone, Copy, Debug)]
struct Link {
    to: RecordNumber,
    /// Whether `to` goes on and this record is retired, rather than the other way round.
    retired: bool,
    /// The last entry that said so.
    seq: u64,
}

/// Every link, at both its ends. Most records have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merges {
    of: HashMap<RecordNumber, SmallVec<[Link; 1]>>,
}

impl Merges {
    fn links(&self, record: RecordNumber) -> &[Link] {
        self.of.get(&record).map_or(&[], |links| links)
    }

    /// Whether the record is part of a larger patient.
    pub(crate) fn is_merged(&self, record: RecordNumber) -> bool {
        self.of.contains_key(&record)
    }

    /// All records of the patient this one belongs to, itself included.
    pub(crate) fn group(&self, record: RecordNumber) -> Group {
        let mut group: Group = smallvec![record];
        let mut next = 0;
        while let Some(record) = group.get(next).copied() {
            next += 1;
            for link in self.links(record) {
                if !group.contains(&link.to) {
                    group.push(link.to);
                }
            }
        }
        group
    }

    /// The record a group goes by.
    pub(crate) fn canonical(&self, group: &[RecordNumber]) -> Option<RecordNumber> {
        group.iter().copied().max_by_key(|record| {
            let links = self.links(*record);
            let survives = !links.iter().any(|link| link.retired);
            let named = links.iter().filter(|link| !link.retired).map(|link| link.seq).max();
            (survives, named)
        })
    }

    /// Whether the two can be one patient.
    pub(crate) fn fits(&self, survivor: RecordNumber, retired: RecordNumber) -> bool {
        let group = self.group(survivor);
        survivor != retired
            && (group.contains(&retired) || group.len() + self.group(retired).len() <= MERGED_RECORDS_MAX)
    }

    /// Whether the two are linked with each other, and not only each with a third.
    pub(crate) fn are_linked(&self, one: RecordNumber, other: RecordNumber) -> bool {
        self.links(one).iter().any(|link| link.to == other)
    }

    /// Links two records, or turns the link they have around. Nothing happens if they do not fit.
    pub(crate) fn merge(&mut self, survivor: RecordNumber, retired: RecordNumber, seq: u64) {
        if self.fits(survivor, retired) {
            self.cut(survivor, retired);
            self.of.entry(survivor).or_default().push(Link { to: retired, retired: false, seq });
            self.of.entry(retired).or_default().push(Link { to: survivor, retired: true, seq });
        }
    }

    /// Takes the link between two records away, whichever of them had gone on. Whether there was one.
    pub(crate) fn unmerge(&mut self, one: RecordNumber, other: RecordNumber) -> bool {
        self.cut(one, other)
    }

    fn cut(&mut self, one: RecordNumber, other: RecordNumber) -> bool {
        let mut found = false;
        for (from, to) in [(one, other), (other, one)] {
            if let Some(links) = self.of.get_mut(&from) {
                let before = links.len();
                links.retain(|link| link.to != to);
                found |= links.len() < before;
                if links.is_empty() {
                    self.of.remove(&from);
                }
            }
        }
        found
    }

    /// Reads the links of one record, each with the name of the other.
    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Vec<([u8; 16], bool, u64)>, Unfit> {
        reading.list(|reading| Ok((reading.array()?, reading.flag()?, reading.number()?)))
    }

    /// Puts a link back that [`Self::read`] found at one of its ends.
    pub(crate) fn restore(&mut self, record: RecordNumber, to: RecordNumber, retired: bool, seq: u64) {
        self.of.entry(record).or_default().push(Link { to, retired, seq });
    }

    /// Writes the links of one record, given a name for each other.
    pub(crate) fn write(&self, record: RecordNumber, name: impl Fn(RecordNumber) -> [u8; 16], canon: &mut Canon<'_>) {
        let mut links: Vec<_> = self.links(record).iter().map(|link| (name(link.to), link)).collect();
        links.sort_unstable_by_key(|(name, _)| *name);
        canon.count(links.len());
        for (name, link) in links {
            canon.bytes(&name);
            canon.flag(link.retired);
            canon.number(link.seq);
        }
    }
}
