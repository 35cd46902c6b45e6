//! When other systems were last heard. Silence is a matter of time, so this touches no key; what rests on a silence is told of its end.

use crate::canon::{Canon, Reading, Unfit};
use crate::facts::FeedFacts;
use crate::keys::Heard;
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
    pub(crate) fn hear(&mut self, leaf: &Leaf) -> Option<Heard> {
        if leaf.draft.event.kind().bearing != Bearing::Fact {
            return None;
        }
        let at = leaf.recorded_at;
        let named = match &leaf.draft.event {
            Event::FeedHeard(heard) => Some(&heard.feed),
            _ => leaf.draft.source.as_ref().map(|source| &source.feed),
        };
        let rota = matches!(leaf.draft.event, Event::ShiftAssigned(_) | Event::ShiftWithdrawn(_))
            || named.is_some_and(|feed| feed.as_str() == ROTA_FEED);
        // Another system's orders say nothing of whether we still hear who is where.
        let places = !matches!(
            leaf.draft.event,
            Event::OrderPlaced(_)
                | Event::OrderChanged(_)
                | Event::OrderCompleted(_)
                | Event::OrderCancelled(_)
                | Event::AppointmentBooked(_)
                | Event::AppointmentChanged(_)
                | Event::AppointmentWithdrawn(_)
        );
        let mut heard = None;
        if rota {
            self.heard.rota = Some(at);
            heard = Some(Heard::Rota);
        } else if named.is_some() && places {
            self.heard.adt = Some(at);
            heard = Some(Heard::Adt);
        }
        if let Some(feed) = named {
            match self.by_name.get_mut(feed) {
                Some(last) => *last = at,
                None => drop(self.by_name.insert(feed.clone(), at)),
            }
        }
        heard
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
