//! What a caller says of the asker is not what we know, unless the charter lets this caller say it.

use crate::house::{House, PATIENT, id, question, settled, starter, with};
use events::Event;
use events::decision::{Asserted, Question};
use events::principal::{Ended, IdentityClass, Registered};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PATH: &str = "/access/v1/evaluation";

/// What people try.
fn airs() -> Value {
    json!({
        "role": "admin", "roles": ["doctor", "admin"], "labels": ["superuser", "family:F17"], "active": true,
        "class": "staff", "in": ["Role::\"doctor\""], "parents": [{ "type": "Role", "id": "doctor" }], "id": "n-amara",
        "shift": { "on": true, "units": ["ED"], "on_call_units": [] }, "care": { "team": true },
    })
}

async fn recorded(house: &House, answer: &Value) -> Question {
    match house.leaf(&answer["context"]["entry"]).draft.event {
        Event::DecisionMade(made) => made.question,
        _ => panic!("another kind"),
    }
}

#[tokio::test]
async fn whoever_calls_themselves_an_admin_gains_nothing() {
    let house = House::open().await;
    house.tell(Ended { principal: id("d-cai") }).await;
    for caller in ["ehr", "portal", "something-new", "dev-ehr"] {
        let token = house.token(caller).await;
        for who in ["n-bo", "d-cai", "n-nobody"] {
            for action in ["read_chart", "prescribe", "prescribe_controlled_drug", "record_observations"] {
                let plain = house.post_as(&token, PATH, &question(who, action, PATIENT)).await.json();
                let asked = with(question(who, action, PATIENT), "/subject/properties", airs());
                let asked = with(asked, "/resource/properties", json!({ "labels": [], "care": { "team": true } }));
                let asked = with(asked, "/action/properties", json!({ "role": "admin", "live": { "vouched": true } }));
                let grand = house.post_as(&token, PATH, &asked).await.json();
                assert_eq!(grand["decision"], false);
                assert_eq!(
                    settled(grand.clone()).to_string(),
                    settled(plain.clone()).to_string(),
                    "{caller} {who} {action}"
                );
                assert_eq!(recorded(&house, &grand).await, recorded(&house, &plain).await);
            }
        }
    }
}

#[tokio::test]
async fn what_handrail_knows_itself_nobody_asserts() {
    let house = House::open().await;
    let plain = house.evaluate(&question("n-bo", "read_chart", PATIENT)).await.json();
    let mut asked = question("n-bo", "read_chart", PATIENT);
    let context = asked["context"].as_object_mut().unwrap();
    for (name, value) in [
        ("shift", json!({ "on": true, "units": ["ED"], "on_call_units": [] })),
        ("care", json!({ "known": true, "team": true })),
        ("live", json!({ "break_glass": true, "vouched": true, "elevations": ["unit_cover"], "exceptions": [] })),
        ("feeds", json!({ "adt_stale": false })),
        ("emergency", json!(true)),
        ("request", json!({ "scanned": true })),
        ("approval", json!({ "id": "1" })),
    ] {
        context.insert(name.to_owned(), value);
    }
    let grand = house.evaluate(&asked).await.json();
    assert_eq!(settled(grand.clone()), settled(plain.clone()));
    assert_eq!(recorded(&house, &grand).await, recorded(&house, &plain).await);
}

#[tokio::test]
async fn only_what_a_caller_may_assert_is_in_the_leaf() {
    let house = House::open().await;
    let mut asked = question("n-amara", "administer_medication", PATIENT);
    asked["action"]["properties"] =
        json!({ "scanned": true, "witnessed": true, "dose": 3, "patient_name": "Jane Roe" });
    asked["context"]["note"] = json!("Jane Roe, born 1961");
    for (caller, context, action) in [
        ("ehr", vec!["device", "purpose", "session"], vec!["scanned", "witnessed"]),
        ("pharmacy", vec!["device", "session"], vec!["scanned", "witnessed"]),
        ("theatre", vec!["device", "session"], vec![]),
        ("scribe", vec!["device"], vec![]),
        ("portal", vec!["session"], vec![]),
        ("something-new", vec![], vec![]),
    ] {
        let token = house.token(caller).await;
        let answer = house.post_as(&token, PATH, &asked).await.json();
        let Asserted { subject, action: said, resource, context: around } = recorded(&house, &answer).await.asserted;
        assert!(subject.is_empty() && resource.is_empty());
        assert_eq!(around.keys().map(String::as_str).collect::<Vec<_>>(), context, "{caller}");
        assert_eq!(said.keys().map(String::as_str).collect::<Vec<_>>(), action, "{caller}");
        let leaf = house.leaf(&answer["context"]["entry"]);
        assert!(!String::from_utf8(leaf.draft.tail().unwrap()).unwrap().contains("Jane"));
    }
}

/// The starter charter, but people can have a `role` that opens every chart, and so does the label `superuser`. Three callers are believed
/// some of it, everything, and nothing.
fn gullible() -> BTreeMap<String, String> {
    let mut files = starter();
    let schema = files.get_mut("schema.cedarschema").unwrap();
    let person = "entity Person in [Role] {\n    class: String,\n    active: Bool,\n    labels: Set<String>,\n";
    assert!(schema.contains(person));
    *schema = schema.replace(person, &format!("{person}    role?: String,\n"));
    let policy = |id: &str, when: &str| {
        format!(
            "@id(\"{id}\")\n@owner(\"security-team\")\n@reason(\"Administrators may.\")\n\
             permit (principal is Person, action == Action::\"read_chart\", resource is Patient)\nwhen {{ {when} }};\n\n"
        )
    };
    let policies = policy("gullible-role", "principal has role && principal.role == \"admin\"")
        + &policy("gullible-label", "principal.labels.contains(\"superuser\")");
    files.insert("policies/gullible.cedar".to_owned(), policies);
    let systems = files.get_mut("systems.toml").unwrap();
    for (name, asserts) in [
        ("of-role", "\"context.session\", \"Person.role\""),
        ("of-label", "\"context.session\", \"Person.labels\""),
        ("of-standing", "\"context.session\", \"Person.role\", \"Person.active\", \"Person.class\""),
        ("of-all", "\"*\""),
        ("of-nothing", "\"context.session\""),
    ] {
        systems.push_str(&format!(
            "\n[callers.{name}]\ntitle = \"Believed\"\nowner = \"integration-team\"\nmay = [\"evaluate\"]\n\
             asserts = [{asserts}]\nrate_per_s = 1000\n"
        ));
    }
    files
}

#[tokio::test]
async fn an_asserted_role_counts_where_the_charter_lets_it_and_only_there() {
    let house = House::with(gullible()).await;
    let ask = async |caller: &str, who: &str, properties: Value| {
        let token = house.token(caller).await;
        let asked = with(question(who, "read_chart", PATIENT), "/subject/properties", properties);
        house.post_as(&token, PATH, &asked).await.decision()
    };
    let admin = || json!({ "role": "admin" });
    // The same words: believed of one caller, not of the next.
    assert!(ask("of-role", "n-bo", admin()).await);
    assert!(ask("of-all", "n-bo", admin()).await);
    assert!(!ask("of-nothing", "n-bo", admin()).await);
    assert!(!ask("of-label", "n-bo", admin()).await);
    assert!(!ask("ehr", "n-bo", admin()).await);
    // The caller that is believed has to say it.
    assert!(!ask("of-role", "n-bo", json!({})).await);
    assert!(!ask("of-role", "n-bo", json!({ "role": "user" })).await);
    assert!(!ask("of-role", "n-bo", json!({ "role": ["admin"] })).await);
    assert!(!ask("of-role", "n-bo", json!({ "role": null })).await);
    assert!(!ask("of-role", "n-bo", json!({ "Role": "admin" })).await);
    // Labels likewise.
    let label = || json!({ "labels": ["superuser"] });
    assert!(ask("of-label", "n-bo", label()).await);
    assert!(!ask("of-role", "n-bo", label()).await);
    assert!(!ask("of-nothing", "n-bo", label()).await);
}

#[tokio::test]
async fn nobody_revives_an_account_that_has_ended() {
    let house = House::with(gullible()).await;
    house.tell(Ended { principal: id("d-cai") }).await;
    let ask = async |caller: &str, who: &str| {
        let token = house.token(caller).await;
        let standing = json!({ "role": "admin", "active": true, "class": "staff" });
        let asked = with(question(who, "read_chart", PATIENT), "/subject/properties", standing);
        house.post_as(&token, PATH, &asked).await.decision()
    };
    // We know that it ended, whatever anybody says.
    for caller in ["of-standing", "of-all", "of-role", "of-nothing"] {
        assert!(!ask(caller, "d-cai").await, "{caller}");
    }
    // Of somebody we never heard of, a caller that may say so is believed.
    assert!(ask("of-standing", "somebody-elses-employee").await);
    assert!(!ask("of-role", "somebody-elses-employee").await);
    // What we know of a class holds, too.
    house
        .tell(Registered {
            principal: id("svc-1"),
            class: IdentityClass::ServiceAccount,
            roles: Vec::new(),
            name: None,
            home_unit: None,
            aliases: Vec::new(),
            labels: Vec::new(),
        })
        .await;
    assert!(!ask("of-standing", "svc-1").await);
}

#[tokio::test]
async fn a_caller_that_may_assert_everything_still_leaves_no_names_behind() {
    let house = House::with(gullible()).await;
    let token = house.token("of-all").await;
    let mut asked = question("n-amara", "read_chart", PATIENT);
    asked["resource"]["properties"] = json!({ "name": "Jane Roe", "labels": ["vip"] });
    asked["subject"]["properties"] = json!({ "role": "admin", "email": "amara@jane-roe.example" });
    asked["action"]["properties"] = json!({ "about": "Jane Roe" });
    asked["context"]["patient_name"] = json!("Jane Roe");
    let answer = house.post_as(&token, PATH, &asked).await.json();
    let leaf = house.leaf(&answer["context"]["entry"]);
    let text = String::from_utf8(leaf.draft.tail().unwrap()).unwrap().to_lowercase();
    assert!(!text.contains("jane"), "{text}");
    let asserted = recorded(&house, &answer).await.asserted;
    assert_eq!(json!(asserted.subject), json!({ "role": "admin" }));
    assert_eq!(json!(asserted.resource), json!({ "labels": ["vip"] }));
    assert_eq!(asserted.context.keys().collect::<Vec<_>>(), ["device", "purpose", "session"]);
}
