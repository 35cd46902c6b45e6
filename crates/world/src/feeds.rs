//! When other systems were last heard. Silence is a matter of time, so this touches no key.

use crate::canon::{Canon, Reading, Unfit};
use crate::facts::FeedFacts;
use events::{Bearing, Event, FeedName, Leaf, Timestamp};
use std::collections::BTreeMap;

/// The feed name by which a rota import that changed nothing says that the rota is alive (`feed.heard`).
pub const ROTA_FEED: &str = "rota";

/// When each feed was last heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feeds {
    heard: FeedFacts,
    by_name: BTreeMap<FeedName, Timestamp>,
}

impl Feeds {
    /// Takes note of where a leaf came from. A message that could not be used is record-only and does not count: what it would have
    /// told us is missing.
    pub(crate) fn hear(&mut self, leaf: &Leaf) {
        if leaf.draft.event.kind().bearing != Bearing::Fact {
            return;
        }
        let at = leaf.recorded_at;
        let named = match &leaf.draft.event {
            Event::FeedHeard(heard) => Some(&heard.feed),
            _ => leaf.draft.source.as_ref().map(|source| &source.feed),
        };
        let rota = matches!(leaf.draft.event, Event::ShiftAssigned(_) | Event::ShiftWithdrawn(_))
            || named.is_some_and(|feed| feed.as_str() == ROTA_FEED);
        if rota {
            self.heard.rota = Some(at);
        } else if named.is_some() {
            self.heard.adt = Some(at);
        }
        if let Some(feed) = named {
            match self.by_name.get_mut(feed) {
                Some(last) => *last = at,
                None => drop(self.by_name.insert(feed.clone(), at)),
            }
        }
    }

    pub(crate) const fn facts(&self) -> FeedFacts {
        self.heard
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FeedName, Timestamp)> {
        self.by_name.iter().map(|(feed, at)| (feed, *at))
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let heard = FeedFacts { adt: reading.maybe(Reading::time)?, rota: reading.maybe(Reading::time)? };
        let by_name = reading.list(|reading| Ok((reading.parsed()?, reading.time()?)))?;
        Ok(Self { heard, by_name: by_name.into_iter().collect() })
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        canon.maybe(self.heard.adt, Canon::time);
        canon.maybe(self.heard.rota, Canon::time);
        canon.count(self.by_name.len());
        for (feed, at) in &self.by_name {
            canon.text(feed.as_str());
            canon.time(*at);
        }
    }
}
