//! What deserves attention. Pure: the state of everything goes in, a list of needs comes out.

use crate::feeds::rules::{Health as FeedHealth, Row};
use crate::frame::{RECENT, workflow_title};
use crate::tally::{Answers, Counts};
use charter::Charter;
use charter::systems::FeedKind;
use events::{OwnerId, Timestamp, WorkflowName};
use pages::{Tone, counted, duration_words, number};
use plane::Readiness;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Head, Health};

/// An entry that is not sealed after so long needs somebody.
const SEAL_AFTER_MAX: Duration = Duration::from_secs(10);
/// Fewer answers than this say nothing about how many are denied.
const ANSWERS_MIN: u64 = 20;
/// A jump of the clock is worth knowing for so long.
const JUMP_SHOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) tone: Tone,
    /// What is the matter.
    pub(super) title: String,
    /// What that means, and what to do.
    pub(super) text: String,
    /// Whose it is.
    pub(super) owner: Option<OwnerId>,
    /// Where to read more.
    pub(super) more: Option<(String, &'static str)>,
}

/// Everything there is to look at.
pub(super) struct State<'a> {
    pub(super) charter: &'a Charter,
    pub(super) readiness: Readiness,
    pub(super) head: Head,
    pub(super) health: Health,
    pub(super) feeds: &'a [Row],
    pub(super) counts: &'a Counts,
    pub(super) now: Timestamp,
}

/// What needs somebody, worst first.
pub(super) fn needs(state: &State<'_>) -> Vec<Need> {
    let mut needs = Vec::new();
    needs.extend(readiness(state));
    needs.extend(sealing(state));
    needs.extend(state.feeds.iter().filter_map(feed));
    needs.extend(friction(state.charter, &state.counts.last_hour_by_workflow(state.now)));
    needs.extend(rejections(state));
    needs.extend(jumps(state));
    // Stable: within a tone the order above stays.
    needs.sort_by_key(|need| need.tone != Tone::Bad);
    needs
}

fn readiness(state: &State<'_>) -> Option<Need> {
    let owner = Some(state.charter.owners().control_owner.clone());
    match &state.readiness {
        Readiness::Ready => None,
        Readiness::CannotRead { entry, why } => Some(Need {
            tone: Tone::Bad,
            title: "This node answers nothing".to_owned(),
            text: format!(
                "Entry {entry} bears facts that this version cannot read ({why}). Install the version that wrote it."
            ),
            owner,
            more: Some((format!("/ledger/{entry}"), "Show the entry")),
        }),
        Readiness::CannotRecord { why } => Some(Need {
            tone: Tone::Bad,
            title: "Nothing can be recorded, so nothing is answered".to_owned(),
            text: format!(
                "No authority without evidence: {why}. Free space or repair the disk; the next request tries again."
            ),
            owner,
            more: Some(("/ledger".to_owned(), "Look at the ledger")),
        }),
    }
}

fn sealing(state: &State<'_>) -> Option<Need> {
    let waiting = state.now.since(state.head.recorded_at);
    (state.health.unsealed > 0 && waiting >= SEAL_AFTER_MAX).then(|| Need {
        tone: Tone::Bad,
        title: format!(
            "{} {} not sealed",
            counted(state.health.unsealed, "entry"),
            if state.health.unsealed == 1 { "is" } else { "are" }
        ),
        text: format!(
            "The last was recorded {} ago; sealing usually takes a second. Answers go on.",
            duration_words(waiting)
        ),
        owner: Some(state.charter.owners().control_owner.clone()),
        more: Some(("/ledger".to_owned(), "Look at the ledger")),
    })
}

fn feed(row: &Row) -> Option<Need> {
    let (tone, title, text) = match (row.health, row.kind) {
        (FeedHealth::Silent(quiet), kind) => {
            let text = match kind {
                Some(FeedKind::Adt) => {
                    "Where patients are may be out of date, so people may be denied where they now work."
                }
                Some(FeedKind::Rota) => {
                    "Who is on shift may be out of date, so people who came on shift may be denied."
                }
                _ => "Answers rest on what was true when it was last heard.",
            };
            (Tone::Bad, format!("The feed “{}” has been silent for {}", row.name, duration_words(quiet)), text)
        }
        (FeedHealth::Never, Some(FeedKind::Adt)) => (
            Tone::Warn,
            format!("The feed “{}” was never heard", row.name),
            "Until it is, no patient is known to be anywhere.",
        ),
        (FeedHealth::Never, Some(FeedKind::Rota)) => (
            Tone::Warn,
            format!("The feed “{}” was never heard", row.name),
            "Until it is, nobody is known to be on shift.",
        ),
        _ => return None,
    };
    Some(Need {
        tone,
        title,
        text: text.to_owned(),
        owner: row.owner.clone(),
        more: Some(("/feeds".to_owned(), "Look at the feeds")),
    })
}

/// Workflows that deny more than their charter lets them.
fn friction(charter: &Charter, answers: &BTreeMap<WorkflowName, Answers>) -> Vec<Need> {
    let over = answers.iter().filter_map(|(name, answers)| {
        let workflow = charter.workflows().iter().find(|workflow| workflow.name == *name)?;
        let limit = workflow.friction.denied_percent_max?;
        if answers.all() < ANSWERS_MIN || answers.denied_percent() <= f64::from(limit) {
            return None;
        }
        Some(Need {
            tone: Tone::Warn,
            title: format!("{}: {:.0} % denied in the last hour", workflow_title(charter, name), answers.denied_percent()),
            text: format!(
                "{} of {} requests were stopped; the charter’s limit is {limit} %. People who are stopped too often find a way around.",
                number(answers.denies),
                number(answers.all())
            ),
            owner: Some(workflow.incident_owner.clone()),
            more: Some((
                crate::address::with_query("/decisions", &[("effect", Some("deny".into())), ("workflow", Some(name.to_string()))]),
                "Show these denies",
            )),
        })
    });
    over.collect()
}

fn rejections(state: &State<'_>) -> Option<Need> {
    let recent: Vec<_> = state.counts.rejected.iter().filter(|message| state.now.since(message.at) < RECENT).collect();
    let newest = recent.first()?;
    let owner = state.feeds.iter().find(|row| row.name == newest.feed).and_then(|row| row.owner.clone());
    Some(Need {
        tone: Tone::Warn,
        title: match recent.len() {
            1 => "A message could not be used in the last hour".to_owned(),
            count => format!("{count} messages or more could not be used in the last hour"),
        },
        text: format!("The newest came from “{}”: {}.", newest.feed, newest.reason.trim_end_matches('.')),
        owner,
        more: Some(("/feeds".to_owned(), "Show what was rejected")),
    })
}

fn jumps(state: &State<'_>) -> Option<Need> {
    let jump = state.counts.jumps.front().filter(|jump| state.now.since(jump.at) < JUMP_SHOWN)?;
    Some(Need {
        tone: Tone::Warn,
        title: "The server’s clock jumped".to_owned(),
        text: "Shifts, graces and expiries go by it. Check that the server keeps time.".to_owned(),
        owner: Some(state.charter.owners().control_owner.clone()),
        more: Some((format!("/ledger/{}", jump.entry), "Show the entry")),
    })
}
