//! `handrail replay`: every recorded decision is judged again, from the log, the charter of its digest and its own time, and compared.
//!
//! The log is read twice: once to learn how far decisions lie behind the world they were judged in, once to fold it and judge each decision
//! when the fold reaches that world. So only that stretch of the log is ever in memory.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, counted};
use crate::cli::Replay;
use crate::server::local::told;
use axum::http::Method;
use charter::Charter;
use decision::Engine;
use events::decision::{Effect, Made};
use events::{CharterDigest, Event, Leaf};
use indicatif::{ProgressBar, ProgressStyle};
use ledger::source::TILE_WIDTH;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use world::World;

/// The most differences that are told one by one.
const DIFFERENCES_MAX: usize = 100;

/// Runs it.
pub(crate) async fn run(args: Replay, out: Output) -> Result<(), Failure> {
    let connection = Connection::open(&args.data.data, None)?;
    let judged = judge_all(&connection).await;
    connection.close();
    let judged = judged?;
    out.data(&judged.json(), || judged.text())?;
    if judged.different > 0 {
        return Err(Failure::unverified(format!("not as recorded: {}", counted(judged.different, "decision"))));
    }
    Ok(())
}

async fn judge_all(connection: &Connection) -> Result<Judged, Failure> {
    let sealed: Sealed = connection.post("/ledger/checkpoint", &json!({})).await?;
    let log = Log { connection, size: sealed.size };
    let bar = ProgressBar::new(sealed.size.saturating_mul(2));
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}%  {msg}") {
        bar.set_style(style);
    }
    bar.set_message("reading");
    let mut behind_max = 0;
    for index in 0..log.bundles() {
        for (seq, bytes) in log.bundle(index).await? {
            behind_max = behind_max.max(behind(seq, &bytes));
            bar.inc(1);
        }
    }
    bar.set_message("judging");
    let mut judging = Judging::new(behind_max);
    for index in 0..log.bundles() {
        for (seq, bytes) in log.bundle(index).await? {
            if let Some(digest) = judging.read(seq, &bytes)? {
                let engine = log.engine(digest).await;
                judging.engines.insert(digest, engine);
            }
            judging.fold_to(behind_max);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(judging.end(sealed.size))
}

#[derive(Deserialize)]
struct Sealed {
    size: u64,
}

/// The sealed log behind a connection.
struct Log<'a> {
    connection: &'a Connection,
    size: u64,
}

impl Log<'_> {
    fn bundles(&self) -> u64 {
        self.size.div_ceil(u64::from(TILE_WIDTH))
    }

    /// The entries of one bundle, numbered.
    async fn bundle(&self, index: u64) -> Result<Vec<(u64, Vec<u8>)>, Failure> {
        let first = index * u64::from(TILE_WIDTH);
        let width = u16::try_from(self.size.saturating_sub(first)).unwrap_or(TILE_WIDTH).min(TILE_WIDTH);
        let bytes = self.connection.send(Method::GET, &format!("/ledger/bundle/{index}/{width}"), Vec::new()).await?;
        let entries = ledger::bundle::decode(&bytes, width)?;
        Ok((first..).zip(entries).map(|(seq, entry)| (seq, entry.bytes.to_vec())).collect())
    }

    /// The engine over a charter, or why there is none.
    async fn engine(&self, digest: CharterDigest) -> Result<Engine, String> {
        let path = format!("/charters/{digest}");
        let bytes = self.connection.send(Method::GET, &path, Vec::new()).await.map_err(|failure| failure.message)?;
        let charter = Charter::from_bundle(&bytes).map_err(|found| {
            format!("the charter `{digest}` does not load in this build ({} problems)", found.len())
        })?;
        if charter.digest() != digest {
            return Err(format!("what the store holds as charter `{digest}` is another one"));
        }
        Engine::new(Arc::new(charter)).map_err(|error| told(&error))
    }
}

/// How many entries a decision lies behind the world it was judged in; 0 for any other entry.
fn behind(seq: u64, bytes: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Peek<'a> {
        kind: &'a str,
        #[serde(borrow)]
        body: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Body {
        world_seq: u64,
    }
    let Ok(peek) = serde_json::from_slice::<Peek<'_>>(bytes) else { return 0 };
    if peek.kind != "decision.made" {
        return 0;
    }
    serde_json::from_str::<Body>(peek.body.get()).map_or(0, |body| seq.saturating_sub(body.world_seq))
}

/// A decision that waits for the fold to reach its world.
struct Waiting {
    seq: u64,
    made: Made,
    /// Whether it was recorded in the spool first, and so made short.
    spooled: bool,
    /// Its body as it was written.
    body: String,
}

/// A decision that came out otherwise.
#[derive(Debug)]
struct Difference {
    entry: u64,
    why: String,
}

/// The fold, and the decisions judged along it.
struct Judging {
    world: World,
    engines: HashMap<CharterDigest, Result<Engine, String>>,
    /// What is read and not yet folded.
    ahead: VecDeque<Option<Leaf>>,
    /// The sequence of the first of [`Self::ahead`].
    folded: u64,
    /// By the world they were judged in.
    waiting: BTreeMap<u64, Vec<Waiting>>,
    judged: Judged,
}

impl Judging {
    fn new(behind_max: u64) -> Self {
        let room = usize::try_from(behind_max).unwrap_or(0).saturating_add(2);
        Self {
            world: World::new(),
            engines: HashMap::new(),
            ahead: VecDeque::with_capacity(room),
            folded: 0,
            waiting: BTreeMap::new(),
            judged: Judged::default(),
        }
    }

    /// Takes the next entry; names the charter it needs, when that was not needed before.
    fn read(&mut self, seq: u64, bytes: &[u8]) -> Result<Option<CharterDigest>, Failure> {
        let leaf = match Leaf::parse(bytes) {
            Ok(leaf) if leaf.seq.0 == seq => leaf,
            Ok(leaf) => return Err(Failure::unverified(format!("entry {seq} says it is entry {}", leaf.seq))),
            Err(_) if !Leaf::may_bear_facts(bytes) => {
                self.ahead.push_back(None);
                return Ok(None);
            }
            Err(error) => {
                let why = told(&error);
                return Err(Failure::local(format!(
                    "entry {seq} may bear facts, but this build cannot read it ({why}); use the build that wrote it"
                )));
            }
        };
        let mut needs = None;
        if let Event::DecisionMade(made) = &leaf.draft.event {
            needs = (!self.engines.contains_key(&made.charter)).then_some(made.charter);
            let spooled = leaf.draft.spooled.is_some();
            let waiting = Waiting { seq, made: (**made).clone(), spooled, body: body_of(bytes)? };
            self.waiting.entry(made.world_seq.0).or_default().push(waiting);
        }
        self.ahead.push_back(Some(leaf));
        Ok(needs)
    }

    /// Folds until the last `keep` entries read are left.
    fn fold_to(&mut self, keep: u64) {
        while self.ahead.len() as u64 > keep {
            self.fold_one();
        }
    }

    fn fold_one(&mut self) {
        self.judge_due();
        if let Some(Some(leaf)) = self.ahead.pop_front() {
            self.world.apply(&leaf);
        }
        self.folded += 1;
    }

    /// Judges what was judged in the world as it is now.
    fn judge_due(&mut self) {
        while let Some(first) = self.waiting.first_entry()
            && *first.key() <= self.folded
        {
            for waiting in first.remove() {
                self.judge(&waiting);
            }
        }
    }

    fn judge(&mut self, waiting: &Waiting) {
        let was = &waiting.made;
        self.judged.decisions += 1;
        let engine = match self.engines.get(&was.charter) {
            Some(Ok(engine)) => engine,
            Some(Err(why)) => {
                let why = why.clone();
                return self.judged.differs(waiting.seq, why);
            }
            None => return self.judged.differs(waiting.seq, "its charter was not looked for".to_owned()),
        };
        let facts = self.world.facts(&engine.subject(&was.question), was.decided_at);
        let judgement = engine.decide(&was.question, &facts, was.decided_at);
        let mut again = judgement.into_made(was.question.clone(), was.world_seq, was.charter, was.decided_at);
        again.supersedes = was.supersedes;
        again.live = was.live && again.effect == Effect::Permit;
        if waiting.spooled {
            plane::spooling::shorten(&mut again);
        }
        match serde_json::to_string(&again) {
            Ok(body) if body == waiting.body => self.judged.reproduced += 1,
            Ok(body) => self.judged.differs(waiting.seq, difference(&waiting.body, &body)),
            Err(error) => self.judged.differs(waiting.seq, told(&error)),
        }
    }

    /// Folds and judges the rest.
    fn end(mut self, entries: u64) -> Judged {
        while !self.ahead.is_empty() {
            self.fold_one();
        }
        self.judge_due();
        for waiting in std::mem::take(&mut self.waiting).into_values().flatten() {
            self.judged.decisions += 1;
            let why = format!("it names the world before entry {}, which is after it", waiting.made.world_seq);
            self.judged.differs(waiting.seq, why);
        }
        self.judged.entries = entries;
        self.judged
    }
}

/// A leaf's body as it was written.
fn body_of(bytes: &[u8]) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        body: &'a RawValue,
    }
    Ok(serde_json::from_slice::<Body<'_>>(bytes)?.body.get().to_owned())
}

/// In which of their fields two bodies differ.
fn difference(was: &str, again: &str) -> String {
    let fields = |text: &str| serde_json::from_str::<BTreeMap<String, Value>>(text).unwrap_or_default();
    let (was, again) = (fields(was), fields(again));
    let names: std::collections::BTreeSet<&String> = was.keys().chain(again.keys()).collect();
    let told: Vec<String> = names
        .into_iter()
        .filter(|name| was.get(*name) != again.get(*name))
        .map(|name| {
            let text =
                |side: &BTreeMap<String, Value>| side.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string);
            format!("{name} was {}, is now {}", text(&was), text(&again))
        })
        .collect();
    if told.is_empty() { "the same values, written otherwise".to_owned() } else { told.join("; ") }
}

/// What came of it.
#[derive(Debug, Default)]
struct Judged {
    entries: u64,
    decisions: u64,
    reproduced: u64,
    different: u64,
    /// The first of them.
    differences: Vec<Difference>,
}

impl Judged {
    fn differs(&mut self, entry: u64, why: String) {
        self.different += 1;
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference { entry, why });
        }
    }

    fn text(&self) -> String {
        let mut lines: Vec<String> =
            self.differences.iter().map(|one| format!("entry {}: {}", one.entry, one.why)).collect();
        let untold = self.different.saturating_sub(self.differences.len() as u64);
        if untold > 0 {
            lines.push(format!("… and {untold} more"));
        }
        lines.push(if self.different == 0 {
            format!("{} reproduced bit for bit, from {} entries", counted(self.decisions, "decision"), self.entries)
        } else {
            format!(
                "{} of {} decisions reproduced bit for bit, from {} entries",
                self.reproduced, self.decisions, self.entries
            )
        });
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let differences = self.differences.iter().map(|one| json!({ "entry": one.entry, "why": one.why }));
        json!({
            "entries": self.entries,
            "decisions": self.decisions,
            "reproduced": self.reproduced,
            "different": self.different,
            "differences": differences.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::decision::{Asserted, Question};
    use events::{ActionName, Actor, Draft, EntityRef, Event, PrincipalId, Seq, Timestamp, TypeName};
    use std::path::Path;

    fn engine() -> Engine {
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter"));
        Engine::new(Arc::new(charter.map_err(|found| found.len()).unwrap())).unwrap()
    }

    fn leaf(seq: u64, event: impl Into<Event>) -> Vec<u8> {
        let tail = Draft::new(Actor::handrail("test"), event).tail().unwrap();
        Leaf::bytes(Seq(seq), Timestamp::from_millis(1_800_000_000_000), &tail)
    }

    fn registered(roles: &[&str]) -> events::principal::Registered {
        events::principal::Registered {
            principal: PrincipalId::new("nora").unwrap(),
            class: events::principal::IdentityClass::Staff,
            roles: roles.iter().map(|role| events::RoleName::new(role).unwrap()).collect(),
            name: None,
            home_unit: None,
            aliases: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// A log in which Nora asks while she is a nurse, and her answer is written after she is a porter.
    fn log(engine: &Engine) -> Vec<Vec<u8>> {
        let entity =
            |kind: &str, id: &str| EntityRef { kind: TypeName::new(kind).unwrap(), id: PrincipalId::new(id).unwrap() };
        let question = Question {
            session: None,
            principal: entity("Person", "nora"),
            action: ActionName::new("read_chart").unwrap(),
            resource: entity("Patient", "pat_00000000000000000000000000000001"),
            workflow: None,
            asserted: Asserted::default(),
        };
        let first = leaf(0, registered(&["nurse"]));
        let mut world = World::new();
        world.apply(&Leaf::parse(&first).unwrap());
        let now = Timestamp::from_millis(1_800_000_000_500);
        let facts = world.facts(&engine.subject(&question), now);
        let judgement = engine.decide(&question, &facts, now);
        let made = judgement.into_made(question, facts.world_seq, engine.charter().digest(), now);
        vec![first, leaf(1, registered(&["porter"])), leaf(2, Box::new(made))]
    }

    fn judged(engine: Engine, log: &[Vec<u8>], behind_max: u64) -> Judged {
        let mut judging = Judging::new(behind_max);
        judging.engines.insert(engine.charter().digest(), Ok(engine));
        for (seq, bytes) in (0..).zip(log) {
            assert_eq!(judging.read(seq, bytes).unwrap(), None);
            judging.fold_to(behind_max);
        }
        judging.end(log.len() as u64)
    }

    #[test]
    fn a_decision_is_judged_in_the_world_it_was_judged_in() {
        let engine = engine();
        let log = log(&engine);
        let behind_max = (0..).zip(&log).map(|(seq, bytes)| behind(seq, bytes)).max().unwrap();
        assert_eq!(behind_max, 1);
        let right = judged(engine, &log, behind_max);
        assert_eq!((right.decisions, right.reproduced, right.different), (1, 1, 0), "{:?}", right.differences);
        // Folded too far, Nora is a porter, and it shows.
        let late = judged(self::engine(), &log, 0);
        assert_eq!((late.reproduced, late.different), (0, 1));
    }

    #[test]
    fn a_decision_that_was_written_otherwise_is_named_with_what_differs() {
        let engine = engine();
        let mut log = log(&engine);
        let text = String::from_utf8(log.pop().unwrap()).unwrap();
        log.push(text.replace("\"effect\":\"deny\"", "\"effect\":\"permit\"").into_bytes());
        let found = judged(engine, &log, 1);
        assert_eq!((found.decisions, found.reproduced, found.different), (1, 0, 1));
        assert_eq!(found.differences[0].entry, 2);
        assert_eq!(found.differences[0].why, "effect was \"permit\", is now \"deny\"");
        assert!(found.text().ends_with("0 of 1 decisions reproduced bit for bit, from 3 entries"));
    }

    #[test]
    fn a_charter_nobody_has_and_a_world_that_never_was_are_differences() {
        let engine = engine();
        let log = log(&engine);
        let mut judging = Judging::new(1);
        judging.engines.insert(engine.charter().digest(), Err("the store holds no such charter".to_owned()));
        for (seq, bytes) in (0..).zip(&log) {
            judging.read(seq, bytes).unwrap();
        }
        assert_eq!(judging.end(3).differences[0].why, "the store holds no such charter");

        let last = String::from_utf8(log[2].clone()).unwrap().replace("\"world_seq\":1", "\"world_seq\":9");
        let later = judged(engine, &[log[0].clone(), log[1].clone(), last.into_bytes()], 1);
        assert_eq!(later.differences[0].why, "it names the world before entry 9, which is after it");
    }
}
