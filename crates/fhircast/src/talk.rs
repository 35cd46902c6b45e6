//! One connection: what is told to a subscriber, and what it answers.

use crate::Hub;
use crate::context::{self, Shown};
use crate::event::{self, EventName, Names, Notice, Reason};
use crate::subscribe::granted;
use crate::subscription::{Connection, Refused, Wanted};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use charter::{Caller as Entry, CallerRight};
use events::{Actor, Timestamp};
use plane::followed::{Course, Opened, Phase};
use plane::{Lost, Standing};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, Sleep};

/// The longest message of a subscriber, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// The most that waits to be written to one subscriber, in bytes.
pub(crate) const WRITE_BYTES_MAX: usize = 64 * 1024;
/// A subscriber that does not take what it is told within this is dropped.
pub const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// So long the other side may take to close what has ended.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);
/// A subscriber has to answer an event within this.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The most events that wait to be answered by one subscriber.
pub const UNANSWERED_MAX: usize = 32;
/// The most messages of a subscriber between two beats.
const MESSAGES_A_BEAT_MAX: usize = 512;
/// How many beats a subscriber may be silent for, not even answering a ping.
const SILENT_BEATS_MAX: u8 = 3;

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// The subscriber is told why, and the connection closed.
    Denied(&'static str, u16),
    /// There is nobody to tell.
    Gone,
}

type Goes = Result<(), End>;

/// An event that was told and not answered yet.
struct Unanswered {
    id: String,
    name: EventName,
    /// For how many beats.
    beats: u8,
}

/// A connection.
pub(crate) struct Talk {
    hub: Hub,
    connection: Connection,
    socket: WebSocket,
    course: watch::Receiver<Course>,
    events: Names,
    /// The patient that was told.
    shown: Option<Shown>,
    /// The opening that was not told, because it may not be.
    withheld: Option<Opened>,
    locks_told: u64,
    unanswered: VecDeque<Unanswered>,
    silent_beats: u8,
    heard: usize,
}

/// What an application answers.
#[derive(Deserialize)]
struct Answer {
    id: String,
    status: Value,
}

impl Talk {
    pub(crate) fn new(hub: Hub, connection: Connection, course: watch::Receiver<Course>, socket: WebSocket) -> Self {
        let locks_told = course.borrow().locks;
        Self {
            hub,
            connection,
            socket,
            course,
            events: Names::new(),
            shown: None,
            withheld: None,
            locks_told,
            unanswered: VecDeque::new(),
            silent_beats: 0,
            heard: 0,
        }
    }

    /// Talks until the lease, the session, the right, the node or the other side ends.
    pub(crate) async fn run(mut self) {
        let end = self.talk().await;
        self.let_go();
        self.connection.end();
        if let Err(End::Denied(why, code)) = end {
            let denial = json!({
                "hub.mode": "denied",
                "hub.topic": self.connection.subscription.topic,
                "hub.events": event::written(&self.events),
                "hub.reason": why,
            });
            if self.write(Message::Text(denial.to_string().into())).await.is_ok() {
                let close = CloseFrame { code, reason: why.into() };
                let _gone = self.write(Message::Close(Some(close))).await;
                // What it is still saying is taken: a connection closed on that would lose what it was told last.
                let said = async { while let Some(Ok(_)) = self.socket.recv().await {} };
                let _late = tokio::time::timeout(CLOSED_WITHIN, said).await;
            }
        }
    }

    async fn talk(&mut self) -> Goes {
        let mut wanted = self.connection.subscription.wanted.subscribe();
        let (mut rights, mut lost) = (self.hub.plane.watch_rights(), self.hub.plane.watch_lost());
        let stop = self.hub.stop.clone();
        let mut beat = beats();
        let mut lease = self.subscribed(&mut wanted).await?;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(End::Denied("this node is stopping; subscribe at another", close_code::AWAY)),
                () = is_lost(&mut lost) => {
                    return Err(End::Denied("this node cannot say what holds; subscribe at another", close_code::AWAY));
                }
                changed = rights.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    self.may_still()?;
                }
                changed = self.course.changed() => {
                    // One that is over is told of, then forgotten: what it last was is still to be read.
                    let over = changed.is_err();
                    self.follow().await?;
                    if over {
                        return Err(End::Denied("the session is over", close_code::NORMAL));
                    }
                }
                () = ended(self.shown.as_mut()) => self.close(self.hub.plane.now()).await?,
                changed = wanted.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    lease = self.subscribed(&mut wanted).await?;
                }
                () = lease.as_mut() => return Err(End::Denied("the time of this subscription is over", close_code::NORMAL)),
                refused = self.connection.refused.recv() => {
                    let refused = refused.ok_or(End::Gone)?;
                    let now = self.hub.plane.now();
                    self.tell(EventName::SyncError, now, "operationoutcome", &event::outcome(&refused)).await?;
                }
                _ = beat.tick() => self.beat().await?,
                // Last, so that nobody who talks without end keeps the rest from being looked at.
                message = self.socket.recv() => self.hear(message)?,
            }
        }
    }

    /// What the charter says of the caller.
    fn entry(&self) -> Entry {
        self.hub.plane.engine().charter().caller(&self.connection.subscription.caller).clone()
    }

    /// Whether the caller may still follow this session.
    fn may_still(&self) -> Goes {
        let (subscription, entry) = (&self.connection.subscription, self.entry());
        let ended = self.hub.plane.times_ended(&subscription.caller) != subscription.times_ended;
        let granted = granted(&entry, self.events.clone());
        let followed = context::session(&self.hub, &entry, subscription.topic.as_str());
        if ended || !entry.may(CallerRight::Follow) || granted != self.events || followed.is_err() {
            return Err(End::Denied("this caller may not follow this session any more", close_code::POLICY));
        }
        Ok(())
    }

    /// Confirms what is subscribed to, tells what is, and begins its time.
    async fn subscribed(&mut self, wanted: &mut watch::Receiver<Wanted>) -> Result<Pin<Box<Sleep>>, End> {
        let now_wanted = wanted.borrow_and_update().clone();
        let Wanted::Events(events, time) = now_wanted else {
            return Err(End::Denied("unsubscribed", close_code::NORMAL));
        };
        self.events = events;
        // It may have been a while since this was asked for.
        self.may_still()?;
        let confirmation = json!({
            "hub.mode": "subscribe",
            "hub.topic": self.connection.subscription.topic,
            "hub.events": event::written(&self.events),
            "hub.lease_seconds": time.as_secs(),
        });
        self.write(Message::Text(confirmation.to_string().into())).await?;
        let lease = Box::pin(tokio::time::sleep(time));
        self.withheld = None;
        let phase = self.course.borrow().phase;
        if let Phase::Locked { at, cause } = phase {
            self.tell(EventName::UserHibernate, at, "parameters", &event::parameters(cause.into())).await?;
        }
        if let Some(Shown { opened, patient, .. }) = &self.shown {
            let (at, patient) = (opened.at, patient.clone());
            self.tell(EventName::PatientOpen, at, "patient", &patient).await?;
        }
        self.follow().await?;
        Ok(lease)
    }

    /// Tells what changed in the session.
    async fn follow(&mut self) -> Goes {
        let course = self.course.borrow_and_update().clone();
        let patient = course.opened.map(|opened| opened.patient);
        if self.shown.as_ref().is_some_and(|shown| Some(shown.opened.patient) != patient) {
            self.close(self.hub.plane.now()).await?;
        }
        let elsewhere = course.workstation.as_ref() != Some(&self.connection.subscription.workstation);
        if course.locks > self.locks_told || (elsewhere && course.phase == Phase::Open) {
            let told = course.last_lock.filter(|_| course.locks > self.locks_told);
            let (at, why) = told.map_or((self.hub.plane.now(), Reason::System), |(at, cause)| (at, cause.into()));
            self.locks_told = course.locks;
            self.tell(EventName::UserHibernate, at, "parameters", &event::parameters(why)).await?;
        }
        if let Phase::Ended { at, cause } = course.phase {
            self.tell(EventName::UserLogout, at, "parameters", &event::parameters(cause.into())).await?;
            return Err(End::Denied("the session is over", close_code::NORMAL));
        }
        if elsewhere {
            return Err(End::Denied("the session goes on at another workstation; follow it there", close_code::NORMAL));
        }
        match course.opened.filter(|_| course.phase == Phase::Open && self.shown.is_none()) {
            Some(opened) => self.open(opened).await,
            None => Ok(()),
        }
    }

    /// Tells which patient was opened, if the caller may be told.
    async fn open(&mut self, opened: Opened) -> Goes {
        if self.withheld == Some(opened) || !self.events.iter().any(|name| name.names_a_patient()) {
            return Ok(());
        }
        let (subscription, entry) = (Arc::clone(&self.connection.subscription), self.entry());
        let shown = context::show(&self.hub.plane, &entry, &subscription.caller, &subscription.topic, opened).await;
        let Some(shown) = shown.unwrap_or_else(|error| {
            tracing::debug!(%error, "which patient was opened could not be told");
            None
        }) else {
            self.withheld = Some(opened);
            return Ok(());
        };
        let patient = shown.patient.clone();
        let stands = *shown.standing.borrow() == Standing::Holds && self.course.borrow().opened == Some(opened);
        self.shown = Some(shown);
        if !stands {
            // It changed while it was decided: nothing was told, so nothing is to be taken back.
            self.let_go();
            return Ok(());
        }
        self.tell(EventName::PatientOpen, opened.at, "patient", &patient).await
    }

    /// Tells that the patient is not open any more, and gives the permit back.
    async fn close(&mut self, at: Timestamp) -> Goes {
        let Some(shown) = &self.shown else { return Ok(()) };
        let (patient, opened) = (shown.patient.clone(), shown.opened);
        self.let_go();
        // Opened again by what the person does next, and not by itself.
        self.withheld = Some(opened);
        self.tell(EventName::PatientClose, at, "patient", &patient).await
    }

    /// Gives the permit back, without waiting for that.
    fn let_go(&mut self) {
        let Some(Shown { permit, .. }) = self.shown.take() else { return };
        let (plane, by) = (self.hub.plane.clone(), Actor::caller(&self.connection.subscription.caller));
        self.hub.tasks.spawn(async move {
            // Whether it has ended already does not matter.
            let _ended = plane.release(permit, &by).await;
        });
    }

    /// Tells an event, if it is subscribed to.
    async fn tell(&mut self, name: EventName, at: Timestamp, key: &str, resource: &Value) -> Goes {
        if !self.events.contains(&name) {
            return Ok(());
        }
        let Notice { id, name, text } = event::notice(&self.connection.subscription.topic, name, at, key, resource);
        self.write(Message::Text(text.into())).await?;
        metrics::counter!("handrail_fhircast_events_total", "event" => name.as_str()).increment(1);
        // That one did not follow a failure of another would be told round and round.
        if name != EventName::SyncError {
            self.unanswered.push_back(Unanswered { id, name, beats: 0 });
        }
        if self.unanswered.len() > UNANSWERED_MAX {
            return Err(self.unresponsive());
        }
        Ok(())
    }

    async fn write(&mut self, message: Message) -> Goes {
        match tokio::time::timeout(WRITE_WITHIN, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|_| End::Gone),
            Err(_) => {
                metrics::counter!("handrail_fhircast_dropped_total").increment(1);
                let _told = self.unresponsive();
                Err(End::Gone)
            }
        }
    }

    /// Takes what the subscriber sent.
    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Goes {
        let message = match message {
            Some(Ok(message)) => message,
            // Too long, no text, or gone.
            Some(Err(_)) | None => return Err(End::Gone),
        };
        self.silent_beats = 0;
        self.heard += 1;
        if self.heard > MESSAGES_A_BEAT_MAX {
            return Err(End::Denied("too many messages", close_code::POLICY));
        }
        match message {
            Message::Text(text) => {
                let answer = serde_json::from_str::<Answer>(&text);
                let Answer { id, status } =
                    answer.map_err(|_| End::Denied("an answer has an id and a status", close_code::POLICY))?;
                self.answered(&id, &status)
            }
            Message::Binary(_) => Err(End::Denied("answers come as text", close_code::UNSUPPORTED)),
            Message::Close(_) => Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    fn answered(&mut self, id: &str, status: &Value) -> Goes {
        let Some(place) = self.unanswered.iter().position(|waiting| waiting.id == id) else { return Ok(()) };
        let Some(Unanswered { id, name, .. }) = self.unanswered.remove(place) else { return Ok(()) };
        let followed = match status {
            Value::String(text) => text.len() == 3 && text.starts_with('2'),
            Value::Number(number) => number.as_u64().is_some_and(|code| (200..300).contains(&code)),
            _ => false,
        };
        if !followed {
            self.not_followed(id, name);
        }
        Ok(())
    }

    /// Tells the others that this one did not follow.
    fn not_followed(&self, id: String, name: EventName) {
        metrics::counter!("handrail_fhircast_not_followed_total", "event" => name.as_str()).increment(1);
        let subscription = &self.connection.subscription;
        let refused = Refused { id, event: name.as_str().to_owned(), subscriber: subscription.name.clone() };
        self.hub.subscriptions.tell_others(subscription, &refused);
    }

    /// It did not answer: the others are told, and it is followed by nobody any more.
    fn unresponsive(&mut self) -> End {
        if let Some(Unanswered { id, name, .. }) = self.unanswered.pop_front() {
            self.not_followed(id, name);
        }
        End::Denied("events were not answered in time", close_code::POLICY)
    }

    /// Sees whether the other side is still there.
    async fn beat(&mut self) -> Goes {
        self.unanswered.iter_mut().for_each(|waiting| waiting.beats += 1);
        if self.unanswered.front().is_some_and(|waiting| waiting.beats > 1) {
            return Err(self.unresponsive());
        }
        self.heard = 0;
        self.silent_beats += 1;
        if self.silent_beats > SILENT_BEATS_MAX {
            let _told = self.unresponsive();
            return Err(End::Gone);
        }
        self.write(Message::Ping(axum::body::Bytes::new())).await
    }
}

/// A beat of [`ANSWER_WITHIN`], the first after that time.
fn beats() -> Interval {
    let mut beat = tokio::time::interval(ANSWER_WITHIN);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.reset();
    beat
}

/// Waits until the permit by which a patient was told has ended.
async fn ended(shown: Option<&mut Shown>) {
    match shown {
        // Whoever ends it also lets it go: either is the end.
        Some(shown) => drop(shown.standing.wait_for(|standing| *standing != Standing::Holds).await),
        None => std::future::pending().await,
    }
}

/// Waits until the node cannot say any more what holds.
async fn is_lost(lost: &mut watch::Receiver<Option<Lost>>) {
    let _lost = lost.wait_for(Option::is_some).await.map(|lost| *lost);
}
