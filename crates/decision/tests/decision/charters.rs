//! Charters answer as their scenarios say they must, at whatever instant they are asked.

use crate::boundaries::at;
use crate::house;
use decision::Engine;
use decision::scenario::run;
use std::sync::Arc;

fn every_scenario_passes(engine: &Engine) {
    let mut asked = 0;
    for (file, scenario) in engine.charter().scenarios() {
        for now in [at(0), at(-86_400_000 * 365 * 40), at(1)] {
            for outcome in run(engine, scenario, now).unwrap() {
                asked += 1;
                assert!(
                    outcome.passed(),
                    "{file}: {}: {:?} {:#?}",
                    outcome.title,
                    outcome.differences,
                    outcome.judgement
                );
            }
        }
    }
    assert!(asked > 0);
}

#[test]
fn the_charter_of_these_tests_answers_as_it_must() {
    every_scenario_passes(&house::engine());
}

#[test]
fn the_smallest_charter_answers_as_it_must() {
    let charter = house::load(&house::own("../charter/tests/fixtures/minimal"));
    every_scenario_passes(&Engine::new(Arc::new(charter)).unwrap());
}

#[test]
fn the_charter_of_this_repository_answers_as_it_must() {
    let charter = house::load(&house::own("../../charter"));
    every_scenario_passes(&Engine::new(Arc::new(charter)).unwrap());
}

#[test]
fn a_scenario_that_must_fail_does_and_says_how() {
    let engine = house::engine();
    let (_, scenario) = &engine.charter().scenarios()[0];
    let mut wrong = scenario.clone();
    wrong.ask.truncate(1);
    wrong.ask[0].expect = events::decision::Effect::Deny;
    wrong.ask[0].policies = Some(Vec::new());
    wrong.ask[0].remedies = Some(vec!["vouch".parse().unwrap()]);
    wrong.ask[0].accountable = Some(vec!["nobody".parse().unwrap()]);
    let outcome = &run(&engine, &wrong, at(0)).unwrap()[0];
    assert_eq!(
        outcome.differences,
        [
            "expected deny, got permit (unit-reads-chart)",
            "expected policies none, got unit-reads-chart",
            "expected remedies vouch, got none",
            "nobody is not among the accountable",
        ]
    );
}
