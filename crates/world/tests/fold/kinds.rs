//! No kind of event that bears facts is forgotten by the fold.

use events::{Bearing, Event};

/// The kinds the fold has an arm for.
const FOLDED: &[&str] = &[
    "principal.registered",
    "principal.ended",
    "rota.shift_assigned",
    "rota.shift_withdrawn",
    "device.registered",
    "device.retired",
    "device.posture_reported",
    "encounter.opened",
    "encounter.moved",
    "encounter.closed",
    "encounter.updated",
    "encounter.movement_cancelled",
    "patient.labelled",
    "patient.merged",
    "patient.unmerged",
    "patient.erased",
    "patient.hold_placed",
    "patient.hold_lifted",
    "team.joined",
    "team.left",
    "order.placed",
    "order.changed",
    "order.completed",
    "order.cancelled",
    "appointment.booked",
    "appointment.changed",
    "appointment.withdrawn",
    "emergency.declared",
    "emergency.ended",
    "feed.heard",
    "charter.applied",
    "workstation.enrolled",
    "workstation.withdrawn",
    "authenticator.registered",
    "authenticator.renamed",
    "authenticator.revoked",
    "session.started",
    "session.locked",
    "session.resumed",
    "session.stepped_up",
    "session.used",
    "session.ended",
    "session.handed_over",
    "session.vouched",
];

#[test]
fn every_fact_bearing_kind_is_folded() {
    // Who may call is folded by the plane: no fact of the world rests on it.
    let of_the_world = |kind: &&events::Kind| kind.bearing == Bearing::Fact && !kind.name.starts_with("caller.");
    let bearing = Event::KINDS.iter().filter(of_the_world);
    assert_eq!(bearing.map(|kind| kind.name).collect::<Vec<_>>(), FOLDED);
}
