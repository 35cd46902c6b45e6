//! How a session stands, and what a touch does to it. Pure: facts, limits and the time go in.

use charter::assurance::SessionLimit;
use charter::signing_in::{Reconnect, SessionRules};
use events::session::LockCause;
use events::{DeviceId, PrincipalId, SessionId, Timestamp};
use std::time::Duration;
use world::SessionFacts;

/// How long a session lasts, from the charter, and never longer than SP 800-63B-4 lets one of its level last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unused so long, it locks.
    pub idle: Duration,
    /// It is over after so long.
    pub overall: Duration,
}

impl Limits {
    /// Where the charter says nothing of a level: the shortest that still lets somebody work.
    pub const LEAST: Self = Self { idle: Duration::from_secs(5 * 60), overall: Duration::from_secs(60 * 60) };

    /// By the charter's rule, if it has one.
    #[must_use]
    pub fn of(limit: Option<&SessionLimit>) -> Self {
        limit.map_or(Self::LEAST, |limit| Self {
            idle: limit.idle_min.duration(),
            overall: limit.overall_min.duration(),
        })
    }
}

/// How a session stands in front of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its owner works.
    Open,
    /// The screen is locked.
    Locked(LockCause),
    /// It is at another screen now.
    Elsewhere,
    /// Its time is over.
    Over,
}

/// How a session stands at `now`, seen from a browser that is `here` (no workstation: the browser it began in).
#[must_use]
pub fn standing(session: &SessionFacts, here: Option<&DeviceId>, limits: &Limits, now: Timestamp) -> Standing {
    if now >= session.good_until {
        Standing::Over
    } else if session.workstation.as_ref() != here {
        Standing::Elsewhere
    } else if let Some((_, cause)) = session.locked {
        Standing::Locked(cause)
    } else if now.since(session.used_at) >= limits.idle {
        Standing::Locked(LockCause::Idle)
    } else {
        Standing::Open
    }
}

/// Whether its owner comes back by a touch alone, without PIN or finger: where the charter takes that, at the very screen, within the session's
/// time, and never where it rests on somebody else's word.
#[must_use]
pub fn presence_will_do(session: &SessionFacts, stands: Standing, rules: Option<&SessionRules>) -> bool {
    matches!(stands, Standing::Locked(_))
        && session.workstation.is_some()
        && proved_themselves(session)
        && rules.is_some_and(|rules| rules.reconnect == Reconnect::Touch)
}

/// Whether its owner proved who they are, rather than somebody standing up for them, a pass, or nobody at all.
#[must_use]
pub fn proved_themselves(session: &SessionFacts) -> bool {
    session.review_due.is_none() && session.vouched_by.is_none() && session.method != crate::recovery::METHOD
}

/// What becomes of a touch: one interaction, whatever it turns out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touch {
    /// A new session begins.
    SignIn,
    /// The session of whoever touched goes on where it was.
    Reconnect(SessionId),
    /// It follows them to this screen.
    Roam(SessionId),
}

/// The screen somebody touches at.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// The enrolled workstation, if it is one.
    pub workstation: Option<&'a DeviceId>,
    /// Whether several people use it.
    pub shared: bool,
    /// The session a browser of one's own carries.
    pub carried: Option<&'a SessionId>,
}

/// What a touch of `who` at a screen does. A session follows between shared workstations; one on a phone or on a workstation of one's own
/// stays there, and so do the others beside it.
#[must_use]
pub fn touch<'a>(
    who: &PrincipalId,
    here: Here<'_>,
    sessions: impl Iterator<Item = (&'a SessionFacts, bool)>,
    now: Timestamp,
) -> Touch {
    let mut roams = None;
    for (session, shared) in sessions.filter(|(session, _)| session.principal == *who && now < session.good_until) {
        // Who cannot prove anything, or is stood up for, begins anew once they can.
        if !proved_themselves(session) {
            continue;
        }
        // Two browsers that are no workstations are not the same screen: only the one that carries it goes on with it.
        let own = session.workstation.is_some() || here.carried == Some(&session.session);
        if session.workstation.as_ref() == here.workstation && own {
            return Touch::Reconnect(session.session.clone());
        }
        if shared && here.shared {
            roams = Some(session.session.clone());
        }
    }
    roams.map_or(Touch::SignIn, Touch::Roam)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const LIMITS: Limits = Limits { idle: Duration::from_secs(600), overall: Duration::from_secs(3_600) };

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn session(at: &str) -> SessionFacts {
        SessionFacts {
            session: id("se-1"),
            principal: id("n-amara"),
            workstation: Some(id(at)),
            key: None,
            method: "passkey".into(),
            level: 2,
            authenticator: None,
            proved_at: NOW,
            started_at: NOW,
            used_at: NOW,
            good_until: NOW + MINUTE * 60,
            locked: None,
            vouched_by: None,
            review_due: None,
            provider_session: None,
            handed_over: false,
        }
    }

    #[test]
    fn a_session_locks_when_nobody_uses_it_and_is_over_at_its_time() {
        let (session, here) = (session("ws-1"), id("ws-1"));
        let at = |minutes: u32| standing(&session, Some(&here), &LIMITS, NOW + MINUTE * minutes);
        assert_eq!(at(9), Standing::Open);
        assert_eq!(at(10), Standing::Locked(LockCause::Idle));
        assert_eq!(at(60), Standing::Over);
        let used = SessionFacts { used_at: NOW + MINUTE * 59, ..session.clone() };
        assert_eq!(standing(&used, Some(&here), &LIMITS, NOW + MINUTE * 60), Standing::Over, "however busy it is");
    }

    #[test]
    fn a_session_is_at_one_screen() {
        let session = session("ws-1");
        assert_eq!(standing(&session, Some(&id("ws-2")), &LIMITS, NOW), Standing::Elsewhere);
        assert_eq!(standing(&session, None, &LIMITS, NOW), Standing::Elsewhere);
        let locked = SessionFacts { locked: Some((NOW, LockCause::Asked)), ..session };
        assert_eq!(standing(&locked, Some(&id("ws-1")), &LIMITS, NOW), Standing::Locked(LockCause::Asked));
    }

    #[test]
    fn a_touch_alone_brings_back_only_to_a_locked_screen_of_ones_own_where_the_charter_says_so() {
        let minutes = |count| charter::length::Minutes::new(count).unwrap();
        let rules = |reconnect| SessionRules {
            idle: minutes(10),
            overall: minutes(60),
            warn_before: None,
            reconnect,
            badge_away_locks: true,
        };
        let (own, touch) = (session("ws-1"), rules(Reconnect::Touch));
        let locked = Standing::Locked(LockCause::Idle);
        assert!(presence_will_do(&own, locked, Some(&touch)));
        assert!(!presence_will_do(&own, locked, Some(&rules(Reconnect::Verify))));
        assert!(!presence_will_do(&own, locked, None));
        for stands in [Standing::Open, Standing::Elsewhere, Standing::Over] {
            assert!(!presence_will_do(&own, stands, Some(&touch)), "{stands:?}");
        }
        let vouched = SessionFacts { vouched_by: Some(id("n-lead")), ..own.clone() };
        let provisional = SessionFacts { review_due: Some(NOW), ..own.clone() };
        let away = SessionFacts { workstation: None, ..own };
        for not in [vouched, provisional, away] {
            assert!(!presence_will_do(&not, locked, Some(&touch)), "{not:?}");
        }
    }

    #[test]
    fn what_a_touch_is_worth_is_the_same_for_the_charter_and_the_world() {
        assert_eq!(charter::signing_in::TOUCH_LEVEL_MAX, world::PRESENCE_LEVEL_MAX);
    }

    #[test]
    fn a_touch_comes_back_or_follows_or_begins() {
        let (who, here, there) = (id("n-amara"), id("ws-1"), id("ws-2"));
        let go = |session: &SessionFacts, at: &DeviceId, shared_there: bool, shared_here: bool| {
            let here = Here { workstation: Some(at), shared: shared_here, carried: None };
            touch(&who, here, std::iter::once((session, shared_there)), NOW)
        };
        let own = session("ws-1");
        assert_eq!(go(&own, &here, true, true), Touch::Reconnect(id("se-1")));
        assert_eq!(go(&own, &there, true, true), Touch::Roam(id("se-1")));
        assert_eq!(go(&own, &there, true, false), Touch::SignIn, "a phone begins its own");
        assert_eq!(go(&own, &there, false, true), Touch::SignIn, "a session on a phone stays on it");
        let over = SessionFacts { good_until: NOW, ..own.clone() };
        assert_eq!(go(&over, &here, true, true), Touch::SignIn);
        let others = SessionFacts { principal: id("d-ruiz"), ..own.clone() };
        assert_eq!(go(&others, &here, true, true), Touch::SignIn);
        let passed = SessionFacts { method: "recovery".into(), ..own.clone() };
        assert_eq!(go(&passed, &here, true, true), Touch::SignIn, "a pass ends where a key begins");
        let vouched = SessionFacts { vouched_by: Some(id("n-lead")), ..own };
        assert_eq!(go(&vouched, &here, true, true), Touch::SignIn, "a real touch makes a real session");
    }

    #[test]
    fn a_browser_of_ones_own_goes_on_with_the_session_it_carries_and_with_no_other() {
        let phone = SessionFacts { workstation: None, ..session("ws-1") };
        let go = |carried: Option<&SessionId>| {
            let here = Here { workstation: None, shared: false, carried };
            touch(&id("n-amara"), here, std::iter::once((&phone, false)), NOW)
        };
        assert_eq!(go(Some(&phone.session)), Touch::Reconnect(phone.session.clone()));
        assert_eq!(go(Some(&id("se-2"))), Touch::SignIn);
        assert_eq!(go(None), Touch::SignIn);
    }
}
