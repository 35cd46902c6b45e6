//! One node: opened, wired, run until told to stop, and closed without losing anything.

use super::audit::Searching;
use super::health::{Health, routes as health_routes};
use super::http::{Limits, Listener, serve};
use super::local::{Local, routes as local_routes};
use super::tiles::{Tiles, routes as tile_routes};
use super::tls::{ALPN_HTTP, Tls};
use super::witnesses::Witnesses;
use crate::command::connection::{SOCKET, SocketPath, cannot_open};
use crate::command::failure::Failure;
use crate::config::Config;
use audit::fhir::routes::Fhir;
use authzen::Api;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use callers::Callers;
use charter::Charter;
use console::Console;
use events::FeedName;
use feeds::listener::{self, Listening};
use fhircast::Hub;
use pages::Environment;
use plane::{OpenError, Plane, Settings, SystemClock};
use signin::federation::Federation;
use signin::operator::{BaseUrl, Desk};
use signin::point::PointOfCare;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// How long one request may take until its answer begins.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A node that is open and listening but not yet serving.
pub(crate) struct Node {
    pub(crate) plane: Plane,
    pub(crate) callers: Callers,
    pub(crate) base_url: Arc<str>,
    desk: Desk,
    point: PointOfCare,
    http: TcpListener,
    tls: Option<Tls>,
    mllp: Option<TcpListener>,
    mllp_tls: Option<(TcpListener, Tls)>,
    /// Whose certificate may speak for which feed.
    certificate_names: BTreeMap<FeedName, Vec<String>>,
    local: UnixListener,
    socket: PathBuf,
    data: PathBuf,
    search: store::Search,
    witnesses: Witnesses,
    limits: Limits,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
}

impl Node {
    /// Opens the store, reads the charter and binds every address, so that whatever is wrong is said before anything is answered.
    pub(crate) async fn open(
        config: &Config,
        seed: Option<Charter>,
        environment: Environment,
    ) -> Result<Self, Failure> {
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
        let origin = seed.as_ref().map_or_else(String::new, |charter| charter.hospital().origin.to_string());
        let store_bytes_max = config.store.size_mib_max.map(|mib| mib.saturating_mul(1024 * 1024));
        let settings = Settings {
            store: config.store_address()?,
            store_bytes_max,
            snapshot_entries: Some(config.store.snapshot_entries).filter(|entries| *entries > 0),
            ..Settings::new(Arc::new(SystemClock), origin)
        };
        if seed.is_none() && settings.store.is_none() && !store::has_store(&config.data) {
            return Err(cannot_open(&config.data, &OpenError::NoCharter));
        }
        let plane = open_plane(config, seed, settings, &environment).await?;
        let callers = Callers::new(&plane);
        let tls = config.listen.tls.clone().map(|files| Tls::open(files, ALPN_HTTP)).transpose()?;
        if tls.is_none() && !config.listen.http.ip().is_loopback() && !config.listen.behind_proxy {
            return Err(Failure::local(format!(
                "{} is not loopback, and in plain HTTP everybody on the way reads tokens: give `[listen.tls]` a certificate and a key, or say \
                 `behind_proxy = true` (--behind-proxy) where a proxy speaks TLS",
                config.listen.http
            )));
        }
        let http = bind(config.listen.http, "http").await?;
        let mllp = match config.listen.mllp {
            Some(address) => Some(bind(address, "mllp").await?),
            None => None,
        };
        let (mllp_tls, certificate_names) = match &config.listen.mllp_tls {
            Some(mllp) => {
                let tls = Tls::open(mllp.tls.clone(), &[])?;
                (Some((bind(mllp.address, "mllp over TLS").await?, tls)), mllp.certificate_names.clone())
            }
            None => (None, BTreeMap::new()),
        };
        let (local, socket) = bind_local(&config.data)?;
        let base_url = reached_at(config, &environment, &http, tls.is_some())?;
        let (desk, point) = front(config, &plane, base_url.parse::<BaseUrl>()?, environment)?;
        let limits = Limits {
            connections_max: config.connections.max,
            header_timeout: Duration::from_secs(config.connections.read_timeout_s),
            drain_timeout: Duration::from_secs(config.connections.drain_timeout_s),
        };
        let witnesses = Witnesses::new(plane.store(), &config.witness)?;
        let search = store::Search::start(&config.data, plane.store().clone())?;
        let (data, base_url) = (config.data.clone(), base_url.into());
        Ok(Self {
            plane,
            callers,
            base_url,
            desk,
            point,
            http,
            tls,
            mllp,
            mllp_tls,
            certificate_names,
            local,
            socket,
            data,
            search,
            witnesses,
            limits,
            metrics,
        })
    }

    /// Where the HL7 feed listens.
    pub(crate) fn mllp_address(&self) -> Option<std::net::SocketAddr> {
        self.mllp.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Where it listens over TLS.
    pub(crate) fn mllp_tls_address(&self) -> Option<std::net::SocketAddr> {
        self.mllp_tls.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Serves until `stop`; then no new work is taken, what is in hand is answered, and the store is sealed and closed.
    ///
    /// # Errors
    /// When a listener or the task that ends permits ended by itself: a node without one of them must not go on.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        let hub = Hub::new(self.plane.clone(), self.callers.clone(), &self.base_url, stop.clone());
        let public = self.public_routes(&stop, hub.clone());
        let local = self.local_routes();
        let mut listeners = JoinSet::new();
        let http = match self.tls {
            None => Listener::Tcp(self.http),
            Some(tls) => {
                let current = tls.current();
                listeners.spawn(tls.follow(stop.clone()));
                Listener::Tls(self.http, current)
            }
        };
        listeners.spawn(serve(http, public, self.limits, stop.clone()));
        listeners.spawn(serve(Listener::Unix(self.local), local, self.limits, stop.clone()));
        let mut senders = Vec::new();
        senders.extend(self.mllp.map(|socket| Listening { socket, tls: None }));
        if let Some((socket, tls)) = self.mllp_tls {
            senders.push(Listening { socket, tls: Some(tls.current()) });
            listeners.spawn(tls.follow(stop.clone()));
        }
        if !senders.is_empty() {
            let settings =
                listener::Settings { certificate_names: self.certificate_names, ..listener::Settings::default() };
            listeners.spawn(listener::serve_all(senders, self.plane.clone(), settings, stop.clone()));
        }
        let (mut retention, mut folding) = upkeep(&self.plane, &stop);
        let witnessing = tokio::spawn(self.witnesses.clone().keep_asking(stop.clone()));
        let sharing = tokio::spawn({
            let (callers, point, stop) = (self.callers.clone(), self.point.clone(), stop.clone());
            async move { tokio::join!(callers.keep_shares(stop.clone()), point.watch_sessions(stop)) }
        });
        let keeper_stop = CancellationToken::new();
        let mut keeper = tokio::spawn({
            let (plane, stop) = (self.plane.clone(), keeper_stop.clone());
            async move { plane.keep_permits_true(stop).await }
        });
        let store = self.plane.store().clone();
        let fallen = tokio::select! {
            // First, because listeners end too when they are told to.
            biased;
            () = stop.cancelled() => None,
            _ = listeners.join_next() => Some("a listener"),
            _ = &mut keeper => Some("the task that ends permits"),
            () = store.ended() => Some("the store's writer"),
            _ = &mut retention => Some("the task that lets detail expire"),
            _ = &mut folding => Some("the task that folds the spool"),
        };
        stop.cancel();
        while listeners.join_next().await.is_some() {}
        hub.drained().await;
        keeper_stop.cancel();
        for (task, what) in [(retention, "lets detail expire"), (folding, "folds the spool")] {
            if !task.is_finished() && task.await.is_err() {
                tracing::error!("the task that {what} failed while stopping");
            }
        }
        // Their failure ended nothing, and they stop as soon as they are told to.
        let _asked = (witnessing.await, sharing.await);
        if fallen.is_none() && keeper.await.is_err() {
            tracing::error!("the task that ends permits failed while stopping");
        }
        self.plane.store().closed().await;
        // Harmless when it stays: the next node replaces it.
        let _ = std::fs::remove_file(&self.socket);
        match fallen {
            None => Ok(()),
            Some(what) => {
                Err(Failure::local(format!("{what} ended by itself; the node has stopped rather than go on without")))
            }
        }
    }

    /// Everything the local socket offers.
    fn local_routes(&self) -> Router {
        local_routes(Local {
            plane: self.plane.clone(),
            callers: self.callers.clone(),
            base_url: Arc::clone(&self.base_url),
            search: Searching::running(&self.data, self.search.clone()),
            desk: Some(self.desk.clone()),
            witnesses: self.witnesses.clone(),
            verifying: Arc::default(),
        })
    }

    /// Everything the network may reach. Each room's routes say who may call them.
    fn public_routes(&self, stop: &CancellationToken, hub: Hub) -> Router {
        let plane = &self.plane;
        let api = Api::new(plane.clone(), self.callers.clone(), &self.base_url).until(stop.clone());
        let (callers, witnesses) = (self.callers.clone(), self.witnesses.clone());
        let tiles = Tiles { plane: plane.clone(), callers, witnesses };
        let fhir = Fhir::new(plane.clone(), self.callers.clone(), self.search.clone(), &self.base_url);
        let health = Health { plane: plane.clone(), callers: self.callers.clone(), metrics: self.metrics.clone() };
        Router::new()
            .merge(authzen::routes(api))
            .merge(fhircast::routes(hub))
            .merge(audit::fhir::routes::routes(fhir))
            .merge(feeds::api::routes(plane.clone(), self.callers.clone()))
            .merge(bedside::routes(self.point.clone()))
            .merge(console::routes(Console::new(self.desk.clone(), self.search.clone())))
            .merge(health_routes(health))
            .merge(tile_routes(tiles))
            .layer(RequestBodyTimeoutLayer::new(self.limits.header_timeout))
            .layer(axum::middleware::from_fn(in_time))
    }
}

/// How people reach the node.
fn reached_at(config: &Config, at: &Environment, http: &TcpListener, encrypted: bool) -> std::io::Result<String> {
    let address = http.local_addr()?;
    Ok(match &config.listen.base_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        // Browsers offer passkeys under a name only, and this one is everywhere.
        None if *at == Environment::Development => format!("http://localhost:{}", address.port()),
        None => format!("{}://{address}", if encrypted { "https" } else { "http" }),
    })
}

/// What operators sign in at, and what everybody else does.
fn front(
    config: &Config,
    plane: &Plane,
    base: BaseUrl,
    environment: Environment,
) -> Result<(Desk, PointOfCare), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let federation = federate(config, plane, &base)?;
    let point = PointOfCare::federating(plane.clone(), base.clone(), environment.clone(), version, federation);
    Ok((Desk::new(plane.clone(), base, environment, version), point))
}

/// Opens the store and folds in what waits in the spool.
async fn open_plane(
    config: &Config,
    seed: Option<Charter>,
    settings: Settings,
    environment: &Environment,
) -> Result<Plane, Failure> {
    let (data, spool) = (config.data.clone(), config.spool());
    let development = matches!(environment, Environment::Development);
    let opened = tokio::task::spawn_blocking(move || {
        let open = if development { Plane::open_for_development } else { Plane::open_with_spool };
        open(&data, seed, settings, spool.as_ref())
    });
    let plane = opened.await?.map_err(|error| cannot_open(&config.data, &error))?;
    if let Err(error) = plane.fold_spool().await {
        tracing::warn!(%error, "what waits in the spool cannot be folded into the log yet");
    }
    Ok(plane)
}

/// Gives a request, its body included, only so long until its answer begins.
async fn in_time(request: Request, next: Next) -> Response {
    let late = "this took too long; whether it was recorded stands in the ledger";
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await;
    answer.unwrap_or_else(|_| (StatusCode::REQUEST_TIMEOUT, Json(late)).into_response())
}

/// The tasks that let detail expire and that fold the spool.
fn upkeep(plane: &Plane, stop: &CancellationToken) -> (JoinHandle<()>, JoinHandle<()>) {
    let retention = tokio::spawn({
        let (plane, stop) = (plane.clone(), stop.clone());
        async move { plane.keep_retention(stop).await }
    });
    let folding = tokio::spawn({
        let (plane, stop) = (plane.clone(), stop.clone());
        async move { plane.keep_spool_folded(stop).await }
    });
    (retention, folding)
}

async fn bind(address: std::net::SocketAddr, what: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::local(format!(
            "cannot listen on {address} ({what}): {error}; choose another address, or stop what has it"
        ))
    })
}

/// The socket in the data directory. Whoever holds the store's lock is the only node, so a socket that is there is a dead one's.
fn bind_local(data: &Path) -> Result<(UnixListener, PathBuf), Failure> {
    let path = data.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener = UnixListener::bind(SocketPath::of(data)?.as_path())?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// The providers that say who people are. Nobody is asked anything yet.
fn federate(config: &Config, plane: &Plane, base: &BaseUrl) -> Result<Federation, Failure> {
    let federation = Federation::open(plane.clone(), base.clone(), config.federation.clone())?;
    for name in federation.unlisted() {
        tracing::warn!(provider = %name, "configured, but the charter in force says nothing of it: nobody signs in by it");
    }
    Ok(federation)
}
