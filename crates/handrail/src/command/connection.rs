//! Commands talk to a running node through its local socket; when none runs, to the same routes in their own process.

use super::failure::Failure;
use crate::server::audit::Searching;
use crate::server::http::Peer;
use crate::server::local::{Local, routes, told};
use crate::server::witnesses::Witnesses;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use charter::Charter;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use plane::{OpenError, Plane, Settings, SystemClock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixStream;
use tower::ServiceExt as _;

/// The local socket's name in a data directory.
pub(crate) const SOCKET: &str = "handrail.sock";

/// The local socket under a name short enough for the system (108 bytes), however deep the data directory lies.
pub(crate) struct SocketPath {
    path: PathBuf,
    /// Keeps the directory's descriptor, which the short name goes through, open.
    _directory: File,
}

impl SocketPath {
    /// The socket of a data directory.
    pub(crate) fn of(data: &Path) -> std::io::Result<Self> {
        let directory = File::open(data)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(SOCKET);
        Ok(Self { path, _directory: directory })
    }

    /// Good as long as this value lives.
    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}

/// The way to a node's local routes.
pub(crate) enum Connection {
    /// A node is running.
    Socket(SocketPath),
    /// None is; this process has opened the store itself.
    Here {
        /// The routes.
        router: Router,
        /// What they work on; closed when the command ends.
        plane: Plane,
    },
}

impl Connection {
    /// Finds the node of a data directory. `seed` is the charter an empty store begins with.
    pub(crate) fn open(data: &Path, seed: Option<Charter>) -> Result<Self, Failure> {
        if let Ok(socket) = SocketPath::of(data)
            && std::os::unix::net::UnixStream::connect(socket.as_path()).is_ok()
        {
            return Ok(Self::Socket(socket));
        }
        if seed.is_none() && !store::has_store(data) {
            let shown = data.display();
            let what = if data.exists() { "has no store in it yet" } else { "does not exist" };
            return Err(Failure::local(format!(
                "the data directory `{shown}` {what}; name the node's with --data, or begin it: handrail serve --charter DIR --data {shown} --listen ADDR"
            )));
        }
        let origin = seed.as_ref().map_or_else(String::new, |charter| charter.hospital().origin.to_string());
        let settings = Settings::new(Arc::new(SystemClock), origin);
        // Opening blocks, and the thread of a runtime must not.
        let opened = std::thread::scope(|threads| threads.spawn(|| Plane::open(data, seed, settings)).join());
        let plane = opened
            .map_err(|_| Failure::local("opening the store failed in a way nobody expected"))?
            .map_err(|error| cannot_open(data, &error))?;
        let callers = callers::Callers::new(&plane);
        let search = Searching::when_needed(data);
        let base_url = "http://127.0.0.1:8700".into();
        let witnesses = Witnesses::new(plane.store(), &[])?;
        let local =
            Local { plane: plane.clone(), callers, base_url, witnesses, search, desk: None, verifying: Arc::default() };
        let router = routes(local);
        Ok(Self::Here { router, plane })
    }

    /// GET, answered with JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(&self.send(Method::GET, path, Vec::new()).await?)
    }

    /// POST of JSON, answered with JSON.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        decode(&self.send(Method::POST, path, serde_json::to_vec(body)?).await?)
    }

    /// Any request, answered with bytes.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json");
        let (status, bytes) = match self {
            Self::Socket(socket) => {
                let request = request.body(Full::new(Bytes::from(body)))?;
                over_socket(socket.as_path(), request).await?
            }
            Self::Here { router, .. } => {
                let mut request = request.body(Body::from(body))?;
                request.extensions_mut().insert(Peer::User(rustix::process::getuid().as_raw()));
                let Ok(response) = router.clone().oneshot(request).await;
                (response.status(), response.into_body().collect().await?.to_bytes())
            }
        };
        if status.is_success() {
            return Ok(bytes);
        }
        let message =
            serde_json::from_slice::<String>(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned());
        Err(if status == StatusCode::SERVICE_UNAVAILABLE { Failure::remote(message) } else { Failure::local(message) })
    }

    /// Ends the connection; a store opened here is closed.
    pub(crate) fn close(self) {
        if let Self::Here { plane, .. } = self {
            plane.close();
        }
    }
}

/// Why a data directory cannot be opened, and what to do about it.
pub(crate) fn cannot_open(data: &Path, error: &OpenError) -> Failure {
    let shown = data.display();
    let what_to_do = match error {
        OpenError::NoCharter => {
            format!("begin it with a charter: handrail serve --charter DIR --data {shown} --listen ADDR")
        }
        OpenError::Store(store::OpenError::Locked(_)) => {
            "a node or another command has it: use the node's own address, or wait until it is done".to_owned()
        }
        OpenError::Store(store::OpenError::ReadOnly(_)) => {
            "look at its owner and mode, and whether the disk is mounted read-only; `handrail doctor` says which"
                .to_owned()
        }
        OpenError::Store(store::OpenError::Lost(_)) => {
            "put `log.sqlite` back where it was, or go on from a backup with `handrail restore` into a new directory".to_owned()
        }
        OpenError::Store(store::OpenError::MovedAway(_)) => {
            "begin a new data directory there: `handrail node keys` on a node that has it, `handrail node join` here".to_owned()
        }
        OpenError::Store(store::OpenError::Elsewhere { .. }) => {
            "move it there with `handrail store move`, or start without --store".to_owned()
        }
        OpenError::Store(store::OpenError::Held(_)) => {
            "it has this data directory, or a copy of it: stop it; another node needs a directory of its own (`handrail node join`)".to_owned()
        }
        OpenError::Store(store::OpenError::Unreachable(_)) => {
            "look whether its server runs, and whether the address, the password file and the certificate are right".to_owned()
        }
        OpenError::Store(store::OpenError::NoKeys { .. } | store::OpenError::OtherKeys { .. }) => {
            format!("bring them: `handrail node keys --to FILE` on a node of that log, then here `handrail node join --data {shown} --keys FILE`")
        }
        OpenError::Store(store::OpenError::UnfinishedRestore(_)) => {
            "remove the directory and restore again".to_owned()
        }
        OpenError::Store(store::OpenError::Recovery(store::RecoveryError::Older { .. })) => {
            "put the newest one back or, if it is lost, go on from this one with `handrail restore` into a new directory, so that nobody is misled".to_owned()
        }
        OpenError::Store(store::OpenError::Full) => "make room on its disk".to_owned(),
        OpenError::Store(store::OpenError::Recovery(_)) => {
            "something other than Handrail changed the store: leave it as it is, tell the control owner, and compare with an export".to_owned()
        }
        _ => "`handrail doctor` looks closer".to_owned(),
    };
    let message = format!("{}; {what_to_do}", told(error));
    match error {
        OpenError::Store(store::OpenError::Recovery(found)) if !matches!(found, store::RecoveryError::Read(_)) => {
            Failure::unverified(message)
        }
        _ => Failure::local(message),
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let bytes = if bytes.is_empty() { b"null" } else { bytes };
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::remote(format!("the node answered in an unexpected form: {error}")))
}

async fn over_socket(socket: &Path, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
    let remote = |error: &dyn std::error::Error| Failure::remote(format!("the node: {}", told(error)));
    let stream = UnixStream::connect(socket).await.map_err(|error| remote(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| remote(&error))?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| remote(&error))?;
    let status = response.status();
    let bytes = response.into_body().collect().await.map_err(|error| remote(&error))?.to_bytes();
    drop(sender);
    driver.abort();
    Ok((status, bytes))
}
