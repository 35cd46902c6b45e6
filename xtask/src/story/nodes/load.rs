//! Clients at work on two nodes: they ask, hold permits and give them back, tell of devices and send messages, each at both nodes, and write down
//! what they saw.

use super::history::{Answer, Seen, What};
use crate::peer::{Caller, Sender, pause};
use crate::step::{Outcome, elapsed_since_start};
use crate::story::hospital::{Adt, instant, request_at, workstation};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many nodes there are.
pub(super) const NODES: usize = 2;
/// How many devices whose health changes all the time, each with its patient and those who ask there.
const WARDS: usize = 3;
/// Who sends messages.
const SENDERS: usize = 2;
/// How long a client waits for an answer: longer than anything but a node that stands still.
const PATIENCE: Duration = Duration::from_secs(8);
/// A little rest after each operation, so that a log stays a log that can be read, and after one that failed.
const REST_MILLIS: u64 = 5;
const FAILED_MILLIS: u64 = 50;

/// Where a node listens at the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doors {
    pub(super) http: SocketAddr,
    pub(super) mllp: SocketAddr,
}

/// The clients.
pub(super) struct Load {
    ehr: Caller,
    devices: Caller,
    doors: Mutex<[Doors; NODES]>,
    over: AtomicBool,
    /// What was seen, and at which node.
    seen: Mutex<Vec<(usize, Seen)>>,
    answers: [AtomicUsize; NODES],
    acknowledged: AtomicUsize,
    /// Which device each ward has now.
    devices_now: [AtomicU32; WARDS],
    /// How many it has had.
    devices_made: [AtomicU32; WARDS],
    good_until: String,
}

/// The patient of a ward.
pub(super) fn patient(ward: usize) -> String {
    format!("P{ward}")
}

impl Load {
    /// With callers of their own, at work from [`Self::during`] on.
    pub(super) fn new(ehr: &Caller, devices: &Caller, doors: [Doors; NODES]) -> Outcome<Self> {
        let load = Self {
            ehr: ehr.waiting(PATIENCE),
            devices: devices.waiting(PATIENCE),
            doors: Mutex::new(doors),
            over: AtomicBool::new(false),
            seen: Mutex::default(),
            answers: Default::default(),
            acknowledged: AtomicUsize::new(0),
            devices_now: Default::default(),
            devices_made: Default::default(),
            good_until: instant(6 * 3600)?,
        };
        for ward in 0..WARDS {
            let admit = admission(&format!("A{ward}"), &patient(ward))?;
            Sender::connect(load.door(0).mllp)?.accepted(&admit)?;
            if !load.has_new_device(0, ward) {
                return Err("the first devices are not taken".into());
            }
        }
        Ok(load)
    }

    /// Does something while they are at work.
    pub(super) fn during(&self, scenes: impl FnOnce() -> Outcome) -> Outcome {
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        std::thread::scope(|scope| {
            let over = Over(&self.over);
            for ward in 0..WARDS {
                for node in 0..NODES {
                    scope.spawn(move || self.ask(node, ward));
                }
                scope.spawn(move || self.tell(ward));
            }
            for sender in 0..SENDERS {
                scope.spawn(move || self.send(sender));
            }
            let told = scenes();
            drop(over);
            told
        })
    }

    /// A node is elsewhere from now on.
    pub(super) fn moved(&self, node: usize, to: Doors) {
        if let Some(doors) = lock(&self.doors).get_mut(node) {
            *doors = to;
        }
    }

    /// How many questions a node has answered.
    pub(super) fn answers_of(&self, node: usize) -> usize {
        self.answers.get(node).map_or(0, |answers| answers.load(Ordering::SeqCst))
    }

    /// How many questions were answered, and how many messages and findings acknowledged.
    pub(super) fn all_answers(&self) -> (usize, usize) {
        ((0..NODES).map(|node| self.answers_of(node)).sum(), self.acknowledged.load(Ordering::SeqCst))
    }

    /// What was seen so far, and at which node.
    pub(super) fn seen(&self) -> Vec<(usize, Seen)> {
        lock(&self.seen).clone()
    }

    /// A caller of permits at a node.
    pub(super) fn ehr_at(&self, node: usize) -> Caller {
        self.ehr.at(self.door(node).http).waiting(PATIENCE)
    }

    fn door(&self, node: usize) -> Doors {
        let doors = lock(&self.doors);
        let [first, second] = &*doors;
        if node == 0 { *first } else { *second }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Writes down an operation at a node; whether it returned.
    fn note(&self, node: usize, invoked: Duration, returned: bool, what: What) -> bool {
        let returned = returned.then(elapsed_since_start);
        lock(&self.seen).push((node, Seen { invoked, returned, what }));
        pause(if returned.is_some() { REST_MILLIS } else { FAILED_MILLIS });
        returned.is_some()
    }

    fn device(&self, ward: usize) -> String {
        let number = self.devices_now.get(ward).map_or(0, |number| number.load(Ordering::SeqCst));
        format!("ws-{ward}-{number}")
    }

    /// Somebody at a ward's device, who mostly asks one node and turns to the other when that fails.
    fn ask(&self, first: usize, ward: usize) {
        let callers: Vec<Caller> = (0..NODES).map(|_| self.ehr.waiting(PATIENCE)).collect();
        let (mut at, patient) = (first, patient(ward));
        for count in 0.. {
            if self.is_over() {
                return;
            }
            let Some(caller) = callers.get(at).map(|caller| caller.at_same(self.door(at).http)) else { return };
            let live = count % 4 == 3;
            let device = self.device(ward);
            let id = format!("q-{ward}-{first}-{count}");
            let path = if live { "/handrail/v1/permits" } else { "/access/v1/evaluation" };
            let invoked = elapsed_since_start();
            let said = caller.send_as(Some(&id), "POST", path, &request_at(&device, "n-amara", "read_chart", &patient));
            let answer = said.ok().filter(|(status, _)| (200..300).contains(status)).and_then(|(_, said)| {
                let entry = said.pointer("/context/entry")?.as_u64()?;
                Some(Answer { entry, permit: said.get("decision")?.as_bool()? })
            });
            let what = What::Asked {
                request: id,
                about: format!("n-amara read_chart {device}"),
                grounds: vec![format!("device {device}")],
                answer,
            };
            if !self.note(at, invoked, answer.is_some(), what) {
                at = if at == first { (first + 1) % NODES } else { first };
                continue;
            }
            if let Some(answers) = self.answers.get(at) {
                answers.fetch_add(1, Ordering::SeqCst);
            }
            // Half of what is held is given back, now here and now there.
            if let Some(answer) = answer.filter(|answer| live && answer.permit && count % 8 == 3) {
                let there = (at + count / 8) % NODES;
                let path = format!("/handrail/v1/permits/{}", answer.entry);
                let invoked = elapsed_since_start();
                let caller = callers.get(there).map(|caller| caller.at_same(self.door(there).http));
                let taken = caller.and_then(|caller| caller.delete(&path).ok()) == Some(204);
                self.note(there, invoked, taken, What::Released { permit: answer.entry });
            }
            at = first;
        }
    }

    /// Somebody who finds the ward's device healthy and failed in turn, and says so at one node and the other in turn.
    fn tell(&self, ward: usize) {
        for count in 0.. {
            if self.is_over() {
                return;
            }
            let (node, holds) = (count / 2 % NODES, count % 2 == 1);
            if !self.says(node, &self.device(ward), &format!("f-{ward}-{count}"), holds) {
                // That may still happen at any time: of this device nothing can be known any more.
                while !self.is_over() && !(0..NODES).any(|node| self.has_new_device(node, ward)) {
                    pause(FAILED_MILLIS);
                }
            }
            pause(REST_MILLIS * 10);
        }
    }

    fn says(&self, node: usize, device: &str, id: &str, holds: bool) -> bool {
        let posture = if holds { "healthy" } else { "failed" };
        let report = json!({ "device": device, "posture": posture, "good_until": self.good_until, "reason": id });
        let invoked = elapsed_since_start();
        let caller = self.devices.at_same(self.door(node).http);
        let said = caller.send("PUT", "/feeds/v1/posture", &json!({ "reports": [report] }));
        let acknowledged = said.is_ok_and(|(status, _)| (200..300).contains(&status));
        self.acknowledged.fetch_add(usize::from(acknowledged), Ordering::SeqCst);
        let what = What::Told { id: id.to_owned(), ground: format!("device {device}"), holds };
        self.note(node, invoked, acknowledged, what)
    }

    /// A device that nobody has heard of yet takes the place of the ward's, once it was found healthy.
    fn has_new_device(&self, node: usize, ward: usize) -> bool {
        let (Some(made), Some(now)) = (self.devices_made.get(ward), self.devices_now.get(ward)) else { return false };
        let next = made.fetch_add(1, Ordering::SeqCst) + 1;
        let device = format!("ws-{ward}-{next}");
        let caller = self.devices.at_same(self.door(node).http);
        let said = caller.send("PUT", "/feeds/v1/devices", &workstation(&device, "ED"));
        let known = said.is_ok_and(|(status, _)| (200..300).contains(&status));
        let healthy = known && self.says(node, &device, &format!("g-{ward}-{next}"), true);
        // Nobody asks there before that; should it fail, it is another one the next time.
        if healthy {
            now.store(next, Ordering::SeqCst);
        }
        healthy
    }

    /// Somebody who admits patients, and sends each message until it is acknowledged, to whichever node takes it.
    fn send(&self, sender: usize) {
        let mut node = sender % NODES;
        let mut connection = None;
        for count in 0.. {
            let id = format!("M{sender}-{count}");
            let Ok(text) = admission(&id, &format!("L{sender}-{count}")) else { return };
            let invoked = elapsed_since_start();
            let acknowledged = loop {
                if self.is_over() {
                    break false;
                }
                let sent = match connection.take() {
                    Some(connection) => Ok(connection),
                    None => Sender::connect_for(self.door(node).mllp, PATIENCE),
                };
                if let Ok((true, open)) = sent.map(|mut open| (open.accepted(&text).is_ok(), open)) {
                    connection = Some(open);
                    break true;
                }
                node = (node + 1) % NODES;
                pause(FAILED_MILLIS);
            };
            self.acknowledged.fetch_add(usize::from(acknowledged), Ordering::SeqCst);
            let ground = format!("admission {id}");
            if !self.note(node, invoked, acknowledged, What::Told { id, ground, holds: true }) {
                return;
            }
            if count % 10 == 9 {
                (node, connection) = ((node + 1) % NODES, None);
            }
            pause(REST_MILLIS * 6);
        }
    }
}

/// A patient comes to the ED.
fn admission(control: &str, patient: &str) -> Outcome<String> {
    let visit = format!("V{patient}");
    Adt { trigger: "A01", control, patient, visit: &visit, place: "ED", before: "", merged: None, at: -60 }.text()
}

/// Whether an answer that a client was given is one of a node within a time.
pub(super) fn answered_within(seen: &[(usize, Seen)], node: usize, from: Duration, to: Duration) -> Vec<u64> {
    let within = |(at, one): &(usize, Seen)| {
        let returned = one.returned.filter(|returned| *returned < to)?;
        match one.what {
            What::Asked { answer: Some(answer), .. } if *at == node && one.invoked > from && returned > from => {
                Some(answer.entry)
            }
            _ => None,
        }
    };
    seen.iter().filter_map(within).collect()
}

/// The longest time within which no question was answered anywhere.
pub(super) fn longest_gap(seen: &[(usize, Seen)], from: Duration, to: Duration) -> Duration {
    let answered = |(_, one): &(usize, Seen)| matches!(one.what, What::Asked { answer: Some(_), .. });
    let mut times: Vec<Duration> =
        seen.iter().filter(|one| answered(one)).filter_map(|(_, one)| one.returned).collect();
    times.retain(|time| *time > from && *time < to);
    times.extend([from, to]);
    times.sort();
    let gaps = times.windows(2).filter_map(|pair| Some(*pair.last()? - *pair.first()?));
    gaps.max().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
