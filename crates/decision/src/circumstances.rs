//! What is true of one request, in the words policies use: facts, the charter's grace and staleness, the time, and what the caller asserts.
//!
//! An unknown patient looks exactly like a known one with whom nothing connects the asker: `care` says only what connects them.

use crate::claims::Claims;
use charter::hospital::Staleness;
use charter::name::SiteId;
use charter::vocabulary::{FAMILY_PREFIX, SessionPresence};
use charter::{Risk, Rules};
use events::decision::Values;
use events::principal::IdentityClass;
use events::{DeviceId, Label, PatientPseudonym, PrincipalId, RoleName, Timestamp, UnitId};
use serde::Serialize;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::time::Duration;
use world::{Facts, PatientFacts, ShiftFacts};

/// The first and last assurance level (SP 800-63B-4).
pub const LEVELS: std::ops::RangeInclusive<i64> = 1..=3;

/// Everything about the circumstances that policies can look at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Circumstances {
    /// Who asks, as the world knows them; absent when it does not. Policies see this in the principal, not in the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asker: Option<AskerSeen>,
    /// The patient's labels, as far as the asker may know: none unless something connects them. Policies see the resource's own.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<Label>,
    /// The asker's shifts.
    pub shift: Shift,
    /// What connects the asker with the patient; absent when it is not about a patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub care: Option<Care>,
    /// How the asker signed in; absent when nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Whether the sign-in is enough for the risk of what is asked for, here; absent when the charter requires nothing by risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Assurance>,
    /// The site whose overlays are among the rules it was judged by; absent for the hospital's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// The device; absent when none was given or it is not enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// Authority held for a while.
    pub live: Live,
    /// How far the feeds can be relied on.
    pub feeds: Feeds,
    /// Whether the asker's unit, or the device's, is in an emergency.
    pub emergency: bool,
    /// Why access is wanted; absent when nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<SmolStr>,
    /// What the caller asserts about the action.
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub request: Values,
    /// What else the caller asserts. The question keeps it; here it could pass for something we know.
    #[serde(skip)]
    pub other: Values,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskerSeen {
    /// Their class.
    pub class: IdentityClass,
    /// Whether they may act at all.
    pub active: bool,
    /// Their roles.
    pub roles: Vec<RoleName>,
}

/// Whether and where the asker works now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shift {
    /// Present somewhere.
    pub on: bool,
    /// Where present.
    pub units: BTreeSet<UnitId>,
    /// Where on call.
    pub on_call_units: BTreeSet<UnitId>,
}

/// What connects the asker with the patient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Care {
    /// Anything does or did.
    pub known: bool,
    /// On the treatment team.
    pub team: bool,
    /// Attending.
    pub attending: bool,
    /// A participant of an encounter.
    pub participant: bool,
    /// On shift or on call in a unit where the patient is, or was until less than the grace ago.
    pub unit: bool,
    /// On shift or on call in a unit that expects the patient.
    pub expecting: bool,
    // These three came later than the rest: a decision recorded before them reads, and replays, as it was.
    /// Has ordered something that is not done yet, or was done less than the grace ago.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
    /// Performs such an order, by name or by working in the unit that does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub performing: bool,
    /// Is to see the patient about now, by name or by working where the appointment is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
    /// Minutes since the last of team, attending, participant and unit ended; absent while one holds, when none ever did, and after the
    /// charter's time for late charting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_minutes: Option<i64>,
    /// The patient is in the house, as far as the asker may know.
    pub present: bool,
    /// The asker is the patient.
    #[serde(rename = "self")]
    pub is_self: bool,
    /// They share a family label.
    pub family: bool,
}

/// How the asker signed in: as Handrail itself knows, or as a caller asserts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Assurance level, 1 to 3.
    pub level: i64,
    /// Minutes since they last proved who they are.
    pub age_minutes: i64,
    /// By which method.
    pub method: SmolStr,
    // These two came later, and nobody asserts them: a decision recorded before them reads, and replays, as it was.
    /// Whether they are at the screen that asks; absent for a session that a caller asserts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<SessionPresence>,
    /// Whether the workstation proved itself by its device key; absent for a session that a caller asserts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<bool>,
}

impl Session {
    /// One that a caller asserts.
    #[must_use]
    pub const fn asserted(level: i64, age_minutes: i64, method: SmolStr) -> Self {
        Self { level, age_minutes, method, presence: None, bound: None }
    }

    /// This one, where Handrail itself knows it.
    #[must_use]
    pub const fn known(mut self, presence: SessionPresence, bound: bool) -> Self {
        (self.presence, self.bound) = (Some(presence), Some(bound));
        self
    }

    /// A fresh sign-in in the place of another, at the same screen: whoever just proved who they are is there.
    #[must_use]
    pub fn renewed(before: Option<&Self>, level: i64, method: SmolStr) -> Self {
        let fresh = Self::asserted(level, 0, method);
        let known = before.and_then(|before| before.presence.and(before.bound));
        known.map_or_else(|| fresh.clone(), |bound| fresh.clone().known(SessionPresence::Present, bound))
    }
}

/// Whether a sign-in is enough for the risk of what is asked for, at the place it is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assurance {
    /// The level it must have.
    pub required: i64,
    /// Whether it has that level and is fresh enough: by the risk, and as long as a session of its level lasts there.
    pub enough: bool,
    /// The oldest a sign-in of each level may be, in minutes.
    #[serde(skip)]
    oldest: [Option<i64>; 3],
}

impl Assurance {
    /// What a risk requires by these rules at this unit, of people of a class; absent when they require nothing by risk.
    #[must_use]
    pub fn of(rules: &Rules, risk: Risk, unit: Option<&UnitId>, class: Option<IdentityClass>) -> Option<Self> {
        let required = rules.assurance.required?.of(risk);
        let of_class = class.and_then(|class| rules.assurance.authenticators.get(&class)?.max_age_min);
        let oldest = [1, 2, 3].map(|level| {
            let session = rules.assurance.session_limit(level, unit).map(|limit| limit.overall_min);
            let lengths = session.into_iter().chain(required.max_age_min).chain(of_class);
            lengths.map(|length| i64::from(length.get())).min()
        });
        Some(Self { required: required.level.into(), enough: false, oldest })
    }

    /// The oldest a sign-in of a level may be, in minutes; absent when any age will do.
    #[must_use]
    pub fn oldest(&self, level: i64) -> Option<i64> {
        let place = usize::try_from(level - LEVELS.start()).ok()?;
        self.oldest.get(place).copied().flatten()
    }

    /// What is enough of somebody who is let in by name alone: any session that is good now.
    #[must_use]
    pub(crate) fn of_a_claim(self) -> Self {
        Self { required: 1, oldest: [None; 3], ..self }
    }

    /// With this sign-in.
    fn with(self, session: Option<&Session>) -> Self {
        let fits = |session: &Session| {
            session.level >= self.required
                && self.oldest(session.level).is_none_or(|oldest| session.age_minutes <= oldest)
        };
        Self { enough: session.is_some_and(fits), ..self }
    }
}

/// The device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Which.
    pub id: DeviceId,
    /// What sort.
    pub kind: &'static str,
    /// Whether the hospital manages it.
    pub managed: bool,
    /// Whether several people use it.
    pub shared: bool,
    /// `healthy`, `degraded`, `failed`, or `unknown` when never reported or no longer good.
    pub posture: &'static str,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
}

/// Authority held for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Live {
    /// The glass is broken for this patient.
    pub break_glass: bool,
    /// A colleague vouches.
    pub vouched: bool,
    /// Entitlements held.
    pub elevations: BTreeSet<Label>,
    /// Exceptions that apply.
    pub exceptions: BTreeSet<Label>,
}

/// How far the feeds can be relied on. A feed never heard is stale, and has no quiet minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feeds {
    /// Patients' places may be out of date.
    pub adt_stale: bool,
    /// Shifts may be out of date.
    pub rota_stale: bool,
    /// Minutes since the patient feed was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adt_quiet_minutes: Option<i64>,
    /// Minutes since the rota was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rota_quiet_minutes: Option<i64>,
}

/// What a caller asserts of the circumstances, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssertedCircumstances {
    /// Which device; it counts only if it is enrolled.
    pub device: Option<DeviceId>,
    /// How they signed in.
    pub session: Option<Session>,
    /// Why.
    pub purpose: Option<SmolStr>,
    /// About the action.
    pub request: Values,
    /// Anything else the schema declares.
    pub other: Values,
}

/// Whose circumstances they are.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Their id.
    pub principal: &'a PrincipalId,
    /// The patient asked about, as asked; none when the question is not about a patient.
    pub patient: Option<PatientPseudonym>,
}

/// The circumstances of one request at one instant, with what they were worked out from.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// As policies see them.
    pub circumstances: Circumstances,
    /// The times behind them.
    pub claims: Claims,
}

/// What circumstances are worked out by, besides facts.
#[derive(Clone, Debug)]
pub struct By<'a> {
    /// The rules of the place.
    pub rules: &'a Rules,
    /// Authority held for a while.
    pub live: &'a Live,
    /// What the risk of what is asked for requires there.
    pub assurance: Option<Assurance>,
}

/// Works out the circumstances.
#[must_use]
pub fn find(asker: Asker<'_>, facts: &Facts, asserted: AssertedCircumstances, by: &By<'_>, now: Timestamp) -> Found {
    let claims = asker
        .patient
        .and(facts.patient.as_ref())
        .map_or_else(Claims::default, |patient| Claims::of(asker.principal, &facts.shifts, patient, &by.rules.grace));
    let shift = shift(&facts.shifts, now);
    let emergency = emergency(facts, &shift, now);
    let care = asker.patient.map(|asked| match &facts.patient {
        Some(patient) => care(asker.principal, asked, patient, facts, &claims, now),
        None => Care { is_self: stands_for(asker.principal, facts, asked), ..Care::default() }.settled(),
    });
    let related = care.as_ref().is_some_and(|care| care.known);
    let labels = facts.patient.iter().filter(|_| related).flat_map(|patient| patient.labels.iter().cloned()).collect();
    let circumstances = Circumstances {
        asker: facts.principal.as_ref().map(|known| AskerSeen {
            class: known.class,
            active: known.active,
            roles: known.roles.clone(),
        }),
        labels,
        emergency,
        shift,
        care,
        assurance: by.assurance.clone().map(|assurance| assurance.with(asserted.session.as_ref())),
        site: by.rules.site.clone(),
        session: asserted.session,
        device: asserted.device.and_then(|id| device(id, facts, now)),
        live: by.live.clone(),
        feeds: feeds(facts, &by.rules.staleness, now),
        purpose: asserted.purpose,
        request: asserted.request,
        other: asserted.other,
    };
    Found { circumstances, claims }
}

impl Circumstances {
    /// As the leaf keeps them.
    #[must_use]
    pub fn values(&self) -> Values {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(values)) => values.into_iter().collect(),
            // The fields above are texts, numbers and lists of them: they have a JSON form.
            _ => Values::new(),
        }
    }

    /// As if the asker had signed in like this.
    #[must_use]
    pub fn signed_in(mut self, session: Session) -> Self {
        self.assurance = self.assurance.map(|assurance| assurance.with(Some(&session)));
        self.session = Some(session);
        self
    }

    /// Whether anything connects or connected the asker with the patient.
    #[must_use]
    pub fn related(&self) -> bool {
        self.care.as_ref().is_some_and(|care| care.known)
    }
}

pub(crate) fn on_shift(shift: &ShiftFacts, now: Timestamp) -> bool {
    shift.from <= now && now < shift.until
}

fn shift(shifts: &[ShiftFacts], now: Timestamp) -> Shift {
    let units = |on_call| {
        let worked = shifts.iter().filter(|shift| shift.on_call == on_call && on_shift(shift, now));
        worked.map(|shift| shift.unit.clone()).collect::<BTreeSet<_>>()
    };
    let (units, on_call_units) = (units(false), units(true));
    Shift { on: !units.is_empty(), units, on_call_units }
}

fn emergency(facts: &Facts, shift: &Shift, now: Timestamp) -> bool {
    let home = facts.principal.as_ref().and_then(|principal| principal.home_unit.as_ref());
    let device = facts.device.as_ref().and_then(|device| device.unit.as_ref());
    facts.emergencies.iter().any(|(unit, until)| {
        now < *until
            && (home == Some(unit)
                || device == Some(unit)
                || shift.units.contains(unit)
                || shift.on_call_units.contains(unit))
    })
}

/// Whether a principal goes by a patient's pseudonym, as patients in the portal do.
fn stands_for(principal: &PrincipalId, facts: &Facts, patient: PatientPseudonym) -> bool {
    let aliases = facts.principal.iter().flat_map(|known| &known.aliases);
    std::iter::once(principal).chain(aliases).any(|id| id.as_str().parse() == Ok(patient))
}

fn care(
    principal: &PrincipalId,
    asked: PatientPseudonym,
    patient: &PatientFacts,
    facts: &Facts,
    claims: &Claims,
    now: Timestamp,
) -> Care {
    use crate::clockwork::Field;
    let labels = facts.principal.iter().flat_map(|known| &known.labels);
    let family = labels.filter(|label| label.as_str().starts_with(FAMILY_PREFIX)).any(|l| patient.labels.contains(l));
    let records = std::iter::once(&asked).chain(&patient.records);
    let care = Care {
        known: claims.begun(now),
        team: claims.hold(Field::CareTeam, now),
        attending: claims.hold(Field::CareAttending, now),
        participant: claims.hold(Field::CareParticipant, now),
        unit: claims.hold(Field::CareUnit, now),
        expecting: claims.hold(Field::CareExpecting, now),
        ordered: claims.hold(Field::CareOrdered, now),
        performing: claims.hold(Field::CarePerforming, now),
        scheduled: claims.hold(Field::CareScheduled, now),
        left_minutes: claims.left_minutes(now),
        present: claims.present(now),
        is_self: records.into_iter().any(|record| stands_for(principal, facts, *record)),
        family,
    };
    care.settled()
}

impl Care {
    /// Being the patient or their family is a connection too; without any, where the patient is stays unsaid.
    fn settled(mut self) -> Self {
        self.known |= self.is_self || self.family;
        self.present &= self.known;
        self
    }
}

fn device(id: DeviceId, facts: &Facts, now: Timestamp) -> Option<Device> {
    let known = facts.device.as_ref()?;
    let posture = known.posture.filter(|(_, good_until)| now < *good_until);
    Some(Device {
        id,
        kind: known.kind.as_str(),
        managed: known.managed,
        shared: known.shared,
        posture: posture.map_or("unknown", |(posture, _)| posture.as_str()),
        unit: known.unit.clone(),
    })
}

fn feeds(facts: &Facts, staleness: &Staleness, now: Timestamp) -> Feeds {
    let stale = |heard: Option<Timestamp>, after: Duration| heard.is_none_or(|heard| now.since(heard) >= after);
    let quiet = |heard: Option<Timestamp>| heard.map(|heard| minutes(now.since(heard)));
    Feeds {
        adt_stale: stale(facts.feeds.adt, staleness.adt_s.duration()),
        rota_stale: stale(facts.feeds.rota, staleness.rota_s.duration()),
        adt_quiet_minutes: quiet(facts.feeds.adt),
        rota_quiet_minutes: quiet(facts.feeds.rota),
    }
}

/// Whole minutes.
pub(crate) fn minutes(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs() / 60).unwrap_or(i64::MAX)
}
