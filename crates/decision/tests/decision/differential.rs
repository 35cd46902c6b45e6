//! The policy index against plain Cedar: over generated policy sets, hierarchies and requests, the few candidates must give the same
//! decision for the same reasons with the same errors as all policies do.

use crate::dice::Dice;
use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use decision::index::{Candidates, Placed, PolicyIndex};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;

/// Policy sets generated.
const SETS: u64 = 500;
/// Requests asked of each. Together at least 100,000 cases.
const REQUESTS: u64 = 210;

const PEOPLE: [&str; 5] =
    [r#"Person::"ann""#, r#"Person::"bo""#, r#"Person::"cy""#, r#"Robot::"r1""#, r#"Robot::"nobody-knows""#];
const ROLES: [&str; 4] = [r#"Role::"nurse""#, r#"Role::"doctor""#, r#"Role::"staff""#, r#"Role::"everyone""#];
const THINGS: [&str; 5] =
    [r#"Chart::"c1""#, r#"Chart::"c2""#, r#"Order::"o1""#, r#"Order::"o2""#, r#"Order::"nobody-knows""#];
const PLACES: [&str; 3] = [r#"Folder::"ed""#, r#"Folder::"icu""#, r#"Folder::"house""#];
const ACTIONS: [&str; 4] =
    [r#"Action::"read""#, r#"Action::"write""#, r#"Action::"sign""#, r#"Action::"nobody-knows""#];
const GROUPS: [&str; 3] = [r#"Action::"viewing""#, r#"Action::"changing""#, r#"Action::"anything""#];

/// Conditions: true, false, and several ways to err; some err only for some requests.
const CONDITIONS: [&str; 17] = [
    "",
    "",
    "when { context.calm }",
    "unless { context.calm }",
    "when { principal.level > 3 }",
    "when { resource.labels.contains(\"vip\") }",
    "when { principal.missing == 1 }",
    "when { context.nothing }",
    "when { 9223372036854775807 + principal.level > 0 }",
    "when { principal in Role::\"staff\" && resource.size < 2 }",
    "unless { resource has labels && resource.labels.contains(\"vip\") }",
    "when { principal in resource.owners }",
    "when { if principal has level then principal.level * 2 <= 6 else resource.labels.isEmpty() }",
    "when { \"a*b\\n\" like \"*\\*b*\" && principal is Person in Role::\"staff\" }",
    "when { ip(\"10.0.0.1\").isInRange(ip(\"10.0.0.0/8\")) && decimal(\"1.5\").lessThan(decimal(\"2.0\")) }",
    "unless { {\"a b\": [1, -2, principal.level], \"c\": context}[\"a b\"].containsAny([-2, 3]) }",
    "when { [principal, resource].contains(Person::\"ann\") || resource in [Folder::\"ed\", Folder::\"icu\"] }",
];

fn principal_scope(dice: &mut Dice, slot: bool) -> String {
    let anyone: Vec<&str> = PEOPLE.into_iter().chain(ROLES).collect();
    if slot {
        return match dice.roll(3) {
            0 => "principal == ?principal".to_owned(),
            1 => "principal in ?principal".to_owned(),
            _ => format!("principal is {} in ?principal", dice.pick(&["Person", "Robot"])),
        };
    }
    match dice.roll(6) {
        0 => "principal".to_owned(),
        1 => format!("principal == {}", dice.pick(&PEOPLE)),
        2 | 3 => format!("principal in {}", dice.pick(&anyone)),
        4 => format!("principal is {}", dice.pick(&["Person", "Robot", "Role"])),
        _ => format!("principal is {} in {}", dice.pick(&["Person", "Robot"]), dice.pick(&anyone)),
    }
}

fn action_scope(dice: &mut Dice) -> String {
    let any: Vec<&str> = ACTIONS.into_iter().chain(GROUPS).collect();
    match dice.roll(5) {
        0 => "action".to_owned(),
        1 => format!("action == {}", dice.pick(&any)),
        2 => format!("action in {}", dice.pick(&any)),
        3 => "action in []".to_owned(),
        _ => format!("action in [{}, {}, {}]", dice.pick(&any), dice.pick(&any), dice.pick(&any)),
    }
}

fn resource_scope(dice: &mut Dice, slot: bool) -> String {
    let anything: Vec<&str> = THINGS.into_iter().chain(PLACES).collect();
    if slot {
        return match dice.roll(3) {
            0 => "resource == ?resource".to_owned(),
            1 => "resource in ?resource".to_owned(),
            _ => format!("resource is {} in ?resource", dice.pick(&["Chart", "Order"])),
        };
    }
    match dice.roll(6) {
        0 | 1 => "resource".to_owned(),
        2 => format!("resource == {}", dice.pick(&THINGS)),
        3 => format!("resource in {}", dice.pick(&anything)),
        4 => format!("resource is {}", dice.pick(&["Chart", "Order", "Folder"])),
        _ => format!("resource is {} in {}", dice.pick(&["Chart", "Order"]), dice.pick(&anything)),
    }
}

/// Two dozen policies, a quarter of them links of a few templates.
fn policies(dice: &mut Dice) -> PolicySet {
    let mut text = String::new();
    let templates = 3;
    let statics = 2 + dice.roll(28);
    for policy in 0..templates + statics {
        let (principal_slot, resource_slot) = match (policy < templates, policy % 3) {
            (false, _) => (false, false),
            (true, 0) => (true, false),
            (true, 1) => (false, true),
            (true, _) => (true, true),
        };
        let effect = dice.pick(&["permit", "permit", "forbid"]);
        let principal = principal_scope(dice, principal_slot);
        let action = action_scope(dice);
        let resource = resource_scope(dice, resource_slot);
        let condition = dice.pick(&CONDITIONS);
        let second = if dice.roll(4) == 0 { dice.pick(&CONDITIONS) } else { "" };
        writeln!(text, "@n(\"{policy}\") {effect}({principal}, {action}, {resource}) {condition} {second};").unwrap();
    }
    let mut set: PolicySet = text.parse().unwrap();
    let mut templates: Vec<_> =
        set.templates().map(|t| (t.id().clone(), t.slots().cloned().collect::<Vec<_>>())).collect();
    templates.sort();
    for link in 0..dice.roll(10) {
        let (template, slots) = &templates[usize::try_from(dice.roll(templates.len() as u64)).unwrap()];
        let values = slots
            .iter()
            .map(|slot| {
                let principals: Vec<&str> = PEOPLE.into_iter().chain(ROLES).collect();
                let resources: Vec<&str> = THINGS.into_iter().chain(PLACES).collect();
                let of = if slot.to_string() == "?principal" { principals } else { resources };
                (slot.clone(), dice.pick(&of).parse().unwrap())
            })
            .collect::<HashMap<_, EntityUid>>();
        set.link(template.clone(), format!("link{link}").parse().unwrap(), values).unwrap();
    }
    set
}

/// A generated hierarchy: people in roles, roles in roles, things in places, actions in groups; some entities not there at all.
fn entities(dice: &mut Dice) -> Entities {
    let mut made = Vec::new();
    let known =
        |layer: &[&'static str]| layer.iter().copied().filter(|uid| !uid.contains("nobody-knows")).collect::<Vec<_>>();
    let layers: [(&[&str], &[&str]); 6] = [
        (&PEOPLE, &ROLES),
        (&ROLES[..2], &ROLES[2..3]),
        (&ROLES[2..3], &ROLES[3..]),
        (&THINGS, &PLACES[..2]),
        (&PLACES[..2], &PLACES[2..]),
        (&GROUPS[..2], &GROUPS[2..]),
    ];
    for (layer, above) in layers {
        for uid in known(layer) {
            let parents = above.iter().filter(|_| dice.roll(2) == 0).map(|uid| uid.parse().unwrap()).collect();
            let mut attrs = HashMap::new();
            if dice.roll(3) > 0 {
                attrs.insert("level".to_owned(), RestrictedExpression::new_long(i64::try_from(dice.roll(6)).unwrap()));
            }
            if dice.roll(3) > 0 {
                let labels = (0..dice.roll(2)).map(|_| RestrictedExpression::new_string("vip".to_owned()));
                attrs.insert("labels".to_owned(), RestrictedExpression::new_set(labels));
            }
            if dice.roll(2) == 0 {
                let owner = RestrictedExpression::new_entity_uid(dice.pick(&ROLES).parse().unwrap());
                attrs.insert("owners".to_owned(), RestrictedExpression::new_set([owner]));
            }
            made.push(Entity::new(uid.parse().unwrap(), attrs, parents).unwrap());
        }
    }
    for uid in known(&ACTIONS) {
        let parents = GROUPS[..2].iter().filter(|_| dice.roll(2) == 0).map(|uid| uid.parse().unwrap()).collect();
        made.push(Entity::new_no_attrs(uid.parse().unwrap(), parents));
    }
    Entities::from_entities(made, None).unwrap()
}

fn ancestors(entities: &Entities, uid: &EntityUid) -> Vec<EntityUid> {
    entities.ancestors(uid).map(|found| found.cloned().collect()).unwrap_or_default()
}

/// What Cedar made of it: decision, reasons, and the message of each erring policy.
type Outcome = (Decision, BTreeSet<String>, BTreeMap<String, String>);

pub(crate) fn outcome(request: &Request, set: &PolicySet, entities: &Entities) -> Outcome {
    let response = Authorizer::new().is_authorized(request, set, entities);
    let reasons = response.diagnostics().reason().map(ToString::to_string).collect();
    let errors = response
        .diagnostics()
        .errors()
        .map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => (error.policy_id().to_string(), error.to_string()),
        })
        .collect();
    (response.decision(), reasons, errors)
}

#[test]
fn the_candidates_decide_as_all_policies_do() {
    let mut dice = Dice(2026);
    let (mut cases, mut permits, mut erring, mut dropped, mut links) = (0_u64, 0_u64, 0_u64, 0_usize, 0_usize);
    for _ in 0..SETS {
        let set = policies(&mut dice);
        let entities = entities(&mut dice);
        let index = PolicyIndex::new(set.clone());
        for _ in 0..REQUESTS {
            let principal: EntityUid = dice.pick(&PEOPLE).parse().unwrap();
            let any: Vec<&str> = ACTIONS.into_iter().chain(GROUPS).collect();
            let action: EntityUid = dice.pick(&any).parse().unwrap();
            let resource: EntityUid = dice.pick(&THINGS).parse().unwrap();
            let calm = RestrictedExpression::new_bool(dice.roll(2) == 0);
            let context = Context::from_pairs((dice.roll(3) > 0).then(|| ("calm".to_owned(), calm))).unwrap();
            let request = Request::new(principal.clone(), action.clone(), resource.clone(), context, None).unwrap();
            let (above_principal, above_action, above_resource) =
                (ancestors(&entities, &principal), ancestors(&entities, &action), ancestors(&entities, &resource));
            let candidates = index
                .candidates(
                    Placed { uid: &principal, ancestors: &above_principal },
                    Placed { uid: &action, ancestors: &above_action },
                    Placed { uid: &resource, ancestors: &above_resource },
                )
                .unwrap();
            let narrowed = candidates.all().unwrap();
            let full = outcome(&request, &set, &entities);
            assert_eq!(outcome(&request, &narrowed.set, &entities), full, "{request} over {set}");
            cases += 1;
            permits += u64::from(full.0 == Decision::Allow);
            erring += u64::from(!full.2.is_empty());
            dropped += set.policies().count() - narrowed.set.policies().count();
            links += narrowed.set.policies().filter(|found| !set.policy(found.id()).unwrap().is_static()).count();
        }
    }
    // The cases must have been worth asking.
    assert!(cases >= 100_000, "{cases}");
    assert!(permits > cases / 20 && permits < cases * 19 / 20, "{permits} permits of {cases}");
    assert!(erring > cases / 10, "{erring} erring of {cases}");
    assert!(dropped as u64 > cases, "{dropped} dropped over {cases}");
    assert!(links as u64 > cases / 20, "{links} links over {cases}");
}

#[test]
fn a_candidate_set_is_the_same_whether_or_not_it_was_ready() {
    let mut dice = Dice(7);
    let set = policies(&mut dice);
    let entities = entities(&mut dice);
    let index = PolicyIndex::new(set.clone());
    let (principal, action, resource): (EntityUid, EntityUid, EntityUid) =
        (PEOPLE[0].parse().unwrap(), ACTIONS[0].parse().unwrap(), THINGS[0].parse().unwrap());
    let above = [&principal, &action, &resource].map(|uid| ancestors(&entities, uid));
    let ask = |index: &PolicyIndex| {
        let placed = |uid, place: usize| Placed { uid, ancestors: &above[place] };
        index.candidates(placed(&principal, 0), placed(&action, 1), placed(&resource, 2)).unwrap()
    };
    let (first, again, fresh) = (ask(&index), ask(&index), ask(&PolicyIndex::new(set)));
    let ids = |found: &Candidates| {
        found.all().unwrap().set.policies().map(|policy| policy.id().to_string()).collect::<HashSet<_>>()
    };
    assert_eq!(ids(&first), ids(&again));
    assert_eq!(ids(&first), ids(&fresh));
    assert_eq!(first.uses, fresh.uses);
}
