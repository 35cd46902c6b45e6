//! A synthetic hospital's day over real MLLP: what the world then believes is what really is.

use crate::{Node, start};
use bytes::Bytes;
use events::encounter::Presence;
use feeds::replay::{Pace, replay, shift_dates};
use hospital::{Day, Hospital, Size};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn the_world_believes_what_is_true_of_every_patient() {
    let node = Node::start().await;
    let hospital = Arc::new(Hospital::new(11, Size::SMALL, start(), "Europe/London").unwrap());
    let mut day = Day::new(Arc::clone(&hospital), start());
    let mut steps = day.census();
    steps.extend(day.by_ref().take(600));
    let last = steps.last().unwrap().at;
    node.clock.set(last + Duration::from_secs(1));
    let messages: Vec<Bytes> = steps.iter().map(|step| Bytes::from(step.message.clone())).collect();
    let pace = Pace { window_messages: 16, ..Pace::default() };
    let mut seen = 0;
    let report = replay(&node.address.to_string(), &messages, &pace, |report| seen = report.answered()).await.unwrap();
    assert_eq!((report.accepted, seen), (messages.len() as u64, messages.len() as u64), "{report:?}");

    let now = node.plane.now();
    let truth = day.truth();
    for patient in hospital.patients() {
        let believed: BTreeSet<_> = node
            .patient(&patient.record)
            .into_iter()
            .flat_map(|facts| facts.encounters)
            .flat_map(|encounter| encounter.stays)
            .filter(|stay| stay.from <= now && stay.until.is_none_or(|until| until > now))
            .map(|stay| (stay.unit, stay.presence == Presence::Present))
            .collect();
        let really: BTreeSet<_> = truth
            .stay_of(&patient.record)
            .into_iter()
            .map(|stay| (stay.unit().unwrap().clone(), stay.presence == Presence::Present))
            .collect();
        assert_eq!(believed, really, "{}", patient.record);
    }
    for stay in truth.stays().filter(|stay| stay.attending.is_some()) {
        let facts = node.patient(&stay.record).unwrap();
        let attending: Vec<_> =
            facts.encounters.iter().filter(|one| one.closed_at.is_none()).flat_map(|one| &one.attending).collect();
        assert!(attending.contains(&stay.attending.as_ref().unwrap()), "{} is attended by {attending:?}", stay.record);
    }
    for (retired, survivor) in truth.merged() {
        assert_eq!(node.patient(retired).unwrap().canonical, node.plane.directory().patient(survivor));
    }
    assert!(truth.merged().next().is_some());
    assert!(node.leaves("feed.message_rejected").is_empty());
}

#[tokio::test]
async fn an_old_day_is_believed_once_its_dates_are_moved() {
    let node = Node::start().await;
    let past = "2020-05-01T08:00:00Z".parse().unwrap();
    let hospital = Arc::new(Hospital::new(3, Size::SMALL, past, "Europe/London").unwrap());
    let messages: Vec<Bytes> = Day::new(hospital, past).census().into_iter().map(|step| step.message.into()).collect();
    let zone = jiff::tz::TimeZone::get("Europe/London").unwrap();
    let moved = shift_dates(&messages, start(), &zone);
    let to = node.address.to_string();
    replay(&to, &moved, &Pace { rate_per_s: Some(2_000.0), ..Pace::default() }, |_| {}).await.unwrap();
    let opened = node.leaves("encounter.opened");
    assert_eq!(opened.len(), messages.len());
    assert!(opened.iter().all(|leaf| leaf.draft.occurred_at.is_some_and(|at| at <= start())));
    replay(&to, &messages, &Pace::default(), |_| {}).await.unwrap();
    let unmoved = node.leaves("encounter.opened");
    assert!(
        unmoved[messages.len()..].iter().all(|leaf| leaf.draft.occurred_at.is_none()),
        "six years are too long ago"
    );
}
