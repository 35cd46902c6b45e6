//! The node's side of witnesses: each new checkpoint is sent to them, and what they cosign is kept. None of it ever holds a decision up.

use crate::config;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use ledger::growth::Growth;
use ledger::{WitnessKey, cosignature, proof};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use store::{AppendError, Batch, ReadError, Store, Value, statements};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// How often the node looks whether there is a new checkpoint to send.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many looks pass before a witness that did not cosign is asked again for the same checkpoint.
const LOOKS_BEFORE_RETRY: u32 = 30;
/// How long one exchange with a witness may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a witness is asked in one round: it may know another size than we think.
const TRIES_MAX: usize = 3;
/// The most bytes of a witness's answer.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// The most characters kept of why a witness refused.
const TROUBLE_CHARS_MAX: usize = 200;

/// A witness as the configuration names it.
#[derive(Debug)]
struct Watching {
    /// `host:port`.
    authority: String,
    /// What goes before `/add-checkpoint`.
    prefix: String,
    key: WitnessKey,
}

/// Every witness of a node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Witnesses(Arc<Inner>);

struct Inner {
    store: Store,
    watching: Vec<Watching>,
    /// One round at a time: a witness that is asked twice at once refuses one of them.
    round: tokio::sync::Mutex<()>,
}

/// What a witness said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Said {
    pub(crate) name: String,
    /// How many entries the checkpoint has that it cosigned last; 0 for none.
    pub(crate) size: u64,
    /// That checkpoint with its cosignature.
    pub(crate) note: String,
    /// Why it did not cosign when it was last asked; empty if it did.
    pub(crate) trouble: String,
    /// Whether the node still asks it.
    pub(crate) configured: bool,
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
enum Unwitnessed {
    #[error("it cannot be reached")]
    Unreachable,
    #[error("it did not answer in time")]
    Late,
    #[error("it answers {status}: {said}")]
    Refused { status: StatusCode, said: String },
    #[error("it has seen {size} entries, this log has {ours}: it was cut back or split")]
    SeenMore { size: u64, ours: u64 },
    #[error("what it answers is not its cosignature")]
    NotCosigned,
    #[error("the proof for it cannot be made")]
    Proof,
}

/// What came of asking every witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// How many entries the checkpoint has.
    pub(crate) size: u64,
    /// The checkpoint with every cosignature that came.
    pub(crate) note: String,
    /// Whether all witnesses cosigned.
    pub(crate) all: bool,
}

/// A witness in the configuration that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("the witness `{url}`: {why}")]
pub(crate) struct WitnessConfigError {
    url: String,
    why: String,
}

impl Witnesses {
    /// The witnesses of a configuration.
    pub(crate) fn new(store: &Store, configured: &[config::Witness]) -> Result<Self, WitnessConfigError> {
        let mut watching = Vec::new();
        for config::Witness { url, key } in configured {
            let wrong = |why: String| WitnessConfigError { url: url.clone(), why };
            let rest = url.strip_prefix("http://").ok_or_else(|| {
                wrong("expected `http://host:port`; checkpoints and cosignatures verify by themselves, so they need no TLS".to_owned())
            })?;
            let (authority, prefix) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
            let key = WitnessKey::parse(key).map_err(|error| wrong(error.to_string()))?;
            let prefix = format!("/{prefix}").trim_end_matches('/').to_owned();
            let authority = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
            watching.push(Watching { authority, prefix, key });
        }
        Ok(Self(Arc::new(Inner { store: store.clone(), watching, round: tokio::sync::Mutex::default() })))
    }

    /// Sends each new checkpoint until `stop`.
    pub(crate) async fn keep_asking(self, stop: CancellationToken) {
        if self.0.watching.is_empty() {
            return stop.cancelled().await;
        }
        let (mut asked, mut looks) = (None, 0);
        while !stop.is_cancelled() {
            let sealed = self.0.store.head().sealed;
            if asked != Some(sealed) || looks >= LOOKS_BEFORE_RETRY {
                let all = tokio::select! {
                    () = stop.cancelled() => return,
                    all = self.round() => all,
                };
                let all = all.is_ok_and(|round| round.is_some_and(|round| round.all));
                (asked, looks) = (Some(sealed), u32::from(!all));
            }
            looks += u32::from(looks > 0);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Sends the latest checkpoint to every witness once, and keeps what they say. That checkpoint, if anything is sealed yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn round(&self) -> Result<Option<Round>, ReadError> {
        let _one = self.0.round.lock().await;
        let Some((size, mut note)) = self.0.store.read(|reader| reader.checkpoint())? else { return Ok(None) };
        let asked = self.0.watching.iter().map(|witness| self.ask(witness, size, &note));
        let lines = futures_util::future::join_all(asked).await;
        let all = lines.iter().all(Option::is_some);
        lines.into_iter().flatten().for_each(|line| note.push_str(&line));
        Ok(Some(Round { size, note, all }))
    }

    async fn ask(&self, witness: &Watching, size: u64, note: &str) -> Option<String> {
        let name = witness.key.name().as_str();
        let before = self.said().unwrap_or_default().into_iter().find(|said| said.name == name);
        let known = before.as_ref().map_or(0, |said| said.size);
        let cosigned = self.cosigned(witness, known, size, note).await;
        let now = Value::from(self.0.store.head().recorded_at);
        let kept = match &cosigned {
            Ok(line) => {
                metrics::gauge!("handrail_witness_entries", "witness" => name.to_owned()).set(size as f64);
                let values = [name.into(), events::Seq(size).into(), format!("{note}{line}").into(), now];
                self.keep(statements::WITNESS_COSIGNED, values.to_vec()).await
            }
            Err(why) => {
                let why = why.to_string();
                if before.is_some_and(|before| before.trouble == why) {
                    return None;
                }
                tracing::warn!(witness = name, why, "a witness did not cosign");
                self.keep(statements::WITNESS_FAILED, vec![name.into(), why.into(), now]).await
            }
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "what a witness said could not be kept");
        }
        cosigned.ok()
    }

    async fn keep(&self, statement: &'static store::Statement, values: Vec<Value>) -> Result<(), AppendError> {
        self.0.store.append(Batch::default().write(statement, values)).await.map(drop)
    }

    /// The witness's line below this note.
    async fn cosigned(&self, witness: &Watching, known: u64, size: u64, note: &str) -> Result<String, Unwitnessed> {
        let mut old = known.min(size);
        for _ in 0..TRIES_MAX {
            let path = proof::consistency(&self.0.store, old, size).map_err(|_| Unwitnessed::Proof)?;
            let request = Growth { old, path, note: note.to_owned() }.to_string();
            let answered = tokio::time::timeout(ANSWER_TIMEOUT, exchange(witness, request)).await;
            let (status, said) = answered.map_err(|_| Unwitnessed::Late)?.map_err(|_| Unwitnessed::Unreachable)?;
            match status {
                StatusCode::OK => return own_line(note, &said, &witness.key).ok_or(Unwitnessed::NotCosigned),
                StatusCode::CONFLICT => match said.trim().parse() {
                    Ok(seen) if seen > size => return Err(Unwitnessed::SeenMore { size: seen, ours: size }),
                    Ok(seen) => old = seen,
                    Err(_) => return Err(Unwitnessed::NotCosigned),
                },
                status => {
                    let said = said.trim().chars().filter(|c| !c.is_control()).take(TROUBLE_CHARS_MAX).collect();
                    return Err(Unwitnessed::Refused { status, said });
                }
            }
        }
        Err(Unwitnessed::NotCosigned)
    }

    /// What every witness said last.
    pub(crate) fn said(&self) -> Result<Vec<Said>, ReadError> {
        let configured = |name: &str| self.0.watching.iter().any(|watching| watching.key.name().as_str() == name);
        let mut said = self.0.store.read(|reader| {
            reader.query(statements::WITNESS_ALL, &[], |row| {
                let (name, size) = (row.text(0)?, u64::try_from(row.int(1)?).unwrap_or(0));
                let configured = configured(&name);
                Ok(Said { name, size, note: row.text(2)?, trouble: row.text(4)?, configured })
            })
        })?;
        for watching in &self.0.watching {
            let name = watching.key.name().as_str();
            if !said.iter().any(|one| one.name == name) {
                let (name, trouble) = (name.to_owned(), "it was not asked yet".to_owned());
                said.push(Said { name, size: 0, note: String::new(), trouble, configured: true });
            }
        }
        Ok(said)
    }

    /// A checkpoint with the cosignatures there are for it.
    pub(crate) fn cosigned_note(&self, note: &str) -> Result<String, ReadError> {
        let mut whole = note.to_owned();
        for said in self.said()? {
            whole.push_str(said.note.strip_prefix(note).unwrap_or_default());
        }
        Ok(whole)
    }
}

/// Of an answer, the lines that are this witness's cosignature of this note.
fn own_line(note: &str, answer: &str, key: &WitnessKey) -> Option<String> {
    answer
        .split_inclusive('\n')
        .find(|line| {
            let cosigned = format!("{note}{line}");
            line.ends_with('\n')
                && cosignature::cosignatures(cosigned.as_bytes(), std::slice::from_ref(key))
                    .is_ok_and(|one| one.len() == 1)
        })
        .map(str::to_owned)
}

async fn exchange(
    witness: &Watching,
    request: String,
) -> Result<(StatusCode, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(&witness.authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/add-checkpoint", witness.prefix))
        .header(header::HOST, &witness.authority)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::new(Bytes::from(request)))?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    let answered = answered.await;
    driver.abort();
    answered
}
