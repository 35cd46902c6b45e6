//! When a key, a reader, a workstation, a provider or the network does not work: what the charter says is possible then, cheapest first, and who
//! answers for it.

mod routes;

pub use routes::routes;
pub(crate) use routes::{in_emergency, offered};

use charter::workflow::{FallbackMode, InterruptionCost, Workflow};
use events::signin::Cause;
use std::collections::BTreeSet;

/// Where people are told.
pub const HELP_PATH: &str = "/bedside/help";

/// What people can say does not work: the causes for which charters have fallbacks.
pub const CAUSES: [Cause; 5] =
    [Cause::Authenticator, Cause::Reader, Cause::DeviceTrust, Cause::Federation, Cause::Network];

/// A way to get to work all the same, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Another key or phone of theirs that is registered.
    AnotherKey,
    /// Another workstation.
    AnotherWorkstation,
    /// A colleague who is signed in stands up for them.
    Vouch,
    /// The help desk's way back in.
    Recovery,
    /// By name alone, in an emergency.
    Provisional,
}

/// What there is besides workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// The charter has paths of recovery.
    pub recovery: bool,
    /// The charter lets somebody in who can prove nothing.
    pub provisional: bool,
    /// The unit is in an emergency.
    pub emergency: bool,
}

/// What is possible when signing in fails because of this. The screen does not know yet what for it would be: what any workflow allows is
/// offered, and each decision holds to its own.
#[must_use]
pub fn ways(cause: Cause, workflows: &[Workflow], open: Open) -> Vec<Way> {
    let modes: BTreeSet<&str> = workflows.iter().filter_map(|one| Some(one.fallback.of(cause)?.as_str())).collect();
    let allowed = |mode: FallbackMode| modes.contains(mode.as_str());
    let emergent = workflows.iter().any(|one| one.cost == InterruptionCost::Emergent);
    let own = matches!(cause, Cause::Authenticator | Cause::Reader | Cause::Federation | Cause::User);
    let all = [
        (Way::AnotherKey, own),
        (Way::AnotherWorkstation, matches!(cause, Cause::DeviceTrust | Cause::Network | Cause::Reader)),
        (Way::Vouch, allowed(FallbackMode::Vouch)),
        (Way::Recovery, open.recovery && (cause == Cause::Authenticator || allowed(FallbackMode::Temporary))),
        // What a charter opens to people who prove nothing it opens wherever they cannot, unless the failure blocks everything.
        (
            Way::Provisional,
            open.provisional && (open.emergency || emergent) && modes.iter().any(|mode| *mode != "block"),
        ),
    ];
    all.into_iter().filter(|(_, offered)| *offered).map(|(way, _)| way).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use charter::Charter;
    use std::path::Path;

    const NOTHING: Open = Open { recovery: false, provisional: false, emergency: false };

    fn workflows(cost: InterruptionCost, mode: FallbackMode) -> Vec<Workflow> {
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let mut one = charter.workflows()[0].clone();
        let fallback = charter::workflow::Fallback {
            authenticator: mode,
            device_trust: mode,
            reader: None,
            federation: None,
            network: None,
            ..one.fallback
        };
        (one.cost, one.fallback) = (cost, fallback);
        vec![one]
    }

    #[test]
    fn the_cheapest_way_comes_first_and_block_leaves_what_is_ones_own() {
        let all = Open { recovery: true, provisional: true, emergency: true };
        let vouch = workflows(InterruptionCost::Urgent, FallbackMode::Vouch);
        assert_eq!(
            ways(Cause::Authenticator, &vouch, all),
            [Way::AnotherKey, Way::Vouch, Way::Recovery, Way::Provisional]
        );
        assert_eq!(ways(Cause::Authenticator, &vouch, NOTHING), [Way::AnotherKey, Way::Vouch]);
        let block = workflows(InterruptionCost::Urgent, FallbackMode::Block);
        assert_eq!(ways(Cause::Federation, &block, all), [Way::AnotherKey]);
        assert_eq!(ways(Cause::DeviceTrust, &block, all), [Way::AnotherWorkstation]);
    }

    #[test]
    fn nobody_is_let_in_by_name_but_in_an_emergency_or_where_a_delay_harms() {
        let open = Open { provisional: true, ..NOTHING };
        let has = |cost, open| {
            ways(Cause::Authenticator, &workflows(cost, FallbackMode::BreakGlass), open).contains(&Way::Provisional)
        };
        assert!(!has(InterruptionCost::Urgent, open));
        assert!(has(InterruptionCost::Urgent, Open { emergency: true, ..open }));
        assert!(has(InterruptionCost::Emergent, open));
        assert!(!has(InterruptionCost::Emergent, Open { provisional: false, emergency: true, ..open }));
    }
}
