//! Snapshots: a start reads the newest that is good and the log after it; whatever is wrong with one, nothing is lost but time.

use super::ward::{SetClock, heard, open_with, sql, text};
use events::{Leaf, LeafError, Seq};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use store::{Apply, Batch, Options, Resumable, Store};

/// What a node folds here: every text that was heard, and how many of them by itself rather than from a snapshot.
#[derive(Default, Debug, PartialEq, Eq, Clone)]
struct Texts {
    heard: Vec<String>,
    by_itself: usize,
}

#[derive(Clone)]
struct Fold {
    texts: Arc<Mutex<Texts>>,
    version: u32,
}

impl Apply for Fold {
    fn apply(&mut self, leaves: &[Arc<Leaf>]) {
        let mut texts = self.texts.lock().unwrap();
        texts.by_itself += leaves.len();
        texts.heard.extend(leaves.iter().map(|leaf| text(leaf)));
    }

    fn unreadable(&mut self, _seq: Seq, _why: &LeafError) {}

    fn resumable(&mut self) -> Option<&mut dyn Resumable> {
        Some(self)
    }
}

impl Resumable for Fold {
    fn version(&self) -> u32 {
        self.version
    }

    fn fresh(&self) -> Box<dyn Apply> {
        Box::new(Self { texts: Arc::default(), version: self.version })
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.texts.lock().unwrap().heard.iter().try_for_each(|text| writeln!(to, "{text}"))
    }

    fn read(&mut self, from: &mut dyn Read) -> io::Result<()> {
        let mut whole = String::new();
        from.read_to_string(&mut whole)?;
        self.texts.lock().unwrap().heard = whole.lines().map(str::to_owned).collect();
        Ok(())
    }

    fn clear(&mut self) {
        *self.texts.lock().unwrap() = Texts::default();
    }
}

/// Opens a store; it makes snapshots after so many entries.
fn open(dir: &Path, every: Option<u64>, version: u32) -> (Store, Arc<Mutex<Texts>>) {
    let fold = Fold { texts: Arc::default(), version };
    let texts = fold.texts.clone();
    let options = Options { snapshot_entries: every, ..SetClock::new().options() };
    (open_with(dir, options, fold).unwrap(), texts)
}

fn snapshots(dir: &Path) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(dir.join("snapshots")) else { return Vec::new() };
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "snapshot"));
    files.sort();
    files
}

/// A closed store of so many entries, with a snapshot over all but the last `tail`.
fn closed(entries: usize, tail: usize) -> (tempfile::TempDir, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..entries).map(|number| format!("text {number}")).collect();
    let (before, after) = texts.split_at(entries - tail);
    for (some, every) in [(before, Some(1)), (after, None)] {
        if !some.is_empty() {
            add(dir.path(), some, every);
        }
    }
    (dir, texts)
}

/// Adds entries to a closed store, with a snapshot over all of them if one is wanted.
fn add(dir: &Path, texts: &[String], every: Option<u64>) {
    let (store, _) = open(dir, every, 1);
    store.append_blocking(Batch::of(texts.iter().map(|text| heard(text)).collect())).unwrap();
    store.seal_blocking().unwrap();
    let name = format!("{:020}.snapshot", store.head().next.0);
    while every.is_some() && !snapshots(dir).iter().any(|path| path.ends_with(&name)) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    store.close();
}

/// Opens a closed store once more: what is folded is what was said, so many entries of it by itself.
fn opens(dir: &Path, texts: &[String], by_itself: usize) {
    let (store, folded) = open(dir, None, 1);
    assert_eq!(*folded.lock().unwrap(), Texts { heard: texts.to_vec(), by_itself });
    store.append_blocking(Batch::one(heard("one more"))).unwrap();
    store.close();
}

#[test]
fn a_start_folds_only_what_came_after_the_newest_snapshot() {
    let (dir, texts) = closed(300, 20);
    opens(dir.path(), &texts, 20);
    let mode = |path: &Path| std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o777;
    assert_eq!(mode(&dir.path().join("snapshots")), 0o700);
    assert_eq!(mode(&snapshots(dir.path())[0]), 0o600);
}

#[test]
fn two_are_kept_and_the_older_one_counts_when_the_newer_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..30).map(|number| format!("text {number}")).collect();
    for some in texts.chunks(10) {
        add(dir.path(), some, Some(1));
    }
    let kept = snapshots(dir.path());
    assert_eq!(kept.len(), 2);
    std::fs::write(&kept[1], b"handrail snapshot 1\n").unwrap();
    opens(dir.path(), &texts, 10);
}

#[test]
fn whatever_byte_is_changed_the_log_is_folded_instead() {
    let (dir, texts) = closed(40, 4);
    let path = snapshots(dir.path()).remove(0);
    let whole = std::fs::read(&path).unwrap();
    // Magic, version, entries, time, root, content, tag.
    for at in [0, 19, 20, 23, 27, 31, 39, 40, 71, 72, whole.len() - 33, whole.len() - 32, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        let (store, folded) = open(dir.path(), None, 1);
        assert_eq!(*folded.lock().unwrap(), Texts { heard: texts.clone(), by_itself: 40 }, "byte {at}");
        store.close();
    }
    for cut in [0, 10, 72, 103, 104, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (store, folded) = open(dir.path(), None, 1);
        assert_eq!(folded.lock().unwrap().by_itself, 40, "cut at {cut}");
        store.close();
    }
    std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    opens(dir.path(), &texts, 40);
}

#[test]
fn a_snapshot_of_another_fold_does_not_count() {
    let (dir, texts) = closed(40, 4);
    let (store, folded) = open(dir.path(), None, 2);
    assert_eq!(*folded.lock().unwrap(), Texts { heard: texts, by_itself: 40 });
    store.close();
}

#[test]
fn a_snapshot_ahead_of_the_log_or_of_another_log_does_not_count() {
    let (longer, _) = closed(40, 4);
    let of_longer = snapshots(longer.path()).remove(0);
    for entries in [20, 60] {
        let (dir, texts) = closed(entries, entries);
        std::fs::create_dir_all(dir.path().join("snapshots")).unwrap();
        std::fs::copy(&of_longer, dir.path().join("snapshots").join(of_longer.file_name().unwrap())).unwrap();
        opens(dir.path(), &texts, entries);
    }
}

#[test]
fn a_snapshot_ends_before_an_entry_that_cannot_be_read() {
    let (dir, _) = closed(40, 40);
    let replaced = if super::IS_A_FILE {
        "CAST(replace(leaf, 'feed.heard', 'feed.seen!') AS BLOB)"
    } else {
        "convert_to(replace(convert_from(leaf, 'UTF8'), 'feed.heard', 'feed.seen!'), 'UTF8')"
    };
    sql(
        dir.path(),
        &format!("DELETE FROM checkpoint; DELETE FROM tile; UPDATE entry SET leaf = {replaced} WHERE seq = 30"),
    );
    std::fs::remove_file(dir.path().join("last-checkpoint")).unwrap();
    let (store, _) = open(dir.path(), Some(1), 1);
    store.seal_blocking().unwrap();
    while snapshots(dir.path()).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    store.close();
    let name = snapshots(dir.path()).remove(0);
    assert!(name.ends_with(format!("{:020}.snapshot", 30)), "{}", name.display());
}

#[test]
fn a_torn_snapshot_that_was_never_named_is_written_over() {
    let (dir, texts) = closed(40, 4);
    std::fs::write(dir.path().join("snapshots").join("unfinished"), b"half of one").unwrap();
    add(dir.path(), &["more".to_owned()], Some(1));
    assert!(!dir.path().join("snapshots").join("unfinished").exists());
    opens(dir.path(), &[&texts[..], &["more".to_owned()]].concat(), 0);
}
