//! Circumstances as Cedar's context: exactly the words and fields the schema declares for the action, and no others.

use crate::cedar::{self, Seen};
use crate::circumstances::{AssertedCircumstances, Care, Circumstances, Device, Feeds, LEVELS, Live, Session, Shift};
use crate::clockwork::{Field, Uses, WORDS, Word};
use crate::entities::Expressions;
use crate::refusal::Refusal;
use crate::shape::{self, ShapeError};
use crate::truths::Truths;
use crate::unsaid::PROPERTIES_MAX;
use cedar_policy::{Context, EntityUid};
use charter::vocabulary::{self, Attributes, REQUEST, Shape};
use events::decision::{Asserted, Values};
use events::{DeviceId, Purpose};
use serde_json::Value;
use smol_str::SmolStr;

/// What the schema declares of one action's context.
#[derive(Debug)]
pub struct ContextPlan {
    declared: Attributes,
    /// Which of [`WORDS`] it declares, in the shape that is offered.
    offered: [bool; WORDS.len()],
    /// The fields of those words that it does not declare.
    undeclared: u64,
    /// Words and fields that it does not offer.
    not_offered: (u16, u64),
    required: Vec<SmolStr>,
    request: Attributes,
}

/// What is looked at and declared.
#[derive(Clone, Copy)]
struct Looked<'a> {
    uses: &'a Uses,
    undeclared: u64,
}

impl Looked<'_> {
    const fn looks_at(&self, field: Field) -> bool {
        self.uses.looks_at(field) && self.undeclared & field.bit() == 0
    }
}

/// Asserted parts of the context that only the schema gives a meaning to.
#[derive(Clone, Debug, Default)]
pub struct AssertedContext {
    /// Top-level attributes.
    pub pairs: Expressions,
    /// The entities they name.
    pub names: Vec<EntityUid>,
}

/// A record of those fields that are looked at.
fn record<const N: usize>(uses: Looked<'_>, fields: [(Field, &'static str, Option<Seen>); N]) -> Seen {
    let seen = fields.into_iter().filter(|(field, ..)| uses.looks_at(*field));
    Seen::record(seen.filter_map(|(_, name, value)| value.map(|value| (name, value))))
}

/// The fields that a schema leaves out of the words it declares.
fn undeclared(declared: &Attributes) -> u64 {
    let left_out = |(_, word, name): &&(Field, &str, &str)| match declared.get(*word).map(|attribute| &attribute.shape)
    {
        Some(Shape::Record(fields)) => !name.is_empty() && !fields.contains_key(*name),
        _ => false,
    };
    Field::ALL.iter().filter(left_out).fold(0, |bits, (field, ..)| bits | field.bit())
}

fn not_offered(offered: &[bool; WORDS.len()], undeclared: u64) -> (u16, u64) {
    let words = Word::ALL.into_iter().filter(|word| !offered.get(*word as usize).copied().unwrap_or(false));
    words.fold((0, undeclared), |(words, fields), word| {
        let name = WORDS.get(word as usize);
        let own = Field::ALL.iter().filter(|(_, of, _)| Some(of) == name);
        (words | word.bit(), own.fold(fields, |bits, (field, ..)| bits | field.bit()))
    })
}

fn yes(value: bool) -> Option<Seen> {
    Some(Seen::truth(value))
}

fn long(value: i64) -> Option<Seen> {
    Some(Seen::number(value))
}

fn text(value: &str) -> Option<Seen> {
    Some(Seen::text(value))
}

fn texts<'a, T: AsRef<str> + 'a>(values: impl IntoIterator<Item = &'a T>) -> Option<Seen> {
    Some(Seen::texts(values.into_iter().map(AsRef::as_ref)))
}

impl ContextPlan {
    /// Reads what an action declares.
    #[must_use]
    pub fn new(declared: &Attributes) -> Self {
        // The loader refuses other shapes than the offered; were one there, the word would be treated as not known.
        let offered = WORDS.map(|word| {
            let offer = vocabulary::offered(word).map(|attribute| attribute.shape);
            let declared = declared.get(word).map(|attribute| &attribute.shape);
            offer.zip(declared).is_some_and(|(offer, declared)| vocabulary::declares(declared, &offer))
        });
        let undeclared = undeclared(declared);
        let request = match declared.get(REQUEST).map(|attribute| &attribute.shape) {
            Some(Shape::Record(fields)) => fields.clone(),
            _ => Attributes::new(),
        };
        let required = declared.iter().filter(|(_, attribute)| attribute.required).map(|(name, _)| name.clone());
        Self {
            offered,
            undeclared,
            not_offered: not_offered(&offered, undeclared),
            request,
            required: required.collect(),
            declared: declared.clone(),
        }
    }

    fn offers(&self, word: Word) -> bool {
        self.offered.get(word as usize).copied().unwrap_or(false)
    }

    /// Checks what a caller asserts of the action and the circumstances. What the schema does not declare is left out.
    ///
    /// # Errors
    /// When something declared was sent in another shape.
    pub fn asserted(&self, asserted: &Asserted) -> Result<(AssertedCircumstances, AssertedContext), Refusal> {
        let mut known = AssertedCircumstances::default();
        let mut other = AssertedContext::default();
        let request = self.declared.get(REQUEST);
        if request.is_some_and(|request| request.required || !asserted.action.is_empty()) {
            let sent = asserted.action.iter().filter(|(name, _)| self.request.contains_key(name.as_str()));
            known.request = sent.map(|(name, value)| (name.clone(), value.clone())).collect();
            let record = Value::Object(known.request.clone().into_iter().collect());
            let shape = Shape::Record(self.request.clone());
            let made = shape::conform("action.properties", &record, &shape, &mut other.names)?;
            other.pairs.insert(REQUEST.to_owned(), made);
        }
        // A device also says which unit's emergency counts, so it is read whether or not policies see it.
        known.device = asserted.context.get("device").map(device).transpose()?;
        if self.offers(Word::Session) {
            known.session = asserted.context.get("session").map(session).transpose()?;
        }
        if self.offers(Word::Purpose) {
            known.purpose = asserted.context.get("purpose").map(purpose).transpose()?;
        }
        for (name, value) in &asserted.context {
            let Some(attribute) = self.declared.get(name.as_str()) else { continue };
            if !vocabulary::is_own(name) && vocabulary::offered(name).is_none() {
                let made = shape::conform(&format!("context.{name}"), value, &attribute.shape, &mut other.names)?;
                other.pairs.insert(name.clone(), made);
                known.other.insert(name.clone(), value.clone());
            }
        }
        Ok((known, other))
    }

    /// The yes-or-no properties of the action that nobody asserted, in alphabetical order, the first few.
    #[must_use]
    pub fn unsaid(&self, asserted: &Values) -> Vec<SmolStr> {
        let open = self
            .request
            .iter()
            .filter(|(name, property)| property.shape == Shape::Bool && !asserted.contains_key(name.as_str()));
        open.map(|(name, _)| name.clone()).take(PROPERTIES_MAX).collect()
    }

    /// Whether everything the action always needs is there. Whatever else is in the context is as the schema declares it by construction:
    /// what the decision fills in has the declared shape ([`Self::new`] sees to it), and what was asserted was checked against it
    /// ([`Self::asserted`]). Cedar's own validation finds the same at twice the cost of the whole decision; in debug builds, and so in
    /// every test, it looks again.
    #[must_use]
    pub fn is_complete(&self, of: &Circumstances, other: &AssertedContext) -> bool {
        self.required.iter().all(|word| match word.as_str() {
            "shift" => self.offers(Word::Shift),
            "care" => self.offers(Word::Care) && of.care.is_some(),
            "session" => self.offers(Word::Session) && of.session.is_some(),
            "device" => self.offers(Word::Device) && of.device.is_some(),
            "live" => self.offers(Word::Live),
            "feeds" => self.offers(Word::Feeds),
            "assurance" => self.offers(Word::Assurance) && of.assurance.is_some(),
            "emergency" => self.offers(Word::Emergency),
            "purpose" => self.offers(Word::Purpose) && of.purpose.is_some(),
            asserted => other.pairs.contains_key(asserted),
        })
    }

    /// What of the circumstances is only yes or no, as policies for this action see it.
    pub(crate) fn truths(&self, of: &Circumstances) -> Truths {
        let (words, fields) = self.not_offered;
        Truths::of(of).without(words, fields)
    }

    /// The context of one request, as far as policies of these uses look: what nobody looks at need not be built.
    ///
    /// # Errors
    /// When Cedar refuses it.
    pub fn context(&self, of: &Circumstances, other: &AssertedContext, uses: &Uses) -> Result<Context, Refusal> {
        let seen = |word: Word| self.offers(word) && uses.looks_at_word(word);
        let looked = Looked { uses, undeclared: self.undeclared };
        let mut words = cedar::Words::asserted(&other.pairs)?;
        if seen(Word::Shift) {
            words.add("shift", shift_record(&of.shift, looked));
        }
        if let Some(care) = of.care.as_ref().filter(|_| seen(Word::Care)) {
            words.add("care", care_record(care, looked));
        }
        if let Some(session) = of.session.as_ref().filter(|_| seen(Word::Session)) {
            words.add("session", session_record(session, looked));
        }
        if let Some(device) = of.device.as_ref().filter(|_| seen(Word::Device)) {
            words.add("device", device_record(device, looked));
        }
        if seen(Word::Live) {
            words.add("live", live_record(&of.live, looked));
        }
        if seen(Word::Feeds) {
            words.add("feeds", feeds_record(&of.feeds, looked));
        }
        if let Some(assurance) = of.assurance.as_ref().filter(|_| seen(Word::Assurance)) {
            let fields = [
                (Field::AssuranceRequired, "required", long(assurance.required)),
                (Field::AssuranceEnough, "enough", yes(assurance.enough)),
            ];
            words.add("assurance", record(looked, fields));
        }
        if seen(Word::Emergency) {
            words.add("emergency", Seen::truth(of.emergency));
        }
        if let Some(purpose) = of.purpose.as_ref().filter(|_| seen(Word::Purpose)) {
            words.add("purpose", Seen::text(purpose));
        }
        Ok(words.context())
    }
}

fn shift_record(shift: &Shift, uses: Looked<'_>) -> Seen {
    let fields = [
        (Field::ShiftOn, "on", yes(shift.on)),
        (Field::ShiftUnits, "units", texts(&shift.units)),
        (Field::ShiftOnCallUnits, "on_call_units", texts(&shift.on_call_units)),
    ];
    record(uses, fields)
}

fn care_record(care: &Care, uses: Looked<'_>) -> Seen {
    let fields = [
        (Field::CareKnown, "known", yes(care.known)),
        (Field::CareTeam, "team", yes(care.team)),
        (Field::CareAttending, "attending", yes(care.attending)),
        (Field::CareParticipant, "participant", yes(care.participant)),
        (Field::CareUnit, "unit", yes(care.unit)),
        (Field::CareExpecting, "expecting", yes(care.expecting)),
        (Field::CareOrdered, "ordered", yes(care.ordered)),
        (Field::CarePerforming, "performing", yes(care.performing)),
        (Field::CareScheduled, "scheduled", yes(care.scheduled)),
        (Field::CareLeftMinutes, "left_minutes", care.left_minutes.and_then(long)),
        (Field::CarePresent, "present", yes(care.present)),
        (Field::CareSelf, "self", yes(care.is_self)),
        (Field::CareFamily, "family", yes(care.family)),
    ];
    record(uses, fields)
}

fn session_record(session: &Session, uses: Looked<'_>) -> Seen {
    let fields = [
        (Field::SessionLevel, "level", long(session.level)),
        (Field::SessionAgeMinutes, "age_minutes", long(session.age_minutes)),
        (Field::SessionMethod, "method", text(&session.method)),
        (Field::SessionPresence, "presence", session.presence.and_then(|presence| text(presence.as_str()))),
        (Field::SessionBound, "bound", session.bound.and_then(yes)),
    ];
    record(uses, fields)
}

fn device_record(device: &Device, uses: Looked<'_>) -> Seen {
    let fields = [
        (Field::DeviceId, "id", text(device.id.as_str())),
        (Field::DeviceKind, "kind", text(device.kind)),
        (Field::DeviceManaged, "managed", yes(device.managed)),
        (Field::DeviceShared, "shared", yes(device.shared)),
        (Field::DevicePosture, "posture", text(device.posture)),
        (Field::DeviceUnit, "unit", device.unit.as_ref().and_then(|unit| text(unit.as_str()))),
    ];
    record(uses, fields)
}

fn live_record(live: &Live, uses: Looked<'_>) -> Seen {
    let fields = [
        (Field::LiveBreakGlass, "break_glass", yes(live.break_glass)),
        (Field::LiveVouched, "vouched", yes(live.vouched)),
        (Field::LiveElevations, "elevations", texts(&live.elevations)),
        (Field::LiveExceptions, "exceptions", texts(&live.exceptions)),
    ];
    record(uses, fields)
}

fn feeds_record(feeds: &Feeds, uses: Looked<'_>) -> Seen {
    let fields = [
        (Field::FeedsAdtStale, "adt_stale", yes(feeds.adt_stale)),
        (Field::FeedsRotaStale, "rota_stale", yes(feeds.rota_stale)),
        (Field::FeedsAdtQuietMinutes, "adt_quiet_minutes", feeds.adt_quiet_minutes.and_then(long)),
        (Field::FeedsRotaQuietMinutes, "rota_quiet_minutes", feeds.rota_quiet_minutes.and_then(long)),
    ];
    record(uses, fields)
}

fn wrong(at: &str, expected: &'static str) -> Refusal {
    Refusal::Asserted(ShapeError { at: at.to_owned(), expected })
}

/// The device a caller names.
pub(crate) fn device(value: &Value) -> Result<DeviceId, Refusal> {
    let id = value.as_str().and_then(|id| DeviceId::new(id).ok());
    id.ok_or_else(|| wrong("context.device", "the id of a device"))
}

fn purpose(value: &Value) -> Result<SmolStr, Refusal> {
    let purpose = value.as_str().and_then(|text| Purpose::new(text).ok());
    purpose.map(|purpose| purpose.as_str().into()).ok_or_else(|| wrong("context.purpose", "a purpose such as `TREAT`"))
}

fn session(value: &Value) -> Result<Session, Refusal> {
    let number = |name: &str| value.get(name).and_then(Value::as_i64);
    let level = number("level")
        .filter(|level| LEVELS.contains(level))
        .ok_or_else(|| wrong("context.session.level", "an assurance level, 1 to 3"))?;
    let age_minutes = number("age_minutes")
        .filter(|age| *age >= 0)
        .ok_or_else(|| wrong("context.session.age_minutes", "a whole number of minutes"))?;
    let method = match value.get("method") {
        None => "unknown",
        Some(Value::String(method)) if method.len() <= shape::TEXT_BYTES_MAX => method.as_str(),
        Some(_) => return Err(wrong("context.session.method", "the name of a sign-in method")),
    };
    // Whatever else was sent is dropped: presence, and whether a workstation proved itself, nobody can assert.
    Ok(Session::asserted(level, age_minutes, method.into()))
}

/// The same question asked later: the session it asserts has grown older by as many whole minutes. What a caller says of a session is
/// true of the moment they say it, so a live permit is decided again with this.
#[must_use]
pub fn aged(asserted: &Values, by: std::time::Duration) -> Values {
    let mut aged = asserted.clone();
    let minutes = crate::circumstances::minutes(by);
    if let Some(age) = aged.get_mut("session").and_then(|session| session.get_mut("age_minutes"))
        && let Some(minutes) = age.as_i64().map(|age| age.saturating_add(minutes))
    {
        *age = Value::from(minutes);
    }
    aged
}
