//! Which decisions somebody wants to see: read from an address, and written into others.

use crate::address::with_query;
use crate::trouble::Trouble;
use events::decision::Effect;
use events::{Seq, WorkflowName};

/// The longest value an error repeats, in characters.
const REPEATED_CHARS_MAX: usize = 60;

/// Where in the log to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// At its end.
    #[default]
    Newest,
    /// Before this entry.
    Before(Seq),
    /// After this entry.
    After(Seq),
}

/// What somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) effect: Option<Effect>,
    pub(crate) workflow: Option<WorkflowName>,
    pub(crate) place: Place,
    /// The page loads itself again.
    pub(crate) live: bool,
}

impl Wanted {
    /// Reads a query. An empty value is as good as none; parameters nobody knows are ignored.
    pub(crate) fn read(query: &[(String, String)]) -> Result<Self, Trouble> {
        let mut wanted = Self::default();
        for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
            let wrong =
                |expected| Trouble::Parameter { sent: value.chars().take(REPEATED_CHARS_MAX).collect(), expected };
            let entry = || value.parse().map(Seq).map_err(|_| wrong("the number of an entry"));
            match name.as_str() {
                "effect" => {
                    wanted.effect = Some(match value.as_str() {
                        "permit" => Effect::Permit,
                        "deny" => Effect::Deny,
                        _ => return Err(wrong("an answer: permit or deny")),
                    });
                }
                "workflow" => {
                    wanted.workflow = Some(WorkflowName::new(value).map_err(|_| wrong("the name of a workflow"))?);
                }
                "before" => wanted.place = Place::Before(entry()?),
                "after" => wanted.place = Place::After(entry()?),
                "live" => wanted.live = value == "1",
                _ => {}
            }
        }
        // Only the newest decisions change while one looks.
        wanted.live &= wanted.place == Place::Newest;
        Ok(wanted)
    }

    /// The address of the page that shows it.
    pub(crate) fn href(&self) -> String {
        let effect = self.effect.map(|effect| match effect {
            Effect::Permit => "permit".to_owned(),
            Effect::Deny => "deny".to_owned(),
        });
        let (before, after) = match self.place {
            Place::Newest => (None, None),
            Place::Before(entry) => (Some(entry.to_string()), None),
            Place::After(entry) => (None, Some(entry.to_string())),
        };
        let workflow = self.workflow.as_ref().map(ToString::to_string);
        let live = self.live.then(|| "1".to_owned());
        with_query(
            "/decisions",
            &[("effect", effect), ("workflow", workflow), ("before", before), ("after", after), ("live", live)],
        )
    }

    /// The same from another place, not live.
    pub(crate) fn at(&self, place: Place) -> Self {
        Self { place, live: false, ..self.clone() }
    }

    /// The newest, with another effect.
    pub(crate) fn with_effect(&self, effect: Option<Effect>) -> Self {
        Self { effect, place: Place::Newest, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Wanted, Trouble> {
        Wanted::read(&query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_reads_as_it_was_written() {
        let workflow = Some(WorkflowName::new("ed & more").unwrap());
        let wanted = Wanted { effect: Some(Effect::Deny), workflow, place: Place::Before(Seq(7)), live: false };
        assert_eq!(wanted.href(), "/decisions?effect=deny&workflow=ed%20%26%20more&before=7");
        assert_eq!(read(&[("effect", "deny"), ("workflow", "ed & more"), ("before", "7")]).unwrap(), wanted);
    }

    #[test]
    fn nothing_means_everything() {
        assert_eq!(read(&[]).unwrap(), Wanted::default());
        assert_eq!(read(&[("effect", ""), ("workflow", ""), ("utm_source", "x")]).unwrap(), Wanted::default());
        assert_eq!(Wanted::default().href(), "/decisions");
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        for (name, value) in [
            ("effect", "maybe"),
            ("before", "-1"),
            ("before", "99999999999999999999"),
            ("after", "x"),
            ("workflow", "\u{0}"),
        ] {
            assert!(matches!(read(&[(name, value)]), Err(Trouble::Parameter { .. })), "{name}={value}");
        }
        let Err(Trouble::Parameter { sent, .. }) = read(&[("effect", &"x".repeat(10_000))]) else { panic!() };
        assert_eq!(sent.len(), REPEATED_CHARS_MAX);
    }

    #[test]
    fn only_the_newest_page_can_be_live() {
        assert!(read(&[("live", "1")]).unwrap().live);
        assert!(!read(&[("live", "1"), ("before", "9")]).unwrap().live);
    }
}
