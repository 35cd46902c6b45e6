//! What every parser must do with any bytes whatever: end, not panic, and say again what it understood.
//!
//! Each target is a function of bytes. `tests/corpus.rs` gives it every input kept under `corpus/`, with every test run; `cargo xtask soak` lets
//! libFuzzer look for new ones, a minute a target. An input that broke something is kept in the corpus, so that it never does again.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a target fails by panicking")]

mod decisions;
mod evidence;
mod messages;
mod rules;

/// A parser under test.
pub type Target = fn(&[u8]);

/// Every target by name; its corpus has the same name.
pub const TARGETS: &[(&str, Target)] = &[
    ("authzen", decisions::authzen),
    ("bundle", evidence::bundle),
    ("charter", rules::charter),
    ("hl7", messages::hl7),
    ("leaf", evidence::leaf),
    ("mllp", messages::mllp),
    ("note", evidence::note),
    ("proof", evidence::proof),
];
