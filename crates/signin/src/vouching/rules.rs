//! Who may stand up for whom. Pure: the charter's rule, what is known of both, and the time go in.

use charter::assurance::Vouching;
use events::session::Proof;
use events::{DeviceId, PrincipalId, RoleName, Timestamp, UnitId};
use std::time::Duration;
use world::{Facts, SessionFacts, ShiftFacts, VOUCHES_MAX, VouchFacts};

/// Where somebody has no shift, words of a colleague are counted over so long.
const SHIFT_USUAL: Duration = Duration::from_secs(12 * 3_600);

/// Why a colleague's word does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// Nobody stands up for themselves.
    Yourself,
    /// Whoever touched is not signed in.
    NotSignedIn,
    /// Whoever touched is stood up for, let in provisionally, or got back in by a pass.
    Chained,
    /// Their role does not vouch.
    Role,
    /// Their key is not sure enough, or they were not verified.
    NotSure,
    /// They are not on shift in the unit of the workstation.
    NotOnShift,
    /// The badge is nobody's, or of somebody who does not work here now. One answer for all.
    NotHere,
    /// It was done too often in one shift.
    TooOften,
    /// The reason is none of the charter's.
    Reason,
    /// Somebody else works at that screen.
    ScreenInUse,
    /// The workstation stands in no unit.
    NoUnit,
}

impl No {
    /// What happened and what helps.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Yourself => "Nobody can vouch for themselves. Ask a colleague on this shift to touch their key.",
            Self::NotSignedIn => {
                "Whoever vouches has to be signed in at a workstation of this unit. Sign in with your key first, then vouch from your own screen."
            }
            Self::Chained => {
                "Whoever vouches has to be signed in with a key of their own, not by a colleague’s word or a pass. Ask somebody else on this shift."
            }
            Self::Role => {
                "Your role does not vouch for others here. Ask a nurse, midwife, doctor or pharmacist on this shift, or call the service desk."
            }
            Self::NotSure => {
                "Vouching needs your key with its PIN or finger. Touch again, and use the key you sign in with."
            }
            Self::NotOnShift => {
                "Whoever vouches has to be on shift in this unit now. Ask a colleague who is, or call the service desk."
            }
            Self::NotHere => {
                "This badge cannot be vouched for here. It has to be that of a colleague on shift in this unit; check the number, or call the service desk."
            }
            Self::TooOften => {
                "This colleague has been vouched for as often as one shift allows. The service desk has another way back in."
            }
            Self::Reason => "Please start again and choose one of the reasons shown.",
            Self::ScreenInUse => "Somebody is working at that workstation. Choose another one, or ask them to lock it.",
            Self::NoUnit => "This workstation stands in no unit, so nobody can vouch here. Use one on the ward.",
        }
    }

    /// A fixed word for the record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Yourself => "vouch_yourself",
            Self::NotSignedIn => "vouch_not_signed_in",
            Self::Chained => "vouch_chained",
            Self::Role => "vouch_role",
            Self::NotSure => "vouch_not_sure",
            Self::NotOnShift => "vouch_not_on_shift",
            Self::NotHere => "vouch_not_here",
            Self::TooOften => "vouch_too_often",
            Self::Reason => "vouch_reason",
            Self::ScreenInUse => "vouch_screen_in_use",
            Self::NoUnit => "vouch_no_unit",
        }
    }
}

/// Somebody, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Who.
    pub id: &'a PrincipalId,
    /// What is known of them.
    pub facts: &'a Facts,
}

impl Known<'_> {
    fn active(&self) -> bool {
        self.facts.principal.as_ref().is_some_and(|known| known.active)
    }

    fn has_role_of(&self, roles: &[RoleName]) -> bool {
        self.facts.principal.as_ref().is_some_and(|known| known.roles.iter().any(|role| roles.contains(role)))
    }

    /// The shift they are on in a unit.
    fn shift_in(&self, unit: &UnitId, now: Timestamp) -> Option<&ShiftFacts> {
        self.facts.shifts.iter().find(|shift| shift.unit == *unit && shift.from <= now && now < shift.until)
    }

    /// Whether they are in a unit, and not only on call for it.
    fn works_in(&self, unit: &UnitId, now: Timestamp) -> bool {
        self.shift_in(unit, now).is_some_and(|shift| !shift.on_call)
    }

    /// Since when words for them are counted: the beginning of the shift they are on.
    fn counted_since(&self, now: Timestamp) -> Timestamp {
        let on = self.facts.shifts.iter().filter(|shift| shift.from <= now && now < shift.until);
        on.map(|shift| shift.from).min().unwrap_or(now - SHIFT_USUAL)
    }
}

/// One word of one colleague.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The charter's rule where the workstation stands.
    pub rule: &'a Vouching,
    /// That unit.
    pub unit: &'a UnitId,
    /// Whoever touched.
    pub voucher: Known<'a>,
    /// Their sessions that are not over, or the one they vouch from.
    pub sessions: &'a [SessionFacts],
    /// What they proved just now.
    pub proof: &'a Proof,
    /// For whom, where the badge is somebody's.
    pub person: Option<Known<'a>>,
    /// For which screen.
    pub workstation: &'a DeviceId,
    /// What colleagues said for that person before, the oldest first.
    pub earlier: &'a [VouchFacts],
    /// Now.
    pub now: Timestamp,
}

/// A word that counts.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The session that the voucher vouches in.
    pub session: &'a SessionFacts,
    /// Until when their word is good.
    pub until: Timestamp,
}

/// When each word that counts by itself was given. What the same colleague says at the same screen within the time of the first goes on with it:
/// a screen that locked meanwhile costs nobody another, and makes none longer.
fn given<'a>(words: impl Iterator<Item = &'a VouchFacts>, lasts: Duration) -> Vec<&'a VouchFacts> {
    let mut first: Vec<&VouchFacts> = Vec::new();
    for word in words {
        let goes_on = |one: &&VouchFacts| {
            one.voucher == word.voucher && one.workstation == word.workstation && word.at < one.at + lasts
        };
        if !first.iter().any(goes_on) {
            first.push(word);
        }
    }
    first
}

impl Case<'_> {
    /// Whether a word counts, and until when.
    ///
    /// # Errors
    /// The first rule that is not kept.
    pub fn judge(&self) -> Result<Judged<'_>, No> {
        let mut theirs =
            self.sessions.iter().filter(|one| one.principal == *self.voucher.id && self.now < one.good_until);
        if self.person.is_some_and(|person| person.id == self.voucher.id) {
            return Err(No::Yourself);
        }
        if !self.voucher.active() || !self.voucher.has_role_of(&self.rule.roles) {
            return Err(No::Role);
        }
        if !self.proof.verified || self.proof.level < self.rule.level {
            return Err(No::NotSure);
        }
        let signed_in = theirs.clone().next().is_some();
        let Some(session) = theirs.find(|session| session.rests_on_their_own()) else {
            return Err(if signed_in { No::Chained } else { No::NotSignedIn });
        };
        if !self.voucher.works_in(self.unit, self.now) {
            return Err(No::NotOnShift);
        }
        let here = |person: &Known<'_>| !self.rule.same_unit || person.shift_in(self.unit, self.now).is_some();
        let person = self.person.filter(Known::active).filter(here).ok_or(No::NotHere)?;
        let since = person.counted_since(self.now);
        let lasts = self.rule.duration_min.duration();
        let words = given(self.earlier.iter().filter(|word| since <= word.at), lasts);
        let here = |word: &&&VouchFacts| {
            word.voucher == *self.voucher.id && word.workstation == *self.workstation && self.now < word.at + lasts
        };
        if let Some(word) = words.iter().find(here) {
            return Ok(Judged { session, until: word.at + lasts });
        }
        // More than are kept cannot be counted, so they are too many.
        let most = usize::try_from(self.rule.per_shift_max).unwrap_or(VOUCHES_MAX).min(VOUCHES_MAX);
        if words.len() >= most || self.earlier.len() >= VOUCHES_MAX {
            return Err(No::TooOften);
        }
        Ok(Judged { session, until: self.now + lasts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use charter::length::Minutes;
    use events::Seq;
    use events::principal::IdentityClass;
    use world::{FeedFacts, PrincipalFacts};

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn facts(role: &str, unit: &str) -> Facts {
        let shift = ShiftFacts { shift: id("s"), unit: id(unit), from: NOW - HOUR, until: NOW + HOUR, on_call: false };
        Facts {
            world_seq: Seq(0),
            principal: Some(PrincipalFacts {
                class: IdentityClass::Staff,
                roles: vec![id(role)],
                name: None,
                active: true,
                home_unit: None,
                labels: Vec::new(),
                aliases: Vec::new(),
            }),
            shifts: vec![shift],
            patient: None,
            device: None,
            session: None,
            vouched_until: None,
            emergencies: Vec::new(),
            feeds: FeedFacts::default(),
            keys: [].into_iter().collect(),
        }
    }

    fn session() -> SessionFacts {
        SessionFacts {
            session: id("se-1"),
            principal: id("n-bea"),
            workstation: Some(id("ws-2")),
            key: None,
            method: "security-key".into(),
            level: 3,
            authenticator: Some(id("au-1")),
            proved_at: NOW,
            started_at: NOW,
            used_at: NOW,
            good_until: NOW + HOUR,
            locked: None,
            vouched_by: None,
            review_due: None,
            provider_session: None,
            handed_over: false,
        }
    }

    /// A word that counts, after a change that may make it one that does not.
    struct Setting {
        rule: Vouching,
        voucher: (PrincipalId, Facts),
        sessions: Vec<SessionFacts>,
        proof: Proof,
        person: Option<(PrincipalId, Facts)>,
        earlier: Vec<VouchFacts>,
    }

    fn usual() -> Setting {
        Setting {
            rule: Vouching {
                roles: vec![id("nurse")],
                level: 2,
                same_unit: true,
                duration_min: Minutes::new(30).unwrap(),
                per_shift_max: 2,
                reasons: std::collections::BTreeMap::new(),
                actions: Vec::new(),
            },
            voucher: (id("n-bea"), facts("nurse", "ED")),
            sessions: vec![session()],
            proof: Proof {
                method: "security-key".into(),
                level: 3,
                verified: true,
                authenticator: Some(id("au-1")),
                counter: None,
                proved_at: None,
            },
            person: Some((id("n-amara"), facts("doctor", "ED"))),
            earlier: Vec::new(),
        }
    }

    fn judged_until(setting: &Setting) -> Result<(SessionFacts, Timestamp), No> {
        let case = Case {
            rule: &setting.rule,
            unit: &id("ED"),
            voucher: Known { id: &setting.voucher.0, facts: &setting.voucher.1 },
            sessions: &setting.sessions,
            proof: &setting.proof,
            person: setting.person.as_ref().map(|(id, facts)| Known { id, facts }),
            workstation: &id("ws-1"),
            earlier: &setting.earlier,
            now: NOW,
        };
        case.judge().map(|judged| (judged.session.clone(), judged.until))
    }

    fn judged(change: impl FnOnce(&mut Setting)) -> Result<SessionFacts, No> {
        let mut setting = usual();
        change(&mut setting);
        judged_until(&setting).map(|(session, _)| session)
    }

    #[test]
    fn a_colleague_on_the_same_shift_may() {
        assert_eq!(judged(|_| ()).unwrap().session, id("se-1"));
        let federated = judged(|it| {
            (it.sessions[0].authenticator, it.sessions[0].provider_session) = (None, Some("sid".into()));
        });
        assert!(federated.is_ok());
    }

    #[test]
    fn a_word_counts_only_from_somebody_sure_here_and_now() {
        assert_eq!(judged(|it| it.person = Some(it.voucher.clone())), Err(No::Yourself));
        assert_eq!(judged(|it| it.voucher.1 = facts("porter", "ED")), Err(No::Role));
        assert_eq!(judged(|it| it.voucher.1.principal.as_mut().unwrap().active = false), Err(No::Role));
        assert_eq!(judged(|it| it.proof.verified = false), Err(No::NotSure));
        assert_eq!(judged(|it| it.proof.level = 1), Err(No::NotSure));
        assert_eq!(judged(|it| it.sessions.clear()), Err(No::NotSignedIn));
        assert_eq!(judged(|it| it.sessions[0].good_until = NOW), Err(No::NotSignedIn));
        assert_eq!(judged(|it| it.sessions[0].principal = id("d-ruiz")), Err(No::NotSignedIn));
        assert_eq!(judged(|it| it.voucher.1 = facts("nurse", "ICU")), Err(No::NotOnShift));
        assert_eq!(judged(|it| it.voucher.1.shifts[0].on_call = true), Err(No::NotOnShift));
        assert_eq!(judged(|it| it.voucher.1.shifts[0].until = NOW), Err(No::NotOnShift));
    }

    #[test]
    fn a_word_never_rests_on_a_word() {
        assert_eq!(judged(|it| it.sessions[0].vouched_by = Some(id("n-lead"))), Err(No::Chained));
        assert_eq!(judged(|it| it.sessions[0].review_due = Some(NOW)), Err(No::Chained));
        assert_eq!(judged(|it| it.sessions[0].authenticator = None), Err(No::Chained), "a pass");
    }

    #[test]
    fn whose_badge_it_is_is_not_told() {
        assert_eq!(judged(|it| it.person = None), Err(No::NotHere));
        assert_eq!(judged(|it| it.person.as_mut().unwrap().1 = facts("doctor", "ICU")), Err(No::NotHere));
        assert_eq!(judged(|it| it.person.as_mut().unwrap().1.principal = None), Err(No::NotHere));
        let elsewhere = judged(|it| {
            it.rule.same_unit = false;
            it.person.as_mut().unwrap().1 = facts("doctor", "ICU");
        });
        assert!(elsewhere.is_ok(), "where the charter does not ask for it");
    }

    #[test]
    fn words_are_counted_by_the_shift() {
        let word = |at| VouchFacts { voucher: id("n-cara"), workstation: id("ws-1"), unit: None, until: at, at };
        assert!(judged(|it| it.earlier = vec![word(NOW)]).is_ok());
        assert_eq!(judged(|it| it.earlier = vec![word(NOW - HOUR), word(NOW)]), Err(No::TooOften));
        assert!(judged(|it| it.earlier = vec![word(NOW - HOUR * 2), word(NOW)]).is_ok(), "another shift");
        let all = vec![word(NOW); VOUCHES_MAX];
        assert_eq!(judged(|it| (it.rule.per_shift_max, it.earlier) = (1_000, all)), Err(No::TooOften));
    }

    #[test]
    fn a_colleague_who_touches_again_at_the_same_screen_goes_on_with_their_word() {
        const MINUTE: Duration = Duration::from_secs(60);
        let until = |earlier: &[(&str, u32)]| {
            let word = |(at_screen, minutes): &(&str, u32)| {
                let at = NOW - MINUTE * *minutes;
                VouchFacts { voucher: id("n-bea"), workstation: id(at_screen), unit: None, until: at, at }
            };
            let setting = Setting { earlier: earlier.iter().map(word).collect(), ..usual() };
            judged_until(&setting).map(|(_, until)| until.since(NOW).as_secs() / 60)
        };
        assert_eq!(until(&[]), Ok(30));
        assert_eq!(until(&[("ws-1", 12)]), Ok(18), "and makes it no longer");
        assert_eq!(until(&[("ws-1", 20), ("ws-1", 12)]), Ok(10));
        assert_eq!(until(&[("ws-1", 50), ("ws-1", 31)]), Ok(30), "one, and it is over: this is the second");
        assert_eq!(until(&[("ws-2", 12), ("ws-1", 10)]), Ok(20), "the one for this screen");
        assert_eq!(until(&[("ws-2", 12), ("ws-3", 10)]), Err(No::TooOften));
    }
}
