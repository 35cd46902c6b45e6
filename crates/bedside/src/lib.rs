//! What does a clinician see? The pages at the point of care: my patients, what I may do for one of them and what would help where I may not.
//!
//! - [`patients`]: those I may see, by a recorded search, and the field for the wristband.
//! - [`patient`]: what I may do for one of them now, why not, and the remedy as a button. Every press is decided and recorded.
//! - [`theatre`]: a large view that nobody touches.
//! - [`me`]: where I am signed in, and with what.

mod asking;
mod frame;
mod me;
mod patient;
mod patients;
mod theatre;
mod whereabouts;

use axum::Router;
use signin::point::PointOfCare;

/// Everything people see at the bedside: signing in and coming back, and every page of those who are signed in.
pub fn routes(point: PointOfCare) -> Router {
    Router::new()
        .merge(patients::routes())
        .merge(patient::routes())
        .merge(theatre::routes())
        .merge(me::routes())
        .merge(signin::session::routes())
        .merge(signin::workstation::routes())
        .merge(signin::enrolment::routes())
        .merge(signin::federation::routes())
        .merge(signin::fallback::routes())
        .merge(signin::badge::routes())
        .merge(signin::recovery::routes())
        .merge(signin::provisional::routes())
        .merge(signin::vouching::routes())
        .merge(signin::hand_over::routes())
        .merge(signin::desktop::routes())
        .with_state(point)
}
