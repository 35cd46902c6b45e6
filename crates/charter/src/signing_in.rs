//! The part of `assurance.toml` that is about signing in itself: what each class of people proves itself with and who invites them, how a
//! session behaves on a screen, the end of a shift, who is let in provisionally, who answers for what fails, and how often one may try.
//!
//! Every value has a limit, and every part may be left out: a charter from before it was thought of loads, and means the defaults here.

use crate::assurance::{Assurance, SessionLimit};
use crate::emergency::{Reason, ReviewRule};
use crate::length::{Hours, Minutes};
use crate::name::{MethodName, ReasonId};
use crate::workflow::InterruptionCost;
use events::principal::IdentityClass;
use events::signin::Cause;
use events::{ActionName, OwnerId, RoleName, UnitId};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most a session is worth after a touch that showed only that its owner is there: level 3 wants both factors again (SP 800-63B-4).
pub const TOUCH_LEVEL_MAX: u8 = 2;
/// The most authenticators of one person that a charter may allow.
pub const AUTHENTICATORS_MAX: u8 = 16;

/// `[authenticators.CLASS]`: what people of a class prove themselves with, and how they come by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthenticatorRules {
    /// What they may register: keys of `methods` that withstand phishing; empty means all of those.
    pub methods: Vec<MethodName>,
    /// What an authenticator must show of its make.
    pub attestation: Attestation,
    /// The makes that count, by AAGUID, with what people call them; empty means all.
    pub aaguids: BTreeMap<Aaguid, String>,
    /// Whether a passkey counts that may be copied to other devices. It never gives level 3.
    pub synced: bool,
    /// How many each person should have; who has fewer is reminded. See [`Self::advises`].
    pub advised: u8,
    /// How many one person may have.
    pub most: u8,
    /// What happens to the last one.
    pub last: LastOne,
    /// No sign-in of theirs is enough for anything when it is older than this; absent: as long as the risk allows.
    pub max_age_min: Option<Minutes>,
    /// The identity assurance level (SP 800-63A-4) that an invitation needs, 1 to 3.
    pub proofing_level: u8,
    /// How long an invitation is good for.
    pub invitation_h: Hours,
    /// Who invites: teams or people; empty means whoever answers for the class in `owners.toml`.
    pub invited_by: Vec<OwnerId>,
    /// Who invites besides: roles.
    pub inviting_roles: Vec<RoleName>,
}

impl Default for AuthenticatorRules {
    fn default() -> Self {
        Self {
            methods: Vec::new(),
            attestation: Attestation::Recorded,
            aaguids: BTreeMap::new(),
            synced: true,
            advised: 2,
            most: 5,
            last: LastOne::Keep,
            max_age_min: None,
            proofing_level: 1,
            invitation_h: Hours::nearest(72),
            invited_by: Vec::new(),
            inviting_roles: Vec::new(),
        }
    }
}

impl AuthenticatorRules {
    /// How many each person should have: never more than they may.
    #[must_use]
    pub fn advises(&self) -> u8 {
        self.advised.min(self.most)
    }

    /// Whether an authenticator of this make counts.
    #[must_use]
    pub fn takes(&self, make: &Aaguid) -> bool {
        self.aaguids.is_empty() || self.aaguids.contains_key(make)
    }
}

/// What an authenticator must show of its make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attestation {
    /// Nothing is asked for.
    None,
    /// What it shows is recorded; nothing is as good.
    Recorded,
    /// It must be attested by its maker.
    Required,
}

/// `[makers.NAME]`: a maker of authenticators whose word about what they made counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maker {
    /// What people call them.
    pub title: String,
    /// The certificates that stand at the end of their authenticators' chains, each in PEM. At least one.
    pub roots: Vec<String>,
}

/// The longest certificate of a maker, in bytes of PEM.
pub const ROOT_BYTES_MAX: usize = 8 * 1024;

impl Maker {
    /// Whether a text is one certificate in PEM, as far as can be seen without reading what is in it.
    #[must_use]
    pub fn is_pem(text: &str) -> bool {
        let body = text.trim().strip_prefix("-----BEGIN CERTIFICATE-----");
        let body = body.and_then(|rest| rest.strip_suffix("-----END CERTIFICATE-----"));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=".contains(&byte);
        text.len() <= ROOT_BYTES_MAX && body.is_some_and(|body| !body.trim().is_empty() && body.bytes().all(fits))
    }
}

/// What happens to somebody's last authenticator when they want to be rid of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastOne {
    /// It stays until they have another.
    Keep,
    /// It goes, and a way back in is opened for them.
    Recover,
}

/// What make of authenticator it is (AAGUID), as WebAuthn writes it: `cb69481e-8ff7-4039-93ec-0a2729a154a8`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Aaguid(String);

impl Aaguid {
    /// Reads one, in capitals or not.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths = [8, 4, 4, 4, 12];
        let fits = groups.len() == lengths.len()
            && groups
                .iter()
                .zip(lengths)
                .all(|(group, length)| group.len() == length && group.bytes().all(|digit| digit.is_ascii_hexdigit()));
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// As text, in small letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Aaguid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let shown: String = text.chars().take(64).collect();
        Self::new(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!("`{shown}` is not an AAGUID: 32 hexadecimal digits in five groups"))
        })
    }
}

/// How somebody comes back to their own locked screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconnect {
    /// The badge, and a touch of the key. It shows that they are there: the proof grows no younger by it, and the session is worth level
    /// [`TOUCH_LEVEL_MAX`] at most until they are verified again.
    Touch,
    /// PIN or finger.
    Verify,
}

impl Reconnect {
    /// Its name in charters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Touch => "touch",
            Self::Verify => "verify",
        }
    }
}

/// What a session is worth after a touch that showed only that its owner is there.
#[must_use]
pub const fn level_after_touch(level: u8) -> u8 {
    if level < TOUCH_LEVEL_MAX { level } else { TOUCH_LEVEL_MAX }
}

/// How a session of a level behaves at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// Unused so long, its screen locks.
    pub idle: Minutes,
    /// It ends after so long in any case.
    pub overall: Minutes,
    /// So long before either its owner is warned; absent where there is no time to.
    pub warn_before: Option<Minutes>,
    /// How its owner comes back.
    pub reconnect: Reconnect,
    /// Whether its screen locks when the badge is taken away.
    pub badge_away_locks: bool,
}

/// How long before a session's end its owner is warned, where the charter does not say.
const WARN_USUAL: Minutes = Minutes::nearest(2);

impl Assurance {
    /// How a session of this level behaves in this unit. Each value is that of the first limit that fits and has one.
    #[must_use]
    pub fn session_rules(&self, level: u8, unit: Option<&UnitId>) -> Option<SessionRules> {
        let fits = |limit: &&SessionLimit| limit.fits(level, unit);
        let first = self.session.iter().find(fits)?;
        let all = || self.session.iter().filter(fits);
        let warn = all().find_map(|limit| limit.warn_before_min).unwrap_or(WARN_USUAL);
        let least = first.idle_min.min(first.overall_min);
        Some(SessionRules {
            idle: first.idle_min,
            overall: first.overall_min,
            warn_before: Minutes::new(warn.get().min(least.get() - 1)),
            reconnect: all().find_map(|limit| limit.reconnect).unwrap_or(Reconnect::Verify),
            badge_away_locks: all().find_map(|limit| limit.badge_away_locks).unwrap_or(true),
        })
    }

    /// What people of a class prove themselves with.
    #[must_use]
    pub fn authenticators_of(&self, class: IdentityClass) -> Cow<'_, AuthenticatorRules> {
        self.authenticators.get(&class).map_or_else(|| Cow::Owned(AuthenticatorRules::default()), Cow::Borrowed)
    }

    /// What people of a class may register.
    #[must_use]
    pub fn may_register(&self, class: IdentityClass) -> BTreeSet<&MethodName> {
        let rules = self.authenticators_of(class);
        let fits = |name: &MethodName| rules.methods.is_empty() || rules.methods.contains(name);
        let sound = self.methods.iter().filter(|(name, method)| method.phishing_resistant && fits(name));
        sound.map(|(name, _)| name).collect()
    }
}

/// `[hand_over]`: the end of a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// So long after both confirmed, what the one who goes was still entitled to ends. At most 60.
    pub grace_min: Minutes,
}

impl Default for HandOver {
    fn default() -> Self {
        Self { grace_min: Minutes::nearest(15) }
    }
}

/// `[provisional]`: who is let in although they can prove nothing. Only where the unit is in an emergency or one of `units`; and there only to what
/// an emergency or `emergent` work needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provisional {
    /// Who: roles of `entities.toml`, at least one.
    pub roles: Vec<RoleName>,
    /// For how long, at most 60.
    pub duration_min: Minutes,
    /// What they may do: actions or groups of actions, at least one.
    pub actions: Vec<ActionName>,
    /// The review of each use, due after 72 hours at most.
    pub review: ReviewRule,
    /// Where it is so without any declared emergency: units whose work is always urgent.
    #[serde(default)]
    pub units: Vec<UnitId>,
}

impl Provisional {
    /// Whether anybody may be let in so at a screen of this unit.
    #[must_use]
    pub fn is_open_at(&self, in_emergency: bool, unit: Option<&UnitId>) -> bool {
        in_emergency || unit.is_some_and(|unit| self.units.contains(unit))
    }

    /// Whether whoever was let in so may do such work: a rule, and nothing a charter changes.
    #[must_use]
    pub const fn is_open(in_emergency: bool, cost: InterruptionCost) -> bool {
        in_emergency || matches!(cost, InterruptionCost::Emergent)
    }
}

/// `[causes.CAUSE]`: one sort of reason why signing in fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseRule {
    /// What people call it.
    pub title: String,
    /// Who answers for it.
    pub owner: OwnerId,
}

/// What people call a cause where the charter does not say.
#[must_use]
pub const fn usual_title(cause: Cause) -> &'static str {
    match cause {
        Cause::Authenticator => "The key, phone or PIN",
        Cause::Reader => "The badge reader",
        Cause::DeviceTrust => "The workstation",
        Cause::Network => "The network",
        Cause::Policy => "A rule",
        Cause::User => "A slip of the hand",
        Cause::Federation => "The other hospital's sign-in",
    }
}

/// `[throttle]`: how often a minute one may try. Somebody at an enrolled workstation with a valid key is never held up by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Throttle {
    /// From one address: a whole ward may stand behind it. [`Self::ADDRESS`].
    pub address_per_min: u32,
    /// At one workstation: people come and go. [`Self::DEVICE`].
    pub device_per_min: u32,
    /// For one person, whoever claims to be them. [`Self::IDENTITY`].
    pub identity_per_min: u32,
}

impl Throttle {
    /// The least and most from one address.
    pub const ADDRESS: (u32, u32) = (60, 6_000);
    /// The least and most at one workstation.
    pub const DEVICE: (u32, u32) = (12, 600);
    /// The least and most for one person.
    pub const IDENTITY: (u32, u32) = (5, 60);
}

impl Default for Throttle {
    fn default() -> Self {
        Self { address_per_min: 240, device_per_min: 30, identity_per_min: 10 }
    }
}

/// The reasons for vouching where the charter has none of its own.
pub(crate) fn usual_reasons() -> BTreeMap<ReasonId, Reason> {
    let usual = [
        ("left-behind", "Key or phone left at home"),
        ("broken", "Key or phone does not work"),
        ("reader", "The reader does not work"),
    ];
    let named = usual.into_iter().filter_map(|(id, title)| Some((ReasonId::new(id).ok()?, title)));
    named.map(|(id, title)| (id, Reason { title: title.to_owned() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_makes_nobody_surer() {
        assert_eq!([1, 2, 3].map(level_after_touch), [1, 2, 2]);
    }

    #[test]
    fn makes_of_authenticators_are_read_and_nothing_else() {
        let make = Aaguid::new("CB69481E-8FF7-4039-93EC-0A2729A154A8").unwrap();
        assert_eq!(make.as_str(), "cb69481e-8ff7-4039-93ec-0a2729a154a8");
        for wrong in ["", "cb69481e", "cb69481e-8ff7-4039-93ec-0a2729a154aX", "cb69481e8ff7403993ec0a2729a154a8"] {
            assert_eq!(Aaguid::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_certificate_is_one_certificate() {
        let one = "-----BEGIN CERTIFICATE-----\nMIIB+/8=\n-----END CERTIFICATE-----";
        assert!(Maker::is_pem(one) && Maker::is_pem(&format!("\r\n{one}\n")));
        let long = one.replace("MIIB", &"M".repeat(ROOT_BYTES_MAX));
        let key = one.replace("CERTIFICATE", "PRIVATE KEY");
        for wrong in ["", "MIIB", &format!("{one}\n{one}"), &key, &long, &one.replace("MIIB+/8=", " ")] {
            assert!(!Maker::is_pem(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_usual_reasons_can_be_ids() {
        assert_eq!(usual_reasons().len(), 3);
    }
}
