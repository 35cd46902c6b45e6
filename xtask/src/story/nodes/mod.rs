//! Growing out of one machine: a hospital moves from the embedded store to PostgreSQL, and several nodes answer over one database.

mod history;
mod load;
mod moves;
mod several;
mod together;

use super::Teller;
use crate::step::Outcome;

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    moves::tell(teller)?;
    together::tell(teller)
}
