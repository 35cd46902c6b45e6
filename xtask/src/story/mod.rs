//! Acceptance told as stories: the real binary, driven from outside as its users would, one line a step.

mod depth;
mod follows;
mod hard_times;
pub(crate) mod hospital;
mod nodes;
mod sign_in;
mod the_loop;

use crate::step::{Outcome, elapsed_since_start, say};

type Tell = fn(&mut Teller) -> Outcome;

/// Where a story is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// On the store as its steps need it.
    ItsOwn,
    /// On the embedded store, and then on a server.
    Both,
}

/// Every story by name.
const STORIES: [(&str, On, Tell); 5] = [
    ("the-loop", On::Both, the_loop::tell),
    ("hard-times", On::ItsOwn, hard_times::tell),
    ("depth", On::Both, depth::tell),
    ("sign-in", On::Both, sign_in::tell),
    ("nodes", On::ItsOwn, nodes::tell),
];

/// Says each step as it is done.
#[derive(Default)]
pub(crate) struct Teller {
    steps: u32,
}

impl Teller {
    /// One step was done and held.
    pub(crate) fn step(&mut self, what: &str) {
        self.steps += 1;
        say(&format!("  {:>2}. {what}", self.steps));
    }
}

/// Fails the story unless something holds.
pub(crate) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}

/// Tells one story, or all.
pub(crate) fn run(name: Option<&str>) -> Outcome {
    crate::peer::build(&[])?;
    let chosen: Vec<_> = STORIES.iter().filter(|(story, ..)| name.is_none_or(|name| name == *story)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = STORIES.iter().map(|(story, ..)| *story).collect();
        return Err(format!("no such story; there is {}", known.join(", ")).into());
    }
    for (story, on, tell) in chosen {
        told(story, *tell)?;
        if *on == On::Both {
            crate::peer::on_server(|| told(&format!("{story}, on PostgreSQL"), *tell))?;
        }
    }
    Ok(())
}

fn told(story: &str, tell: Tell) -> Outcome {
    say(&format!("\nstory {story}"));
    let before = elapsed_since_start();
    tell(&mut Teller::default()).map_err(|problem| format!("story {story}: {problem}"))?;
    say(&format!("story {story} holds ({:.1} s)", (elapsed_since_start() - before).as_secs_f64()));
    Ok(())
}
