//! What clients saw of several nodes, held against the log: no answer is lost, none rests on what was withdrawn, there is one order, and nothing is
//! given twice. Pure; it knows nothing of how the product comes to its answers.

mod broken;
mod log;
mod order;
#[cfg(test)]
mod tests;

pub(crate) use broken::Broken;
pub(crate) use log::{Entry, Said, read};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One operation of a client, over all its tries.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// When it was begun, on the one clock of all clients.
    pub(crate) invoked: Duration,
    /// When its answer was there; none came otherwise, so that it may have happened at any time since, or not.
    pub(crate) returned: Option<Duration>,
    pub(crate) what: What,
}

/// What was done, and what came of it.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Somebody told whether a ground holds, under an id of their own; acknowledged if it returned.
    Told { id: String, ground: String, holds: bool },
    /// A question under its request id, about whom and what, resting on grounds; answered if it returned.
    Asked { request: String, about: String, grounds: Vec<String>, answer: Option<Answer> },
    /// A permit was given back; taken if it returned.
    Released { permit: u64 },
}

/// An answer that a client was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) entry: u64,
    pub(crate) permit: bool,
}

/// Everything that is wrong with a history, given the log as each node tells it.
pub(crate) fn check(seen: &[Seen], logs: &[Vec<Entry>]) -> Vec<Broken> {
    let mut broken = Vec::new();
    let Some(log) = logs.first() else { return vec![Broken::NoLog] };
    for (node, other) in logs.iter().enumerate() {
        if let Some(at) = other.iter().zip(0..).position(|(entry, place)| entry.seq != place) {
            broken.push(Broken::Gap { node, at });
        }
        if let Some(at) = (0..log.len().max(other.len())).find(|at| log.get(*at) != other.get(*at)) {
            broken.push(Broken::Differs { node, at });
        }
    }
    lost(seen, log, &mut broken);
    order::check(seen, log, &mut broken);
    twice(seen, log, &mut broken);
    withdrawn_when_asked(seen, &mut broken);
    withdrawn_when_recorded(seen, log, &mut broken);
    broken
}

fn at(log: &[Entry], seq: u64) -> Option<&Entry> {
    log.get(usize::try_from(seq).ok()?)
}

/// Every question that was answered, and how.
fn answered(seen: &[Seen]) -> impl Iterator<Item = (&Seen, Answer)> {
    seen.iter().filter_map(|one| match &one.what {
        What::Asked { answer: Some(answer), .. } => Some((one, *answer)),
        _ => None,
    })
}

/// Whether whatever was answered stands in the log as it was answered.
fn lost(seen: &[Seen], log: &[Entry], broken: &mut Vec<Broken>) {
    let told: BTreeSet<&str> = log.iter().filter_map(|entry| entry.message.as_deref()).collect();
    let ended: BTreeSet<u64> = log.iter().filter_map(Entry::ends).collect();
    for one in seen {
        match &one.what {
            What::Told { id, .. } if one.returned.is_some() && !told.contains(id.as_str()) => {
                broken.push(Broken::LostMessage(id.clone()));
            }
            What::Released { permit } if one.returned.is_some() && !ended.contains(permit) => {
                broken.push(Broken::LostRelease(*permit));
            }
            What::Asked { request, about, answer: Some(answer), .. } => match at(log, answer.entry).map(|e| &e.said) {
                Some(Said::Decision(made))
                    if made.request.as_ref() == Some(request)
                        && made.permit == answer.permit
                        && made.about == *about => {}
                _ => broken.push(Broken::LostAnswer(answer.entry)),
            },
            _ => {}
        }
    }
}

/// Whether an entry answers two questions, a permit ends twice, a message has its facts twice, or a question is decided twice over.
fn twice(seen: &[Seen], log: &[Entry], broken: &mut Vec<Broken>) {
    let mut entries = BTreeSet::new();
    for (_, answer) in answered(seen) {
        if !entries.insert(answer.entry) {
            broken.push(Broken::AnsweredTwice(answer.entry));
        }
    }
    let (mut ended, mut messages, mut decided) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for entry in log {
        if let Some(permit) = entry.ends().filter(|permit| !ended.insert(*permit)) {
            broken.push(Broken::EndedTwice(permit));
        }
        if let Some(message) = entry.message.as_ref().filter(|message| !messages.insert((*message, &entry.kind))) {
            broken.push(Broken::MessageTwice(message.clone()));
        }
        let Said::Decision(made) = &entry.said else { continue };
        let Some(request) = &made.request else { continue };
        let before: &mut Vec<u64> = decided.entry(request).or_default();
        // One before that: the node that found it withdrawn and the one that had still to answer may each decide it again.
        if let Some(first) = before.first().filter(|_| !made.supersedes.is_some_and(|one| before.contains(&one))) {
            broken.push(Broken::DecidedTwice { before: *first, again: entry.seq });
        }
        before.push(entry.seq);
    }
}

/// Whether a permit was given to a question asked after the withdrawal of one of its grounds had been acknowledged, with nobody giving the ground
/// back in between.
fn withdrawn_when_asked(seen: &[Seen], broken: &mut Vec<Broken>) {
    let mut told: BTreeMap<&str, Vec<(&Seen, bool)>> = BTreeMap::new();
    for one in seen {
        if let What::Told { ground, holds, .. } = &one.what {
            told.entry(ground).or_default().push((one, *holds));
        }
    }
    for (asked, answer) in answered(seen).filter(|(_, answer)| answer.permit) {
        let What::Asked { grounds, .. } = &asked.what else { continue };
        let over = asked.returned.unwrap_or(Duration::MAX);
        for ground in grounds {
            let Some(told) = told.get(ground.as_str()) else { continue };
            let withdrawals = told.iter().filter(|(_, holds)| !holds);
            let before = withdrawals.filter(|(one, _)| one.returned.is_some_and(|returned| returned < asked.invoked));
            // Only what began after the last withdrawal ended is known to be later; what overlaps it may be.
            let may_have_been_given_back = |since: Duration| {
                let mut back = told.iter().filter(|(_, holds)| *holds);
                back.any(|(one, _)| one.returned.is_none_or(|returned| returned > since) && one.invoked < over)
            };
            if before.map(|(one, _)| one.invoked).max().is_some_and(|since| !may_have_been_given_back(since)) {
                broken.push(Broken::WithdrawnWhenAsked { entry: answer.entry, ground: ground.clone() });
            }
        }
    }
}

/// Whether an answered permit's grounds, in the order of the log, were in force at its place; and whether one that stays live ended if they were withdrawn for good.
fn withdrawn_when_recorded(seen: &[Seen], log: &[Entry], broken: &mut Vec<Broken>) {
    let permits: BTreeSet<u64> = answered(seen).filter(|(_, a)| a.permit).map(|(_, answer)| answer.entry).collect();
    let ended: BTreeSet<u64> = log.iter().filter_map(Entry::ends).collect();
    let mut in_force: BTreeSet<&str> = BTreeSet::new();
    let mut live: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut withdrawn: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in log {
        match &entry.said {
            Said::Fact { ground, holds: true } => {
                in_force.insert(ground);
                // Decided again only now, what rests on it holds once more.
                withdrawn.remove(ground.as_str());
            }
            Said::Fact { ground, holds: false } => {
                in_force.remove(ground.as_str());
                withdrawn.entry(ground).or_insert(entry.seq);
            }
            Said::Decision(made) if permits.contains(&entry.seq) => {
                for ground in &made.grounds {
                    if !in_force.contains(ground.as_str()) {
                        broken.push(Broken::WithdrawnWhenRecorded { entry: entry.seq, ground: ground.clone() });
                    }
                    if made.live {
                        live.entry(ground).or_default().push(entry.seq);
                    }
                }
            }
            _ => {}
        }
    }
    for (ground, withdrawn) in withdrawn {
        for permit in live.remove(ground).unwrap_or_default() {
            if !ended.contains(&permit) {
                broken.push(Broken::NotEnded { permit, ground: ground.to_owned(), withdrawn });
            }
        }
    }
}
