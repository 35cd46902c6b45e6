//! Load from outside: one request at a time on each connection, each timed from its first byte sent to its last byte read. Whoever asks
//! runs on the same cores as whoever answers, so all connections of an HTTP load share one thread: a thread for each would measure the
//! switching between them.

use crate::peer::Sender;
use crate::step::{Outcome, elapsed_since_start};
use crate::story::hospital::Adt;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How a decision that permits begins, with both who are asked.
const PERMITS: &[u8] = b"{\"decision\":true";

/// What a load came to.
pub(super) struct Measured {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Answers that were not as expected.
    pub(super) failed: usize,
}

/// What so many times come to.
pub(super) fn measured(mut times: Vec<Duration>, failed: usize, lasted: Duration) -> Measured {
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    Measured { per_second: times.len() as f64 / lasted.as_secs_f64(), p50_ms: at(0.5), p99_ms: at(0.99), failed }
}

/// A request for a decision, ready to be sent, and what is to be answered.
pub(super) struct Asked {
    bytes: Vec<u8>,
    permitted: bool,
}

impl Asked {
    /// Made ready before anything is timed.
    pub(super) fn new(address: SocketAddr, token: &str, body: &Value, permitted: bool) -> Self {
        let body = body.to_string();
        let bytes = format!(
            "POST /access/v1/evaluation HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { bytes: bytes.into_bytes(), permitted }
    }

    /// Asks over a connection; whether the answer was the expected one.
    async fn ask(&self, connection: &mut Connection) -> Outcome<bool> {
        connection.stream.write_all(&self.bytes).await?;
        let body = connection.answer().await?;
        Ok(body.is_some_and(|body| body.starts_with(PERMITS) == self.permitted))
    }
}

/// A kept connection that reads answers of a stated length.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects.
    async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: vec![0; ANSWER_BYTES_MAX] })
    }

    /// The body of the next answer, if its status is 200.
    async fn answer(&mut self) -> Outcome<Option<&[u8]>> {
        let mut filled = 0;
        loop {
            let some = self.stream.read(self.read.get_mut(filled..).unwrap_or_default()).await?;
            if some == 0 {
                return Err("the connection ended, or the answer is too long".into());
            }
            filled += some;
            let read = self.read.get(..filled).unwrap_or_default();
            let Some(head) = read.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            let (head, body) = read.split_at(head + 4);
            let length = length(head).ok_or("an answer does not say how long it is")?;
            if body.len() >= length {
                let fine = head.starts_with(b"HTTP/1.1 200");
                let from = head.len();
                return Ok(fine.then(|| self.read.get(from..from + length).unwrap_or_default()));
            }
        }
    }
}

fn length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))?;
    std::str::from_utf8(line.get(NAME.len()..)?).ok()?.trim().parse().ok()
}

/// Asks each request once; the first that is not answered as expected, by its place.
pub(super) fn unexpected(address: SocketAddr, requests: &[Asked]) -> Outcome<Option<usize>> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(address).await?;
        for (place, asked) in requests.iter().enumerate() {
            if !asked.ask(&mut connection).await? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    })
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Asks for decisions over kept connections, one request after another, from the first again after the last. With a `pace`, as many a
/// second are due over all connections, and one that could not be sent when it was due, because an answer was late, is timed from then. Several
/// `targets` get a connection each in turn.
pub(super) fn http(
    targets: &[(SocketAddr, Arc<Vec<Asked>>)],
    connections: usize,
    lasts: Duration,
    pace: Option<f64>,
) -> Outcome<Measured> {
    runtime()?.block_on(async {
        let begin = elapsed_since_start();
        let mut workers = tokio::task::JoinSet::new();
        for first in 0..connections {
            let (address, requests) = targets.get(first % targets.len().max(1)).ok_or("nobody to ask")?;
            let (mut connection, requests) = (Connection::open(*address).await?, Arc::clone(requests));
            workers.spawn(async move {
                let (mut times, mut failed) = (Vec::new(), 0);
                let mut number = first;
                loop {
                    let mut from = elapsed_since_start();
                    let due = pace.map_or(from, |pace| begin + Duration::from_secs_f64(number as f64 / pace));
                    if due - begin >= lasts {
                        return Outcome::Ok((times, failed));
                    }
                    if let Some(wait) = due.checked_sub(from).filter(|wait| !wait.is_zero()) {
                        tokio::time::sleep(wait).await;
                        from = elapsed_since_start();
                    } else {
                        from = due;
                    }
                    let asked = requests.get(number % requests.len().max(1)).ok_or("nothing to ask")?;
                    failed += usize::from(!asked.ask(&mut connection).await?);
                    times.push(elapsed_since_start() - from);
                    number += connections;
                }
            });
        }
        let (mut times, mut failed) = (Vec::new(), 0);
        while let Some(worker) = workers.join_next().await {
            let (some, bad) = worker??;
            times.extend(some);
            failed += bad;
        }
        Ok(measured(times, failed, elapsed_since_start() - begin))
    })
}

/// Sends admissions from so many senders, each on a thread of its own and waiting for one acknowledgement before it sends the next.
pub(super) fn mllp(address: SocketAddr, senders: usize, lasts: Duration) -> Outcome<Measured> {
    let template = Adt {
        trigger: "A01",
        control: "@C",
        patient: "@P",
        visit: "@V",
        place: "ED",
        before: "",
        merged: None,
        at: -60,
    }
    .text()?;
    let begin = elapsed_since_start();
    let mut workers = Vec::new();
    for first in 0..senders {
        let (mut sender, template) = (Sender::connect(address)?, template.clone());
        workers.push(std::thread::spawn(move || -> Outcome<(Vec<Duration>, usize)> {
            let (mut times, mut failed) = (Vec::new(), 0);
            let mut number = first;
            while elapsed_since_start() - begin < lasts {
                let message = template
                    .replace("@C", &format!("L{number}"))
                    .replace("@P", &format!("L{}", number % 5000))
                    .replace("@V", &format!("VL{number}"));
                let before = elapsed_since_start();
                failed += usize::from(!sender.send(&message)?.contains("MSA|AA"));
                times.push(elapsed_since_start() - before);
                number += senders;
            }
            Ok((times, failed))
        }));
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    for worker in workers {
        let (some, bad) = worker.join().map_err(|_| "a sender panicked")??;
        times.extend(some);
        failed += bad;
    }
    Ok(measured(times, failed, elapsed_since_start() - begin))
}
