//! From a recorded decision to what the caller reads: yes or no, why, what would help, who is accountable, and which entry proves it.

use crate::Api;
use crate::obligations;
use crate::wire::{AccessRequest, Decided, Decision, Help, Told};
use decision::Engine;
use decision::explain::Offer;
use events::CallerName;
use events::decision::{Made, Remedy};
use plane::Answer;
use serde_json::json;
use std::time::Duration;

/// The most names one answer carries, whoever is nearest to the work first; `handrail who` and the console have all.
const ACCOUNTABLE_MAX: usize = 4;
/// How long a denied asker may come back to ask for access.
const REQUEST_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What a permit says that only the spool has recorded.
const TEMPORARY: &str = "The log cannot be written just now. This permit is recorded elsewhere and holds for a few minutes only; ask again before then.";

/// Writes the answer. Everything in it is about the asker or was sent by them; the whole explanation is for the console and its readers.
pub(crate) fn decision(answer: &Answer, engine: &Engine, api: &Api, caller: &CallerName) -> Decision {
    let mut context = Told::default();
    match answer.spooled() {
        None => context.entry = Some(answer.entry()),
        Some(spooled) => {
            let until = answer.made().and_then(|made| made.holds_until);
            context.temporary = Some(json!({ "until": until, "text": TEMPORARY }));
            context.spooled = Some(json!(spooled));
        }
    }
    context.decided = answer.made().map(|made| decided(answer, made, engine, (api, caller)));
    Decision { decision: answer.permits(), context }
}

impl Decision {
    /// In the words it was asked in: what the ledger has under a code, the asker is told as they called it.
    pub(crate) fn in_words_of_the_asker(mut self, unknown: &[(String, String)]) -> Self {
        let told = self.context.decided.iter_mut();
        for text in told.flat_map(|told| std::iter::once(&mut told.reason).chain(&mut told.reasons)) {
            for (code, sent) in unknown {
                *text = text.replace(code, sent);
            }
        }
        self
    }
}

fn decided(answer: &Answer, made: &Made, engine: &Engine, (api, caller): (&Api, &CallerName)) -> Decided {
    let told = engine.answer(made);
    Decided {
        reason: told.headline,
        reasons: told.reasons,
        remedies: told.remedies.into_iter().map(|Offer { remedy, text }| Help { remedy, text }).collect(),
        obligations: obligations::of(answer.entry(), made, engine),
        challenge: obligations::challenge(made, engine),
        accountable: engine.nearest_accountable(made, ACCOUNTABLE_MAX),
        decided_at: made.decided_at,
        charter: made.charter,
        workflow: made.workflow.clone(),
        live: made.live,
        request: request(answer, made, engine, api, caller),
    }
}

/// Where somebody's approval or word would help, what the caller has to bring along to ask for it: the form of the AuthZEN access request
/// profile (draft). The binding token ties it to this caller and this very decision.
fn request(answer: &Answer, made: &Made, engine: &Engine, api: &Api, caller: &CallerName) -> Option<AccessRequest> {
    let asked_for = made.remedies.iter().find(|remedy| matches!(remedy, Remedy::Elevation { .. } | Remedy::Vouch));
    let (template, title) = match asked_for {
        Some(Remedy::Elevation { entitlement }) => {
            let entitlements = &engine.charter().elevation().entitlements;
            let title =
                entitlements.get(entitlement).map_or_else(|| entitlement.to_string(), |known| known.title.clone());
            (format!("elevation:{entitlement}"), title)
        }
        Some(Remedy::Vouch) => ("vouch".to_owned(), "Let a colleague vouch".to_owned()),
        _ => return None,
    };
    let expires_at = made.decided_at + REQUEST_LIFETIME;
    let evaluation = answer.entry().to_string();
    let seconds = |at: events::Timestamp| at.as_millis() / 1000;
    let claims = json!({
        "iss": &*api.base_url,
        "aud": &*api.base_url,
        "iat": seconds(made.decided_at),
        "exp": seconds(expires_at),
        "jti": crate::seal::name(&plane::random::<16>()),
        "denial_expires_at": expires_at,
        "evaluation_id": evaluation,
        "caller": caller,
        "question_sha256": crate::seal::digest_of(&json!(made.question)),
    });
    let access_request = json!({
        "template": template,
        "expires_at": expires_at,
        "binding_token": api.seal.binding(&claims),
        "display": { "title": title },
    });
    Some(AccessRequest { evaluation_id: evaluation, access_request })
}
