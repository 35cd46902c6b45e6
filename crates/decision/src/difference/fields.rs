//! Everything but policies: the parts of both charters as trees, compared leaf by leaf, each difference put in words.

use super::{About, Sentence, phrases};
use charter::Charter;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What changed in every part but the policies.
pub(super) fn changed(before: &Charter, after: &Charter) -> Vec<Sentence> {
    let mut all = Vec::new();
    let parts = |of: &Charter| {
        [
            (About::Entities, entities(of)),
            (About::Workflows, workflows(of)),
            (About::Owners, tree(of.owners())),
            (About::Assurance, tree(of.assurance())),
            (About::Elevation, tree(of.elevation())),
            (About::Emergency, tree(of.emergency())),
            (About::Systems, tree(of.systems())),
            (About::Hospital, tree(of.hospital())),
            (About::Sites, sites(of)),
            (About::Schema, schema(of)),
            (About::Scenarios, scenarios(of)),
        ]
    };
    for ((about, old), (_, new)) in parts(before).into_iter().zip(parts(after)) {
        let mut walk = Walk { about, before, after, path: Vec::new(), all: &mut all };
        walk.compare(&old, &new);
    }
    all
}

fn tree(part: &impl Serialize) -> Value {
    // These were read from TOML: they have a JSON form.
    serde_json::to_value(part).unwrap_or_default()
}

fn named(all: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(all.into_iter().collect::<Map<_, _>>())
}

fn entities(of: &Charter) -> Value {
    let mut all = tree(of.entities());
    let standing = of.entities().entity.iter().map(|one| (format!("{} {}", one.kind, one.id), tree(one)));
    if let Some(parts) = all.as_object_mut() {
        parts.insert("entity".to_owned(), named(standing));
    }
    all
}

fn workflows(of: &Charter) -> Value {
    named([("workflow".to_owned(), named(of.workflows().iter().map(|one| (one.name.to_string(), tree(one)))))])
}

/// Overlays by their site and the units they name; those of one place by their number too.
fn sites(of: &Charter) -> Value {
    let mut all = Map::new();
    for (site, overlay) in of.overlays() {
        let units: Vec<&str> = overlay.units.iter().map(events::UnitId::as_str).collect();
        let place = if units.is_empty() { site.to_string() } else { format!("{site}: {}", units.join(", ")) };
        let names = (2..).map(|number| format!("{place}, {number}"));
        let free = std::iter::once(place.clone()).chain(names).find(|name| !all.contains_key(name));
        let mut said = tree(overlay);
        prune(&mut said);
        all.insert(free.unwrap_or(place), said);
    }
    named([("overlay".to_owned(), Value::Object(all))])
}

/// Leaves out what says nothing, for an overlay names only what differs.
fn prune(value: &mut Value) {
    let Some(fields) = value.as_object_mut() else { return };
    fields.values_mut().for_each(prune);
    fields.retain(|_, field| {
        !field.is_null()
            && field.as_object().is_none_or(|map| !map.is_empty())
            && field.as_array().is_none_or(|list| !list.is_empty())
    });
}

fn schema(of: &Charter) -> Value {
    let list = |names: &BTreeSet<events::TypeName>| tree(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
    let shape = |attributes: &charter::vocabulary::Attributes| {
        let shape = charter::vocabulary::Shape::Record(attributes.clone());
        Value::from(shape.to_string())
    };
    let actions = of.vocabulary().actions.iter().map(|(name, action)| {
        let parts = [
            ("principals".to_owned(), list(&action.principals)),
            ("resources".to_owned(), list(&action.resources)),
            ("context".to_owned(), shape(&action.context)),
        ];
        (name.to_string(), named(parts))
    });
    let types = of.vocabulary().types.iter().map(|(name, kind)| {
        let parts =
            [("attributes".to_owned(), shape(&kind.attributes)), ("member_of".to_owned(), list(&kind.member_of))];
        (name.to_string(), named(parts))
    });
    named([("action".to_owned(), named(actions)), ("type".to_owned(), named(types))])
}

/// Scenarios only by their title: what they ask is the authors' business.
fn scenarios(of: &Charter) -> Value {
    let all = of.scenarios().iter().map(|(file, scenario)| {
        let asked = scenario.ask.len();
        let whole = serde_json::to_string(scenario).unwrap_or_default();
        let parts = [
            ("title".to_owned(), Value::from(scenario.title.clone())),
            ("questions".to_owned(), Value::from(asked)),
            ("text".to_owned(), Value::from(whole)),
        ];
        (file.clone(), named(parts))
    });
    named([("scenario".to_owned(), named(all))])
}

struct Walk<'a> {
    about: About,
    before: &'a Charter,
    after: &'a Charter,
    path: Vec<String>,
    all: &'a mut Vec<Sentence>,
}

impl Walk<'_> {
    fn say(&mut self, text: String) {
        self.all.push(Sentence { about: self.about, text });
    }

    fn compare(&mut self, old: &Value, new: &Value) {
        if old == new {
            return;
        }
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => self.objects(old, new),
            (Value::Array(old), Value::Array(new)) if old.iter().chain(new).all(|one| !one.is_object()) => {
                self.lists(old, new);
            }
            // Whole overlays, and whole parts of them, are said one by one: whoever signs must see all a site may do.
            (Value::Null, Value::Object(new)) if self.about == About::Sites => self.objects(&Map::new(), new),
            (Value::Object(old), Value::Null) if self.about == About::Sites => self.objects(old, &Map::new()),
            _ => self.leaf(old, new),
        }
    }

    fn objects(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let noun = phrases::noun(&self.path);
        if self.about == About::Scenarios && self.path.len() == 2 {
            self.say(format!("Scenarios of {}: they changed.", self.path.last().map_or("", String::as_str)));
            return;
        }
        for key in keys {
            self.path.push(key.clone());
            match (old.get(key), new.get(key), noun) {
                (None, Some(new), Some(noun)) => {
                    self.say(format!("New {noun} {}.", phrases::title(self.about, key, new)));
                    if self.about == About::Sites {
                        self.compare(&Value::Null, new);
                    }
                }
                (Some(old), None, Some(noun)) => {
                    let title = phrases::title(self.about, key, old);
                    self.say(format!("The {noun} {title} is gone."));
                }
                (old, new, _) => self.compare(old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null)),
            }
            self.path.pop();
        }
    }

    fn lists(&mut self, old: &[Value], new: &[Value]) {
        let added: Vec<String> = new.iter().filter(|one| !old.contains(one)).map(|one| self.value(one, true)).collect();
        let gone: Vec<String> = old.iter().filter(|one| !new.contains(one)).map(|one| self.value(one, false)).collect();
        let what = phrases::phrase(self.about, &self.path, self.after);
        let text = match (added.is_empty(), gone.is_empty()) {
            (true, true) => format!("{what}: in another order."),
            (false, true) => format!("{what}: {} now too.", added.join(", ")),
            (true, false) => format!("{what}: {} no more.", gone.join(", ")),
            (false, false) => format!("{what}: {} now, {} no more.", added.join(", "), gone.join(", ")),
        };
        self.say(text);
    }

    fn leaf(&mut self, old: &Value, new: &Value) {
        let what = phrases::phrase(self.about, &self.path, self.after);
        let text = match (old.is_null(), new.is_null()) {
            (true, _) => format!("{what} is now {}; nothing was said of it before.", self.value(new, true)),
            (_, true) => format!("{what} is no longer said; it was {}.", self.value(old, false)),
            _ => format!("{what} is now {}, was {}.", self.value(new, true), self.value(old, false)),
        };
        self.say(text);
    }

    fn value(&self, value: &Value, is_new: bool) -> String {
        phrases::value(&self.path, value, if is_new { self.after } else { self.before })
    }
}
