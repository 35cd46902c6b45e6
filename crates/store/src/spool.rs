//! The spool: a second, small log on a path of its own, for what must be recorded while the log itself cannot take it.
//!
//! A file of fixed size, written full of zeros when it is made, so that a full disk cannot keep anything from being recorded in it. Each
//! record is a leaf of the spool's own numbering and a seal: HMAC-SHA-256, under the spool's own key, over the seal before and the record.
//! What is recorded here is folded into the log as soon as that can be written: each record once, in order, as an entry that says where it
//! was first ([`events::Spooled`]). The stream [`STREAM`] of the log counts them, so that no crash between the two loses or doubles one.
//! When all are folded the file is written from its beginning again.

use crate::{AppendError, Batch, DirectoryError, ReadError, Recorded, Store, directory};
use aws_lc_rs::{constant_time, digest, hmac, rand};
use events::{Draft, Leaf, LeafError, Seq, Spooled, Timestamp};
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
#[error("record {index} of the spool does not verify: torn by a crash before it was answered, or changed; the file is kept as `{}`", .aside.display())]
pub struct Damage {
    /// The first record that does not verify, or is missing.
    pub index: u64,
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
    /// What is not folded yet: the leaf of the spool, by index.
    waiting: VecDeque<(u64, Vec<u8>)>,
}

/// What a file holds.
struct Found {
    records: Vec<(u64, Vec<u8>)>,
    end: u64,
    seal: [u8; SEAL_BYTES],
    /// The index at which it stops making sense.
    damaged: Option<u64>,
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
        let mut found = scan(&mut file, &key, &origin).map_err(wrong)?;
        let missing = found.records.first().map(|(first, _)| *first).filter(|first| *first > folded);
        if let Some(index) = found.damaged.or_else(|| missing.map(|_| folded)) {
            let aside = folder.join(format!("records.damaged-{index}"));
            std::fs::rename(&path, &aside).map_err(wrong)?;
            damage = Some(Damage { index, aside });
            file = self::file(&path, bytes).map_err(wrong)?;
            if missing.is_some() {
                found.records.clear();
            }
            rewrite(&file, &key, &origin, &mut found).map_err(wrong)?;
        }
        let after = found.records.last().map_or(0, |(last, _)| last + 1);
        let waiting: VecDeque<_> = found.records.into_iter().filter(|(index, _)| *index >= folded).collect();
        let next = after.max(folded);
        let mut state = State { file, next, end: found.end, seal: found.seal, waiting };
        if state.waiting.is_empty() {
            state.begin_again(&key, &origin);
        }
        // A file kept from before may have another size than is asked for now.
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
        let record = record(index, &seal, &leaf);
        let end = state.end + record.len() as u64;
        if end > self.0.bytes_max {
            return Err(SpoolError::Full);
        }
        let wrong = |source| DirectoryError::new(Path::new("spool"), source);
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

    /// Folds what waits into the log, in order, each once; how many.
    ///
    /// # Errors
    /// When the log cannot take one; it and those after it go on waiting.
    pub async fn fold_into(&self, store: &Store) -> Result<u64, AppendError> {
        let mut folded = 0;
        loop {
            let front = self.lock().waiting.front().cloned();
            let Some((index, bytes)) = front else { return Ok(folded) };
            match store.append(self.entry(index, &bytes)?).await {
                Ok(_) => folded += 1,
                // Folded before, by a commit whose outcome was lost.
                Err(AppendError::Conflict(_)) if is_folded(store, index) => {}
                Err(error) => return Err(error),
            }
            let mut state = self.lock();
            state.waiting.pop_front();
            if state.waiting.is_empty() {
                state.begin_again(&self.0.key, &self.0.origin);
            }
        }
    }

    /// A record as it goes into the log.
    fn entry(&self, index: u64, bytes: &[u8]) -> Result<Batch, AppendError> {
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

/// Reads what a file holds, up to where it ends or stops making sense.
fn scan(file: &mut File, key: &hmac::Key, origin: &str) -> std::io::Result<Found> {
    let size = file.metadata()?.len();
    let mut found = Found { records: Vec::new(), end: 0, seal: [0; SEAL_BYTES], damaged: None };
    let mut expected = None;
    loop {
        let mut head = [0; HEAD_BYTES];
        if found.end + (HEAD_BYTES as u64) > size {
            return Ok(found);
        }
        file.read_exact_at(&mut head, found.end)?;
        let (magic, index, length, sealed) = parts(&head);
        if magic != MAGIC || expected.is_some_and(|expected| expected != index) {
            return Ok(found);
        }
        if expected.is_none() {
            found.seal = first_seal(key, origin, index);
        }
        let longest = events::LEAF_BYTES_MAX as u64;
        let mut leaf = vec![0; usize::try_from(u64::from(length).min(longest)).unwrap_or(0)];
        if u64::from(length) > longest || found.end + HEAD_BYTES as u64 + u64::from(length) > size {
            found.damaged = Some(index);
            return Ok(found);
        }
        file.read_exact_at(&mut leaf, found.end + HEAD_BYTES as u64)?;
        let computed = seal(key, &found.seal, index, &leaf);
        if constant_time::verify_slices_are_equal(&computed, &sealed).is_err() {
            found.damaged = Some(index);
            return Ok(found);
        }
        (found.seal, expected) = (computed, Some(index + 1));
        found.end += (HEAD_BYTES + leaf.len()) as u64;
        found.records.push((index, leaf));
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
    (found.end, found.damaged) = (0, None);
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
    std::fs::rename(&unfinished, path)?;
    if let Some(folder) = path.parent() {
        directory::sync(folder)?;
    }
    Ok(file)
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
