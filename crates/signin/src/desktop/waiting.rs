//! Who is waited for: what `sudo` wants shows on the person's own page. A hint of this node's memory and nothing more; no answer rests on it.

use super::rules::QUESTION_LIFETIME;
use events::{DeviceId, PrincipalId, Timestamp};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most that are waited for at once.
const WAITED_FOR_MAX: usize = 10_000;

/// Touches that were asked for, the last for each person at each workstation.
#[derive(Debug, Default)]
pub struct Waiting {
    of: Mutex<HashMap<(DeviceId, PrincipalId), (SmolStr, Timestamp)>>,
}

impl Waiting {
    /// Somebody is asked for a touch.
    pub fn asked(&self, here: &DeviceId, who: &PrincipalId, service: &str, now: Timestamp) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.len() >= WAITED_FOR_MAX {
            of.retain(|_, (_, at)| now.since(*at) < QUESTION_LIFETIME);
        }
        if of.len() < WAITED_FOR_MAX {
            of.insert((here.clone(), who.clone()), (service.into(), now));
        }
    }

    /// They are not asked any more.
    pub fn answered(&self, here: &DeviceId, who: &PrincipalId) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).remove(&(here.clone(), who.clone()));
    }

    /// What waits for somebody's touch at a workstation, if they proved nothing since it was asked for.
    pub fn of(&self, here: &DeviceId, who: &PrincipalId, proved_at: Timestamp, now: Timestamp) -> Option<SmolStr> {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let (service, at) = of.get(&(here.clone(), who.clone()))?;
        (proved_at <= *at && now.since(*at) < QUESTION_LIFETIME).then(|| service.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn a_hint_is_there_until_the_touch_the_answer_or_the_end_of_its_time() {
        let waiting = Waiting::default();
        let (here, who) = (DeviceId::new("ws-1").unwrap(), PrincipalId::new("n-amara").unwrap());
        waiting.asked(&here, &who, "sudo", NOW);
        assert_eq!(waiting.of(&here, &who, NOW, NOW).as_deref(), Some("sudo"));
        assert_eq!(waiting.of(&here, &PrincipalId::new("d-ruiz").unwrap(), NOW, NOW), None);
        assert_eq!(waiting.of(&here, &who, NOW + QUESTION_LIFETIME / 2, NOW), None, "they touched");
        assert_eq!(waiting.of(&here, &who, NOW, NOW + QUESTION_LIFETIME), None, "it is too late");
        waiting.answered(&here, &who);
        assert_eq!(waiting.of(&here, &who, NOW, NOW), None);
    }

    #[test]
    fn however_many_are_waited_for_they_fit() {
        let waiting = Waiting::default();
        let here = DeviceId::new("ws-1").unwrap();
        for number in 0..WAITED_FOR_MAX + 10 {
            waiting.asked(&here, &PrincipalId::new(&format!("p-{number}")).unwrap(), "sudo", NOW);
        }
        assert_eq!(waiting.of.lock().unwrap().len(), WAITED_FOR_MAX);
    }
}
