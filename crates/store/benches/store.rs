//! How many entries a second are durable, by how many callers wait: each caller appends one entry and waits for its answer.
//!
//! What is timed: writing the leaf's tail, the queue, the transaction with its sync, the fold (none here), the answer. Entries are decisions of
//! about 700 bytes. The file is where Cargo builds, so on a disk if that is. Sealing and moving the log into the file go on meanwhile.
#![expect(clippy::unwrap_used, reason = "benchmarks")]

use divan::Bencher;
use divan::counter::ItemsCount;
use events::{Actor, Draft, FeedName, PrincipalId, Seq, Timestamp, feed::Heard};
use std::ops::ControlFlow;
use std::sync::Arc;
use store::{Batch, Options, Store};

/// Appends each caller makes in one round.
const TURNS: usize = 50;

fn main() {
    divan::main();
}

fn open(dir: &std::path::Path) -> Store {
    let now = || Timestamp::from_millis(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64);
    Store::open(dir, Options::new("bench.example/log", Arc::new(now)), Box::new(())).unwrap()
}

fn draft() -> Draft {
    let feed = FeedName::new("adt").unwrap();
    let heard = Heard { feed: feed.clone(), message_type: "ORU^R01".into(), sha256: "ab".repeat(200).into() };
    Draft { on_behalf_of: Some(PrincipalId::new("nurse-41").unwrap()), ..Draft::new(Actor::feed(&feed), heard) }
}

/// Callers are asynchronous tasks on as many threads as there are cores.
#[divan::bench(args = [1, 64, 256, 1024], sample_count = 20, sample_size = 1)]
fn durable_append(bencher: Bencher, waiting: usize) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(dir.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    bencher.counter(ItemsCount::new(waiting * TURNS)).bench(|| {
        runtime.block_on(async {
            let callers: Vec<_> = (0..waiting)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        for _ in 0..TURNS {
                            store.append(Batch::one(draft())).await.unwrap();
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
        });
    });
    store.close();
}

/// As above, each batch with a claim, a stream and a write beside its entry.
#[divan::bench(args = [64, 256], sample_count = 20, sample_size = 1)]
fn durable_append_with_conditions(bencher: Bencher, waiting: usize) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(dir.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let number = Arc::new(std::sync::atomic::AtomicU64::new(0));
    bencher.counter(ItemsCount::new(waiting * TURNS)).bench(|| {
        runtime.block_on(async {
            let callers: Vec<_> = (0..waiting)
                .map(|_| {
                    let (store, number) = (store.clone(), number.clone());
                    tokio::spawn(async move {
                        for _ in 0..TURNS {
                            let n = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            let key = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
                            let batch = Batch::one(draft())
                                .expect(format!("stream/{n}"), 0)
                                .claim("jti", format!("{n}"), Timestamp::MAX)
                                .write(
                                    store::statements::DIRECTORY_ADD,
                                    vec![key.into(), key.into(), store::Value::Entry],
                                );
                            store.append(batch).await.unwrap();
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
        });
    });
    store.close();
}

/// Opening a store of 100,000 entries: reading, hashing, comparing with the tree, parsing.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn reopen_with_100_000_entries(bencher: Bencher) {
    let dir = filled(100_000);
    bencher.counter(ItemsCount::new(100_000_usize)).bench_local(|| open(dir.path()).close());
}

/// One entry by its sequence, in thread.
#[divan::bench]
fn point_read(bencher: Bencher) {
    let dir = filled(10_000);
    let store = open(dir.path());
    let mut seq = 0;
    bencher.bench_local(|| {
        seq = (seq + 7919) % 10_000;
        store.read(|reader| reader.leaf_bytes(Seq(seq))).unwrap().unwrap()
    });
}

/// Reading entries in order.
#[divan::bench]
fn scan_10_000(bencher: Bencher) {
    let dir = filled(10_000);
    let store = open(dir.path());
    bencher.counter(ItemsCount::new(10_000_usize)).bench_local(|| {
        let mut bytes = 0;
        let read = store.read(|reader| {
            reader.scan(Seq(0), Seq(u64::MAX), |_, entry| {
                bytes += entry.len();
                ControlFlow::Continue(())
            })
        });
        read.unwrap();
        bytes
    });
}

fn filled(entries: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(dir.path());
    for _ in 0..entries / 1000 {
        store.append_blocking(Batch::of(vec![draft(); 1000])).unwrap();
    }
    store.close();
    dir
}
