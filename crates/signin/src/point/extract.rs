//! Who a request comes from, in a handler's signature.

use super::cookie::{Carried, Shown};
use super::{Held, PointOfCare, page};
use crate::origin::is_own_form;
use crate::session::ended_by;
use crate::session::rules::{Standing, standing};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRef, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use callers::Seat;
use events::{DeviceId, PrincipalId, SessionId};
use pages::form::TOKEN_FIELD;
use plane::Plane;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, Ipv4Addr};
use subtle::ConstantTimeEq as _;
use world::{DeviceFacts, SessionFacts};

/// The longest form, in bytes.
pub const FORM_BYTES_MAX: usize = 64 * 1024;

/// Whoever sent a request, as far as it shows. Never refuses anybody.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// What their cookie says, if it counts.
    pub carried: Option<Carried>,
    /// What it says although its minute is over.
    pub stale: Option<Carried>,
    /// The enrolled workstation they are at, proved within the last minute.
    pub workstation: Option<(DeviceId, DeviceFacts)>,
    /// The session in their browser, and how it stands there.
    pub session: Option<(SessionFacts, Standing)>,
    /// Where they come from.
    pub address: IpAddr,
}

impl Visitor {
    fn of(point: &PointOfCare, parts: &Parts) -> Self {
        let (plane, now) = (point.plane(), point.plane().now());
        let address = parts.extensions.get::<Seat>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), Seat::address);
        let (carried, stale) = match point.cookies().shown(point.base(), &parts.headers, now) {
            Shown::Nothing => (None, None),
            // In a browser of one's own there is nothing left to prove when its session is over.
            Shown::Stale(carried) if is_of_no_session(plane, &carried) => (Some(carried), None),
            Shown::Stale(carried) => {
                let known = |session: &SessionId| plane.world(|world| world.session(session).is_some());
                if carried.session.as_ref().is_some_and(known) {
                    point.unproven().shown(&carried, now);
                }
                (None, Some(carried))
            }
            Shown::Fresh(carried) => (Some(carried), None),
        };
        let mut visitor = Self { carried, stale, workstation: None, session: None, address };
        let Some(carried) = &visitor.carried else { return visitor };
        let (device, session) = plane.world(|world| {
            let device = carried.workstation.as_ref().and_then(|id| Some((id.clone(), world.device(id)?)));
            let enrolled =
                |(id, _): &(DeviceId, _)| world.workstation_key(id, events::workstation::Keeper::Browser).is_some();
            (device.filter(enrolled), carried.session.as_ref().and_then(|id| world.session(id)).cloned())
        });
        if carried.workstation.is_some() && device.is_none() {
            // Its keys were withdrawn, or it is out of use: the browser is nobody's any more.
            return Self { carried: None, stale: None, ..visitor };
        }
        visitor.session = session.map(|facts| {
            // What it rests on may be gone before anybody has said so.
            let counts = plane.world(|world| ended_by(world, &facts, now)).is_none();
            let stands = standing(&facts, carried.workstation.as_ref(), &point.limits(&facts), now);
            (facts, if counts { stands } else { Standing::Over })
        });
        visitor.workstation = device;
        visitor
    }

    /// The id of the workstation they are at.
    #[must_use]
    pub fn device(&self) -> Option<&DeviceId> {
        self.workstation.as_ref().map(|(id, _)| id)
    }

    /// What a form on a page of theirs carries to have come from it. Gives nothing of the cookie away.
    #[must_use]
    pub fn form_token(&self) -> String {
        let carried = self.carried.as_ref().or(self.stale.as_ref());
        let part = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let session = part(carried.and_then(|carried| carried.session.as_ref()).map(AsRef::as_ref));
        let workstation = part(carried.and_then(|carried| carried.workstation.as_ref()).map(AsRef::as_ref));
        let text = format!("handrail bedside form\0{workstation}\0{session}");
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    PointOfCare: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&PointOfCare::from_ref(state), parts))
    }
}

/// Whether a cookie is of no workstation, and of no session that anybody knows.
fn is_of_no_session(plane: &Plane, carried: &Carried) -> bool {
    let gone = |session: &SessionId| plane.world(|world| world.session(session).is_none());
    carried.workstation.is_none() && carried.session.as_ref().is_none_or(gone)
}

impl PointOfCare {
    /// Whether a visitor's browser is one's own and has nothing to prove: whatever session it had is over.
    pub(crate) fn is_of_no_session(&self, visitor: &Visitor) -> bool {
        visitor.carried.as_ref().is_some_and(|carried| is_of_no_session(self.plane(), carried))
    }
}

/// Somebody who is signed in, at the screen they look at, within the last minute proved to be that screen.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Their session.
    pub session: SessionFacts,
    /// The request's other circumstances.
    pub visitor: Visitor,
}

impl SignedIn {
    /// Who.
    #[must_use]
    pub const fn id(&self) -> &PrincipalId {
        &self.session.principal
    }

    /// Recognises them, or gives the page that helps: prove the browser, come back, sign in.
    async fn recognised(point: &PointOfCare, visitor: Visitor, held: Option<Held>) -> Result<Self, Response> {
        let hold = |held: Option<Held>| held.and_then(|held| point.hold(&held));
        if visitor.stale.is_some() {
            return Err(page::prove(point, &visitor, hold(held).as_deref()).into_response());
        }
        match visitor.session.clone() {
            Some((session, Standing::Open)) => {
                point.seen().note(&session.principal, visitor.device(), point.plane().now());
                point.note_use(&session).await;
                Ok(Self { session, visitor })
            }
            Some((session, Standing::Locked(_))) => {
                Err(page::locked(point, &visitor, &session, hold(held).as_deref()).into_response())
            }
            Some((session, Standing::Elsewhere)) => Err(page::elsewhere(point, &visitor, &session).into_response()),
            Some((_, Standing::Over)) | None => {
                Err(page::sign_in(point, &visitor, None, hold(held).as_deref()).into_response())
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    PointOfCare: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let point = PointOfCare::from_ref(state);
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Err(page::foreign_form(&point).into_response());
        }
        let visitor = Visitor::of(&point, parts);
        if let Some(seat) = parts.extensions.get::<Seat>().filter(|_| visitor.workstation.is_some()) {
            seat.is_of_use();
        }
        Self::recognised(&point, visitor, None).await
    }
}

/// The script, or a form, of one of our own pages asks, whoever sits there. Everything that changes something needs this or [`Posted`].
#[derive(Clone, Copy, Debug)]
pub struct FromOwnPage;

impl<S: Send + Sync> FromRequestParts<S> for FromOwnPage
where
    PointOfCare: FromRef<S>,
{
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        let own = is_own_form(&parts.headers, PointOfCare::from_ref(state).base());
        if own { Ok(Self) } else { Err(StatusCode::FORBIDDEN) }
    }
}

/// A form that a signed-in person sent from one of our own pages. Where a touch is needed first, the form is not lost.
#[derive(Debug)]
pub struct Posted<T> {
    /// Who sent it.
    pub by: SignedIn,
    /// What is in it.
    pub fields: T,
}

/// The fields of a form, whatever they are.
type Fields = Vec<(String, String)>;

/// Reads a form of our own: from one of our pages, of bounded size.
async fn own_fields(point: &PointOfCare, headers: &HeaderMap, body: Body) -> Result<(Fields, Vec<u8>), Response> {
    if !is_own_form(headers, point.base()) {
        return Err(page::foreign_form(point).into_response());
    }
    let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| page::unreadable(point).into_response())?;
    let request = Request::builder()
        .method(Method::POST)
        .header(axum::http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(bytes.clone()));
    let request = request.map_err(|_| page::unreadable(point).into_response())?;
    let Form(fields) =
        Form::<Fields>::from_request(request, &()).await.map_err(|_| page::unreadable(point).into_response())?;
    Ok((fields, bytes.to_vec()))
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Posted<T>
where
    PointOfCare: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let point = PointOfCare::from_ref(state);
        let (mut parts, body) = request.into_parts();
        let (fields, bytes) = own_fields(&point, &parts.headers, body).await?;
        let visitor = Visitor::of(&point, &parts);
        let token = fields.iter().find(|(name, _)| name == TOKEN_FIELD).map_or("", |(_, value)| value.as_str());
        if !bool::from(token.as_bytes().ct_eq(visitor.form_token().as_bytes())) {
            return Err(page::foreign_form(&point).into_response());
        }
        let owner = visitor.carried.as_ref().or(visitor.stale.as_ref()).and_then(|carried| carried.who.clone());
        let held = owner.and_then(|who| Held::of(who, parts.uri.path(), fields, point.plane().now()));
        let by = SignedIn::recognised(&point, visitor, held).await?;
        parts.headers.remove(axum::http::header::CONTENT_LENGTH);
        let again = Request::from_parts(parts, Body::from(bytes));
        let unreadable = |_| page::unreadable(&point).into_response();
        let Form(fields) = Form::<T>::from_request(again, state).await.map_err(unreadable)?;
        Ok(Self { by, fields })
    }
}
