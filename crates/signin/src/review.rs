//! The review of those who were let in by name alone: by whom the charter names, never by those it is about, once.

use charter::Charter;
use events::session::Started;
use events::signin::{Finding, ProvisionalReviewed};
use events::{Actor, Draft, Event, Leaf, PrincipalId, UnitId};
use plane::Plane;
use store::{AppendError, Batch};

/// The longest account of what was found, in characters.
pub const WORDS_MAX: usize = 200;

/// Why there is no review.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// The entry is another.
    #[error("nobody was let in by name alone there: `handrail sign-in provisional` lists the entries that are")]
    NotProvisional,
    /// Nobody reviews themselves, nor those they stood for.
    #[error("`{0}` is one of those it is about; somebody else reviews it")]
    AboutThem(PrincipalId),
    /// The charter names others.
    #[error("`{who}` does not review this; the charter names {may}")]
    NotNamed {
        /// Who wanted to.
        who: PrincipalId,
        /// Who does.
        may: String,
    },
    /// It was done before.
    #[error("this was reviewed before")]
    Reviewed,
    /// What was found is not said, or at too great length.
    #[error("say in at most {WORDS_MAX} characters what was found")]
    Words,
    /// It could not be recorded.
    #[error("the review could not be recorded")]
    Record(#[from] AppendError),
}

/// Whether somebody may review a session.
///
/// # Errors
/// When not, with the reason.
pub fn may_review(
    charter: &Charter,
    started: &Started,
    at: Option<&UnitId>,
    reviewer: &PrincipalId,
) -> Result<(), ReviewError> {
    if started.review_due.is_none() {
        return Err(ReviewError::NotProvisional);
    }
    if *reviewer == started.principal || started.vouched_by.as_ref() == Some(reviewer) {
        return Err(ReviewError::AboutThem(reviewer.clone()));
    }
    let (rules, owners) = (charter.rules_at(at), charter.owners());
    // A charter that lets nobody in so any more still has those in its ledger who were.
    let named = rules.assurance.provisional.as_ref().map_or(&owners.control_owner, |rule| &rule.review.by);
    if owners.is_led_by(named, reviewer.as_str()) {
        return Ok(());
    }
    let lead = owners.answers_for(named).map(ToString::to_string).unwrap_or_default();
    let may = owners.find(named).map_or_else(|| named.to_string(), |owner| format!("{} (`{lead}`)", owner.name()));
    Err(ReviewError::NotNamed { who: reviewer.clone(), may })
}

/// Records what somebody found of a session that the entry `leaf` began.
///
/// # Errors
/// When they may not review it, it was reviewed before, nothing is said, or it could not be recorded.
pub async fn review(
    plane: &Plane,
    leaf: &Leaf,
    reviewer: PrincipalId,
    (finding, words): (Finding, &str),
    by: Actor,
) -> Result<(), ReviewError> {
    let Event::SessionStarted(started) = &leaf.draft.event else { return Err(ReviewError::NotProvisional) };
    may_review(plane.engine().charter(), started, leaf.draft.place.as_ref(), &reviewer)?;
    let words = words.trim();
    if words.is_empty() || words.chars().count() > WORDS_MAX || words.chars().any(events::is_unseen) {
        return Err(ReviewError::Words);
    }
    let (session, principal) = (started.session.clone(), started.principal.clone());
    let once = format!("review/{session}");
    let reviewed =
        ProvisionalReviewed { session, principal: principal.clone(), reviewer, finding, words: words.into() };
    let draft = Draft { on_behalf_of: Some(principal), ..Draft::new(by, reviewed) };
    match plane.record(Batch::one(draft).expect(once, 0)).await {
        Ok(_) => Ok(()),
        Err(AppendError::Conflict(_)) => Err(ReviewError::Reviewed),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Timestamp;
    use events::session::Proof;
    use std::path::Path;

    #[test]
    fn whoever_the_charter_names_reviews_and_never_one_of_those_it_is_about() {
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let proof = Proof {
            method: "provisional".into(),
            level: 1,
            verified: false,
            authenticator: None,
            counter: None,
            proved_at: None,
        };
        let started = Started {
            session: "se-1".parse().unwrap(),
            principal: "n-amara".parse().unwrap(),
            workstation: None,
            key: None,
            proof,
            good_until: Timestamp::from_millis(1),
            vouched_by: None,
            review_due: Some(Timestamp::from_millis(2)),
            provider_session: None,
        };
        let asked = |started: &Started, who: &str| may_review(&charter, started, None, &who.parse().unwrap());
        let lead = "liesbeth-amari";
        assert!(asked(&started, lead).is_ok());
        let no = asked(&started, "n-bea").unwrap_err().to_string();
        assert!(no.contains("Privacy office (`liesbeth-amari`)"), "{no}");
        assert!(matches!(asked(&started, "n-amara"), Err(ReviewError::AboutThem(_))));
        let theirs = Started { principal: lead.parse().unwrap(), ..started.clone() };
        assert!(matches!(asked(&theirs, lead), Err(ReviewError::AboutThem(_))), "not even whoever is named");
        let vouched = Started { vouched_by: Some(lead.parse().unwrap()), ..started.clone() };
        assert!(matches!(asked(&vouched, lead), Err(ReviewError::AboutThem(_))));
        let proved = Started { review_due: None, ..started };
        assert!(matches!(asked(&proved, lead), Err(ReviewError::NotProvisional)));
    }
}
