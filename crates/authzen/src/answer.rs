//! From a recorded decision to what the caller reads: yes or no, why, what would help, who is accountable, and which entry proves it.

use crate::wire::Decision;
use decision::Engine;
use decision::explain::Offer;
use events::decision::Made;
use plane::Answer;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The most names one answer carries, whoever is nearest to the work first; `handrail who` and the console have all.
const ACCOUNTABLE_MAX: usize = 4;

/// What a permit says that only the spool has recorded.
const TEMPORARY: &str = "The log cannot be written just now. This permit is recorded elsewhere and holds for a few minutes only; ask again before then.";

/// Writes the answer. Everything in it is about the asker or was sent by them; the whole explanation is for the console and its readers.
pub(crate) fn decision(answer: &Answer, engine: &Engine) -> Decision {
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
        described(made, engine, &mut context);
    }
    Decision { decision: answer.permits(), context }
}

fn described(made: &Made, engine: &Engine, context: &mut Map<String, Value>) {
    let told = engine.answer(made);
    let mut put = |name: &str, value: Value| context.insert(name.to_owned(), value);
    put("reason", Value::String(told.headline));
    put("reasons", json!(told.reasons));
    if !told.remedies.is_empty() {
        put("remedies", told.remedies.iter().map(remedy).collect());
    }
    if !made.obligations.is_empty() {
        put("obligations", json!(made.obligations));
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
        remedy: &'a events::decision::Remedy,
        text: &'a str,
    }
    json!(Told { remedy: &offer.remedy, text: &offer.text })
}
