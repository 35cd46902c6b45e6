//! One message: read it, say what it stands for, commit that with its acknowledgement, and only then hand the acknowledgement out.

use super::rejected::Kept;
use super::warned::Warned;
use super::{Settings, identified};
use crate::hl7::{Acknowledgement, AdtMessage, Identifier, Message, Outcome, Wanted, acknowledge, answer_head, decode};
use crate::mllp::END;
use crate::translate::{Circumstances, Directory, Rejection, TranslateError, VisitKey, is_not_understood, translate};
use aws_lc_rs::digest;
use bytes::Bytes;
use charter::Charter;
use charter::systems::FeedKind;
use events::{
    Actor, AppointmentPseudonym, Draft, EncounterPseudonym, Event, FeedName, Label, OrderPseudonym, PatientPseudonym,
    PrincipalId, Source, Timestamp, UnitId, feed,
};
use jiff::tz::TimeZone;
use plane::number::is_temporary;
use plane::{PREPARED_AGAIN_MAX, Plane};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::statements::{FEED_MESSAGE_FIND, FEED_MESSAGE_FORGET, FEED_MESSAGE_KEEP, FEED_MESSAGE_PRUNE};
use store::{AppendError, Batch, ReadError, Untold, Value, Write};
use tokio::time::Instant;
use world::Subject;

/// Who sent what no feed of the charter sends.
const UNNAMED_FEED: &str = "mllp";
/// How much of MSH-10 tells messages apart, in bytes; the digest of the content does the rest.
const CONTROL_ID_BYTES_MAX: usize = 256;
/// After so many messages, old ones are forgotten.
const PRUNE_EVERY_MESSAGES: u64 = 1_024;
/// How many are forgotten at once: more than come between two times.
const PRUNE_MESSAGES_MAX: i64 = 4_096;

/// Takes messages in for all connections of a listener.
pub(super) struct Intake {
    pub(super) plane: Plane,
    pub(super) settings: Settings,
    in_force: Mutex<Option<InForce>>,
    /// Makes this run's acknowledgement ids differ from every other's.
    started_at: Timestamp,
    acknowledged: AtomicU64,
    /// How many rejected messages are kept: committed ones only.
    pub(super) kept: AtomicU64,
    /// How many bytes they have.
    pub(super) kept_bytes: AtomicU64,
    warned: Warned,
}

/// The charter a message is read under, with its time zone looked up.
#[derive(Clone)]
pub(super) struct InForce {
    pub(super) charter: Arc<Charter>,
    zone: TimeZone,
    /// Whose numbers are record numbers, of the feeds that say so.
    authorities: Arc<BTreeMap<FeedName, Vec<SmolStr>>>,
}

/// A message that was read and not yet acted on.
pub(super) struct Opened {
    pub(super) bytes: Bytes,
    pub(super) sha256: [u8; 32],
    read: Result<AdtMessage, Rejection>,
    pub(super) in_force: InForce,
    /// Whether anybody waits for an answer.
    answered: bool,
    allowed: Allowed,
}

/// The feeds that one connection's sender may speak for, of those that ask for a certificate; all of them when none does.
pub(super) type Allowed = Option<Arc<[FeedName]>>;

impl Opened {
    /// The records it is about: two messages about one record are not committed side by side.
    pub(super) fn records(&self) -> impl Iterator<Item = &SmolStr> {
        let patients = self.read.iter().flat_map(|message| &message.patients);
        patients.flat_map(|patient| patient.record.iter().chain(&patient.retired)).map(|record| &record.number)
    }
}

/// What became of a message.
#[derive(Default)]
pub(super) struct Taken {
    /// Its acknowledgements.
    pub(super) answers: Vec<Bytes>,
    /// Whether it is used from now on. One that was used before is not, once more: it shows nothing of who sends it.
    pub(super) accepted: bool,
}

/// What is to be committed, and what is answered once it is.
struct Prepared {
    feed: FeedName,
    batch: Batch,
    ack: Vec<u8>,
    outcome: Outcome,
    kept: Kept,
}

impl Intake {
    pub(super) fn new(plane: Plane, settings: Settings) -> Self {
        let intake = Self {
            started_at: plane.now(),
            plane,
            settings,
            in_force: Mutex::new(None),
            acknowledged: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            kept_bytes: AtomicU64::new(0),
            warned: Warned::default(),
        };
        intake.recount();
        intake
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The feeds that whoever shows this certificate (DER) may speak for.
    pub(super) fn allowed(&self, certificate: Option<&[u8]>) -> Allowed {
        let names = &self.settings.certificate_names;
        let certificate = certificate.filter(|_| !names.is_empty())?;
        let named = names.iter().filter(|(_, names)| callers::certificate::is_named(certificate, names));
        Some(named.map(|(feed, _)| feed.clone()).collect())
    }

    /// The header of the answer to a batch.
    pub(super) fn batch_head(&self, frame: &[u8]) -> Bytes {
        answer_head(frame, &self.own_id(), self.plane.now(), &self.in_force().zone).into()
    }

    /// Reads a message, or what there is of one that is `refused` whatever it says.
    pub(super) fn open(&self, bytes: Bytes, refused: Option<Rejection>, allowed: &Allowed) -> Opened {
        let in_force = self.in_force();
        let digest = digest::digest(&digest::SHA256, &bytes);
        let mut sha256 = [0; 32];
        sha256.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        let read = match refused {
            Some(rejection) => Err(rejection),
            None => {
                let decoded = decode(&bytes);
                let message = Message::read(&decoded.text);
                message.map(|message| AdtMessage::read(&message, &in_force.zone)).map_err(Into::into)
            }
        };
        // Whoever started over or went away does not wait for an answer.
        let answered = !matches!(refused, Some(Rejection::Restarted | Rejection::Ended));
        Opened { bytes, sha256, read, in_force, answered, allowed: allowed.clone() }
    }

    /// Commits what a message stands for and gives the acknowledgements its sender asked for, if it waits for any. The order of the commits is the order in
    /// which these futures are first polled.
    pub(super) async fn take(&self, opened: Opened) -> Taken {
        let mut prepared = self.prepare(&opened);
        let mut prepared_again = 0;
        loop {
            let Prepared { feed, batch, ack, outcome, kept } = prepared;
            let failure = match self.plane.record(batch).await {
                Ok(_) => {
                    count(&feed, label(outcome));
                    self.has_kept(kept);
                    let answers = self.answer(&opened, ack);
                    return Taken { answers, accepted: outcome == Outcome::Accepted };
                }
                Err(failure) => failure,
            };
            match failure {
                AppendError::Conflict(what) if what == FEED_MESSAGE_KEEP.name() => {
                    if let Ok(Some(ack)) = self.earlier(&opened, &feed) {
                        count(&feed, "duplicate");
                        return Taken { answers: self.answer(&opened, ack), accepted: false };
                    }
                    return Taken { answers: self.fail(&opened, &feed, &AppendError::Conflict(what)), accepted: false };
                }
                // Whom it was about when it was read is nobody's number any more; or another node was faster with what it was read against.
                failure if failure.asks_anew() && prepared_again < PREPARED_AGAIN_MAX => {
                    prepared_again += 1;
                    prepared = self.prepare(&opened);
                }
                // Trying again would not help: it is the message that does not fit.
                AppendError::TooLong { .. } | AppendError::TooMany { .. } | AppendError::Leaf(_)
                    if outcome != Outcome::Refused =>
                {
                    prepared = self.refuse(&opened, &feed, Rejection::TooMuch);
                }
                failure => return Taken { answers: self.fail(&opened, &feed, &failure), accepted: false },
            }
        }
    }

    fn prepare(&self, opened: &Opened) -> Prepared {
        let InForce { charter, .. } = &opened.in_force;
        let message = match &opened.read {
            Ok(message) => message,
            Err(rejection) => return self.refuse(opened, &feed_of(charter, "").unwrap_or_else(unnamed), *rejection),
        };
        let Some(feed) = feed_of(charter, &message.sender.application) else {
            return self.refuse(opened, &unnamed(), Rejection::NoFeed);
        };
        let named = self.settings.certificate_names.contains_key(&feed);
        if named && !opened.allowed.as_ref().is_some_and(|allowed| allowed.contains(&feed)) {
            // Not under the feed's own name: the true sender's message may come yet, and is no duplicate of this one.
            return self.refuse(opened, &unnamed(), Rejection::NotThisSender);
        }
        match self.understood(opened, message, &feed) {
            Ok(mut batch) => {
                let now = self.plane.now();
                let ack = self.acknowledgement(opened, &Acknowledgement::ACCEPTED, now);
                batch.writes.extend(self.remember(opened, &feed, &ack, now));
                Prepared { feed, batch, ack, outcome: Outcome::Accepted, kept: Kept::Nothing }
            }
            Err(rejection) => self.refuse(opened, &feed, rejection),
        }
    }

    /// What a message stands for, with what has to be written for numbers that are new.
    fn understood(&self, opened: &Opened, message: &AdtMessage, feed: &FeedName) -> Result<Batch, Rejection> {
        let charter = &opened.in_force.charter;
        let now = self.plane.now();
        let sha256 = hexadecimal(&opened.sha256);
        let own = opened.in_force.authorities.get(feed);
        let record_authorities = own.map_or(&self.settings.record_authorities[..], |own| own);
        let circumstances = Circumstances { feed, sha256: &sha256, now, record_authorities };
        let since = self.plane.store().head().next;
        let mut numbers = Numbers {
            plane: &self.plane,
            charter,
            now,
            writes: Vec::new(),
            named: Vec::new(),
            new: Vec::new(),
            unknown_units: Vec::new(),
        };
        match translate(message, &circumstances, &mut numbers) {
            Ok(drafts) => {
                self.note(message, &sha256, &numbers.unknown_units);
                let details = identified::details(message, &numbers.named, &drafts);
                // Labels are said as a whole: those that somebody else says meanwhile must not be lost by that.
                let labelled = drafts.iter().filter_map(|draft| match &draft.event {
                    Event::PatientLabelled(labelled) => Some(labelled.patient),
                    _ => None,
                });
                let records: Vec<_> =
                    labelled.flat_map(|patient| self.plane.world(|world| world.records_of(patient))).collect();
                let untold = (!records.is_empty()).then_some(Untold { since, records });
                Ok(Batch { drafts, writes: numbers.writes, details, untold, ..Batch::default() })
            }
            Err(TranslateError::Rejected(rejection)) => Err(rejection),
            Err(TranslateError::Directory(never)) => match never {},
        }
    }

    /// A message that somebody with the server's own console sends through once more: whatever it was answered before is forgotten, and should
    /// its sender send it again, it changes nothing.
    pub(super) fn again(&self, opened: &Opened) -> Result<Batch, Rejection> {
        let message = opened.read.as_ref().map_err(|rejection| *rejection)?;
        let feed = feed_of(&opened.in_force.charter, &message.sender.application).ok_or(Rejection::NoFeed)?;
        let mut batch = self.understood(opened, message, &feed)?;
        let now = self.plane.now();
        let ack = self.acknowledgement(opened, &Acknowledgement::ACCEPTED, now);
        batch.writes.push(Write { statement: FEED_MESSAGE_FORGET, values: self.key(opened, &feed) });
        batch.writes.extend(self.remember(opened, &feed, &ack, now));
        Ok(batch)
    }

    /// Counts and says what was taken in and will not do what its sender means.
    fn note(&self, message: &AdtMessage, sha256: &str, unknown_units: &[(SmolStr, bool)]) {
        for (code, is_code) in unknown_units {
            metrics::counter!("handrail_feed_unknown_units_total").increment(1);
            self.warned.unknown_unit(code, *is_code, sha256);
        }
        if is_not_understood(message) {
            let trigger = message.trigger.to_string();
            self.warned.not_understood(&trigger);
            metrics::counter!("handrail_feed_not_understood_total", "trigger" => trigger).increment(1);
        }
    }

    fn refuse(&self, opened: &Opened, feed: &FeedName, rejection: Rejection) -> Prepared {
        let now = self.plane.now();
        let sha256 = hexadecimal(&opened.sha256);
        metrics::counter!("handrail_feed_rejections_total", "reason" => rejection.reason()).increment(1);
        if let Some(unsaid) = self.warned.rejection_is_due(Instant::now()) {
            let (reason, sha256) = (rejection.reason(), sha256.as_str());
            tracing::warn!(%feed, reason, sha256, unsaid, "a message could not be used");
        }
        let rejected = feed::MessageRejected {
            feed: feed.clone(),
            sha256: SmolStr::new(&sha256),
            bytes: opened.bytes.len() as u64,
            reason: SmolStr::new_static(rejection.reason()),
        };
        let mut draft = Draft::new(Actor::feed(feed), rejected);
        draft.source = opened.control_id().map(|message| Source { feed: feed.clone(), message });
        let ack = self.acknowledgement(opened, &rejection.acknowledgement(), now);
        let mut batch = Batch::one(draft);
        // First, so that nothing is pruned or kept for a message that was refused before.
        batch.writes.extend(self.remember(opened, feed, &ack, now));
        let (kept, room) = self.room(opened);
        let write = if kept == Kept::Nothing { None } else { self.keep(opened, feed, rejection, now) };
        let kept = if write.is_some() { kept } else { Kept::Nothing };
        batch.writes.extend(room.filter(|_| write.is_some()));
        batch.writes.extend(write);
        Prepared { feed: feed.clone(), batch, ack, outcome: Outcome::Refused, kept }
    }

    /// The write that makes a duplicate of this message a conflict, and now and then one that forgets old messages.
    fn remember(&self, opened: &Opened, feed: &FeedName, ack: &[u8], now: Timestamp) -> Vec<Write> {
        let after = now - self.settings.duplicate_window;
        let mut values = self.key(opened, feed);
        values.extend([Value::Bytes(ack.to_vec()), now.into(), after.into()]);
        let mut writes = vec![Write { statement: FEED_MESSAGE_KEEP, values }];
        if self.acknowledged.load(Ordering::Relaxed).is_multiple_of(PRUNE_EVERY_MESSAGES) {
            let values = vec![after.into(), Value::Int(PRUNE_MESSAGES_MAX)];
            writes.push(Write { statement: FEED_MESSAGE_PRUNE, values });
        }
        writes
    }

    fn key(&self, opened: &Opened, feed: &FeedName) -> Vec<Value> {
        let id = opened.read.as_ref().map_or("", |message| message.control_id.as_str());
        let cut = id.floor_char_boundary(CONTROL_ID_BYTES_MAX);
        vec![feed.as_str().into(), id.get(..cut).unwrap_or_default().into(), opened.sha256.into()]
    }

    /// The acknowledgement this message got before.
    fn earlier(&self, opened: &Opened, feed: &FeedName) -> Result<Option<Vec<u8>>, ReadError> {
        let mut values = self.key(opened, feed);
        values.push((self.plane.now() - self.settings.duplicate_window).into());
        self.plane.store().read(|reader| reader.find(FEED_MESSAGE_FIND, &values, |row| row.bytes(0)))
    }

    fn fail(&self, opened: &Opened, feed: &FeedName, failure: &AppendError) -> Vec<Bytes> {
        count(feed, "failed");
        tracing::warn!(%feed, error = %failure, "a message could not be recorded");
        let reason = failure.to_string();
        let answer =
            Acknowledgement { outcome: Outcome::Failed, reason: Some(&reason), code: Some(207), location: None };
        let ack = self.acknowledgement(opened, &answer, self.plane.now());
        self.answer(opened, ack)
    }

    /// The frames that [`Intake::acknowledgement`] stands for.
    fn answer(&self, opened: &Opened, acks: Vec<u8>) -> Vec<Bytes> {
        if !opened.answered || acks.is_empty() {
            return Vec::new();
        }
        let acks = Bytes::from(acks);
        acks.split(|byte| *byte == END).map(|ack| acks.slice_ref(ack)).collect()
    }

    /// The acknowledgements the sender asked for, with what ends a frame between them: none, one or two.
    fn acknowledgement(&self, opened: &Opened, answer: &Acknowledgement<'_>, now: Timestamp) -> Vec<u8> {
        let decoded = decode(&opened.bytes);
        let message = Message::read(&decoded.text).ok();
        let wanted = message.as_ref().map_or(Wanted::ORIGINAL, Wanted::of);
        let acks = wanted.levels(answer.outcome).map(|level| {
            let own_id = self.own_id();
            acknowledge(message.as_ref(), decoded.charset, answer, level, &own_id, now, &opened.in_force.zone)
        });
        acks.collect::<Vec<_>>().join(&END)
    }

    /// A control id of our own.
    fn own_id(&self) -> String {
        let number = self.acknowledged.fetch_add(1, Ordering::Relaxed);
        format!("HR{:X}-{number}", self.started_at.as_millis())
    }

    pub(super) fn in_force(&self) -> InForce {
        let engine = self.plane.engine();
        let mut held = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some(held) if Arc::ptr_eq(&held.charter, engine.charter()) => held.clone(),
            _ => {
                let charter = Arc::clone(engine.charter());
                // A charter with an unknown time zone does not load.
                let zone = TimeZone::get(&charter.hospital().time_zone).unwrap_or(TimeZone::UTC);
                let authorities = Arc::new(authorities(&charter));
                held.insert(InForce { charter, zone, authorities }).clone()
            }
        }
    }
}

impl Opened {
    fn control_id(&self) -> Option<SmolStr> {
        let id = &self.read.as_ref().ok()?.control_id;
        let cut: SmolStr =
            id.chars().filter(|letter| !letter.is_control()).take(crate::translate::CONTROL_ID_CHARS_MAX).collect();
        (!cut.is_empty()).then_some(cut)
    }
}

/// The plane's directory and the charter's units, with what has to be written for numbers that are new.
struct Numbers<'a> {
    plane: &'a Plane,
    charter: &'a Charter,
    now: Timestamp,
    writes: Vec<Write>,
    /// Record numbers that were asked for, and whom they stand for.
    named: Vec<(SmolStr, PatientPseudonym)>,
    /// Visits that this message is the first to name.
    new: Vec<EncounterPseudonym>,
    unknown_units: Vec<(SmolStr, bool)>,
}

impl Directory for Numbers<'_> {
    type Error = Infallible;

    fn is_given(&mut self, record: &Identifier) -> bool {
        !is_temporary(&record.number) || self.plane.directory().knows(&record.number)
    }

    fn patient(&mut self, record: &Identifier) -> Result<PatientPseudonym, Infallible> {
        let named = self.plane.directory().patient_or_new(&record.number);
        self.writes.extend(named.write);
        self.named.push((record.number.clone(), named.pseudonym));
        Ok(named.pseudonym)
    }

    // Without the authority: senders give it in some messages and not in others, and a stay that is opened under one name and closed under
    // another would never end.
    fn encounter(&mut self, visit: VisitKey<'_>) -> Result<EncounterPseudonym, Infallible> {
        let named = match visit {
            VisitKey::Numbered(number) => self.plane.directory().encounter_or_new(&number.number),
            // A readable number has no control characters, so no visit is called that.
            VisitKey::Unnumbered(patient) => self.plane.directory().encounter_or_new(&format!("\0{patient}")),
        };
        if named.write.is_some() {
            self.new.push(named.pseudonym);
        }
        self.writes.extend(named.write);
        Ok(named.pseudonym)
    }

    fn labels(&mut self, patient: PatientPseudonym) -> Result<Vec<Label>, Infallible> {
        let Ok(principal) = PrincipalId::new("nobody") else { return Ok(Vec::new()) };
        let subject = Subject { principal, patient: Some(patient), device: None, session: None };
        let facts = self.plane.world(|world| world.facts(&subject, self.now));
        Ok(facts.patient.map(|patient| patient.labels.to_vec()).unwrap_or_default())
    }

    fn can_merge(&mut self, survivor: PatientPseudonym, retired: PatientPseudonym) -> bool {
        self.plane.world(|world| world.can_merge(survivor, retired))
    }

    // By its number, not by the world alone: a visit whose admission was undone is not opened by an update that comes after.
    fn is_new(&mut self, encounter: EncounterPseudonym) -> bool {
        self.new.contains(&encounter)
    }

    fn known_unit(&mut self, code: &str) -> Option<UnitId> {
        self.charter.unit_by_code(code).cloned()
    }

    // Whoever places an order numbers it, and so does whoever fills it: the two do not know of each other's numbers. Orders are kept with their
    // patient, so two senders that number alike do not meet.
    fn order(&mut self, number: &str, by_placer: bool) -> Result<OrderPseudonym, Infallible> {
        let named = self.plane.directory().order_or_new(&format!("{}\0{number}", if by_placer { 'p' } else { 'f' }));
        self.writes.extend(named.write);
        Ok(named.pseudonym)
    }

    fn appointment(&mut self, number: &str) -> Result<AppointmentPseudonym, Infallible> {
        let named = self.plane.directory().appointment_or_new(number);
        self.writes.extend(named.write);
        Ok(named.pseudonym)
    }

    fn unknown_unit(&mut self, code: &str, is_code: bool) {
        self.unknown_units.push((SmolStr::new(code), is_code));
    }
}

/// The feed of the charter that sends as this application (MSH-3): one that lists it, or else one that lists none.
fn feed_of(charter: &Charter, application: &str) -> Option<FeedName> {
    let feeds = || charter.systems().feeds.iter().filter(|(_, feed)| feed.kind == FeedKind::Adt);
    let listed = feeds().find(|(_, feed)| feed.applications.iter().any(|name| name == application));
    let open = || feeds().find(|(_, feed)| feed.applications.is_empty());
    listed.or_else(open).map(|(name, _)| name.clone())
}

fn authorities(charter: &Charter) -> BTreeMap<FeedName, Vec<SmolStr>> {
    let feeds = charter.systems().feeds.iter().filter(|(_, feed)| !feed.record_authorities.is_empty());
    feeds.map(|(name, feed)| (name.clone(), feed.record_authorities.iter().map(SmolStr::new).collect())).collect()
}

#[expect(clippy::expect_used, reason = "a constant")]
fn unnamed() -> FeedName {
    FeedName::new(UNNAMED_FEED).expect("a constant")
}

fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Failed => "failed",
        Outcome::Refused => "refused",
    }
}

fn count(feed: &FeedName, outcome: &'static str) {
    metrics::counter!("handrail_feed_messages_total", "feed" => feed.to_string(), "outcome" => outcome).increment(1);
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
