//! The spool: a second, small log on a path of its own, for what must be recorded while the log itself cannot take it.
//!
//! A file of fixed size, written full of zeros when it is made, so that a full disk cannot keep anything from being recorded in it. Each
//! record is a leaf of the spool's own numbering and a seal: HMAC-SHA-256, under the spool's own key, over the seal before and the record.
//! What is recorded here is folded into the log as soon as that can be written: each record once, in order, as an entry that says where it
//! was first ([`events::Spooled`]). The stream [`STREAM`] of the log counts them, so that no crash between the two loses or doubles one.
//! When all are folded the file is written from its beginning again. Behind the last record stand zeros, so that anything else there is damage.
//!
//! A record that cannot be read does not take those behind it along: each is sealed under the seal written in the one before, so they are found by
//! that. The file is put aside under a name of its own, and in the place of what is lost an entry says so
//! ([`events::ledger::SpoolRecordLost`]).

use crate::{AppendError, Batch, DirectoryError, ReadError, Recorded, Store, directory};
use aws_lc_rs::{constant_time, digest, hmac, rand};
use events::ledger::SpoolRecordLost;
use events::{Actor, Draft, Leaf, LeafError, Seq, Spooled, Timestamp};
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// The size of a spool unless said otherwise, in bytes: some thousand decisions.
pub const SPOOL_BYTES_DEFAULT: u64 = 8 * 1024 * 1024;
/// The smallest spool, in bytes: a few of the longest records.
pub const SPOOL_BYTES_MIN: u64 = 64 * 1024;
/// The largest spool, in bytes: what waits is kept in memory too.
pub const SPOOL_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The stream that counts records folded.
const STREAM: &str = "spool";
/// Begins every record.
const MAGIC: [u8; 4] = *b"HRs1";
/// Magic, index, length, seal.
const HEAD_BYTES: usize = 4 + 8 + 4 + SEAL_BYTES;
const SEAL_BYTES: usize = 32;
/// The most records that may be missing before the first of a file: more were never in one, and it is another store's.
const LOST_RECORDS_MAX: u64 = 4_096;
/// How much is written at once when a spool is made.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Why something is not in the spool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// It cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Its size is out of bounds.
    #[error("a spool has {SPOOL_BYTES_MIN} to {SPOOL_BYTES_MAX} bytes, not {0}")]
    Size(u64),
    /// Its key is not 32 bytes, or others may read it.
    #[error("the spool's key `{}` is not 32 bytes that only its owner can read", .0.display())]
    Key(PathBuf),
    /// The system gives no randomness.
    #[error("no randomness for the spool's key")]
    Randomness,
    /// There is no room for another record until those there are folded.
    #[error("the spool is full")]
    Full,
    /// The record is too long, or cannot be written as a leaf.
    #[error("it cannot be written as an entry")]
    Leaf(#[from] LeafError),
    /// How many records are folded cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What was wrong with a spool that was found. Its file was put aside under another name; what verified was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {index} of the spool does not verify: torn by a crash before it was answered, or changed; {lost} lost, which the log will say, and {behind} behind it kept; the file is kept as `{}`", .aside.display())]
pub struct Damage {
    /// The first record that does not verify, or is missing.
    pub index: u64,
    /// How many records are lost.
    pub lost: u64,
    /// How many behind the first lost one verify.
    pub behind: u64,
    /// Where the file is now.
    pub aside: PathBuf,
}

/// A spool. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Spool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: String,
    key: hmac::Key,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// The index of the next record.
    next: u64,
    /// Where it goes.
    end: u64,
    /// The seal of the record before it.
    seal: [u8; SEAL_BYTES],
    /// What is not folded yet: the leaf of the spool, by index; nothing for a record that is lost.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// Why the first of them was not folded when that was tried last.
    trouble: Option<String>,
}

/// What a file holds.
struct Found {
    /// By index, in order; nothing for one that is lost.
    records: Vec<(u64, Vec<u8>)>,
    end: u64,
    seal: [u8; SEAL_BYTES],
    /// The first that does not verify, and how many behind it do.
    damaged: Option<(u64, u64)>,
}

impl Spool {
    /// Opens the spool in a directory, or makes it. What it holds and `store` has not folded yet waits for [`Spool::fold_into`]; whatever does not
    /// verify is put aside and told.
    ///
    /// # Errors
    /// When the directory or the store cannot be used.
    pub fn open(folder: &Path, bytes: u64, store: &Store) -> Result<(Self, Option<Damage>), SpoolError> {
        if !(SPOOL_BYTES_MIN..=SPOOL_BYTES_MAX).contains(&bytes) {
            return Err(SpoolError::Size(bytes));
        }
        let wrong = |source| SpoolError::from(DirectoryError::new(folder, source));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong)?;
        let origin = format!("{}/spool", store.verifying_key().origin());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*key(&folder.join("key"))?);
        let path = folder.join("records");
        let folded = store.read(|reader| reader.stream_version(STREAM))?;
        let mut damage = None;
        let mut file = file(&path, bytes).map_err(wrong)?;
        let mut found = scan(&file, &key, &origin, folded).map_err(wrong)?;
        found.fill(folded);
        if let Some((index, behind)) = found.damaged {
            let aside = free_name(folder, index);
            let lost = found.records.iter().filter(|(at, leaf)| *at >= folded && leaf.is_empty()).count() as u64;
            // Whole before anything is put aside: what is interrupted here is done again from the file as it was.
            file = zeros(&path, bytes.max(found.bytes())).map_err(wrong)?;
            rewrite(&file, &key, &origin, &mut found).map_err(wrong)?;
            std::fs::hard_link(&path, &aside).map_err(wrong)?;
            in_place(&path).map_err(wrong)?;
            damage = Some(Damage { index, lost, behind, aside });
        }
        let after = found.records.last().map_or(0, |(last, _)| last + 1);
        let waiting: VecDeque<_> = found.records.into_iter().filter(|(index, _)| *index >= folded).collect();
        let next = after.max(folded);
        let mut state = State { file, next, end: found.end, seal: found.seal, waiting, trouble: None };
        if state.waiting.is_empty() {
            state.begin_again(&key, &origin);
        }
        // A file kept from before may have another size than this start asks for.
        let bytes_max = state.file.metadata().map_err(wrong)?.len();
        Ok((Self(Arc::new(Inner { origin, key, bytes_max, state: Mutex::new(state) })), damage))
    }

    /// Records a draft here: when this answers, it is on disk. For threads that may block.
    ///
    /// # Errors
    /// When there is no room, or the file cannot be written; nothing of it counts then.
    pub fn append(&self, mut draft: Draft, recorded_at: Timestamp) -> Result<Recorded<Arc<Leaf>>, SpoolError> {
        let mut state = self.lock();
        let index = state.next;
        let leaf = Leaf::bytes(Seq(index), recorded_at, &draft.tail()?);
        // Checked now: an entry that became too long by saying where it was first could never be folded.
        draft.spooled = Some(self.spooled(index, &leaf));
        draft.occurred_at = Some(draft.occurred_at.unwrap_or(recorded_at));
        draft.tail()?;
        let seal = seal(&self.0.key, &state.seal, index, &leaf);
        let mut record = record(index, &seal, &leaf);
        let end = state.end + record.len() as u64;
        if end > self.0.bytes_max {
            return Err(SpoolError::Full);
        }
        let wrong = |source| DirectoryError::new(Path::new("spool"), source);
        // What an earlier use of the file left behind it must not look like damage, nor damage like that.
        let room = usize::try_from(self.0.bytes_max - end).map_or(HEAD_BYTES, |room| room.min(HEAD_BYTES));
        record.resize(record.len() + room, 0);
        state.file.write_all_at(&record, state.end).map_err(wrong)?;
        state.file.sync_data().map_err(wrong)?;
        (state.next, state.end, state.seal) = (index + 1, end, seal);
        state.waiting.push_back((index, leaf));
        drop(state);
        metrics::counter!("handrail_spool_records_total").increment(1);
        Ok(Recorded::after_spooling(Arc::new(Leaf { seq: Seq(index), recorded_at, draft })))
    }

    /// How many records wait to be folded.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Why the first record that waits was not folded when that was tried last; nothing when it was not tried, or all went well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// Folds what waits into the log, in order, each once; how many.
    ///
    /// # Errors
    /// When the log cannot take one; it and those after it go on waiting.
    pub async fn fold_into(&self, store: &Store) -> Result<u64, AppendError> {
        let mut folded = 0;
        loop {
            let front = self.lock().waiting.front().cloned();
            let Some((index, bytes)) = front else { return Ok(folded) };
            if let Err(error) = self.fold_one(store, index, &bytes).await {
                self.lock().trouble = Some(format!("record {index}: {}", Chain(&error)));
                return Err(error);
            }
            folded += 1;
            let mut state = self.lock();
            state.trouble = None;
            state.waiting.pop_front();
            if state.waiting.is_empty() {
                state.begin_again(&self.0.key, &self.0.origin);
            }
        }
    }

    async fn fold_one(&self, store: &Store, index: u64, bytes: &[u8]) -> Result<(), AppendError> {
        match store.append(self.entry(index, bytes)?).await {
            // Folded before, by a commit whose outcome was lost.
            Err(AppendError::Conflict(_)) if is_folded(store, index) => Ok(()),
            folded => folded.map(drop),
        }
    }

    /// A record as it goes into the log, or what says that it is lost.
    fn entry(&self, index: u64, bytes: &[u8]) -> Result<Batch, AppendError> {
        if bytes.is_empty() {
            let lost = SpoolRecordLost { origin: self.0.origin.as_str().into(), index };
            return Ok(Batch::one(Draft::new(Actor::handrail("spool"), lost)).expect(STREAM, index));
        }
        let leaf = Leaf::parse(bytes)?;
        let mut draft = leaf.draft;
        draft.occurred_at = Some(draft.occurred_at.unwrap_or(leaf.recorded_at));
        draft.spooled = Some(self.spooled(index, bytes));
        Ok(Batch::one(draft).expect(STREAM, index))
    }

    fn spooled(&self, index: u64, leaf: &[u8]) -> Spooled {
        use std::fmt::Write as _;
        let digest = digest::digest(&digest::SHA256, leaf);
        let hexadecimal = digest.as_ref().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Spooled { origin: self.0.origin.as_str().into(), index, sha256: hexadecimal.into() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Everything is folded: the next record goes to the beginning. What stands behind it has lower indexes and counts no more.
    fn begin_again(&mut self, key: &hmac::Key, origin: &str) {
        self.end = 0;
        self.seal = first_seal(key, origin, self.next);
    }
}

fn is_folded(store: &Store, index: u64) -> bool {
    store.read(|reader| reader.stream_version(STREAM)).is_ok_and(|folded| folded > index)
}

/// Stands for the seal before the first record of a file.
fn first_seal(key: &hmac::Key, origin: &str, index: u64) -> [u8; SEAL_BYTES] {
    tag(key, &[b"handrail spool 1\0", &index.to_be_bytes(), origin.as_bytes()])
}

fn seal(key: &hmac::Key, before: &[u8; SEAL_BYTES], index: u64, leaf: &[u8]) -> [u8; SEAL_BYTES] {
    tag(key, &[before, &index.to_be_bytes(), leaf])
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; SEAL_BYTES] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    let mut bytes = [0; SEAL_BYTES];
    bytes.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

fn record(index: u64, seal: &[u8; SEAL_BYTES], leaf: &[u8]) -> Vec<u8> {
    // A leaf is far shorter than what four bytes count.
    let length = u32::try_from(leaf.len()).unwrap_or(u32::MAX);
    [&MAGIC[..], &index.to_be_bytes(), &length.to_be_bytes(), seal, leaf].concat()
}

/// Reads what a file holds. `folded` is the index of a first record that does not read.
fn scan(file: &File, key: &hmac::Key, origin: &str, folded: u64) -> std::io::Result<Found> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    let mut found = Found { records: Vec::new(), end: 0, seal: [0; SEAL_BYTES], damaged: None };
    let (mut at, mut expected) = (0, None);
    let damaged = loop {
        let Some((index, sealed, leaf)) = read(&bytes, at) else { break !ends(&bytes, at) };
        if expected.is_some_and(|expected| expected != index) {
            break true;
        }
        if expected.is_none() {
            found.seal = first_seal(key, origin, index);
        }
        let computed = seal(key, &found.seal, index, leaf);
        if constant_time::verify_slices_are_equal(&computed, &sealed).is_err() {
            break true;
        }
        (found.seal, expected) = (computed, Some(index + 1));
        at += HEAD_BYTES + leaf.len();
        found.records.push((index, leaf.to_vec()));
    };
    found.end = at as u64;
    let first = expected.unwrap_or(folded);
    let (any, behind) = behind(bytes.get(at..).unwrap_or_default(), key, first);
    // A head that became zeros looks like the end, but for what stands behind it.
    if damaged || any {
        found.damaged = Some((first, behind.len() as u64));
        if behind.first().is_none_or(|(index, _)| *index != first) {
            found.records.push((first, Vec::new()));
        }
        found.records.extend(behind);
    }
    Ok(found)
}

/// Whether nothing more was written at a place.
fn ends(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take(HEAD_BYTES).all(|byte| *byte == 0)
}

/// What stands at a place and has the form of a record: its index, its seal, its leaf.
fn read(bytes: &[u8], at: usize) -> Option<(u64, [u8; SEAL_BYTES], &[u8])> {
    let (head, rest) = bytes.get(at..)?.split_first_chunk::<HEAD_BYTES>()?;
    let (magic, index, length, sealed) = parts(head);
    let length = usize::try_from(length).ok().filter(|length| *length <= events::LEAF_BYTES_MAX)?;
    (magic == MAGIC).then_some((index, sealed, rest.get(..length)?))
}

/// Whether anything that looks like a record from `damaged` on stands here, and those of them that verify, wherever they begin, in order: each by the
/// seal that is written in the one before, which only whoever has the key could have followed. What an earlier use of the file left has lower
/// indexes; text that happens to begin like a record has neither an index nor a length that one could have.
fn behind(bytes: &[u8], key: &hmac::Key, damaged: u64) -> (bool, Vec<(u64, Vec<u8>)>) {
    let (from, last) = (damaged.saturating_sub(1), damaged.saturating_add(LOST_RECORDS_MAX));
    let (mut any, mut before) = (false, None::<[u8; SEAL_BYTES]>);
    let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(begins) = rest.iter().position(|byte| *byte == MAGIC[0]) else { break };
        at += begins;
        let head = bytes.get(at..).and_then(<[u8]>::first_chunk::<HEAD_BYTES>).map(parts);
        // One of the two may be what is damaged.
        let like = |index: u64, length: u32| index <= last || length as usize <= events::LEAF_BYTES_MAX;
        let head = head.filter(|(magic, index, length, _)| *magic == MAGIC && *index >= from && like(*index, *length));
        let Some((_, index, _, sealed)) = head else {
            at += 1;
            continue;
        };
        any |= index >= damaged;
        let follows = read(bytes, at).filter(|(index, sealed, leaf)| {
            (damaged..=last).contains(index)
                && found.last().is_none_or(|(last, _)| index > last)
                && before.is_some_and(|before| seal(key, &before, *index, leaf) == *sealed)
        });
        before = Some(sealed);
        at += match follows {
            Some((index, _, leaf)) => {
                found.push((index, leaf.to_vec()));
                HEAD_BYTES + leaf.len()
            }
            None => MAGIC.len(),
        };
    }
    (any, found)
}

impl Found {
    /// Puts a lost record wherever one is missing. Of a file that begins far behind what was folded, nothing is this store's.
    fn fill(&mut self, folded: u64) {
        let Some(first) = self.records.first().map(|(first, _)| *first) else { return };
        if first > folded && self.damaged.is_none() {
            self.damaged = Some((folded, self.records.len() as u64));
        }
        if first.saturating_sub(folded) > LOST_RECORDS_MAX {
            self.damaged = Some((folded, 0));
            self.records = vec![(folded, Vec::new())];
        }
        let (mut next, mut all) = (folded.min(first), Vec::new());
        for (index, leaf) in std::mem::take(&mut self.records) {
            all.extend((next..index).map(|lost| (lost, Vec::new())));
            all.push((index, leaf));
            next = index + 1;
        }
        self.records = all;
    }

    /// How long they are, written one behind the other.
    fn bytes(&self) -> u64 {
        self.records.iter().map(|(_, leaf)| (HEAD_BYTES + leaf.len()) as u64).sum()
    }
}

/// A name for a damaged file that no other has.
fn free_name(folder: &Path, index: u64) -> PathBuf {
    let plain = folder.join(format!("records.damaged-{index}"));
    let numbered = (2_u64..).map(|number| folder.join(format!("records.damaged-{index}-{number}")));
    std::iter::once(plain.clone()).chain(numbered).find(|name| !name.exists()).unwrap_or(plain)
}

/// An error with the errors under it, on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut error = Some(self.0);
        let mut separator = "";
        while let Some(this) = error {
            write!(f, "{separator}{this}")?;
            (separator, error) = (": ", this.source());
        }
        Ok(())
    }
}

fn parts(head: &[u8; HEAD_BYTES]) -> ([u8; 4], u64, u32, [u8; SEAL_BYTES]) {
    let (magic, rest) = head.split_first_chunk().map_or(([0; 4], &[][..]), |(magic, rest)| (*magic, rest));
    let (index, rest) =
        rest.split_first_chunk().map_or((0, &[][..]), |(index, rest)| (u64::from_be_bytes(*index), rest));
    let (length, rest) =
        rest.split_first_chunk().map_or((0, &[][..]), |(length, rest)| (u32::from_be_bytes(*length), rest));
    (magic, index, length, rest.try_into().unwrap_or([0; SEAL_BYTES]))
}

/// Writes what verified into a new file.
fn rewrite(file: &File, key: &hmac::Key, origin: &str, found: &mut Found) -> std::io::Result<()> {
    found.end = 0;
    let Some((first, _)) = found.records.first() else { return Ok(()) };
    found.seal = first_seal(key, origin, *first);
    for (index, leaf) in &found.records {
        found.seal = seal(key, &found.seal, *index, leaf);
        let record = record(*index, &found.seal, leaf);
        file.write_all_at(&record, found.end)?;
        found.end += record.len() as u64;
    }
    file.sync_data()
}

/// The file, made full of zeros if it is not there.
fn file(path: &Path, bytes: u64) -> std::io::Result<File> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => return opened,
    }
    let file = zeros(path, bytes)?;
    in_place(path)?;
    Ok(file)
}

/// A new file full of zeros that is not in its place yet.
fn zeros(path: &Path, bytes: u64) -> std::io::Result<File> {
    let unfinished = path.with_extension("unfinished");
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    let mut left = bytes;
    while left > 0 {
        let some = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        file.write_all(ZEROS.get(..some).unwrap_or(&ZEROS))?;
        left -= some as u64;
    }
    file.sync_all()?;
    Ok(file)
}

/// Puts it there.
fn in_place(path: &Path) -> std::io::Result<()> {
    std::fs::rename(path.with_extension("unfinished"), path)?;
    path.parent().map_or(Ok(()), directory::sync)
}

/// The spool's own key, made if it is not there.
fn key(path: &Path) -> Result<Zeroizing<[u8; 32]>, SpoolError> {
    let wrong = |source| SpoolError::from(DirectoryError::new(path, source));
    let mut key = Zeroizing::new([0; 32]);
    match File::open(path) {
        Ok(mut file) => {
            let metadata = file.metadata().map_err(wrong)?;
            if metadata.len() != 32 || metadata.mode() & 0o077 != 0 {
                return Err(SpoolError::Key(path.to_owned()));
            }
            file.read_exact(&mut *key).map_err(wrong)?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            rand::fill(&mut *key).map_err(|_| SpoolError::Randomness)?;
            let unfinished = path.with_extension("unfinished");
            let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
            made.and_then(|mut file| file.write_all(&*key).and_then(|()| file.sync_all()))
                .and_then(|()| std::fs::rename(&unfinished, path))
                .and_then(|()| path.parent().map_or(Ok(()), directory::sync))
                .map_err(wrong)?;
        }
        Err(error) => return Err(wrong(error)),
    }
    Ok(key)
}
