//! The charter of these tests, engines made of it, and questions in it.

use cedar_policy::PolicySet;
use charter::Charter;
use decision::engine::Engine;
use events::decision::{Asserted, Question};
use events::{EntityRef, PatientPseudonym};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// The charter of these tests.
pub(crate) fn charter() -> Arc<Charter> {
    static CHARTER: LazyLock<Arc<Charter>> = LazyLock::new(|| Arc::new(load(&own("tests/charter"))));
    Arc::clone(&CHARTER)
}

pub(crate) fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(crate) fn load(dir: &Path) -> Charter {
    Charter::load(dir).unwrap_or_else(|diagnostics| {
        let all: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.plain()).collect();
        panic!("{}", all.join("\n"))
    })
}

pub(crate) fn engine() -> Engine {
    Engine::new(charter()).unwrap()
}

/// An engine of the charter with other policies. Each policy's `@id` is its id.
pub(crate) fn engine_with(policies: &str) -> Engine {
    let read: PolicySet = policies.parse().unwrap();
    let named = read.policies().map(|policy| {
        let id = policy.annotation("id").unwrap_or(policy.id().as_ref()).parse().unwrap();
        policy.new_id(id)
    });
    Engine::with_policies(charter(), PolicySet::from_policies(named).unwrap()).unwrap()
}

pub(crate) fn question(who: &str, action: &str, patient: PatientPseudonym) -> Question {
    about(who, action, "Patient", &patient.to_string())
}

pub(crate) fn about(who: &str, action: &str, kind: &str, id: &str) -> Question {
    Question {
        session: None,
        principal: EntityRef { kind: "Person".parse().unwrap(), id: who.parse().unwrap() },
        action: action.parse().unwrap(),
        resource: EntityRef { kind: kind.parse().unwrap(), id: id.parse().unwrap() },
        workflow: None,
        asserted: Asserted::default(),
    }
}

/// The same question by somebody signed in like this.
pub(crate) fn signed_in(mut question: Question, level: i64, age_minutes: i64) -> Question {
    let session = json!({ "level": level, "age_minutes": age_minutes, "method": "passkey" });
    question.asserted.context.insert("session".to_owned(), session);
    question
}

/// The same question with something else asserted of the circumstances.
pub(crate) fn asserting(mut question: Question, name: &str, value: Value) -> Question {
    question.asserted.context.insert(name.to_owned(), value);
    question
}
