//! A sender, as an interface engine is one: messages of a file over MLLP, resent until they are acknowledged, with the tally at the end.

mod file;

pub use file::{age, answered_once, complete, shift_dates, split};

use crate::hl7::{Answer, Message, Outcome, decode};
use crate::mllp::{Mllp, MllpError, Received, Sender};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::codec::Framed;

/// The most different reasons a report tells apart.
const REASONS_MAX: usize = 64;

/// How to send.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Messages a second; `None` for as fast as they are acknowledged.
    pub rate_per_s: Option<f64>,
    /// How many messages may be unanswered at once. Most real senders wait for each.
    pub window_messages: usize,
    /// How often a message that could not be recorded (AE) is sent again.
    pub retries_max: u32,
    /// How often in a row a lost connection is opened again.
    pub reconnects_max: u32,
    /// How long to wait before either.
    pub pause: Duration,
    /// A connection on which an answer takes longer is lost.
    pub answer_timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rate_per_s: None,
            window_messages: 1,
            retries_max: 10,
            reconnects_max: 10,
            pause: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(30),
        }
    }
}

/// What became of the messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// AA.
    pub accepted: u64,
    /// AE, again and again: given up.
    pub failed: u64,
    /// AR.
    pub refused: u64,
    /// How many were sent more than once.
    pub resent: u64,
    /// The reasons of AE and AR, each with how often.
    pub reasons: BTreeMap<String, u64>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// How many messages have their answer.
    #[must_use]
    pub const fn answered(&self) -> u64 {
        self.accepted + self.failed + self.refused
    }
}

/// Why a replay did not end well. What was acknowledged until then is recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The connection could not be opened, or was lost too often.
    #[error("the listener cannot be reached; {answered} messages were acknowledged")]
    Unreachable {
        /// How many messages have their answer.
        answered: u64,
        /// What happened last.
        #[source]
        source: MllpError,
    },
    /// What came back is no acknowledgement of what was sent.
    #[error("the answer to message {message} is no acknowledgement of it")]
    Mixed {
        /// Which message, counted from 1.
        message: usize,
    },
}

enum Lost {
    Connection(MllpError),
    Mixed(usize),
}

/// Sends messages in order until each has its answer. `progress` is told after every answer.
///
/// # Errors
/// When the listener cannot be reached, or answers something else.
pub async fn replay(
    to: &str,
    messages: &[Bytes],
    pace: &Pace,
    mut progress: impl FnMut(&Report),
) -> Result<Report, ReplayError> {
    let started = Instant::now();
    let mut run = Run {
        messages,
        pace,
        waiting: (0..messages.len()).collect(),
        flying: VecDeque::new(),
        tries: vec![0; messages.len()],
        due: started,
        report: Report::default(),
    };
    let mut attempts = 0;
    while !run.is_done() {
        let answered = run.report.answered();
        match run.over_one_connection(to, &mut progress).await {
            Ok(()) => break,
            Err(Lost::Mixed(message)) => return Err(ReplayError::Mixed { message: message + 1 }),
            Err(Lost::Connection(source)) => {
                // Only attempts without any progress count.
                attempts = if run.report.answered() > answered { 0 } else { attempts + 1 };
                if attempts > pace.reconnects_max {
                    return Err(ReplayError::Unreachable { answered: run.report.answered(), source });
                }
                run.land();
                sleep(pace.pause).await;
            }
        }
    }
    run.report.took = started.elapsed();
    Ok(run.report)
}

struct Run<'a> {
    messages: &'a [Bytes],
    pace: &'a Pace,
    /// Still to be sent.
    waiting: VecDeque<usize>,
    /// Sent and not answered.
    flying: VecDeque<usize>,
    tries: Vec<u32>,
    due: Instant,
    report: Report,
}

impl Run<'_> {
    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty()
    }

    /// Whatever was in the air will be sent again, first.
    fn land(&mut self) {
        while let Some(message) = self.flying.pop_back() {
            self.waiting.push_front(message);
        }
    }

    async fn over_one_connection(&mut self, to: &str, progress: &mut impl FnMut(&Report)) -> Result<(), Lost> {
        let mut link = Sender::connect(to).await.map_err(Lost::Connection)?.into_framed();
        while !self.is_done() {
            self.send_what_is_due(&mut link).await.map_err(Lost::Connection)?;
            let may_send = !self.waiting.is_empty() && self.flying.len() < self.pace.window_messages.max(1);
            tokio::select! {
                received = timeout(self.pace.answer_timeout, link.next()), if !self.flying.is_empty() => {
                    let lost = |kind| Lost::Connection(MllpError::Io(std::io::Error::from(kind)));
                    match received {
                        Ok(Some(Ok(received))) => self.take(&received).await?,
                        Ok(Some(Err(error))) => return Err(Lost::Connection(error)),
                        Ok(None) => return Err(lost(std::io::ErrorKind::UnexpectedEof)),
                        Err(_) => return Err(lost(std::io::ErrorKind::TimedOut)),
                    }
                    progress(&self.report);
                }
                () = sleep_until(self.due), if may_send => {}
            }
        }
        Ok(())
    }

    async fn send_what_is_due(&mut self, link: &mut Framed<TcpStream, Mllp>) -> Result<(), MllpError> {
        while self.flying.len() < self.pace.window_messages.max(1) && Instant::now() >= self.due {
            let Some(next) = self.waiting.pop_front() else { break };
            self.flying.push_back(next);
            if let (Some(message), Some(tries)) = (self.messages.get(next), self.tries.get_mut(next)) {
                self.report.resent += u64::from(*tries > 0);
                *tries += 1;
                link.feed(message.clone()).await?;
            }
            if let Some(rate) = self.pace.rate_per_s.filter(|rate| *rate > 0.0) {
                self.due += Duration::from_secs_f64(1.0 / rate);
            }
        }
        link.flush().await
    }

    async fn take(&mut self, received: &Received) -> Result<(), Lost> {
        let Some(message) = self.flying.pop_front() else { return Ok(()) };
        let sent = self.messages.get(message).map_or(&[][..], |message| message);
        let Some(answer) = answer_to(sent, received) else { return Err(Lost::Mixed(message)) };
        let tries = self.tries.get(message).copied().unwrap_or(u32::MAX);
        match answer.outcome {
            Outcome::Accepted => self.report.accepted += 1,
            Outcome::Failed if tries <= self.pace.retries_max => {
                self.waiting.push_front(message);
                sleep(self.pace.pause).await;
                return Ok(());
            }
            Outcome::Failed => self.report.failed += 1,
            Outcome::Refused => self.report.refused += 1,
        }
        if answer.outcome != Outcome::Accepted
            && (self.report.reasons.len() < REASONS_MAX || self.report.reasons.contains_key(&answer.reason))
        {
            *self.report.reasons.entry(answer.reason).or_default() += 1;
        }
        Ok(())
    }
}

/// The acknowledgement in a frame, if it answers this message. A message without a control id cannot be told from others.
fn answer_to(sent: &[u8], received: &Received) -> Option<Answer> {
    let Received::Message(bytes) = received else { return None };
    let back = decode(bytes);
    let answer = Answer::read(&Message::read(&back.text).ok()?)?;
    let forth = decode(sent);
    let id = Message::read(&forth.text).ok().map(|message| message.segment("MSH").field(10).component(1).into_owned());
    let same = id.is_none_or(|id| id.trim() == answer.control_id.trim());
    same.then_some(answer)
}
