//! Who may ask, stand for, approve and use a way back in. Pure: requests, people and the time go in.
//!
//! Three people take part, always: who is locked out, who stands for them, and who approves. Nobody is two of them.

use events::{PrincipalId, Timestamp};
use std::time::Duration;

/// Whoever approves proved who they are, by PIN or finger, within this.
pub const FRESH: Duration = Duration::from_secs(3 * 60);
/// And at least so surely.
pub const APPROVER_LEVEL: u8 = 2;

/// A request for a way back in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub id: String,
    /// For whom.
    pub principal: PrincipalId,
    /// Who stands for them.
    pub voucher: PrincipalId,
    /// The charter's path.
    pub path: String,
    /// Whether their old authenticators are lost: then they count no longer once there is a new one.
    pub lost: bool,
    /// Since when.
    pub asked_at: Timestamp,
    /// It is answered by then, or an incident.
    pub due: Timestamp,
    /// Whether it was answered.
    pub answered: bool,
}

/// How somebody stands who wants to stand for another or to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Who.
    pub principal: PrincipalId,
    /// Whether they may act, and are staff.
    pub active: bool,
    /// The level of their proof.
    pub level: u8,
    /// When they were last verified.
    pub proved_at: Timestamp,
    /// Whether it was by what is theirs: an authenticator or a provider, and no colleague's word, pass or claim.
    pub own_proof: bool,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum No {
    /// Nobody stands for themselves or approves themselves.
    Themselves,
    /// Who stands for somebody does not approve as well.
    StandsForThem,
    /// The path names others.
    NotTheirs,
    /// They may not act, or did not prove well enough who they are.
    NotSure,
    /// They proved it too long ago: one touch helps.
    NotFresh,
    /// It was answered before.
    Answered,
    /// It is past its time: it has to be asked anew.
    Overdue,
}

impl No {
    /// What the person reads.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Themselves => {
                "This is your own key, and it works: sign in with it. Somebody else has to stand for whoever is locked out."
            }
            Self::StandsForThem => "You stand for them already. Somebody else has to approve it.",
            Self::NotTheirs => "Others approve on this path. They see the request on their own screens.",
            Self::NotSure => "This takes a full sign-in with a key and PIN, a passkey, or the hospital’s own sign-in.",
            Self::NotFresh => "One touch of your key shows that it is you, now.",
            Self::Answered => "Somebody answered this request before you.",
            Self::Overdue => "This request waited too long and does not count any more. They have to ask anew.",
        }
    }
}

/// Whether somebody may stand for another.
///
/// # Errors
/// When not, with the reason.
pub fn may_stand(helper: &Helper, person: &PrincipalId, now: Timestamp) -> Result<(), No> {
    if helper.principal == *person {
        return Err(No::Themselves);
    }
    sure(helper, now)
}

/// Whether somebody may approve or refuse a request; `named` is whether its path names them.
///
/// # Errors
/// When not, with the reason. [`No::NotFresh`] comes last: a touch is asked for only where it would help.
pub fn may_answer(helper: &Helper, request: &Request, named: bool, now: Timestamp) -> Result<(), No> {
    if helper.principal == request.principal {
        return Err(No::Themselves);
    }
    if helper.principal == request.voucher {
        return Err(No::StandsForThem);
    }
    if !named {
        return Err(No::NotTheirs);
    }
    if request.answered {
        return Err(No::Answered);
    }
    if now >= request.due {
        return Err(No::Overdue);
    }
    sure(helper, now)
}

fn sure(helper: &Helper, now: Timestamp) -> Result<(), No> {
    if !helper.active || !helper.own_proof || helper.level < APPROVER_LEVEL {
        return Err(No::NotSure);
    }
    if now.since(helper.proved_at) >= FRESH { Err(No::NotFresh) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn id(text: &str) -> PrincipalId {
        text.parse().unwrap()
    }

    fn helper(who: &str) -> Helper {
        Helper { principal: id(who), active: true, level: 2, proved_at: NOW, own_proof: true }
    }

    fn request() -> Request {
        Request {
            id: "re-1".into(),
            principal: id("n-amara"),
            voucher: id("n-bea"),
            path: "service-desk".into(),
            lost: true,
            asked_at: NOW,
            due: NOW + MINUTE * 45,
            answered: false,
        }
    }

    #[test]
    fn nobody_is_two_of_the_three() {
        let asked = request();
        assert_eq!(may_stand(&helper("n-amara"), &asked.principal, NOW), Err(No::Themselves));
        assert_eq!(may_stand(&helper("n-bea"), &asked.principal, NOW), Ok(()));
        assert_eq!(may_answer(&helper("n-amara"), &asked, true, NOW), Err(No::Themselves));
        assert_eq!(may_answer(&helper("n-bea"), &asked, true, NOW), Err(No::StandsForThem));
        assert_eq!(may_answer(&helper("t-desk"), &asked, true, NOW), Ok(()));
    }

    #[test]
    fn only_those_the_path_names_answer_and_only_once_and_in_time() {
        let (desk, asked) = (helper("t-desk"), request());
        assert_eq!(may_answer(&desk, &asked, false, NOW), Err(No::NotTheirs));
        assert_eq!(may_answer(&desk, &Request { answered: true, ..asked.clone() }, true, NOW), Err(No::Answered));
        assert_eq!(may_answer(&desk, &asked, true, asked.due), Err(No::Overdue));
        let at_the_edge = Helper { proved_at: asked.due, ..desk };
        assert_eq!(may_answer(&at_the_edge, &asked, true, asked.due - Duration::from_millis(1)), Ok(()));
    }

    #[test]
    fn whoever_helps_is_sure_and_there_now() {
        let (desk, asked) = (helper("t-desk"), request());
        for unsure in [
            Helper { active: false, ..desk.clone() },
            Helper { level: 1, ..desk.clone() },
            Helper { own_proof: false, ..desk.clone() },
        ] {
            assert_eq!(may_answer(&unsure, &asked, true, NOW), Err(No::NotSure), "{unsure:?}");
            assert_eq!(may_stand(&unsure, &asked.principal, NOW), Err(No::NotSure), "{unsure:?}");
        }
        assert_eq!(may_answer(&desk, &asked, true, NOW + FRESH - Duration::from_millis(1)), Ok(()));
        assert_eq!(may_answer(&desk, &asked, true, NOW + FRESH), Err(No::NotFresh));
        assert_eq!(may_stand(&desk, &asked.principal, NOW + FRESH), Err(No::NotFresh));
    }

    #[test]
    fn a_touch_is_asked_for_only_where_it_would_help() {
        let late = NOW + MINUTE * 60;
        assert_eq!(may_answer(&helper("t-desk"), &request(), true, late), Err(No::Overdue));
        assert_eq!(may_answer(&helper("t-desk"), &request(), false, NOW + MINUTE * 10), Err(No::NotTheirs));
    }
}
