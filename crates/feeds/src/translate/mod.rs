//! Which events does a message stand for? Pure: no clock, no store, no names.
//!
//! Record numbers and visit numbers become pseudonyms through a [`Directory`] given as an argument. What is understood but changes
//! nothing becomes `feed.heard`; what cannot be used is a [`Rejection`] whose words name no patient.
//!
//! - **A message without a visit number (PV1-19)** means the patient's one unnumbered visit: whoever keeps the directory gives every
//!   patient one such encounter. A sender that never numbers visits so has one stay a patient, opened and closed again and again; one
//!   that numbers them only sometimes leaves the unnumbered stay beside the numbered ones until it is closed without a number too.
//! - **A unit no charter names** keeps its own code: nobody is on shift there, and the patient has left where they were. What does not look like
//!   a code, or has a name or number of the patient's in it, is [`UNREADABLE`] instead: entries name nobody.
//! - **A time that cannot be right** (older than [`LAG_MAX`], further ahead than [`SKEW_MAX`], or without an hour) is not believed: the
//!   next of EVN-6, EVN-2 and MSH-7 is asked, and if none is left, it happened when it was recorded.

mod rejection;
mod services;
#[cfg(test)]
mod tests;

pub use rejection::Rejection;

use crate::hl7::{AdtMessage, Identifier, Location, Moment, PATIENTS_MAX, Patient, Precision, Stated};
use events::encounter::{self, Movement, Place, Presence};
use events::{
    Actor, AppointmentPseudonym, Draft, EncounterPseudonym, Event, FeedName, Label, OrderPseudonym, PatientPseudonym,
    Source, Timestamp, UnitId,
};
use events::{feed, patient};
use plane::privacy::contains_word;
use smol_str::SmolStr;
use std::time::Duration;

/// How old an event may be and still be believed: longer than any interface is down, and than most stays are open.
pub const LAG_MAX: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// How far ahead of our clock a sender's may be.
pub const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
/// How far ahead an appointment may be booked.
pub const AHEAD_MAX: Duration = Duration::from_secs(2 * 366 * 24 * 60 * 60);
/// How much of MSH-10 is kept in evidence, in characters.
pub const CONTROL_ID_CHARS_MAX: usize = 64;
/// How much of a room or bed is kept, in characters.
pub const ROOM_CHARS_MAX: usize = 32;
/// Where a patient is who was admitted without a place. Nobody is ever on shift there.
pub const UNPLACED: &str = "unplaced";
/// Where a patient is whose place reads like words and not like a unit's code. Nobody is ever on shift there.
pub const UNREADABLE: &str = "unreadable";
/// The longest code that is taken for a unit's, in characters, if no charter knows it.
pub const UNIT_CODE_CHARS_MAX: usize = 20;
/// The shortest part of a patient's name that is looked for in a place, in characters: shorter ones are in any code.
const NAME_PART_CHARS_MIN: usize = 3;
/// The same of a patient's numbers.
const NUMBER_CHARS_MIN: usize = 4;
/// The label that PV1-16 sets and takes away.
pub const VIP: &str = "vip";

/// A visit, as a message can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisitKey<'a> {
    /// By its own number.
    Numbered(&'a Identifier),
    /// As the one unnumbered visit of a patient.
    Unnumbered(PatientPseudonym),
}

/// Who knows what stands behind numbers and codes.
pub trait Directory {
    /// Why it may fail to say.
    type Error;

    /// Whether a record number may be used: not when it has the form of a temporary one of ours that was never given out.
    fn is_given(&mut self, record: &Identifier) -> bool;

    /// The pseudonym of a patient record, made now if it is new.
    ///
    /// # Errors
    /// When the directory cannot be read or a new pseudonym not be made.
    fn patient(&mut self, record: &Identifier) -> Result<PatientPseudonym, Self::Error>;

    /// The pseudonym of a visit, made now if it is new.
    ///
    /// # Errors
    /// When the directory cannot be read or a new pseudonym not be made.
    fn encounter(&mut self, visit: VisitKey<'_>) -> Result<EncounterPseudonym, Self::Error>;

    /// The sensitivity labels known of a patient.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn labels(&mut self, patient: PatientPseudonym) -> Result<Vec<Label>, Self::Error>;

    /// Whether two records may be made one: not when that would join absurdly many.
    fn can_merge(&mut self, survivor: PatientPseudonym, retired: PatientPseudonym) -> bool;

    /// Whether nothing was ever heard of this visit before the message at hand.
    fn is_new(&mut self, encounter: EncounterPseudonym) -> bool;

    /// The unit that the charter knows by this code.
    fn known_unit(&mut self, code: &str) -> Option<UnitId>;

    /// Notes that a place has a code no charter knows; `is_code` unless it looks like something else and must not be repeated.
    fn unknown_unit(&mut self, code: &str, is_code: bool);

    /// The pseudonym of an order, by its placer's or its filler's number, made now if it is new.
    ///
    /// # Errors
    /// When the directory cannot be read or a new pseudonym not be made.
    fn order(&mut self, number: &str, by_placer: bool) -> Result<OrderPseudonym, Self::Error>;

    /// The pseudonym of an appointment, made now if it is new.
    ///
    /// # Errors
    /// When the directory cannot be read or a new pseudonym not be made.
    fn appointment(&mut self, number: &str) -> Result<AppointmentPseudonym, Self::Error>;
}

/// Which message of which feed, heard when, and what the feed's numbers are.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The feed.
    pub feed: &'a FeedName,
    /// SHA-256 of the message's bytes, hexadecimal.
    pub sha256: &'a str,
    /// Now, for the bounds of times.
    pub now: Timestamp,
    /// Whose numbers are record numbers (CX-4), besides those of nobody in particular. When empty, anybody's, those typed `MR` or `MRN` first.
    pub record_authorities: &'a [SmolStr],
}

/// Whether an ADT message moves a patient or changes who they are and is only heard here: leaves of absence, deletions,
/// and changes of visits' and accounts' numbers.
#[must_use]
pub fn is_not_understood(message: &AdtMessage) -> bool {
    let moves = ["A21", "A22", "A52", "A53"];
    let changes_identity = ["A23", "A29", "A35", "A41", "A42", "A43", "A44", "A45", "A48", "A49", "A50", "A51"];
    message.kind == "ADT" && moves.iter().chain(&changes_identity).any(|trigger| *trigger == message.trigger)
}

/// Why no drafts came of a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError<E> {
    /// The message cannot be used, now or later.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The directory failed; the message may be sent again.
    #[error("the directory did not answer")]
    Directory(E),
}

/// Says which events a message stands for, in order; at least one.
///
/// # Errors
/// When the message cannot be used, or the directory fails.
pub fn translate<D: Directory>(
    message: &AdtMessage,
    circumstances: &Circumstances<'_>,
    directory: &mut D,
) -> Result<Vec<Draft>, TranslateError<D::Error>> {
    // Its acknowledgement would stand for all of them.
    if message.headers > 1 {
        return Err(Rejection::SeveralMessages.into());
    }
    if message.control_id.is_empty() {
        return Err(Rejection::NoControlId.into());
    }
    if message.kind.is_empty() {
        return Err(Rejection::NoType.into());
    }
    let mut work = Work { message, circumstances, directory, drafts: Vec::new() };
    match message.kind.as_str() {
        "ADT" => work.movement()?,
        "SIU" => work.scheduled()?,
        _ => work.ordered()?,
    }
    if work.drafts.is_empty() {
        work.heard();
    }
    Ok(work.drafts)
}

struct Work<'a, D> {
    message: &'a AdtMessage,
    circumstances: &'a Circumstances<'a>,
    directory: &'a mut D,
    drafts: Vec<Draft>,
}

/// Who and which stay a message is about.
#[derive(Clone, Copy)]
struct Stay<'a> {
    patient: PatientPseudonym,
    encounter: EncounterPseudonym,
    said: &'a Patient,
}

impl<'a, D: Directory> Work<'a, D> {
    fn movement(&mut self) -> Result<(), TranslateError<D::Error>> {
        match self.message.trigger.as_str() {
            "" => Err(Rejection::NoTrigger.into()),
            // A class change opens the stay anew, since it may bring a new visit number.
            "A01" | "A04" | "A06" | "A07" => self.opened(Presence::Present),
            "A05" | "A14" => self.opened(Presence::Expected),
            "A02" => self.moved(Presence::Present),
            "A15" => self.moved(Presence::Expected),
            "A09" => self.departing(),
            "A10" => self.arriving(),
            "A03" => self.closed(),
            "A08" => self.updated(true),
            "A28" | "A31" => self.updated(false),
            "A11" | "A27" | "A38" => self.cancelled(Movement::Admission),
            "A12" | "A32" => self.cancelled(Movement::Transfer),
            "A26" | "A33" => self.cancelled(Movement::PendingTransfer),
            "A13" => self.cancelled(Movement::Discharge),
            "A17" => self.swapped(),
            // A record number that is changed (A46, A47) is the old one merged into the new.
            "A18" | "A30" | "A34" | "A36" | "A39" | "A40" | "A46" | "A47" => self.merged(),
            "A24" => self.linked(),
            "A37" => self.unmerged(),
            _ => Ok(()),
        }
    }

    fn opened(&mut self, presence: Presence) -> Result<(), TranslateError<D::Error>> {
        let stay = self.stay()?;
        let visit = &stay.said.visit;
        let place = match &visit.location {
            Some(location) => self.place(location)?,
            None => Place { unit: UnitId::new(UNPLACED).map_err(|_| Rejection::NoPlace)?, room: None, bed: None },
        };
        let unit = place.unit.clone();
        let opened = encounter::Opened {
            encounter: stay.encounter,
            patient: stay.patient,
            class: visit.class.unwrap_or(encounter::Class::Other),
            presence,
            place,
            attending: said(&visit.attending).unwrap_or_default(),
            participants: said(&visit.participants).unwrap_or_default(),
        };
        self.push(opened, self.occurred_at(), Some(unit));
        self.labelled(stay)
    }

    fn moved(&mut self, presence: Presence) -> Result<(), TranslateError<D::Error>> {
        let stay = self.stay()?;
        self.moved_in(stay, presence)
    }

    /// Two patients who change places: each PV1 names where its patient now is.
    fn swapped(&mut self) -> Result<(), TranslateError<D::Error>> {
        let [one, other] = &self.message.patients[..] else { return Err(Rejection::NotASwap.into()) };
        for said in [one, other] {
            let stay = self.stay_of(said)?;
            self.moved_in(stay, Presence::Present)?;
        }
        Ok(())
    }

    fn moved_in(&mut self, stay: Stay<'_>, presence: Presence) -> Result<(), TranslateError<D::Error>> {
        let visit = &stay.said.visit;
        let location = match presence {
            Presence::Present => visit.location.as_ref(),
            // A pending transfer names where the patient still is in PV1-3, and where they will be in PV1-42.
            Presence::Expected => visit.pending_location.as_ref().or(visit.location.as_ref()),
        };
        self.moved_to(stay, presence, location.ok_or(Rejection::NoPlace)?)
    }

    fn moved_to(
        &mut self,
        stay: Stay<'_>,
        presence: Presence,
        location: &Location,
    ) -> Result<(), TranslateError<D::Error>> {
        let place = self.place(location)?;
        let unit = place.unit.clone();
        let moved = encounter::Moved { encounter: stay.encounter, patient: stay.patient, presence, place };
        self.push(moved, self.occurred_at(), Some(unit));
        self.people(stay, None);
        self.labelled(stay)
    }

    /// On the way: whoever receives them may prepare, and nobody loses them before they arrive.
    fn departing(&mut self) -> Result<(), TranslateError<D::Error>> {
        let stay = self.stay()?;
        let visit = &stay.said.visit;
        let elsewhere = visit.location.as_ref().filter(|_| visit.prior_location.is_some());
        match visit.pending_location.as_ref().or(visit.temporary_location.as_ref()).or(elsewhere) {
            Some(location) => self.moved_to(stay, Presence::Expected, location),
            None => Ok(()),
        }
    }

    /// Where a patient is only for a while their bed is kept: the ward keeps its claim, and the place gets one beside it.
    fn arriving(&mut self) -> Result<(), TranslateError<D::Error>> {
        let stay = self.stay()?;
        match &stay.said.visit.temporary_location {
            Some(location) => self.moved_to(stay, Presence::Expected, location),
            None => self.moved_in(stay, Presence::Present),
        }
    }

    fn closed(&mut self) -> Result<(), TranslateError<D::Error>> {
        let Stay { encounter, patient, .. } = self.stay()?;
        self.push(encounter::Closed { encounter, patient }, self.occurred_at(), None);
        Ok(())
    }

    /// `always_a_visit`: an A08 is about the stay; an A31 is about the person, and about a stay only if it numbers one.
    fn updated(&mut self, always_a_visit: bool) -> Result<(), TranslateError<D::Error>> {
        let said = self.said()?;
        if always_a_visit || said.visit.number.is_some() {
            let stay = self.stay()?;
            if said.visit.class.is_some() && said.visit.location.is_some() && self.directory.is_new(stay.encounter) {
                // Its admission was never heard: a feed that was connected in the middle of the stay, or lost messages.
                return self.opened(Presence::Present);
            }
            self.people(stay, said.visit.class);
            return self.labelled(stay);
        }
        let patient = self.patient(&said.record, None)?;
        self.label(patient, &said.visit.vip)
    }

    fn cancelled(&mut self, movement: Movement) -> Result<(), TranslateError<D::Error>> {
        let Stay { encounter, patient, .. } = self.stay()?;
        // In a cancellation EVN-6 is when the cancelled movement had happened, not when it was cancelled.
        let happened_at = self.message.happened_at.and_then(|moment| self.believed(moment));
        let cancelled_at = [self.message.entered_at, self.message.made_at]
            .into_iter()
            .flatten()
            .find_map(|moment| self.believed(moment));
        self.push(encounter::MovementCancelled { encounter, patient, movement, happened_at }, cancelled_at, None);
        Ok(())
    }

    fn merged(&mut self) -> Result<(), TranslateError<D::Error>> {
        let pairs = &self.message.patients;
        if pairs.len() > PATIENTS_MAX {
            return Err(Rejection::TooManyPatients.into());
        }
        if pairs.is_empty() {
            return Err(Rejection::NoPatient.into());
        }
        for pair in pairs {
            let kept = pick(&pair.record, self.circumstances.record_authorities, None)?;
            if pair.retired.is_empty() {
                return Err(Rejection::NoMergedRecord.into());
            }
            let survivor = self.of(kept)?;
            let retired = self.patient(&pair.retired, Some(kept))?;
            if survivor == retired {
                return Err(Rejection::MergedWithItself.into());
            }
            if !self.directory.can_merge(survivor, retired) {
                return Err(Rejection::TooManyMerged.into());
            }
            self.push(patient::Merged { survivor, retired }, self.occurred_at(), None);
        }
        Ok(())
    }

    /// Two records that are one patient and both go on, as an A24 says; an A37 takes that back.
    fn linked(&mut self) -> Result<(), TranslateError<D::Error>> {
        let (survivor, retired) = self.two_records()?;
        if !self.directory.can_merge(survivor, retired) {
            return Err(Rejection::TooManyMerged.into());
        }
        self.push(patient::Merged { survivor, retired }, self.occurred_at(), None);
        Ok(())
    }

    fn unmerged(&mut self) -> Result<(), TranslateError<D::Error>> {
        let (survivor, retired) = self.two_records()?;
        self.push(patient::Unmerged { survivor, retired }, self.occurred_at(), None);
        Ok(())
    }

    /// The two records of a link or its end: the second PID, or MRG where a sender links the way it merges.
    fn two_records(&mut self) -> Result<(PatientPseudonym, PatientPseudonym), TranslateError<D::Error>> {
        let said = self.said()?;
        let kept = pick(&said.record, self.circumstances.record_authorities, None)?;
        let other = match self.message.patients.get(1) {
            Some(second) => &second.record,
            None => &said.retired,
        };
        if other.is_empty() {
            return Err(Rejection::NoMergedRecord.into());
        }
        let survivor = self.of(kept)?;
        let retired = self.patient(other, Some(kept))?;
        if survivor == retired {
            return Err(Rejection::MergedWithItself.into());
        }
        Ok((survivor, retired))
    }

    fn heard(&mut self) {
        let heard = feed::Heard {
            feed: self.circumstances.feed.clone(),
            message_type: self.message.message_type(),
            sha256: SmolStr::new(self.circumstances.sha256),
        };
        self.push(heard, self.occurred_at(), None);
    }

    fn people(&mut self, stay: Stay<'_>, class: Option<encounter::Class>) {
        let (attending, participants) = (said(&stay.said.visit.attending), said(&stay.said.visit.participants));
        if attending.is_some() || participants.is_some() || class.is_some() {
            let Stay { encounter, patient, .. } = stay;
            self.push(
                encounter::Updated { encounter, patient, attending, participants, class },
                self.occurred_at(),
                None,
            );
        }
    }

    fn labelled(&mut self, stay: Stay<'_>) -> Result<(), TranslateError<D::Error>> {
        self.label(stay.patient, &stay.said.visit.vip)
    }

    /// Says the patient's labels again with or without VIP, if the message speaks of it and that changes anything.
    fn label(&mut self, patient: PatientPseudonym, vip: &Stated<bool>) -> Result<(), TranslateError<D::Error>> {
        let wanted = match vip {
            Stated::Absent => return Ok(()),
            Stated::Null => false,
            Stated::Is(vip) => *vip,
        };
        let mut labels = self.directory.labels(patient).map_err(TranslateError::Directory)?;
        if labels.iter().any(|label| label.as_str() == VIP) == wanted {
            return Ok(());
        }
        labels.retain(|label| label.as_str() != VIP);
        if let (true, Ok(label)) = (wanted, Label::new(VIP)) {
            labels.truncate(patient::LABELS_MAX - 1);
            labels.push(label);
        }
        self.push(patient::Labelled { patient, labels }, self.occurred_at(), None);
        Ok(())
    }

    fn said(&self) -> Result<&'a Patient, Rejection> {
        self.message.patients.first().ok_or(Rejection::NoPatient)
    }

    fn stay(&mut self) -> Result<Stay<'a>, TranslateError<D::Error>> {
        let said = self.said()?;
        self.stay_of(said)
    }

    fn stay_of(&mut self, said: &'a Patient) -> Result<Stay<'a>, TranslateError<D::Error>> {
        let patient = self.patient(&said.record, None)?;
        let key = match &said.visit.number {
            Some(number) if number.is_readable() => VisitKey::Numbered(number),
            Some(_) => return Err(Rejection::UnreadableVisit.into()),
            None => VisitKey::Unnumbered(patient),
        };
        let encounter = self.directory.encounter(key).map_err(TranslateError::Directory)?;
        Ok(Stay { patient, encounter, said })
    }

    fn patient(
        &mut self,
        from: &[Identifier],
        like: Option<&Identifier>,
    ) -> Result<PatientPseudonym, TranslateError<D::Error>> {
        self.of(pick(from, self.circumstances.record_authorities, like)?)
    }

    fn of(&mut self, record: &Identifier) -> Result<PatientPseudonym, TranslateError<D::Error>> {
        if !self.directory.is_given(record) {
            return Err(Rejection::NeverGiven.into());
        }
        self.directory.patient(record).map_err(TranslateError::Directory)
    }

    fn place(&mut self, location: &Location) -> Result<Place, Rejection> {
        let (room, bed) = (self.short(&location.room), self.short(&location.bed));
        if let Some(unit) = self.directory.known_unit(&location.unit) {
            return Ok(Place { unit, room, bed });
        }
        let given = UnitId::new(&location.unit).map_err(|_| Rejection::UnreadablePlace)?;
        let is_code = location.unit.chars().count() <= UNIT_CODE_CHARS_MAX
            && !location.unit.contains(char::is_whitespace)
            && !self.tells_who(&location.unit);
        self.directory.unknown_unit(&location.unit, is_code);
        let unit = if is_code { given } else { UnitId::new(UNREADABLE).map_err(|_| Rejection::UnreadablePlace)? };
        Ok(Place { unit, room, bed })
    }

    /// A room or bed as it may stand in an entry.
    fn short(&self, text: &str) -> Option<SmolStr> {
        let kept: SmolStr = text.chars().filter(|letter| !letter.is_control()).take(ROOM_CHARS_MAX).collect();
        (!kept.is_empty() && !self.tells_who(text)).then_some(kept)
    }

    /// Whether a text has a part of a name or a number of the message's patients in it, as where a sender's fields have slipped by one.
    fn tells_who(&self, text: &str) -> bool {
        self.message.patients.iter().any(|patient| {
            let parts = patient.name.split(|letter: char| !letter.is_alphanumeric());
            let numbers = patient.record.iter().chain(&patient.retired).chain(&patient.visit.number);
            let numbers = numbers.map(|one| one.number.as_str());
            let parts = parts.filter(|part| part.chars().count() >= NAME_PART_CHARS_MIN);
            let numbers = numbers.filter(|number| number.chars().count() >= NUMBER_CHARS_MIN);
            parts.chain(numbers).any(|told| contains_word(text, told))
        })
    }

    /// When it happened: the first time in the message that can be right.
    fn occurred_at(&self) -> Option<Timestamp> {
        let AdtMessage { happened_at, entered_at, made_at, .. } = self.message;
        [happened_at, entered_at, made_at]
            .into_iter()
            .find_map(|moment| moment.and_then(|moment| self.believed(moment)))
    }

    fn believed(&self, moment: Moment) -> Option<Timestamp> {
        let now = self.circumstances.now;
        let possible = moment.precision >= Precision::Hour && moment.at >= now - LAG_MAX && moment.at <= now + SKEW_MAX;
        possible.then_some(moment.at)
    }

    fn push(&mut self, event: impl Into<Event>, occurred_at: Option<Timestamp>, place: Option<UnitId>) {
        let feed = self.circumstances.feed;
        let message =
            self.message.control_id.chars().filter(|letter| !letter.is_control()).take(CONTROL_ID_CHARS_MAX).collect();
        self.drafts.push(Draft {
            occurred_at,
            place,
            source: Some(Source { feed: feed.clone(), message }),
            ..Draft::new(Actor::feed(feed), event)
        });
    }
}

fn said(people: &Stated<Vec<crate::hl7::Person>>) -> Option<Vec<crate::hl7::Person>> {
    match people {
        Stated::Absent => None,
        Stated::Null => Some(Vec::new()),
        Stated::Is(people) => Some(people.clone()),
    }
}

/// Whether a number can be told from every other: bounded, printable, and with no byte that was lost in decoding.
fn is_readable(number: &str) -> bool {
    let identifier = Identifier { number: number.into(), authority: SmolStr::default(), kind: SmolStr::default() };
    identifier.is_readable()
}

/// The record number among a patient's identifiers: of the feed's own authorities if it names any, of the same sort as `like` if there
/// is one, typed as a medical record number if any is, else the first.
fn pick<'i>(
    from: &'i [Identifier],
    authorities: &[SmolStr],
    like: Option<&Identifier>,
) -> Result<&'i Identifier, Rejection> {
    // A number that names nobody is the sender's own.
    let ours =
        |one: &&Identifier| authorities.is_empty() || one.authority.is_empty() || authorities.contains(&one.authority);
    let alike = |one: &&Identifier| like.is_some_and(|like| one.authority == like.authority && one.kind == like.kind);
    let typed = |one: &&Identifier| matches!(one.kind.as_str(), "MR" | "MRN");
    let candidates = || from.iter().filter(ours);
    let found = candidates().find(alike).or_else(|| candidates().find(typed)).or_else(|| candidates().next());
    let picked = found.ok_or(Rejection::NoRecordNumber)?;
    // Another identifier that does read could be another patient's: an unreadable record number is no reason to guess.
    if picked.is_readable() { Ok(picked) } else { Err(Rejection::UnreadableRecord) }
}
