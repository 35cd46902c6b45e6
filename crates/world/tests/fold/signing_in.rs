//! Workstations, authenticators and sessions: what entries make of them, and what is looked at again when they change.

use crate::recipes::{minute, person};
use events::authenticator::{self, PublicKey, RevokeCause, Way};
use events::session::{self, EndCause, LockCause, Proof};
use events::workstation::{self, DeviceKey, Keeper};
use events::{Actor, AuthenticatorId, DeviceId, Draft, Event, Leaf, Seq, SessionId, device};
use world::{AUTHENTICATORS_MAX, Key, PRESENCE_LEVEL_MAX, Subject, Touched, VOUCHES_MAX, World};

/// A world to be told things as they are recorded.
#[derive(Default)]
struct Ward(World);

impl Ward {
    /// What an entry recorded at a minute touches, and which comes next.
    fn told(&mut self, at: i64, event: Event) -> (Touched, Seq) {
        let draft = Draft::new(Actor::handrail("test"), event);
        let touched = self.0.apply(&Leaf { seq: self.0.next_seq(), recorded_at: minute(at), draft });
        (touched, self.0.next_seq())
    }

    fn world(&self) -> &World {
        &self.0
    }
}

/// One with two workstations and the keys of two people.
fn equipped() -> Ward {
    let (mut ward, kind) = (Ward::default(), device::DeviceKind::Workstation);
    for number in [1, 2] {
        ward.told(0, device::Registered { device: at(number), kind, unit: None, shared: true, managed: true }.into());
        let key = DeviceKey { x: "eA".into(), y: "eQ".into() };
        let enrolled = workstation::Enrolled { device: at(number), keeper: Keeper::Browser, key, slip: "s".into() };
        ward.told(0, enrolled.into());
        ward.told(0, registers(number, number));
    }
    ward
}

fn session(number: u8) -> SessionId {
    SessionId::new(&format!("se-{number}")).unwrap()
}

fn at(number: u8) -> DeviceId {
    DeviceId::new(&format!("ws-{number}")).unwrap()
}

fn key(number: u8) -> AuthenticatorId {
    AuthenticatorId::new(&format!("au-{number}")).unwrap()
}

fn proof(number: u8, level: u8, counter: u32) -> Proof {
    let (method, authenticator) = ("passkey".into(), Some(key(number)));
    Proof { method, level, verified: true, authenticator, counter: Some(counter), proved_at: None }
}

fn starts(number: u8, who: u8, until: i64) -> Event {
    Box::new(session::Started {
        session: session(number),
        principal: person(who),
        workstation: Some(at(1)),
        key: None,
        proof: proof(who, 2, 1),
        good_until: minute(until),
        vouched_by: None,
        review_due: None,
        provider_session: None,
    })
    .into()
}

fn resumes(number: u8, where_: u8, proof: Proof) -> Event {
    session::Resumed { session: session(number), workstation: Some(at(where_)), proof }.into()
}

fn registers(number: u8, who: u8) -> Event {
    Box::new(authenticator::Registered {
        principal: person(who),
        authenticator: key(number),
        credential: format!("credential-{number}").into(),
        user_handle: "handle".into(),
        key: PublicKey::Ed25519 { x: "eA".into() },
        counter: 0,
        method: "passkey".into(),
        name: "key".into(),
        aaguid: "".into(),
        attestation: "none".into(),
        backup_eligible: true,
        by: Way::Invitation { slip: "s".into() },
    })
    .into()
}

fn ends(number: u8) -> Event {
    session::Ended { session: session(number), cause: EndCause::SignedOut }.into()
}

fn asked(who: u8, in_session: u8) -> Subject {
    Subject { principal: person(who), patient: None, device: Some(at(1)), session: Some(session(in_session)) }
}

fn facts(world: &World, who: u8, in_session: u8) -> Option<world::SessionFacts> {
    world.facts(&asked(who, in_session), minute(0)).session
}

#[test]
fn a_session_is_what_its_last_entries_say_and_nobody_elses() {
    let mut ward = equipped();
    ward.told(0, starts(1, 1, 600));
    ward.told(5, session::Locked { session: session(1), cause: LockCause::Idle }.into());
    ward.told(6, session::Locked { session: session(1), cause: LockCause::Asked }.into());
    let seen = facts(ward.world(), 1, 1).unwrap();
    assert_eq!(seen.locked, Some((minute(5), LockCause::Idle)), "the first lock counts");
    assert_eq!(facts(ward.world(), 2, 1), None, "somebody else's");
    ward.told(9, resumes(1, 2, Proof { verified: false, ..proof(1, 3, 9) }));
    let seen = facts(ward.world(), 1, 1).unwrap();
    assert_eq!((seen.locked, seen.workstation, seen.used_at), (None, Some(at(2)), minute(9)));
    assert_eq!((seen.level, seen.proved_at), (2, minute(0)), "presence makes nobody surer");
    assert_eq!(ward.world().sessions_at(&at(1)).count() + ward.world().sessions_at(&at(2)).count(), 1);
    ward.told(10, session::SteppedUp { session: session(1), proof: proof(1, 3, 10) }.into());
    let seen = facts(ward.world(), 1, 1).unwrap();
    assert_eq!((seen.level, seen.proved_at), (3, minute(10)));
    ward.told(10, resumes(1, 2, Proof { verified: false, ..proof(1, 3, 11) }));
    let seen = facts(ward.world(), 1, 1).unwrap();
    assert_eq!((seen.level, seen.proved_at), (PRESENCE_LEVEL_MAX, minute(10)), "presence is not both factors");
    ward.told(11, ends(1));
    assert_eq!(facts(ward.world(), 1, 1), None);
    assert_eq!(ward.world().sessions_of(&person(1)).count() + ward.world().sessions_at(&at(2)).count(), 0);
}

#[test]
fn whatever_happens_to_a_session_is_looked_at_again_and_its_end_too() {
    let mut ward = Ward::default();
    let mut since = ward.told(0, starts(1, 1, 600)).1;
    let steps = [
        session::Locked { session: session(1), cause: LockCause::Asked }.into(),
        resumes(1, 1, proof(1, 2, 2)),
        session::SteppedUp { session: session(1), proof: proof(1, 3, 3) }.into(),
        session::Used { session: session(1) }.into(),
        ends(1),
    ];
    for step in steps {
        let keys = [Key::Session(session(1))];
        assert!(!ward.world().changed_since(&keys, since));
        let (touched, next) = ward.told(1, step);
        assert_eq!(touched.keys.as_slice(), keys);
        assert!(ward.world().changed_since(&keys, since));
        since = next;
    }
    let (touched, _) = ward.told(2, ends(1));
    assert!(touched.is_empty(), "it was over already");
}

#[test]
fn a_session_that_was_handed_over_ends_at_the_grace_and_never_later_than_it_would_have() {
    let mut ward = equipped();
    ward.told(0, starts(1, 1, 600));
    ward.told(0, starts(2, 1, 20));
    let over = |from: u8| session::HandedOver {
        from_session: session(from),
        from: person(1),
        to: person(2),
        to_session: session(3),
        patients: Vec::new(),
        ends_at: minute(45),
    };
    let (touched, _) = ward.told(30, over(1).into());
    assert_eq!(touched.keys.as_slice(), [Key::Session(session(1))]);
    ward.told(15, over(2).into());
    let seen = facts(ward.world(), 1, 1).unwrap();
    assert_eq!((seen.good_until, seen.handed_over), (minute(45), true));
    assert_eq!(facts(ward.world(), 1, 2).unwrap().good_until, minute(20));
    assert!(ward.told(31, over(9).into()).0.is_empty(), "nobody knows that session");
}

#[test]
fn a_session_bears_nothing_from_the_moment_its_key_or_its_workstation_counts_no_longer() {
    let gone: [Event; 3] = [
        authenticator::Revoked { authenticator: key(1), cause: RevokeCause::Lost }.into(),
        workstation::Withdrawn { device: at(1) }.into(),
        device::Retired { device: at(1) }.into(),
    ];
    for event in gone {
        let mut ward = equipped();
        ward.told(0, starts(1, 1, 600));
        assert!(facts(ward.world(), 1, 1).is_some());
        let (touched, _) = ward.told(1, event);
        assert!(touched.keys.contains(&Key::Session(session(1))), "what rests on it is decided again at once");
        assert_eq!(facts(ward.world(), 1, 1), None, "though no entry ended it yet");
        assert!(ward.world().session(&session(1)).is_some());
    }
}

#[test]
fn a_word_counts_no_longer_than_the_session_it_opened() {
    let mut ward = equipped();
    let Event::SessionStarted(started) = starts(1, 1, 600) else { unreachable!("it starts one") };
    ward.told(0, Box::new(session::Started { vouched_by: Some(person(2)), ..*started }).into());
    let word = session::Vouched {
        principal: person(1),
        voucher: person(2),
        voucher_session: session(2),
        workstation: at(1),
        unit: None,
        reason: "broken".into(),
        until: minute(30),
    };
    ward.told(0, word.into());
    let until = |ward: &Ward| ward.world().facts(&asked(1, 1), minute(5)).vouched_until;
    assert_eq!(until(&ward), Some(minute(30)));
    let (touched, _) = ward.told(5, ends(1));
    assert!(touched.keys.contains(&Key::Principal(person(1))));
    assert_eq!(until(&ward), Some(minute(5)));
}

#[test]
fn a_session_nobody_ended_is_forgotten_a_day_after_its_time() {
    let mut ward = Ward::default();
    ward.told(0, starts(1, 1, 10));
    ward.told(10 + 24 * 60, starts(2, 1, 5_000));
    assert!(ward.world().session(&session(1)).is_some());
    ward.told(11 + 24 * 60, starts(3, 1, 5_000));
    assert!(ward.world().session(&session(1)).is_none());
}

#[test]
fn an_authenticator_is_one_persons_until_it_is_revoked_and_its_counter_never_goes_back() {
    let mut ward = Ward::default();
    ward.told(0, registers(1, 1));
    ward.told(
        0,
        Box::new(match registers(1, 2) {
            Event::AuthenticatorRegistered(body) => authenticator::Registered { authenticator: key(2), ..*body },
            other => unreachable!("{other:?}"),
        })
        .into(),
    );
    assert_eq!(ward.world().authenticator_by_credential("credential-1").unwrap().principal, person(1));
    assert!(ward.world().authenticators_of(&person(2)).is_empty(), "the credential is somebody else's");
    ward.told(1, session::SteppedUp { session: session(9), proof: proof(1, 2, 7) }.into());
    ward.told(2, session::SteppedUp { session: session(9), proof: proof(1, 2, 3) }.into());
    let seen = ward.world().authenticator(&key(1)).unwrap();
    assert_eq!((seen.counter, seen.used_at), (7, Some(minute(2))));
    ward.told(3, authenticator::Renamed { authenticator: key(1), name: "blue".into() }.into());
    assert_eq!(ward.world().authenticator(&key(1)).unwrap().name, "blue");
    ward.told(4, authenticator::Revoked { authenticator: key(1), cause: RevokeCause::Lost }.into());
    assert!(ward.world().authenticator_by_credential("credential-1").is_none());
    for number in 10..=u8::try_from(10 + AUTHENTICATORS_MAX).unwrap() {
        ward.told(5, registers(number, 3));
    }
    assert_eq!(ward.world().authenticators_of(&person(3)).len(), AUTHENTICATORS_MAX);
}

#[test]
fn a_word_counts_at_its_workstation_and_the_oldest_are_forgotten() {
    let mut ward = Ward::default();
    let word = |device: u8, until: i64| session::Vouched {
        principal: person(1),
        voucher: person(2),
        voucher_session: session(2),
        workstation: at(device),
        unit: None,
        reason: "forgot-key".into(),
        until: minute(until),
    };
    let (touched, _) = ward.told(0, word(1, 30).into());
    assert_eq!(touched.keys.as_slice(), [Key::Principal(person(1))]);
    ward.told(0, word(2, 90).into());
    assert_eq!(ward.world().facts(&asked(1, 9), minute(0)).vouched_until, Some(minute(30)));
    assert_eq!(ward.world().facts(&asked(2, 9), minute(0)).vouched_until, None);
    for _ in 0..VOUCHES_MAX {
        ward.told(1, word(3, 60).into());
    }
    assert_eq!(ward.world().facts(&asked(1, 9), minute(0)).vouched_until, None);
    assert_eq!(ward.world().vouches(&person(1)).len(), VOUCHES_MAX);
}

#[test]
fn a_word_counts_until_its_person_proves_it_by_something_of_their_own() {
    let word = |until: i64| session::Vouched {
        principal: person(1),
        voucher: person(2),
        voucher_session: session(2),
        workstation: at(1),
        unit: None,
        reason: "forgot-key".into(),
        until: minute(until),
    };
    let lent = |change: fn(&mut session::Started)| match starts(3, 1, 600) {
        Event::SessionStarted(mut body) => {
            change(&mut body);
            Event::from(body)
        }
        other => unreachable!("{other:?}"),
    };
    let own = session::Locked { session: session(1), cause: LockCause::Asked };
    let cases: [(Event, bool); 8] = [
        (starts(3, 1, 600), true),
        (starts(3, 2, 600), false),
        (lent(|body| body.vouched_by = Some(person(2))), false),
        (lent(|body| body.review_due = Some(minute(60))), false),
        (lent(|body| body.proof.authenticator = None), false),
        (resumes(1, 1, Proof { verified: false, ..proof(1, 2, 2) }), true),
        (session::SteppedUp { session: session(1), proof: proof(1, 2, 2) }.into(), true),
        (own.into(), false),
    ];
    for (event, ends) in cases {
        let mut ward = Ward::default();
        ward.told(0, starts(1, 1, 600));
        ward.told(0, word(30).into());
        let what = format!("{event:?}");
        let (touched, _) = ward.told(10, event);
        assert_eq!(touched.keys.contains(&Key::Principal(person(1))), ends, "{what}");
        let until = if ends { minute(10) } else { minute(30) };
        assert_eq!(ward.world().facts(&asked(1, 9), minute(10)).vouched_until, Some(until), "{what}");
        assert_eq!(ward.world().vouches(&person(1)).len(), 1);
        let (touched, _) = ward.told(40, resumes(1, 1, proof(1, 2, 3)));
        assert!(!touched.keys.contains(&Key::Principal(person(1))), "{what}: it was over");
    }
}

#[test]
fn a_workstation_proves_itself_only_while_it_is_enrolled_and_in_use() {
    let mut ward = Ward::default();
    let enrolled = workstation::Enrolled {
        device: at(1),
        keeper: Keeper::Browser,
        key: DeviceKey { x: "eA".into(), y: "eQ".into() },
        slip: "s".into(),
    };
    ward.told(0, enrolled.into());
    assert!(ward.world().workstation_key(&at(1), Keeper::Browser).is_none(), "no such device is registered");
    let kind = device::DeviceKind::Workstation;
    ward.told(1, device::Registered { device: at(1), kind, unit: None, shared: true, managed: true }.into());
    assert!(ward.world().workstation_key(&at(1), Keeper::Browser).is_some());
    assert!(ward.world().workstation_key(&at(1), Keeper::Helper).is_none());
    ward.told(2, device::Retired { device: at(1) }.into());
    assert!(ward.world().workstation_key(&at(1), Keeper::Browser).is_none());
    ward.told(3, device::Registered { device: at(1), kind, unit: None, shared: true, managed: true }.into());
    ward.told(4, workstation::Withdrawn { device: at(1) }.into());
    assert!(ward.world().workstation_key(&at(1), Keeper::Browser).is_none());
}
