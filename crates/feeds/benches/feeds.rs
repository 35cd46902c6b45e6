//! How many HL7 messages a second are committed before they are acknowledged, and what reading one costs.
//!
//! What is timed by `committed_before_ack`: real sockets on loopback, framing, reading, translation, the commit with its sync, the fold
//! and the acknowledgement; senders are tasks in the same process, on the same cores, and each waits for every acknowledgement, or keeps
//! the given number of messages in the air. Messages are a synthetic hospital's. The file is where Cargo builds, so on a disk if that is.
#![expect(clippy::unwrap_used, clippy::panic, reason = "benchmarks")]

use bytes::Bytes;
use charter::Charter;
use divan::Bencher;
use divan::counter::ItemsCount;
use feeds::hl7::{AdtMessage, Message, decode};
use feeds::replay::{Pace, replay};
use hospital::{Day, Hospital, Size};
use jiff::tz::TimeZone;
use plane::{Plane, Settings, SystemClock};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Messages each sender sends in one round.
const MESSAGES: usize = 500;

fn main() {
    divan::main();
}

fn messages(seed: u64, count: usize) -> Vec<Bytes> {
    let start = plane::Clock::now(&SystemClock);
    let hospital = Arc::new(Hospital::new(seed, Size::SMALL, start, "Europe/London").unwrap());
    let mut day = Day::new(hospital, start);
    let mut steps = day.census();
    // In the past, so that the times are believed.
    steps.extend((0..count).map(|_| day.step_at(start)));
    steps.into_iter().take(count).map(|step| Bytes::from(step.message)).collect()
}

fn open(dir: &Path) -> Plane {
    let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
    let settings = Settings::new(Arc::new(SystemClock), charter.hospital().origin.clone());
    Plane::open(dir, Some(charter), settings).unwrap()
}

#[divan::bench(args = [(1, 1), (16, 1), (16, 16)], sample_count = 10, sample_size = 1)]
fn committed_before_ack(bencher: Bencher, (senders, in_the_air): (usize, usize)) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plane = open(dir.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (to, stop) = (listener.local_addr().unwrap().to_string(), CancellationToken::new());
    let serving = runtime.spawn(feeds::listener::serve(listener, plane.clone(), stop.clone()));
    let seed = AtomicU64::new(0);
    let day = || messages(seed.fetch_add(1, Ordering::Relaxed), MESSAGES);
    bencher
        .counter(ItemsCount::new(senders * MESSAGES))
        .with_inputs(|| (0..senders).map(|_| day()).collect::<Vec<_>>())
        .bench_values(|days| {
            runtime.block_on(async {
                let pace = Pace { window_messages: in_the_air, ..Pace::default() };
                let sending: Vec<_> = days
                    .into_iter()
                    .map(|day| {
                        let to = to.clone();
                        tokio::spawn(async move { replay(&to, &day, &pace, |_| {}).await.unwrap().accepted })
                    })
                    .collect();
                for sender in sending {
                    if sender.await.unwrap() != MESSAGES as u64 {
                        panic!("a message was not accepted");
                    }
                }
            });
        });
    stop.cancel();
    runtime.block_on(serving).unwrap();
    plane.close();
}

/// From bytes to a typed message, one at a time.
#[divan::bench]
fn read_one(bencher: Bencher) {
    let messages = messages(1, MESSAGES);
    let zone = TimeZone::get("Europe/London").unwrap();
    bencher.counter(ItemsCount::new(messages.len())).bench(|| {
        for message in &messages {
            let decoded = decode(message);
            divan::black_box(AdtMessage::read(&Message::read(&decoded.text).unwrap(), &zone));
        }
    });
}
