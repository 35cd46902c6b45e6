//! Challenges: each good once, for five minutes, for one thing at one place, and never so many that memory runs out.

use super::CeremonyError;
use super::authenticate::Asked;
use events::{DeviceId, PatientPseudonym, PrincipalId, SessionId, Timestamp};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use webauthn_rs_core::proto::RegistrationState;

/// A challenge is good for this long.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// And remembered for this long, so that whoever comes late is told that they came late.
pub const CHALLENGE_REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// The most challenges in memory: half a kilobyte each.
pub const CHALLENGES_MAX: usize = 16_384;
/// The most of one enrolled workstation. People at it make one at a time.
pub const CHALLENGES_PER_WORKSTATION_MAX: usize = 32;
/// The most of one address that is no enrolled workstation's. A whole hospital may stand behind one.
pub const CHALLENGES_PER_ADDRESS_MAX: usize = 1_024;

/// What a proof is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Registering an authenticator of this person.
    Register {
        /// Whose.
        principal: PrincipalId,
    },
    /// Signing in, whoever it is.
    SignIn,
    /// Coming back to a locked session, here or from elsewhere.
    Reconnect {
        /// The session.
        session: SessionId,
    },
    /// Proving it again, for something riskier.
    StepUp {
        /// The session.
        session: SessionId,
    },
    /// Going on at a workstation that somebody else locked.
    TakeOver {
        /// The session whose screen it is.
        session: SessionId,
    },
    /// Standing for somebody who is locked out.
    Recover {
        /// The badge number they were said to have.
        badge: SmolStr,
    },
    /// Standing up for a colleague.
    Vouch {
        /// The session of who vouches; none where they touch at the screen of whoever is stuck.
        session: Option<SessionId>,
        /// For whom: what their badge says.
        principal: PrincipalId,
        /// The workstation it is for.
        workstation: DeviceId,
        /// The reason that stood there.
        reason: SmolStr,
    },
    /// Taking over at a shift's end.
    HandOver {
        /// The session of who goes.
        session: SessionId,
        /// Who takes over.
        to: PrincipalId,
        /// Whose patients they read on the screen before they touched.
        patients: Vec<PatientPseudonym>,
    },
}

/// Where a ceremony takes place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// At an enrolled workstation.
    Workstation(DeviceId),
    /// Anywhere else: what recognises this browser, such as the public id of a slip or of a cookie.
    Away(SmolStr),
}

/// One ceremony. What finishes it has to be the same in every part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ceremony {
    /// What it is for.
    pub purpose: Purpose,
    /// Where it takes place.
    pub place: Place,
}

/// What has to be remembered until the answer comes; of a registration also what may not be registered again.
#[derive(Debug)]
pub(super) enum Pending {
    Register(Box<RegistrationState>, Vec<Vec<u8>>),
    Authenticate(Box<Asked>),
}

/// Whose challenges are counted together. A workstation's are its own, so nobody elsewhere can push them out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Asker {
    Workstation(DeviceId),
    Address(IpAddr),
}

impl Asker {
    /// Of version 6 addresses the first half counts: whoever has one has all with the same.
    fn new(place: &Place, from: IpAddr) -> Self {
        match (place, from.to_canonical()) {
            (Place::Workstation(device), _) => Self::Workstation(device.clone()),
            (Place::Away(_), IpAddr::V6(address)) => {
                Self::Address(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into())
            }
            (Place::Away(_), address) => Self::Address(address),
        }
    }

    const fn most(&self) -> usize {
        match self {
            Self::Workstation(_) => CHALLENGES_PER_WORKSTATION_MAX,
            Self::Address(_) => CHALLENGES_PER_ADDRESS_MAX,
        }
    }
}

#[derive(Debug)]
struct Kept {
    serial: u64,
    made: Timestamp,
    asker: Asker,
    ceremony: Ceremony,
    /// Gone once it is used.
    pending: Option<Pending>,
}

/// Every challenge that is remembered, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Challenges {
    kept: HashMap<Vec<u8>, Kept>,
    by_age: BTreeMap<u64, Vec<u8>>,
    by_asker: HashMap<Asker, BTreeSet<u64>>,
    next: u64,
}

impl Challenges {
    pub(super) fn keep(
        &mut self,
        ceremony: Ceremony,
        from: IpAddr,
        challenge: &[u8],
        pending: Pending,
        now: Timestamp,
    ) {
        self.forget_old(now);
        let asker = Asker::new(&ceremony.place, from);
        let held = self.by_asker.get(&asker).map_or(0, BTreeSet::len);
        if held >= asker.most() {
            self.forget_oldest_of(&asker);
        } else if self.kept.len() >= CHALLENGES_MAX {
            // Whoever asks for too many loses their own; where there are only many askers, whoever has most.
            let most = self.by_asker.iter().max_by_key(|(asker, held)| (held.len(), *asker)).map(|(asker, _)| asker);
            if let Some(most) = most.cloned() {
                self.forget_oldest_of(if held > 0 { &asker } else { &most });
            }
        }
        let serial = self.next;
        self.next += 1;
        self.by_age.insert(serial, challenge.to_vec());
        self.by_asker.entry(asker.clone()).or_default().insert(serial);
        let kept = Kept { serial, made: now, asker, ceremony, pending: Some(pending) };
        self.kept.insert(challenge.to_vec(), kept);
    }

    /// Uses a challenge up, whether or not it is for this.
    pub(super) fn take(
        &mut self,
        challenge: &[u8],
        ceremony: &Ceremony,
        now: Timestamp,
    ) -> Result<Pending, CeremonyError> {
        let kept = self.kept.get_mut(challenge).ok_or(CeremonyError::ChallengeUnknown)?;
        let pending = kept.pending.take().ok_or(CeremonyError::ChallengeUsed)?;
        if now.since(kept.made) > CHALLENGE_LIFETIME {
            return Err(CeremonyError::ChallengeExpired);
        }
        if kept.ceremony != *ceremony {
            return Err(CeremonyError::OtherPurpose);
        }
        Ok(pending)
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((serial, challenge)) = self.by_age.first_key_value().map(|(s, c)| (*s, c.clone())) {
            if self.kept.get(&challenge).is_some_and(|kept| now.since(kept.made) <= CHALLENGE_REMEMBERED) {
                return;
            }
            self.forget(serial);
        }
    }

    fn forget_oldest_of(&mut self, asker: &Asker) {
        if let Some(oldest) = self.by_asker.get(asker).and_then(BTreeSet::first).copied() {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, serial: u64) {
        let Some(kept) = self.by_age.remove(&serial).and_then(|challenge| self.kept.remove(&challenge)) else { return };
        if let Some(held) = self.by_asker.get_mut(&kept.asker) {
            held.remove(&kept.serial);
            if held.is_empty() {
                self.by_asker.remove(&kept.asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn pending() -> Pending {
        Pending::Authenticate(Box::new(Asked::nobody()))
    }

    fn at(device: &str) -> Ceremony {
        Ceremony { purpose: Purpose::SignIn, place: Place::Workstation(device.parse().unwrap()) }
    }

    fn away() -> Ceremony {
        Ceremony { purpose: Purpose::SignIn, place: Place::Away("slip".into()) }
    }

    #[test]
    fn a_challenge_is_good_once_for_one_thing_and_for_five_minutes() {
        let mut challenges = Challenges::default();
        for name in [b"a", b"b", b"c", b"d"] {
            challenges.keep(at("ED-1"), HERE, name, pending(), START);
        }
        assert!(challenges.take(b"a", &at("ED-1"), START + CHALLENGE_LIFETIME).is_ok());
        assert!(matches!(challenges.take(b"a", &at("ED-1"), START), Err(CeremonyError::ChallengeUsed)));
        assert!(matches!(challenges.take(b"b", &at("ED-2"), START), Err(CeremonyError::OtherPurpose)));
        assert!(matches!(challenges.take(b"b", &at("ED-1"), START), Err(CeremonyError::ChallengeUsed)));
        let step_up = Ceremony { purpose: Purpose::StepUp { session: "s".parse().unwrap() }, ..at("ED-1") };
        assert!(matches!(challenges.take(b"c", &step_up, START), Err(CeremonyError::OtherPurpose)));
        let late = START + CHALLENGE_LIFETIME + Duration::from_millis(1);
        assert!(matches!(challenges.take(b"d", &at("ED-1"), late), Err(CeremonyError::ChallengeExpired)));
        assert!(matches!(challenges.take(b"never", &at("ED-1"), START), Err(CeremonyError::ChallengeUnknown)));
        challenges.keep(at("ED-1"), HERE, b"e", pending(), START + CHALLENGE_REMEMBERED + Duration::from_secs(1));
        assert_eq!(challenges.kept.len(), 1, "what is too old is forgotten");
        assert_eq!((challenges.by_age.len(), challenges.by_asker.len()), (1, 1));
    }

    #[test]
    fn a_flood_pushes_out_its_own_and_nobody_elses() {
        let mut challenges = Challenges::default();
        challenges.keep(at("ED-1"), HERE, b"ward", pending(), START);
        challenges.keep(away(), "10.0.0.2".parse().unwrap(), b"phone", pending(), START);
        for n in 0..u32::try_from(CHALLENGES_PER_ADDRESS_MAX + 10).unwrap() {
            challenges.keep(away(), HERE, &n.to_be_bytes(), pending(), START);
        }
        assert_eq!(challenges.kept.len(), CHALLENGES_PER_ADDRESS_MAX + 2);
        assert!(matches!(challenges.take(&0u32.to_be_bytes(), &away(), START), Err(CeremonyError::ChallengeUnknown)));
        assert!(challenges.take(b"ward", &at("ED-1"), START).is_ok(), "the same address, but an enrolled workstation");
        assert!(challenges.take(b"phone", &away(), START).is_ok());
    }

    #[test]
    fn a_flood_from_everywhere_stays_bounded_and_leaves_a_ward_alone() {
        let mut challenges = Challenges::default();
        challenges.keep(at("ED-1"), HERE, b"ward", pending(), START);
        for n in 0..u32::try_from(CHALLENGES_MAX + 500).unwrap() {
            let from = Ipv6Addr::from_bits(u128::from(n / 2) << 64 | u128::from(n)).into();
            challenges.keep(away(), from, &n.to_be_bytes(), pending(), START);
        }
        assert_eq!(challenges.kept.len(), CHALLENGES_MAX);
        assert_eq!(challenges.by_age.len(), CHALLENGES_MAX);
        assert!(challenges.take(b"ward", &at("ED-1"), START).is_ok());
    }
}
