//! Load from outside: one thread a connection, one request at a time, each timed from its first byte sent to its last byte read.

use crate::peer::Sender;
use crate::step::{Outcome, elapsed_since_start};
use crate::story::hospital::Adt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a load came to.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Answers that were not successes.
    pub(crate) failed: usize,
}

fn measured(mut times: Vec<Duration>, failed: usize, lasted: Duration) -> Measured {
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    Measured { per_second: times.len() as f64 / lasted.as_secs_f64(), p50_ms: at(0.5), p99_ms: at(0.99), failed }
}

/// Runs `work` on `many` threads until the time is over; `work` does one request and says whether it succeeded.
fn threads<W>(many: usize, lasts: Duration, start: impl Fn(usize) -> Outcome<W>) -> Outcome<Measured>
where
    W: FnMut(usize) -> Outcome<bool> + Send + 'static,
{
    let begin = elapsed_since_start();
    let mut workers = Vec::new();
    for thread in 0..many {
        let mut work = start(thread)?;
        workers.push(std::thread::spawn(move || -> Outcome<(Vec<Duration>, usize)> {
            let (mut times, mut failed) = (Vec::new(), 0);
            let mut number = thread;
            while elapsed_since_start() - begin < lasts {
                let before = elapsed_since_start();
                failed += usize::from(!work(number)?);
                times.push(elapsed_since_start() - before);
                number += many;
            }
            Ok((times, failed))
        }));
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    for worker in workers {
        let (some, bad) = worker.join().map_err(|_| "a worker panicked")??;
        times.extend(some);
        failed += bad;
    }
    Ok(measured(times, failed, elapsed_since_start() - begin))
}

/// POSTs JSON over kept connections.
pub(crate) fn http(
    address: SocketAddr,
    path: &str,
    token: &str,
    connections: usize,
    lasts: Duration,
    body: impl Fn(usize) -> String + Clone + Send + 'static,
) -> Outcome<Measured> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    );
    threads(connections, lasts, |_| {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let (head, body) = (head.clone(), body.clone());
        Ok(move |number: usize| {
            let body = body(number);
            let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            stream.get_mut().write_all(request.as_bytes())?;
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let fine = line.starts_with("HTTP/1.1 200");
            let mut length = 0;
            loop {
                line.clear();
                stream.read_line(&mut line)?;
                if line == "\r\n" || line.is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse()?;
                }
            }
            let mut answer = vec![0; length];
            stream.read_exact(&mut answer)?;
            Ok(fine)
        })
    })
}

/// Sends admissions, each waiting for its acknowledgement.
pub(crate) fn mllp(address: SocketAddr, senders: usize, lasts: Duration) -> Outcome<Measured> {
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
    threads(senders, lasts, |_| {
        let mut sender = Sender::connect(address)?;
        let template = template.clone();
        Ok(move |number: usize| {
            let message = template
                .replace("@C", &format!("L{number}"))
                .replace("@P", &format!("L{}", number % 5000))
                .replace("@V", &format!("VL{number}"));
            Ok(sender.send(&message)?.contains("MSA|AA"))
        })
    })
}
