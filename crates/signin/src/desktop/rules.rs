//! What a session opens on the desktop around it. Pure: facts, limits, the charter's rule and the time go in.

use crate::session::rules::{Limits, Standing, standing};
use charter::workflow::RequiredAssurance;
use events::signin::Cause;
use events::{DeviceId, Timestamp};
use std::time::Duration;
use world::SessionFacts;

/// A touch that was asked for counts within this; the helper gives up a little earlier.
pub const QUESTION_LIFETIME: Duration = Duration::from_secs(60);

/// PAM services that open a desktop and give nobody more than its owner has. Everything else, known or not, is treated as `sudo` is: a name
/// that somebody forgot here costs a touch, a name too many would cost a touch that should have been.
const UNLOCKS: [&str; 16] = [
    "cinnamon-screensaver",
    "gdm-password",
    "gnome-screensaver",
    "i3lock",
    "kde",
    "kscreensaver",
    "light-locker",
    "lightdm",
    "login",
    "mate-screensaver",
    "physlock",
    "sddm",
    "swaylock",
    "vlock",
    "xlock",
    "xscreensaver",
];
/// The level that more than a desktop needs where the charter does not say what its riskiest work needs.
const LEVEL_USUAL: u8 = 2;

/// What the desktop wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The owner's own desktop.
    Unlock,
    /// More than that: `sudo`, `su`, and everything that is not known to be less.
    Elevate,
}

impl Wanted {
    /// What a PAM service wants.
    #[must_use]
    pub fn of(service: &str) -> Self {
        if UNLOCKS.contains(&service) { Self::Unlock } else { Self::Elevate }
    }
}

/// Everything a question turns on.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What is wanted.
    pub wanted: Wanted,
    /// The workstation whose helper asks.
    pub here: &'a DeviceId,
    /// The session of the person: the one [nearest](nearest) to this workstation.
    pub session: Option<(&'a SessionFacts, Limits)>,
    /// What the charter asks for its riskiest work, where it says.
    pub required: Option<RequiredAssurance>,
    /// When a touch was asked for, if one was.
    pub asked_at: Option<Timestamp>,
    /// When this is judged.
    pub now: Timestamp,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It opens.
    Yes,
    /// It opens as soon as they prove once more that it is them.
    Touch,
    /// It stays shut.
    No(Shut),
}

/// Why it stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Nobody, or more than one, goes by the local name.
    Nobody,
    /// They are not signed in.
    NotSignedIn,
    /// Their session is locked.
    Locked,
    /// Their session is at another workstation.
    Elsewhere,
    /// A colleague stands for them; that is for patients' care, and no desktop's.
    Vouched,
    /// They only say who they are.
    Provisional,
    /// What they touched does not make as sure as this needs.
    NotSure,
    /// Nobody touched anything in time.
    NoTouch,
}

impl Shut {
    /// Why, and what to do, in a line for whoever stands there.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Nobody => {
                "Handrail does not know who this account belongs to. Clinical IT can add its name to its owner's."
            }
            Self::NotSignedIn => {
                "You are not signed in to Handrail at this workstation. Sign in with one touch, then try again."
            }
            Self::Locked => "Your Handrail page at this workstation is locked. Touch your key there, then try again.",
            Self::Elsewhere => {
                "You are signed in to Handrail elsewhere. Touch your key on this workstation's page, then try again."
            }
            Self::Vouched => "A colleague's word is for looking after patients. This needs your own key.",
            Self::Provisional => "You were let in for an emergency. This needs your own key.",
            Self::NotSure => "This needs a security key and its PIN. Use yours, or ask clinical IT for one.",
            Self::NoTouch => "Nobody touched a key in time, so nothing was done. Try again when you are ready.",
        }
    }

    /// Who answers for it.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::Nobody | Self::Vouched | Self::Provisional => Cause::Policy,
            Self::NotSignedIn | Self::Locked | Self::Elsewhere | Self::NoTouch => Cause::User,
            Self::NotSure => Cause::Authenticator,
        }
    }

    /// Exactly what, as entries have it.
    #[must_use]
    pub const fn detail(self, wanted: Wanted) -> &'static str {
        match (wanted, self) {
            (Wanted::Unlock, Self::Nobody) => "desktop_unlock_nobody",
            (Wanted::Unlock, Self::NotSignedIn) => "desktop_unlock_not_signed_in",
            (Wanted::Unlock, Self::Locked) => "desktop_unlock_locked",
            (Wanted::Unlock, Self::Elsewhere) => "desktop_unlock_elsewhere",
            (Wanted::Unlock, Self::Vouched) => "desktop_unlock_vouched",
            (Wanted::Unlock, Self::Provisional) => "desktop_unlock_provisional",
            (Wanted::Unlock, Self::NotSure) => "desktop_unlock_not_sure",
            (Wanted::Unlock, Self::NoTouch) => "desktop_unlock_no_touch",
            (Wanted::Elevate, Self::Nobody) => "desktop_sudo_nobody",
            (Wanted::Elevate, Self::NotSignedIn) => "desktop_sudo_not_signed_in",
            (Wanted::Elevate, Self::Locked) => "desktop_sudo_locked",
            (Wanted::Elevate, Self::Elsewhere) => "desktop_sudo_elsewhere",
            (Wanted::Elevate, Self::Vouched) => "desktop_sudo_vouched",
            (Wanted::Elevate, Self::Provisional) => "desktop_sudo_provisional",
            (Wanted::Elevate, Self::NotSure) => "desktop_sudo_not_sure",
            (Wanted::Elevate, Self::NoTouch) => "desktop_sudo_no_touch",
        }
    }
}

/// Of a person's sessions the one that says most at this workstation: an open one here, a locked one here, one elsewhere.
#[must_use]
pub fn nearest<'a>(
    sessions: impl Iterator<Item = (&'a SessionFacts, Limits)>,
    here: &DeviceId,
    now: Timestamp,
) -> Option<(&'a SessionFacts, Limits)> {
    let told = sessions.filter_map(|(session, limits)| match standing(session, Some(here), &limits, now) {
        Standing::Open => Some((0, session, limits)),
        Standing::Locked(_) => Some((1, session, limits)),
        Standing::Elsewhere => Some((2, session, limits)),
        Standing::Over => None,
    });
    told.min_by_key(|(rank, ..)| *rank).map(|(_, session, limits)| (session, limits))
}

/// Whether it opens.
#[must_use]
pub fn answer(asked: &Asked<'_>) -> Answer {
    let Some((session, limits)) = asked.session else { return Answer::No(Shut::NotSignedIn) };
    match standing(session, Some(asked.here), &limits, asked.now) {
        Standing::Over => return Answer::No(Shut::NotSignedIn),
        Standing::Elsewhere => return Answer::No(Shut::Elsewhere),
        Standing::Locked(_) => return Answer::No(Shut::Locked),
        Standing::Open => {}
    }
    if session.review_due.is_some() {
        return Answer::No(Shut::Provisional);
    }
    if session.vouched_by.is_some() {
        return Answer::No(Shut::Vouched);
    }
    match asked.wanted {
        Wanted::Unlock => Answer::Yes,
        Wanted::Elevate => elevated(asked, session),
    }
}

/// Whether somebody who is at their open session may have more than its desktop.
fn elevated(asked: &Asked<'_>, session: &SessionFacts) -> Answer {
    // Whoever asks in somebody's name may be anybody: another local account, somebody far away, a program. Only a touch for this shows that it is
    // them, however young the last one is.
    let Some(asked_at) = asked.asked_at else { return Answer::Touch };
    let sure = session.level >= asked.required.map_or(LEVEL_USUAL, |required| required.level);
    if asked.now.since(asked_at) >= QUESTION_LIFETIME {
        return Answer::No(Shut::NoTouch);
    }
    if session.proved_at <= asked_at {
        return Answer::Touch;
    }
    if sure { Answer::Yes } else { Answer::No(Shut::NotSure) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use charter::length::Minutes;
    use events::session::LockCause;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const LIMITS: Limits = Limits { idle: Duration::from_secs(600), overall: Duration::from_secs(36_000) };
    const CRITICAL: RequiredAssurance = RequiredAssurance { level: 3, max_age_min: Minutes::new(30) };

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn session() -> SessionFacts {
        SessionFacts {
            session: id("se-1"),
            principal: id("n-amara"),
            workstation: Some(id("ws-1")),
            key: None,
            method: "security-key".into(),
            level: 3,
            authenticator: None,
            proved_at: NOW,
            started_at: NOW,
            used_at: NOW,
            good_until: NOW + MINUTE * 600,
            locked: None,
            vouched_by: None,
            review_due: None,
            provider_session: None,
            handed_over: false,
        }
    }

    fn judged(wanted: Wanted, session: &SessionFacts, change: impl FnOnce(&mut Asked<'_>)) -> Answer {
        let here = id("ws-1");
        let mut asked = Asked {
            wanted,
            here: &here,
            session: Some((session, LIMITS)),
            required: Some(CRITICAL),
            asked_at: None,
            now: NOW,
        };
        change(&mut asked);
        answer(&asked)
    }

    #[test]
    fn what_is_not_known_to_be_a_lock_screen_is_sudo() {
        for service in ["gdm-password", "lightdm", "swaylock", "login"] {
            assert_eq!(Wanted::of(service), Wanted::Unlock, "{service}");
        }
        for service in ["sudo", "sudo-i", "su", "polkit-1", "sshd", "GDM-PASSWORD", "", "gdm-password "] {
            assert_eq!(Wanted::of(service), Wanted::Elevate, "{service}");
        }
        assert!(UNLOCKS.is_sorted());
    }

    #[test]
    fn a_desktop_opens_while_its_owner_works_here() {
        let unlock = |session: &SessionFacts| judged(Wanted::Unlock, session, |_| ());
        let open = session();
        assert_eq!(unlock(&open), Answer::Yes);
        let at = |minutes: u32| judged(Wanted::Unlock, &open, |asked| asked.now = NOW + MINUTE * minutes);
        assert_eq!(at(9), Answer::Yes);
        assert_eq!(at(10), Answer::No(Shut::Locked), "nobody used it for as long as the charter lets it be");
        assert_eq!(at(600), Answer::No(Shut::NotSignedIn));
        let locked = SessionFacts { locked: Some((NOW, LockCause::Asked)), ..open.clone() };
        assert_eq!(unlock(&locked), Answer::No(Shut::Locked));
        let elsewhere = SessionFacts { workstation: Some(id("ws-2")), ..open.clone() };
        assert_eq!(unlock(&elsewhere), Answer::No(Shut::Elsewhere));
        let phone = SessionFacts { workstation: None, ..open.clone() };
        assert_eq!(unlock(&phone), Answer::No(Shut::Elsewhere));
        assert_eq!(judged(Wanted::Unlock, &open, |asked| asked.session = None), Answer::No(Shut::NotSignedIn));
    }

    #[test]
    fn somebody_elses_word_or_ones_own_opens_no_desktop() {
        let vouched = SessionFacts { vouched_by: Some(id("n-bea")), ..session() };
        let claimed = SessionFacts { review_due: Some(NOW + MINUTE), ..session() };
        for wanted in [Wanted::Unlock, Wanted::Elevate] {
            let after = |session: &SessionFacts| {
                judged(wanted, session, |asked| (asked.asked_at, asked.now) = (Some(NOW), NOW + MINUTE / 2))
            };
            assert_eq!(after(&vouched), Answer::No(Shut::Vouched));
            assert_eq!(after(&claimed), Answer::No(Shut::Provisional));
        }
    }

    #[test]
    fn sudo_wants_a_touch_of_its_own_however_young_the_last_one_is() {
        assert_eq!(judged(Wanted::Elevate, &session(), |_| ()), Answer::Touch);
        assert_eq!(judged(Wanted::Elevate, &session(), |asked| asked.required = None), Answer::Touch);
    }

    #[test]
    fn a_touch_that_was_asked_for_counts_once_it_is_there_and_in_time() {
        let asked_at = NOW + MINUTE * 5;
        let judge = |session: &SessionFacts, after: u32| {
            judged(Wanted::Elevate, session, |asked| {
                (asked.asked_at, asked.now) = (Some(asked_at), asked_at + Duration::from_secs(after.into()));
            })
        };
        let before = SessionFacts { used_at: asked_at, ..session() };
        assert_eq!(judge(&before, 1), Answer::Touch);
        assert_eq!(judge(&SessionFacts { proved_at: asked_at, ..before.clone() }, 1), Answer::Touch);
        let touched = SessionFacts { proved_at: asked_at + Duration::from_secs(1), ..before.clone() };
        assert_eq!(judge(&touched, 2), Answer::Yes);
        assert_eq!(judge(&SessionFacts { level: 2, ..touched.clone() }, 2), Answer::No(Shut::NotSure));
        assert_eq!(judge(&touched, 60), Answer::No(Shut::NoTouch), "an answer that comes too late opens nothing");
        let locked = SessionFacts { locked: Some((asked_at, LockCause::TakenOver)), ..touched };
        assert_eq!(judge(&locked, 2), Answer::No(Shut::Locked));
    }

    #[test]
    fn the_session_that_counts_is_the_one_here() {
        let (open, locked) = (session(), SessionFacts { locked: Some((NOW, LockCause::Asked)), ..session() });
        let elsewhere = SessionFacts { session: id("se-2"), workstation: Some(id("ws-2")), ..session() };
        let over = SessionFacts { session: id("se-3"), good_until: NOW, ..session() };
        let pick = |all: &[&SessionFacts]| {
            let all = all.iter().map(|one| (*one, LIMITS));
            nearest(all, &id("ws-1"), NOW).map(|(session, _)| (session.session.to_string(), session.locked.is_some()))
        };
        assert_eq!(pick(&[&over, &elsewhere, &locked, &open]), Some(("se-1".to_owned(), false)));
        assert_eq!(pick(&[&elsewhere, &locked]), Some(("se-1".to_owned(), true)));
        assert_eq!(pick(&[&over, &elsewhere]), Some(("se-2".to_owned(), false)));
        assert_eq!(pick(&[&over]), None);
    }
}
