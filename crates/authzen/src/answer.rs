//! From a recorded decision to what the caller reads: yes or no, why, what would help, who is accountable, and which entry proves it.

use crate::Api;
use crate::obligations;
use crate::wire::Decision;
use decision::Engine;
use decision::explain::Offer;
use events::CallerName;
use events::decision::{Made, Remedy};
use plane::Answer;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The most names one answer carries, whoever is nearest to the work first; `handrail who` and the console have all.
const ACCOUNTABLE_MAX: usize = 4;
/// How long a denied asker may come back to ask for access.
const REQUEST_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What a permit says that only the spool has recorded.
const TEMPORARY: &str = "The log cannot be written just now. This permit is recorded elsewhere and holds for a few minutes only; ask again before then.";

/// Writes the answer. Everything in it is about the asker or was sent by them; the whole explanation is for the console and its readers.
pub(crate) fn decision(answer: &Answer, engine: &Engine, api: &Api, caller: &CallerName) -> Decision {
    let mut context = Map::new();
    match answer.spooled() {
        None => context.insert("entry".to_owned(), json!(answer.entry())),
        Some(spooled) => {
            let told = json!({ "until": answer.made().and_then(|made| made.holds_until), "text": TEMPORARY });
            context.insert("temporary".to_owned(), told);
            context.insert("spooled".to_owned(), json!(spooled))
        }
    };
    if let Some(made) = answer.made() {
        described(answer, made, engine, &mut context);
        request(answer, made, engine, (api, caller), &mut context);
    }
    Decision { decision: answer.permits(), context }
}

impl Decision {
    /// In the words it was asked in: what the ledger has under a code, the asker is told as they called it.
    pub(crate) fn in_words_of_the_asker(mut self, unknown: &[(String, String)]) -> Self {
        fn reworded(value: &mut Value, unknown: &[(String, String)]) {
            match value {
                Value::String(text) => {
                    for (code, sent) in unknown {
                        *text = text.replace(code, sent);
                    }
                }
                Value::Array(items) => items.iter_mut().for_each(|item| reworded(item, unknown)),
                _ => {}
            }
        }
        for member in ["reason", "reasons"] {
            self.context.get_mut(member).into_iter().for_each(|value| reworded(value, unknown));
        }
        self
    }
}

fn described(answer: &Answer, made: &Made, engine: &Engine, context: &mut Map<String, Value>) {
    let told = engine.answer(made);
    let mut put = |name: &str, value: Value| context.insert(name.to_owned(), value);
    put("reason", Value::String(told.headline));
    put("reasons", json!(told.reasons));
    if !told.remedies.is_empty() {
        put("remedies", told.remedies.iter().map(remedy).collect());
    }
    let duties = obligations::of(answer.entry(), made, engine);
    if !duties.is_empty() {
        put("obligations", Value::Array(duties));
    }
    let accountable: Vec<_> = engine.accountable(made).into_iter().take(ACCOUNTABLE_MAX).collect();
    put("accountable", json!(accountable));
    put("decided_at", json!(made.decided_at));
    put("charter", json!(made.charter));
    if let Some(workflow) = &made.workflow {
        put("workflow", json!(workflow));
    }
    if made.live {
        put("live", Value::Bool(true));
    }
}

/// A remedy with its sentence beside its machine-readable form.
fn remedy(offer: &Offer) -> Value {
    #[derive(Serialize)]
    struct Told<'a> {
        #[serde(flatten)]
        remedy: &'a Remedy,
        text: &'a str,
    }
    json!(Told { remedy: &offer.remedy, text: &offer.text })
}

/// Where somebody's approval or word would help, what the caller has to bring along to ask for it: the form of the AuthZEN access request
/// profile (draft). The binding token ties it to this caller and this very decision.
fn request(
    answer: &Answer,
    made: &Made,
    engine: &Engine,
    (api, caller): (&Api, &CallerName),
    context: &mut Map<String, Value>,
) {
    let asked_for = made.remedies.iter().find(|remedy| matches!(remedy, Remedy::Elevation { .. } | Remedy::Vouch));
    let (template, title) = match asked_for {
        Some(Remedy::Elevation { entitlement }) => {
            let entitlements = &engine.charter().elevation().entitlements;
            let title =
                entitlements.get(entitlement).map_or_else(|| entitlement.to_string(), |known| known.title.clone());
            (format!("elevation:{entitlement}"), title)
        }
        Some(Remedy::Vouch) => ("vouch".to_owned(), "Let a colleague vouch".to_owned()),
        _ => return,
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
    let request = json!({
        "template": template,
        "expires_at": expires_at,
        "binding_token": api.seal.binding(&claims),
        "display": { "title": title },
    });
    context.insert("evaluation_id".to_owned(), Value::String(evaluation));
    context.insert("access_request".to_owned(), request);
}
