//! The ways back in as they went, for whoever answers for identities: read from entries, each with whether it kept the charter's promise. Pure.

use charter::Charter;
use events::signin::RecoveryAnswered;
use events::{Event, Leaf, PrincipalId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The kinds of entries it is read from.
pub const KINDS: [&str; 4] = ["recovery.asked", "recovery.answered", "recovery.at_console", "recovery.needed"];

/// One way back in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Since when.
    pub at: Timestamp,
    /// For whom.
    pub person: PrincipalId,
    /// The charter's path; `console` for one made at the server, `last key removed` where none was asked for yet.
    pub path: String,
    /// Who stands for them.
    pub voucher: Option<PrincipalId>,
    /// How it stands.
    pub state: String,
    /// Who answered, or made the pass.
    pub by: Option<String>,
    /// How long they waited or have been waiting, in seconds.
    pub waited_s: Option<u64>,
    /// How long the charter lets it take.
    pub promised_s: Option<u64>,
    /// Whether it took no longer; nothing where that is not settled.
    pub in_time: Option<bool>,
}

/// Reads entries, in any order.
#[derive(Debug, Default)]
pub struct Account {
    ways: Vec<(Option<SmolStr>, Timestamp, Way)>,
    answers: BTreeMap<SmolStr, RecoveryAnswered>,
}

impl Account {
    /// Reads one, if it is of one of [`KINDS`].
    pub fn add(&mut self, leaf: &Leaf) {
        let at = leaf.recorded_at;
        let way = |person: &PrincipalId, path: &str| Way {
            at,
            person: person.clone(),
            path: path.to_owned(),
            voucher: None,
            state: String::new(),
            by: None,
            waited_s: None,
            promised_s: None,
            in_time: None,
        };
        match &leaf.draft.event {
            Event::RecoveryAsked(asked) => {
                let one = Way { voucher: Some(asked.voucher.clone()), ..way(&asked.principal, &asked.path) };
                self.ways.push((Some(asked.recovery.clone()), asked.due, one));
            }
            Event::RecoveryAnswered(answered) => {
                self.answers.insert(answered.recovery.clone(), answered.clone());
            }
            Event::RecoveredAtConsole(made) => {
                let by = Some(leaf.draft.actor.to_string());
                let one = Way { state: "pass made".to_owned(), by, ..way(&made.principal, "console") };
                self.ways.push((None, made.good_until, one));
            }
            Event::RecoveryNeeded(needed) => {
                self.ways.push((None, at, way(&needed.principal, "last key removed")));
            }
            _ => {}
        }
    }

    /// All of them, the newest first. `has_key` says whether somebody can sign in again.
    #[must_use]
    pub fn ways(self, charter: &Charter, now: Timestamp, has_key: impl Fn(&PrincipalId) -> bool) -> Vec<Way> {
        let asked: Vec<(PrincipalId, Timestamp)> =
            self.ways.iter().filter(|(id, ..)| id.is_some()).map(|(_, _, way)| (way.person.clone(), way.at)).collect();
        let paths = &charter.assurance().recovery;
        let told = self.ways.into_iter().map(|(id, due, way)| {
            let Some(id) = id else {
                let state = match way.state.as_str() {
                    "" if has_key(&way.person) => "has a key again".to_owned(),
                    "" => "without a key".to_owned(),
                    made => made.to_owned(),
                };
                return Way { state, ..way };
            };
            let path = paths.iter().find(|(name, _)| name.as_str() == way.path).map(|(_, path)| path);
            let promised = path.map(|path| u64::from(path.within_min.get()) * 60);
            let answer = self.answers.get(&id);
            let anew = asked.iter().any(|(who, at)| *who == way.person && *at > way.at);
            let waited = answer.map_or_else(|| now.since(way.at).as_secs(), |answer| u64::from(answer.waited_s));
            let (state, settled) = match answer {
                Some(answer) if answer.approved => ("approved", true),
                Some(_) => ("refused", true),
                None if anew => ("asked anew", false),
                None if due <= now => ("never answered", true),
                None => ("waiting", promised.is_some_and(|promised| waited > promised)),
            };
            let in_time = promised.filter(|_| settled).map(|promised| answer.is_some() && waited <= promised);
            let by = answer.map(|answer| answer.approver.to_string());
            let waited_s = (answer.is_some() || !anew).then_some(waited);
            Way { state: state.to_owned(), by, waited_s, promised_s: promised, in_time, ..way }
        });
        let mut all: Vec<Way> = told.collect();
        all.sort_by_key(|way| std::cmp::Reverse(way.at));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::signin::{RecoveredAtConsole, RecoveryAsked, RecoveryNeeded};
    use events::{Actor, Draft, Seq};
    use std::path::Path;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn leaf(minutes_ago: u32, event: impl Into<Event>) -> Leaf {
        let draft = Draft::new(Actor::handrail("test"), event);
        Leaf { seq: Seq(1), recorded_at: NOW - MINUTE * minutes_ago, draft }
    }

    fn asked(minutes_ago: u32, id: &str, who: &str) -> Leaf {
        let asked = RecoveryAsked {
            recovery: id.into(),
            principal: who.parse().unwrap(),
            path: "service-desk".into(),
            voucher: "n-bea".parse().unwrap(),
            due: NOW - MINUTE * minutes_ago + MINUTE * 45,
        };
        leaf(minutes_ago, asked)
    }

    fn answered(id: &str, waited_min: u32, approved: bool) -> Leaf {
        leaf(
            0,
            RecoveryAnswered {
                recovery: id.into(),
                principal: "n-amara".parse().unwrap(),
                approver: "t-desk".parse().unwrap(),
                approved,
                slip: None,
                good_until: None,
                waited_s: waited_min * 60,
            },
        )
    }

    #[test]
    fn each_is_told_with_how_it_stands_and_whether_the_promise_was_kept() {
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let console = RecoveredAtConsole {
            principal: "n-last".parse().unwrap(),
            slip: "slip-1".into(),
            good_until: NOW,
            why: "only one".into(),
        };
        let needed =
            |who: &str| RecoveryNeeded { principal: who.parse().unwrap(), authenticator: "au-1".parse().unwrap() };
        let mut account = Account::default();
        for leaf in [
            answered("re-1", 15, true),
            asked(90, "re-1", "n-1"),
            asked(80, "re-2", "n-2"),
            answered("re-2", 16, false),
            asked(70, "re-3", "n-3"),
            asked(60, "re-4", "n-4"),
            asked(20, "re-5", "n-4"),
            asked(10, "re-6", "n-6"),
            leaf(5, console),
            leaf(4, needed("v-one")),
            leaf(3, needed("v-two")),
        ] {
            account.add(&leaf);
        }
        let told = account.ways(&charter, NOW, |who| who.as_str() == "v-one");
        let told: Vec<_> = told.iter().map(|way| (way.person.as_str(), way.state.as_str(), way.in_time)).collect();
        assert_eq!(
            told,
            [
                ("v-two", "without a key", None),
                ("v-one", "has a key again", None),
                ("n-last", "pass made", None),
                ("n-6", "waiting", None),
                ("n-4", "waiting", Some(false)),
                ("n-4", "asked anew", None),
                ("n-3", "never answered", Some(false)),
                ("n-2", "refused", Some(false)),
                ("n-1", "approved", Some(true)),
            ]
        );
    }
}
