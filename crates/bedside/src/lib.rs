//! What does a clinician see? The pages at the point of care: my patients, what I may do for one of them and what would help where I may not.

mod patients;

use axum::Router;
use axum::routing::get;
use signin::point::PointOfCare;

/// Everything people see at the bedside: signing in and coming back, and every page of those who are signed in.
pub fn routes(point: PointOfCare) -> Router {
    Router::new()
        .route("/bedside/patients", get(patients::show))
        .merge(signin::session::routes())
        .merge(signin::workstation::routes())
        .merge(signin::enrolment::routes())
        .merge(signin::federation::routes())
        .merge(signin::fallback::routes())
        .merge(signin::badge::routes())
        .with_state(point)
}
