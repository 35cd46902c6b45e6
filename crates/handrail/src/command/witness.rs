//! `handrail witness`: a witness of a log, with a key and a state of its own, to be run elsewhere and under somebody else.

use super::failure::Failure;
use super::output::{Output, note};
use super::serve::stop_on_signal;
use crate::cli::{LogFormat, Witness as Args};
use crate::server::http::{Limits, Listener, serve};
use crate::server::logging;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use ledger::growth::GROWTH_BYTES_MAX;
use ledger::rotation::{KeyHistory, Rotation};
use ledger::witness::{Memory, Refusal, Witness};
use ledger::{CosigningKey, Origin, VerifyingKey};
use plane::{Clock as _, SystemClock};
use rustix::fs::{FlockOperation, flock};
use serde_json::json;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The seed of the witness's key, in its state directory.
const KEY: &str = "witness.key";
/// Its public key, to be given to verifiers and to the node.
const PUBLIC_KEY: &str = "witness.vkey";
/// The latest checkpoint it cosigned.
const CHECKPOINT: &str = "checkpoint";
/// The longest file it reads from its state, in bytes.
const FILE_BYTES_MAX: u64 = ledger::note::NOTE_BYTES_MAX as u64;

/// Runs it.
pub(crate) async fn run(args: Args, out: Output) -> Result<(), Failure> {
    match args {
        Args::Init { state, name } => init(&state, &name, out),
        Args::Run { state, listen, log_key, rotation } => watch(&state, listen, &log_key, &rotation).await,
    }
}

fn init(state: &Path, name: &str, out: Output) -> Result<(), Failure> {
    let name = Origin::parse(name)?;
    DirBuilder::new().recursive(true).mode(0o700).create(state)?;
    let mut seed = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut *seed).map_err(|_| Failure::local("no randomness for a new key"))?;
    let key = CosigningKey::from_seed(name, &seed)?.witness_key().to_string();
    let made = new_file(&state.join(KEY), &*seed);
    made.map_err(|error| {
        Failure::local(format!(
            "`{}` cannot be made: {error}; a key that is there is never replaced",
            state.join(KEY).display()
        ))
    })?;
    new_file(&state.join(PUBLIC_KEY), format!("{key}\n").as_bytes())?;
    File::open(state)?.sync_all()?;
    note(
        "give this key to the node (`[[witness]]` in its configuration) and to every verifier (`handrail-verify --witness`)",
    );
    out.data(&json!({ "key": key }), || key.clone())
}

fn new_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Where the latest checkpoint is kept: replaced in one step, synced before that.
struct Kept {
    state: PathBuf,
    /// Held as long as the witness runs: two would each cosign a history of their own.
    _lock: File,
}

impl Memory for Kept {
    fn keep(&mut self, note: &str) -> io::Result<()> {
        let fresh = self.state.join("checkpoint.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, self.state.join(CHECKPOINT))?;
        File::open(&self.state)?.sync_all()
    }
}

type Shared = Arc<Mutex<Witness<Kept>>>;

async fn watch(
    state: &Path,
    listen: std::net::SocketAddr,
    log_key: &str,
    rotations: &[PathBuf],
) -> Result<(), Failure> {
    logging::start(LogFormat::Text, "info");
    let witness = open(state, log_key, rotations)?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    note(&format!(
        "witness `{}` of `{}`, which it last saw at {} entries\n  listening on http://{}\n  key          {}",
        witness.key().name(),
        witness.origin(),
        witness.size(),
        listener.local_addr()?,
        witness.key(),
    ));
    let routes = routes(Arc::new(Mutex::new(witness)));
    serve(Listener::Tcp(listener), routes, Limits::default(), stop_on_signal()?).await;
    Ok(())
}

fn open(state: &Path, log_key: &str, rotations: &[PathBuf]) -> Result<Witness<Kept>, Failure> {
    let text = |path: &Path| -> io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
        Ok(text)
    };
    let uninitialised = |error: io::Error| {
        Failure::local(format!(
            "`{}` is no witness's state: {error}; make one: handrail witness init --state DIR --name NAME",
            state.display()
        ))
    };
    let mut file = File::open(state.join(KEY)).map_err(uninitialised)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        return Err(Failure::local(format!(
            "others than its owner may use `{}`; set it to 600 and consider the key known",
            state.join(KEY).display()
        )));
    }
    let mut seed = Zeroizing::new([0; 32]);
    file.read_exact(&mut *seed)?;
    let public: ledger::WitnessKey = text(&state.join(PUBLIC_KEY))?.trim().parse()?;
    let key = CosigningKey::from_seed(public.name().clone(), &seed)?;
    if *key.witness_key() != public {
        return Err(Failure::local(format!("`{PUBLIC_KEY}` does not belong to `{KEY}`")));
    }
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(state.join("lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| Failure::local(format!("another witness runs on `{}`", state.display())))?;
    let given = Path::new(log_key);
    let log_key = if given.is_file() { text(given)? } else { log_key.to_owned() };
    let records = rotations.iter().map(|path| Ok(Rotation::parse(&std::fs::read(path)?)?));
    let records = records.collect::<Result<Vec<_>, Failure>>()?;
    let keys = KeyHistory::follow(&VerifyingKey::parse(log_key.trim())?, records).map_err(|(_, error)| error)?;
    let kept = match text(&state.join(CHECKPOINT)) {
        Ok(note) => Some(note),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Witness::new(key, keys, kept, Kept { state: state.to_owned(), _lock: lock })?)
}

/// What anybody may ask of a witness: nothing it says is secret, and it believes only signatures.
fn routes(witness: Shared) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add))
        .route("/{origin}/checkpoint", get(latest))
        .layer(DefaultBodyLimit::max(GROWTH_BYTES_MAX))
        .with_state(witness)
}

async fn add(State(witness): State<Shared>, request: Bytes) -> Response {
    let now_s = u64::try_from(SystemClock.now().as_millis() / 1000).unwrap_or(0);
    // Keeping waits for the disk.
    let judged = tokio::task::spawn_blocking(move || {
        witness.lock().unwrap_or_else(PoisonError::into_inner).add(&request, now_s)
    });
    match judged.await {
        Ok(Ok(line)) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], line).into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(refusal: &Refusal) -> Response {
    tracing::warn!(%refusal, "a checkpoint was not cosigned");
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match refusal {
        Refusal::Stale { size } => {
            (status, [(header::CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
        _ => (status, format!("{refusal}\n")).into_response(),
    }
}

/// The latest checkpoint cosigned, for whoever watches the log. `origin` is the SHA-256 of its name, in hexadecimal.
async fn latest(State(witness): State<Shared>, UrlPath(origin): UrlPath<String>) -> Response {
    let witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
    let named = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, witness.origin().as_str().as_bytes());
    let named: String = named.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    match witness.latest().filter(|_| origin == named) {
        Some(note) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note.to_owned()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
