//! Circumstances as Cedar's context: exactly the words and fields the schema declares for the action, and no others.

use crate::circumstances::{AssertedCircumstances, Care, Circumstances, Device, Feeds, LEVELS, Live, Session, Shift};
use crate::entities::Expressions;
use crate::refusal::Refusal;
use crate::shape::{self, ShapeError};
use cedar_policy::{Context, EntityUid, RestrictedExpression};
use charter::vocabulary::{Attributes, Shape};
use events::decision::{Asserted, Values};
use events::{DeviceId, Purpose};
use serde_json::Value;

/// The words that only the decision fills; a caller cannot.
const OURS: [&str; 6] = ["shift", "care", "live", "feeds", "emergency", "request"];
/// The words a caller may assert and the decision understands.
const UNDERSTOOD: [&str; 3] = ["device", "session", "purpose"];

const SHIFT: [&str; 3] = ["on", "units", "on_call_units"];
const CARE: [&str; 10] =
    ["known", "team", "attending", "participant", "unit", "expecting", "left_minutes", "present", "self", "family"];
const SESSION: [&str; 3] = ["level", "age_minutes", "method"];
const DEVICE: [&str; 6] = ["id", "kind", "managed", "shared", "posture", "unit"];
const LIVE: [&str; 4] = ["break_glass", "vouched", "elevations", "exceptions"];
const FEEDS: [&str; 4] = ["adt_stale", "rota_stale", "adt_quiet_minutes", "rota_quiet_minutes"];

/// What the schema declares of one action's context.
#[derive(Debug)]
pub struct ContextPlan {
    declared: Attributes,
    shift: Option<[bool; 3]>,
    care: Option<[bool; 10]>,
    session: Option<[bool; 3]>,
    device: Option<[bool; 6]>,
    live: Option<[bool; 4]>,
    feeds: Option<[bool; 4]>,
    emergency: bool,
    purpose: bool,
    request: Attributes,
}

/// Asserted parts of the context that only the schema gives a meaning to.
#[derive(Clone, Debug, Default)]
pub struct AssertedContext {
    /// Top-level attributes.
    pub pairs: Expressions,
    /// The entities they name.
    pub names: Vec<EntityUid>,
}

fn fields<const N: usize>(declared: &Attributes, word: &str, names: [&str; N]) -> Option<[bool; N]> {
    match &declared.get(word)?.shape {
        Shape::Record(fields) => Some(names.map(|name| fields.contains_key(name))),
        _ => None,
    }
}

fn record<const N: usize>(
    names: [&'static str; N],
    declared: [bool; N],
    values: [Option<RestrictedExpression>; N],
) -> Result<RestrictedExpression, Refusal> {
    let pairs = names.into_iter().zip(declared).zip(values);
    let pairs =
        pairs.filter_map(|((name, declared), value)| value.filter(|_| declared).map(|value| (name.to_owned(), value)));
    RestrictedExpression::new_record(pairs).map_err(|_| Refusal::Unputtable)
}

fn yes(value: bool) -> Option<RestrictedExpression> {
    Some(RestrictedExpression::new_bool(value))
}

fn text(value: &str) -> Option<RestrictedExpression> {
    Some(RestrictedExpression::new_string(value.to_owned()))
}

fn texts<'a, T: AsRef<str> + 'a>(values: impl IntoIterator<Item = &'a T>) -> Option<RestrictedExpression> {
    let values = values.into_iter().map(|value| RestrictedExpression::new_string(value.as_ref().to_owned()));
    Some(RestrictedExpression::new_set(values))
}

impl ContextPlan {
    /// Reads what an action declares.
    #[must_use]
    pub fn new(declared: &Attributes) -> Self {
        let is = |word: &str, shape: &Shape| declared.get(word).is_some_and(|attribute| attribute.shape == *shape);
        let request = match declared.get("request").map(|attribute| &attribute.shape) {
            Some(Shape::Record(fields)) => fields.clone(),
            _ => Attributes::new(),
        };
        Self {
            shift: fields(declared, "shift", SHIFT),
            care: fields(declared, "care", CARE),
            session: fields(declared, "session", SESSION),
            device: fields(declared, "device", DEVICE),
            live: fields(declared, "live", LIVE),
            feeds: fields(declared, "feeds", FEEDS),
            emergency: is("emergency", &Shape::Bool),
            purpose: is("purpose", &Shape::String),
            request,
            declared: declared.clone(),
        }
    }

    /// Checks what a caller asserts of the action and the circumstances. What the schema does not declare is left out.
    ///
    /// # Errors
    /// When something declared was sent in another shape.
    pub fn asserted(&self, asserted: &Asserted) -> Result<(AssertedCircumstances, AssertedContext), Refusal> {
        let mut known = AssertedCircumstances::default();
        let mut other = AssertedContext::default();
        let request = self.declared.get("request");
        if request.is_some_and(|request| request.required || !asserted.action.is_empty()) {
            let sent = asserted.action.iter().filter(|(name, _)| self.request.contains_key(name.as_str()));
            known.request = sent.map(|(name, value)| (name.clone(), value.clone())).collect();
            let record = Value::Object(known.request.clone().into_iter().collect());
            let shape = Shape::Record(self.request.clone());
            let made = shape::conform("action.properties", &record, &shape, &mut other.names)?;
            other.pairs.insert("request".to_owned(), made);
        }
        // A device also says which unit's emergency counts, so it is read whether or not policies see it.
        known.device = asserted.context.get("device").map(device).transpose()?;
        if self.session.is_some() {
            known.session = asserted.context.get("session").map(session).transpose()?;
        }
        if self.purpose {
            known.purpose = asserted.context.get("purpose").map(purpose).transpose()?;
        }
        for (name, value) in &asserted.context {
            let Some(attribute) = self.declared.get(name.as_str()) else { continue };
            if !OURS.contains(&name.as_str()) && !UNDERSTOOD.contains(&name.as_str()) {
                let made = shape::conform(&format!("context.{name}"), value, &attribute.shape, &mut other.names)?;
                other.pairs.insert(name.clone(), made);
                known.other.insert(name.clone(), value.clone());
            }
        }
        Ok((known, other))
    }

    /// The context of one request.
    ///
    /// # Errors
    /// When Cedar refuses it.
    pub fn context(&self, of: &Circumstances, other: &AssertedContext) -> Result<Context, Refusal> {
        let mut pairs: Vec<(String, RestrictedExpression)> = Vec::with_capacity(12);
        let mut add = |word: &str, value| pairs.push((word.to_owned(), value));
        if let Some(declared) = self.shift {
            add("shift", shift_record(&of.shift, declared)?);
        }
        if let (Some(declared), Some(care)) = (self.care, &of.care) {
            add("care", care_record(care, declared)?);
        }
        if let (Some(declared), Some(session)) = (self.session, &of.session) {
            add("session", session_record(session, declared)?);
        }
        if let (Some(declared), Some(device)) = (self.device, &of.device) {
            add("device", device_record(device, declared)?);
        }
        if let Some(declared) = self.live {
            add("live", live_record(&of.live, declared)?);
        }
        if let Some(declared) = self.feeds {
            add("feeds", feeds_record(&of.feeds, declared)?);
        }
        if self.emergency {
            add("emergency", RestrictedExpression::new_bool(of.emergency));
        }
        if let (true, Some(purpose)) = (self.purpose, &of.purpose) {
            add("purpose", RestrictedExpression::new_string(purpose.to_string()));
        }
        // What was asserted for the action asked about; a narrower one tried as a remedy may declare less.
        for (name, value) in other.pairs.iter().filter(|(name, _)| self.declared.contains_key(name.as_str())) {
            add(name, value.clone());
        }
        Context::from_pairs(pairs).map_err(|_| Refusal::Unputtable)
    }
}

fn shift_record(shift: &Shift, declared: [bool; 3]) -> Result<RestrictedExpression, Refusal> {
    record(SHIFT, declared, [yes(shift.on), texts(&shift.units), texts(&shift.on_call_units)])
}

fn care_record(care: &Care, declared: [bool; 10]) -> Result<RestrictedExpression, Refusal> {
    let values = [
        yes(care.known),
        yes(care.team),
        yes(care.attending),
        yes(care.participant),
        yes(care.unit),
        yes(care.expecting),
        care.left_minutes.map(RestrictedExpression::new_long),
        yes(care.present),
        yes(care.is_self),
        yes(care.family),
    ];
    record(CARE, declared, values)
}

fn session_record(session: &Session, declared: [bool; 3]) -> Result<RestrictedExpression, Refusal> {
    let long = |value| Some(RestrictedExpression::new_long(value));
    record(SESSION, declared, [long(session.level), long(session.age_minutes), text(&session.method)])
}

fn device_record(device: &Device, declared: [bool; 6]) -> Result<RestrictedExpression, Refusal> {
    let unit = device.unit.as_ref().and_then(|unit| text(unit.as_str()));
    let values = [
        text(device.id.as_str()),
        text(device.kind),
        yes(device.managed),
        yes(device.shared),
        text(device.posture),
        unit,
    ];
    record(DEVICE, declared, values)
}

fn live_record(live: &Live, declared: [bool; 4]) -> Result<RestrictedExpression, Refusal> {
    let values = [yes(live.break_glass), yes(live.vouched), texts(&live.elevations), texts(&live.exceptions)];
    record(LIVE, declared, values)
}

fn feeds_record(feeds: &Feeds, declared: [bool; 4]) -> Result<RestrictedExpression, Refusal> {
    let quiet = |minutes: Option<i64>| minutes.map(RestrictedExpression::new_long);
    let values =
        [yes(feeds.adt_stale), yes(feeds.rota_stale), quiet(feeds.adt_quiet_minutes), quiet(feeds.rota_quiet_minutes)];
    record(FEEDS, declared, values)
}

fn wrong(at: &str, expected: &'static str) -> Refusal {
    Refusal::Asserted(ShapeError { at: at.to_owned(), expected })
}

/// The device a caller names.
pub(crate) fn device(value: &Value) -> Result<DeviceId, Refusal> {
    let id = value.as_str().and_then(|id| DeviceId::new(id).ok());
    id.ok_or_else(|| wrong("context.device", "the id of a device"))
}

fn purpose(value: &Value) -> Result<smol_str::SmolStr, Refusal> {
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
    Ok(Session { level, age_minutes, method: method.into() })
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
