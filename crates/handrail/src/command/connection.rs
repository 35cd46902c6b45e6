//! Commands talk to a running node through its local socket; when none runs, to the same routes in their own process.

use super::failure::Failure;
use crate::server::http::Peer;
use crate::server::local::{Local, routes, told};
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
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixStream;
use tower::ServiceExt as _;

/// The local socket's name in a data directory.
pub(crate) const SOCKET: &str = "handrail.sock";

/// The way to a node's local routes.
pub(crate) enum Connection {
    /// A node is running.
    Socket(PathBuf),
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
        let socket = data.join(SOCKET);
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return Ok(Self::Socket(socket));
        }
        if !data.exists() && seed.is_none() {
            return Err(Failure::local(format!(
                "there is no data directory `{}`; start `handrail serve` first, or give --charter to begin a new one",
                data.display()
            )));
        }
        let origin = seed.as_ref().map_or_else(String::new, |charter| charter.hospital().origin.to_string());
        let settings = Settings { clock: Arc::new(SystemClock), origin, store_bytes_max: None };
        let plane = Plane::open(data, seed, settings).map_err(|error| match error {
            OpenError::NoCharter => Failure::local(format!(
                "`{}` is a new data directory without a charter; start `handrail serve --charter DIR` first, or give --charter here",
                data.display()
            )),
            other => Failure::local(told(&other)),
        })?;
        let callers = callers::Callers::load(&plane)?;
        let router = routes(Local { plane: plane.clone(), callers, base_url: "http://127.0.0.1:8700".into() });
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
                over_socket(socket, request).await?
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

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let bytes = if bytes.is_empty() { b"null" } else { bytes };
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::remote(format!("the node answered in an unexpected form: {error}")))
}

async fn over_socket(socket: &Path, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
    let remote =
        |error: &dyn std::error::Error| Failure::remote(format!("the node at `{}`: {}", socket.display(), told(error)));
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
