//! Depth: an auditor, a patient, a privacy officer, two signatories, a radiologist and an unknown patient, each in a scene of its own.

mod auditor;
mod disclosures;
mod erasure;
mod radiologist;
mod unknown_patient;
mod widening;

use super::{Tell, Teller};
use crate::step::{Outcome, say};

/// Every scene, with what it shows; each starts its own node on its own directory.
const SCENES: &[(&str, Tell)] = &[
    ("an auditor doubts the log", auditor::tell),
    ("a patient asks who saw their record", disclosures::tell),
    ("a privacy officer erases a test patient", erasure::tell),
    ("a radiologist with an open order", radiologist::tell),
    ("an unknown patient", unknown_patient::tell),
    ("a charter change that widens access", widening::tell),
];

/// Tells them all.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    for (scene, tell) in SCENES {
        say(&format!(" {scene}"));
        tell(teller).map_err(|problem| format!("{scene}: {problem}"))?;
    }
    Ok(())
}
