//! What a calling system posts: whatever it is, the answer is one of those the standard names, and never a fault of ours.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use callers::Callers;
use charter::Charter;
use events::{Actor, Timestamp};
use http_body_util::BodyExt as _;
use plane::{Plane, SetClock, Settings};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

struct House {
    runtime: Runtime,
    router: Router,
    token: String,
    _dir: TempDir,
}

/// One node for the whole run; questions change nothing but the log.
static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let dir = TempDir::new().unwrap();
    let charter =
        Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../charter")).expect("the starter charter");
    let clock = Arc::new(SetClock::new(Timestamp::from_millis(1_795_000_000_000)));
    let settings = Settings { snapshot_entries: None, ..Settings::new(clock, "fuzz.example/log") };
    let plane = Plane::open(dir.path(), Some(charter), settings).unwrap();
    let callers = Callers::new(&plane);
    let by = Actor::local("fuzz").unwrap();
    let token = runtime.block_on(callers.add("ehr".parse().unwrap(), by)).unwrap().text.to_string();
    let router = authzen::routes(authzen::Api::new(plane, callers, "http://fuzz.example"));
    House { runtime, router, token, _dir: dir }
});

const PATHS: [&str; 3] = ["/access/v1/evaluation", "/access/v1/evaluations", "/handrail/v1/permits"];

/// The first byte chooses the endpoint; the rest is the body.
pub(crate) fn authzen(data: &[u8]) {
    let Some((&choice, body)) = data.split_first() else { return };
    let path = PATHS.get(usize::from(choice) % PATHS.len()).copied().unwrap_or_default();
    let house = &*HOUSE;
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", house.token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_vec()))
        .unwrap();
    house.runtime.block_on(async {
        let answer = house.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let expected = [
            StatusCode::OK,
            StatusCode::BAD_REQUEST,
            StatusCode::FORBIDDEN,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        let said = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(expected.contains(&status), "{path} answered {status}: {}", String::from_utf8_lossy(&said));
    });
}
