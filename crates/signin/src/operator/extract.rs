//! Authority in a handler's signature: who looks, and who changes something.

use super::{Desk, page, store};
use crate::origin::is_own_form;
use crate::token::Token;
use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRef, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method};
use axum_extra::extract::CookieJar;
use callers::Seat;
use events::{OperatorId, Timestamp};
use pages::{Account, Document, Shell, form};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use subtle::ConstantTimeEq as _;

/// Whose cookie it is.
pub(super) const COOKIE: &str = "operator";
/// The longest form, in bytes.
pub const FORM_BYTES_MAX: usize = 64 * 1024;
/// The query that a page loading itself again carries, `?live=1`: nobody need be sitting there, so it does not count as use.
pub const UNATTENDED: &str = "live";

/// A signed-in operator who looks at something. Only a good session makes one, and only for methods that change nothing.
#[derive(Clone, Debug)]
pub struct Operator {
    id: OperatorId,
    session: SmolStr,
    good_until: Timestamp,
    form_token: String,
}

impl Operator {
    pub(super) fn of_session(id: OperatorId, session: &Token, good_until: Timestamp) -> Self {
        Self { id, session: session.id().clone(), good_until, form_token: session.form_token() }
    }

    /// Who.
    #[must_use]
    pub const fn id(&self) -> &OperatorId {
        &self.id
    }

    /// The session's public id.
    #[must_use]
    pub const fn session(&self) -> &SmolStr {
        &self.session
    }

    /// The session ends then at the latest.
    #[must_use]
    pub const fn good_until(&self) -> Timestamp {
        self.good_until
    }

    /// What forms on this operator's pages carry; give it to [`pages::form::post`].
    #[must_use]
    pub fn form_token(&self) -> &str {
        &self.form_token
    }

    /// The shell of this operator's pages: with their name and the way out, still without navigation.
    #[must_use]
    pub fn shell(&self, desk: &Desk) -> Shell {
        let sign_out =
            form::post(super::SIGN_OUT_PATH, &self.form_token, &form::button(form::Weight::Plain, "Sign out"));
        Shell { account: Some(Account { name: self.id.to_string(), sign_out }), ..desk.shell() }
    }
}

/// A form that a signed-in operator sent from one of our own pages.
#[derive(Debug)]
pub struct Posted<T> {
    /// Who sent it.
    pub operator: Operator,
    /// What is in it.
    pub fields: T,
}

#[derive(Deserialize)]
struct Carried {
    form_token: String,
}

/// Recognises whoever sent these headers, and counts it as use unless told not to.
fn recognised(
    desk: &Desk,
    headers: &HeaderMap,
    connection: &Extensions,
    counts_as_use: bool,
) -> Result<Operator, Document> {
    let jar = CookieJar::from_headers(headers);
    let Some(cookie) = jar.get(&desk.base().cookie_name(COOKIE)) else {
        return Err(page::not_signed_in(desk));
    };
    match store::recognise(desk, cookie.value()) {
        Ok(Some(operator)) => {
            if let Some(seat) = connection.get::<Seat>() {
                seat.is_of_use();
            }
            if counts_as_use {
                desk.use_now(operator.session(), desk.plane().now());
            }
            Ok(operator)
        }
        Ok(None) => Err(page::not_signed_in(desk)),
        Err(error) => Err(page::failed(desk, &error)),
    }
}

/// Refuses what did not come from one of our own pages.
pub(super) fn own_form(desk: &Desk, headers: &HeaderMap) -> Result<(), Document> {
    if is_own_form(headers, desk.base()) { Ok(()) } else { Err(page::foreign_form(desk)) }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    Desk: FromRef<S>,
{
    type Rejection = Document;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Document> {
        let desk = Desk::from_ref(state);
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Err(page::foreign_form(&desk));
        }
        let query: Query<Vec<(String, String)>> = Query::try_from_uri(&parts.uri).unwrap_or_default();
        let unattended = query.iter().any(|(name, value)| name == UNATTENDED && value == "1");
        recognised(&desk, &parts.headers, &parts.extensions, !unattended)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Posted<T>
where
    Desk: FromRef<S>,
{
    type Rejection = Document;

    async fn from_request(request: Request, state: &S) -> Result<Self, Document> {
        let desk = Desk::from_ref(state);
        own_form(&desk, request.headers())?;
        let operator = recognised(&desk, request.headers(), request.extensions(), true)?;
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| page::unreadable_form(&desk))?;
        let again = || Request::from_parts(parts.clone(), Body::from(bytes.clone()));
        let unreadable = |_| page::unreadable_form(&desk);
        let Form(carried) = Form::<Carried>::from_request(again(), state).await.map_err(unreadable)?;
        if !bool::from(carried.form_token.as_bytes().ct_eq(operator.form_token.as_bytes())) {
            return Err(page::foreign_form(&desk));
        }
        let Form(fields) = Form::<T>::from_request(again(), state).await.map_err(unreadable)?;
        Ok(Self { operator, fields })
    }
}
