//! How signing in goes: counted from the log's own entries, by step, device, place, method, outcome and cause; and how well the ways back in do
//! what they promise. Pure: entries go in.

use charter::Charter;
use events::signin::Attempted;
use events::{Event, Leaf, Timestamp, UnitId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The kinds of entries that are counted.
pub const KINDS: [&str; 4] = ["signin.attempted", "signin.signalled", "recovery.asked", "recovery.answered"];
/// The method of attempts whose page measured how long it took until it was usable.
const USABLE: &str = "usable";

/// What attempts are counted by. Texts, as they stand in entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct By {
    /// What was tried.
    pub step: String,
    /// At what sort of device.
    pub device_kind: String,
    /// In which unit.
    pub place: String,
    /// By which method.
    pub method: String,
    /// How it went.
    pub outcome: String,
    /// Because of what.
    pub cause: String,
}

/// Attempts of one sort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which.
    #[serde(flatten)]
    pub by: By,
    /// How many, those counted and not recorded one by one among them.
    pub count: u64,
    /// Half took at most so long, in milliseconds, where it was measured.
    pub p50_ms: Option<u32>,
    /// Nineteen of twenty took at most so long.
    pub p95_ms: Option<u32>,
    /// Interactions on average.
    pub interactions: Option<f64>,
}

/// How a way back in does what it promises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathRow {
    /// The charter's path.
    pub path: String,
    /// How often it was asked for.
    pub asked: u64,
    /// How often it was answered.
    pub answered: u64,
    /// How often the answer was a pass.
    pub approved: u64,
    /// Half were answered within so many seconds.
    pub waited_p50_s: Option<u32>,
    /// Nineteen of twenty were.
    pub waited_p95_s: Option<u32>,
    /// Answered later than promised, or not at all although past their time.
    pub late: u64,
    /// Within so many seconds, as the charter promises.
    pub promised_s: Option<u32>,
    /// Whether nineteen of twenty were answered within that; nothing where none is settled.
    pub waiting_met: Option<bool>,
    /// Whether it was there as often as the charter wants.
    pub available_met: Option<bool>,
    /// In how many of a hundred tries it was there in time; nothing where none is settled.
    pub available_percent: Option<u8>,
    /// What the charter wants.
    pub wanted_percent: Option<u8>,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Attempts.
    pub attempts: Vec<Row>,
    /// Signs of workarounds and abuse, by sort.
    pub signs: BTreeMap<String, u64>,
    /// The ways back in.
    pub recovery: Vec<PathRow>,
}

#[derive(Debug, Default)]
struct Sums {
    count: u64,
    elapsed: Vec<u32>,
    interactions: Vec<u8>,
}

#[derive(Debug)]
struct Asked {
    path: SmolStr,
    due: Timestamp,
    answered: Option<(u32, bool)>,
}

/// Counts entries, in any order.
#[derive(Debug, Default)]
pub struct Count {
    attempts: BTreeMap<By, Sums>,
    signs: BTreeMap<String, u64>,
    asked: BTreeMap<SmolStr, Asked>,
    answers: BTreeMap<SmolStr, (u32, bool)>,
}

/// As entries write it.
fn text<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// The smallest value that so many of a hundred are not above.
fn percentile(sorted: &[u32], percent: usize) -> Option<u32> {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied()
}

impl Count {
    /// Counts an entry, if it is of one of [`KINDS`].
    pub fn add(&mut self, leaf: &Leaf) {
        match &leaf.draft.event {
            Event::SigninAttempted(attempted) => self.attempt(attempted, leaf.draft.place.as_ref()),
            Event::SigninSignalled(signalled) => {
                *self.signs.entry(text(&signalled.sign)).or_default() += u64::from(signalled.times.unwrap_or(1));
            }
            Event::RecoveryAsked(asked) => {
                let one = Asked { path: asked.path.clone(), due: asked.due, answered: None };
                self.asked.insert(asked.recovery.clone(), one);
            }
            Event::RecoveryAnswered(answered) => {
                self.answers.insert(answered.recovery.clone(), (answered.waited_s, answered.approved));
            }
            _ => {}
        }
    }

    fn attempt(&mut self, one: &Attempted, place: Option<&UnitId>) {
        let usable = one.detail.as_deref() == Some(USABLE);
        let by = By {
            // The page that was wanted was there: the same touch, measured to its end, and no second sign-in.
            step: if usable { "usable_page".to_owned() } else { text(&one.step) },
            device_kind: one.device_kind.as_deref().unwrap_or("-").to_owned(),
            place: place.map_or_else(|| "-".to_owned(), ToString::to_string),
            method: one.method.as_deref().unwrap_or("-").to_owned(),
            outcome: text(&one.outcome),
            cause: one.cause.map_or("-", |cause| cause.as_str()).to_owned(),
        };
        let sums = self.attempts.entry(by).or_default();
        sums.count += 1 + u64::from(one.unrecorded);
        sums.elapsed.extend(one.elapsed_ms);
        sums.interactions.extend(one.interactions);
    }

    /// What comes out, by the charter in force and the time.
    #[must_use]
    pub fn figures(mut self, charter: &Charter, now: Timestamp) -> Figures {
        for (request, answer) in std::mem::take(&mut self.answers) {
            if let Some(asked) = self.asked.get_mut(&request) {
                asked.answered = Some(answer);
            }
        }
        let rows = self.attempts.into_iter().map(|(by, mut sums)| {
            sums.elapsed.sort_unstable();
            let touched = sums.interactions.len();
            let total: u32 = sums.interactions.iter().copied().map(u32::from).sum();
            let mean =
                u32::try_from(touched).ok().filter(|count| *count > 0).map(|count| f64::from(total) / f64::from(count));
            Row {
                by,
                count: sums.count,
                p50_ms: percentile(&sums.elapsed, 50),
                p95_ms: percentile(&sums.elapsed, 95),
                interactions: mean.map(|mean| (mean * 10.0).round() / 10.0),
            }
        });
        let attempts = rows.collect();
        let mut paths: BTreeMap<SmolStr, Vec<Asked>> = BTreeMap::new();
        for asked in self.asked.into_values() {
            paths.entry(asked.path.clone()).or_default().push(asked);
        }
        let recovery = paths.into_iter().map(|(path, all)| path_row(&path, &all, charter, now)).collect();
        Figures { attempts, signs: self.signs, recovery }
    }
}

fn path_row(path: &str, all: &[Asked], charter: &Charter, now: Timestamp) -> PathRow {
    let known = charter.assurance().recovery.iter().find(|(name, _)| name.as_str() == path).map(|(_, path)| path);
    let promised = known.map_or(u32::MAX, |path| path.within_min.get().saturating_mul(60));
    let mut waited: Vec<u32> = all.iter().filter_map(|one| Some(one.answered?.0)).collect();
    waited.sort_unstable();
    let in_time = waited.iter().filter(|waited| **waited <= promised).count();
    let unanswered = all.iter().filter(|one| one.answered.is_none() && one.due <= now).count();
    let settled = waited.len() + unanswered;
    let percent = (in_time * 100).checked_div(settled).and_then(|percent| u8::try_from(percent).ok());
    let p95 = percentile(&waited, 95);
    let wanted = known.map(|path| path.available_percent);
    // Who was never answered waits longer than any promise.
    let in_twenty = (settled > 0).then(|| unanswered * 20 <= settled && p95.is_none_or(|p95| p95 <= promised));
    PathRow {
        promised_s: known.map(|_| promised),
        waiting_met: in_twenty.filter(|_| known.is_some()),
        available_met: percent.zip(wanted).map(|(percent, wanted)| percent >= wanted),
        path: path.to_owned(),
        asked: all.len() as u64,
        answered: waited.len() as u64,
        approved: all.iter().filter(|one| one.answered.is_some_and(|(_, approved)| approved)).count() as u64,
        waited_p50_s: percentile(&waited, 50),
        waited_p95_s: p95,
        late: (settled - in_time) as u64,
        available_percent: percent,
        wanted_percent: wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::signin::{Cause, Outcome, RecoveryAnswered, RecoveryAsked, Sign, Signalled, Step};
    use events::{Actor, Draft, Seq};
    use std::path::Path;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn leaf(event: impl Into<Event>) -> Leaf {
        let draft = Draft { place: Some("ED".parse().unwrap()), ..Draft::new(Actor::handrail("test"), event) };
        Leaf { seq: Seq(1), recorded_at: NOW, draft }
    }

    fn attempt(outcome: Outcome, cause: Option<Cause>, elapsed_ms: u32, unrecorded: u32) -> Leaf {
        leaf(Box::new(Attempted {
            step: Step::Reconnect,
            outcome,
            cause,
            detail: None,
            principal: None,
            claimed: None,
            session: None,
            method: Some("passkey".into()),
            device_kind: Some("workstation".into()),
            elapsed_ms: Some(elapsed_ms),
            interactions: Some(1),
            unrecorded,
        }))
    }

    fn counted(leaves: &[Leaf]) -> Figures {
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let mut count = Count::default();
        leaves.iter().for_each(|leaf| count.add(leaf));
        count.figures(&charter, NOW + Duration::from_secs(3_600))
    }

    #[test]
    fn attempts_of_one_sort_are_one_row_with_how_long_they_took() {
        let mut leaves: Vec<_> = (1..=20).map(|n| attempt(Outcome::Done, None, n * 100, 0)).collect();
        leaves.push(attempt(Outcome::Failed, Some(Cause::Authenticator), 9_000, 4));
        let sign = Signalled { sign: Sign::TwoPlaces, principal: None, session: None, other: None, times: Some(3) };
        leaves.push(leaf(sign));
        let figures = counted(&leaves);
        let [done, failed] = figures.attempts.as_slice() else { panic!("two rows") };
        assert_eq!(
            (done.count, done.p50_ms, done.p95_ms, done.interactions),
            (20, Some(1_000), Some(1_900), Some(1.0))
        );
        assert_eq!((done.by.step.as_str(), done.by.place.as_str(), done.by.cause.as_str()), ("reconnect", "ED", "-"));
        assert_eq!((failed.count, failed.by.cause.as_str()), (5, "authenticator"), "those not recorded count too");
        assert_eq!(figures.signs["two_places"], 3);
    }

    #[test]
    fn a_way_back_in_is_there_when_it_answers_in_time() {
        let asked = |id: &str, due: Timestamp| {
            leaf(RecoveryAsked {
                recovery: id.into(),
                principal: "n-amara".parse().unwrap(),
                path: "service-desk".into(),
                voucher: "n-bea".parse().unwrap(),
                due,
            })
        };
        let answered = |id: &str, waited_s: u32, approved: bool| {
            leaf(RecoveryAnswered {
                recovery: id.into(),
                principal: "n-amara".parse().unwrap(),
                approver: "t-desk".parse().unwrap(),
                approved,
                slip: None,
                good_until: None,
                waited_s,
            })
        };
        let late = NOW + Duration::from_secs(7_200);
        let figures = counted(&[
            answered("re-1", 60, true),
            asked("re-1", NOW),
            asked("re-2", NOW),
            answered("re-2", 15 * 60 + 1, false),
            asked("re-3", NOW),
            asked("re-4", late),
        ]);
        let [row] = figures.recovery.as_slice() else { panic!("one path") };
        assert_eq!((row.asked, row.answered, row.approved, row.late), (4, 2, 1, 2));
        assert_eq!((row.waited_p50_s, row.waited_p95_s), (Some(60), Some(901)));
        assert_eq!(
            (row.available_percent, row.wanted_percent),
            (Some(33), Some(99)),
            "what still waits is not settled"
        );
        assert_eq!((row.promised_s, row.waiting_met, row.available_met), (Some(900), Some(false), Some(false)));
        let figures = counted(&[asked("re-5", NOW), answered("re-5", 900, true), asked("re-6", late)]);
        let [row] = figures.recovery.as_slice() else { panic!("one path") };
        assert_eq!((row.waiting_met, row.available_met), (Some(true), Some(true)));
        let [row] = &counted(&[asked("re-7", late)]).recovery[..] else { panic!("one path") };
        assert_eq!((row.waiting_met, row.available_met), (None, None), "nothing is settled");
    }
}
