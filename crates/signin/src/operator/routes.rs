//! Signing in and out over HTTP.

use super::extract::{COOKIE, own_form};
use super::{Desk, FORM_BYTES_MAX, Posted, SESSION_LIFETIME, SignInError, page, store};
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRef, Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use pages::Document;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Where links lead to and the button on them posts to.
pub(super) const SIGN_IN_PATH: &str = "/sign-in";
/// Where [`super::Operator::shell`]'s button posts to.
pub const SIGN_OUT_PATH: &str = "/sign-out";

/// `GET /sign-in/{link}` shows a button, `POST /sign-in` uses the link up, `POST /sign-out` ends the session.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Desk: FromRef<S>,
{
    Router::new()
        .route(&format!("{SIGN_IN_PATH}/{{link}}"), get(show))
        .route(SIGN_IN_PATH, get(ask).post(sign_in))
        .route(SIGN_OUT_PATH, post(sign_out))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// Looking at a link does not use it up: mail scanners and chat previews look, too.
async fn show(State(desk): State<Desk>, Path(link): Path<String>) -> Document {
    let link = Zeroizing::new(link);
    match store::holder(desk.plane(), &link) {
        Ok(Some(operator)) => page::link(&desk, &operator, &link),
        Ok(None) => page::spent(&desk),
        Err(error) => page::failed(&desk, &error),
    }
}

async fn ask(State(desk): State<Desk>) -> Document {
    page::not_signed_in(&desk)
}

#[derive(Deserialize)]
struct SignIn {
    /// The link's own secret: nobody can send this form who does not hold the link.
    form_token: String,
}

async fn sign_in(
    State(desk): State<Desk>,
    headers: HeaderMap,
    form: Result<Form<SignIn>, FormRejection>,
) -> Result<Response, Document> {
    own_form(&desk, &headers)?;
    let Form(form) = form.map_err(|_| page::unreadable_form(&desk))?;
    let link = Zeroizing::new(form.form_token);
    match store::sign_in(&desk, &link).await {
        Ok(session) => Ok(with_cookie(&desk, &session, SESSION_LIFETIME.as_secs(), Redirect::to("/").into_response())),
        Err(SignInError::Spent) => Err(page::spent(&desk)),
        Err(error) => Err(page::failed(&desk, &error)),
    }
}

#[derive(Deserialize)]
struct Nothing {}

async fn sign_out(State(desk): State<Desk>, posted: Posted<Nothing>) -> Response {
    match store::sign_out(&desk, &posted.operator).await {
        Ok(()) => with_cookie(&desk, "", 0, page::signed_out(&desk).into_response()),
        Err(error) => page::failed(&desk, &error).into_response(),
    }
}

fn with_cookie(desk: &Desk, value: &str, max_age_s: u64, mut response: Response) -> Response {
    let secure = if desk.base().is_https() { "; Secure" } else { "" };
    let name = desk.base().cookie_name(COOKIE);
    let cookie =
        Zeroizing::new(format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"));
    if let Ok(mut value) = HeaderValue::from_str(&cookie) {
        value.set_sensitive(true);
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}
