//! What of the circumstances is only yes or no, in a few bits: a key for what policies could see of them at all.

use crate::circumstances::Circumstances;
use crate::clockwork::{Field, Word};
use crate::entities::Party;

/// Something that is only yes or no: a field of the circumstances, or an attribute of who asks or what is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth(u64);

impl Truth {
    /// Whether `principal.active` is true.
    pub(crate) const ACTIVE: Self = Self(1 << 63);
    /// Whether `principal.labels` has elements.
    pub(crate) const PRINCIPAL_LABELS: Self = Self(1 << 62);
    /// Whether `resource.labels` has elements.
    pub(crate) const RESOURCE_LABELS: Self = Self(1 << 61);

    /// That of a field.
    pub(crate) const fn of(field: Field) -> Self {
        Self(field.bit())
    }
}

const _: () = assert!(Field::ALL.len() <= 61, "fields and attributes have a bit each");

/// Facts that are only yes or no, a bit each, and the words that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Truths {
    /// Of what something is known.
    known: u64,
    /// What is true; of a set, that it is not empty; of what may be absent, that it is there.
    yes: u64,
    known_words: u16,
    /// The words that are there.
    words: u16,
}

impl Truths {
    /// Of all circumstances there are. Those of a word that is not there are not known: to look at them is an error.
    #[must_use]
    pub fn of(of: &Circumstances) -> Self {
        let mut truths = Self::default();
        let Circumstances { shift, care, session, device, live, feeds, assurance, purpose, .. } = of;
        for (word, there) in [
            (Word::Shift, true),
            (Word::Care, care.is_some()),
            (Word::Session, session.is_some()),
            (Word::Device, device.is_some()),
            (Word::Live, true),
            (Word::Feeds, true),
            (Word::Emergency, true),
            (Word::Purpose, purpose.is_some()),
            (Word::Assurance, assurance.is_some()),
        ] {
            truths.word(word, there);
        }
        truths.fields([
            (Field::ShiftOn, shift.on),
            (Field::ShiftUnits, !shift.units.is_empty()),
            (Field::ShiftOnCallUnits, !shift.on_call_units.is_empty()),
            (Field::LiveBreakGlass, live.break_glass),
            (Field::LiveVouched, live.vouched),
            (Field::LiveElevations, !live.elevations.is_empty()),
            (Field::LiveExceptions, !live.exceptions.is_empty()),
            (Field::FeedsAdtStale, feeds.adt_stale),
            (Field::FeedsRotaStale, feeds.rota_stale),
            (Field::FeedsAdtQuietMinutes, feeds.adt_quiet_minutes.is_some()),
            (Field::FeedsRotaQuietMinutes, feeds.rota_quiet_minutes.is_some()),
            (Field::Emergency, of.emergency),
        ]);
        if let Some(care) = care {
            truths.fields([
                (Field::CareKnown, care.known),
                (Field::CareTeam, care.team),
                (Field::CareAttending, care.attending),
                (Field::CareParticipant, care.participant),
                (Field::CareUnit, care.unit),
                (Field::CareExpecting, care.expecting),
                (Field::CareOrdered, care.ordered),
                (Field::CarePerforming, care.performing),
                (Field::CareScheduled, care.scheduled),
                (Field::CareLeftMinutes, care.left_minutes.is_some()),
                (Field::CarePresent, care.present),
                (Field::CareSelf, care.is_self),
                (Field::CareFamily, care.family),
            ]);
        }
        if let Some(session) = session {
            // `bound` may be absent, and is yes or no where it is there: one bit cannot tell both.
            truths.note(Truth::of(Field::SessionPresence), session.presence.is_some());
        }
        if let Some(device) = device {
            truths.fields([
                (Field::DeviceManaged, device.managed),
                (Field::DeviceShared, device.shared),
                (Field::DeviceUnit, device.unit.is_some()),
            ]);
        }
        if let Some(assurance) = assurance {
            truths.note(Truth::of(Field::AssuranceEnough), assurance.enough);
        }
        truths
    }

    /// The same with what is known of who asks and what is asked about. Where both are one entity, policies see it as who asks.
    pub(crate) fn with_parties(mut self, principal: &Party, resource: &Party) -> Self {
        let resource = if principal.uid == resource.uid { principal } else { resource };
        for (truth, known) in [
            (Truth::ACTIVE, principal.active),
            (Truth::PRINCIPAL_LABELS, principal.unlabelled.then_some(false)),
            (Truth::RESOURCE_LABELS, resource.unlabelled.then_some(false)),
        ] {
            known.into_iter().for_each(|yes| self.note(truth, yes));
        }
        self
    }

    fn fields<const N: usize>(&mut self, fields: [(Field, bool); N]) {
        fields.into_iter().for_each(|(field, yes)| self.note(Truth::of(field), yes));
    }

    /// A word that is in the context, or is not.
    pub(crate) const fn word(&mut self, word: Word, there: bool) {
        self.known_words |= word.bit();
        self.words &= !word.bit();
        if there {
            self.words |= word.bit();
        }
    }

    /// A field of a word that is there, or an attribute that is.
    pub(crate) const fn note(&mut self, Truth(bit): Truth, yes: bool) {
        self.known |= bit;
        self.yes &= !bit;
        if yes {
            self.yes |= bit;
        }
    }

    /// Without what is known of these words and fields.
    pub(crate) const fn without(mut self, words: u16, fields: u64) -> Self {
        self.known &= !fields;
        self.yes &= !fields;
        self.known_words &= !words;
        self.words &= !words;
        self
    }

    /// Whether something is true, has elements, or is there; none where that is not known.
    pub(crate) const fn holds(self, Truth(bit): Truth) -> Option<bool> {
        if self.known & bit == 0 { None } else { Some(self.yes & bit != 0) }
    }

    /// Whether a word is there; none where that is not known.
    pub(crate) const fn is_there(self, word: Word) -> Option<bool> {
        if self.known_words & word.bit() == 0 { None } else { Some(self.words & word.bit() != 0) }
    }

    /// What matters to some guards.
    pub(crate) const fn seen_by(mut self, seen: Self) -> Self {
        self.known &= seen.known;
        self.yes &= seen.known;
        self.known_words &= seen.known_words;
        self.words &= seen.known_words;
        self
    }

    /// What either looks at.
    pub(crate) const fn and(mut self, other: Self) -> Self {
        self.known |= other.known;
        self.known_words |= other.known_words;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(uid: &str, unlabelled: bool) -> Party {
        Party {
            uid: uid.parse().unwrap(),
            ancestors: Vec::new(),
            attributes: std::collections::BTreeMap::new(),
            names: Vec::new(),
            active: Some(true),
            unlabelled,
        }
    }

    #[test]
    fn who_asks_about_themselves_is_seen_as_who_asks() {
        let (labelled, other) = (party("Person::\"nora\"", false), party("Patient::\"p\"", true));
        let of = |resource: &Party| Truths::default().with_parties(&labelled, resource);
        assert_eq!(of(&other).holds(Truth::RESOURCE_LABELS), Some(false));
        assert_eq!(of(&party("Person::\"nora\"", true)).holds(Truth::RESOURCE_LABELS), None);
        assert_eq!(of(&other).holds(Truth::PRINCIPAL_LABELS), None);
        assert_eq!(of(&other).holds(Truth::ACTIVE), Some(true));
    }
}
