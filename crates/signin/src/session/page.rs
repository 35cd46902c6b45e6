//! Pages of sessions: stepping up, going on, and what went wrong.

use super::SessionError;
use super::ceremony::proof_of;
use crate::point::{Held, PointOfCare, SignedIn, Visitor, resume_field};
use axum::http::StatusCode;
use maud::html;
use pages::{CeremonyForm, Document, form};
use world::SessionFacts;

impl PointOfCare {
    /// One touch more, and the form that somebody sent to `path` goes on by itself.
    #[must_use]
    pub fn touch_first(&self, by: &SignedIn, path: &str, fields: Vec<(String, String)>) -> Document {
        let held = Held::of(by.id().clone(), path, fields, self.plane().now());
        let sealed = held.and_then(|held| self.hold(&held));
        step_up(self, &by.visitor, &by.session, sealed.as_deref())
    }

    /// The page for a screen whose session does not count: prove the browser, or sign in.
    #[must_use]
    pub fn arrive_first(&self, visitor: &Visitor) -> Document {
        if visitor.stale.is_some() {
            crate::point::prove(self, visitor, None)
        } else {
            crate::point::sign_in(self, visitor, None, None)
        }
    }

    /// What the authenticator that a session rests on proves with PIN or finger; what the session has, where there is none.
    #[must_use]
    pub fn level_of_its_key(&self, session: &SessionFacts) -> u8 {
        let key = session.authenticator.as_ref();
        let key = key.and_then(|id| self.plane().world(|world| world.authenticator(id).cloned()));
        let key = key.map_or(session.level, |one| proof_of(self, &one, true, one.counter).level);
        self.federation().way_of(session).map_or(key, |(_, level)| level.max(key))
    }

    /// The surest level that somebody in a session can prove: by any authenticator of theirs, or by the provider they signed in at.
    #[must_use]
    pub fn surest_level_in(&self, session: &SessionFacts) -> u8 {
        let theirs: Vec<_> =
            self.plane().world(|world| world.authenticators_of(&session.principal).into_iter().cloned().collect());
        let keys = theirs.iter().map(|one| proof_of(self, one, true, one.counter).level);
        keys.chain(self.federation().way_of(session).map(|(_, level)| level)).max().unwrap_or(0)
    }

    /// Where the owner of a session signs out: here, and at their provider if they came by one.
    #[must_use]
    pub fn sign_out_path(&self, session: &SessionFacts) -> String {
        self.federation()
            .way_of(session)
            .map_or_else(|| "/bedside/sign-out".to_owned(), |(way, _)| format!("/federation/{}/logout", way.name))
    }
}

/// One touch, and on with what was being done.
pub(crate) fn step_up(
    point: &PointOfCare,
    visitor: &Visitor,
    session: &SessionFacts,
    resume: Option<&str>,
) -> Document {
    let token = visitor.form_token();
    let ceremony = CeremonyForm {
        name: "step-up",
        options: "/bedside/step-up/options",
        result: "/bedside/step-up/result",
        attempt: "/bedside/attempt",
        form_token: &token,
        start: true,
        browser_key: false,
    };
    let way = point.federation().way_of(session).map(|(way, _)| way);
    // What they thought better of before never goes on by what they prove for something else.
    point.federation().keep_form(&session.principal, resume.filter(|_| way.is_some()));
    let has_keys = point.plane().world(|world| !world.authenticators_of(&session.principal).is_empty());
    let weight = if has_keys { form::Weight::Usual } else { form::Weight::Main };
    let body = html! {
        @if has_keys || way.is_none() { (ceremony.render(&form::wide_button("Touch your key to go on"))) }
        (resume_field(resume, &visitor.form_token()))
        @if let Some(way) = &way {
            p { (form::link(weight, &format!("/federation/{}/again", way.name), &format!("Prove it by {}", way.title))) }
        }
        p { a.button href="/bedside/patients" { "Not now" } }
    };
    let lead = html! { "What you want to do is riskier than what you did so far, so it needs to be you, now. One touch and it goes on." };
    point.page_for(visitor, Some(session), "One touch more", Some(lead), &body)
}

/// The form somebody sent before they had to touch, ready to be sent on.
pub(crate) fn go_on(point: &PointOfCare, visitor: &Visitor, session: &SessionFacts, held: &Held) -> Document {
    let token = visitor.form_token();
    let body = html! {
        form method="post" action=(held.path) data-go-on {
            input type="hidden" name=(form::TOKEN_FIELD) value=(token);
            @for (name, value) in &held.fields { input type="hidden" name=(name) value=(value); }
            (form::wide_button("Go on where I was"))
        }
        p { a.button href="/bedside/patients" { "Leave it" } }
    };
    point.page_for(visitor, Some(session), "Welcome back", Some(html! { "Nothing was lost." }), &body)
}

/// It could not be recorded, so it did not happen.
pub(super) fn not_done(point: &PointOfCare, visitor: &Visitor, error: &SessionError) -> Document {
    tracing::error!(%error, "a session could not be changed");
    let body = html! { p { a.button.main.wide href="/bedside" { "Try again" } } };
    let lead = html! { "It could not be recorded, so it did not happen. If it goes on, call clinical IT." };
    point.page_for(visitor, None, "That did not work", Some(lead), &body).with_status(StatusCode::SERVICE_UNAVAILABLE)
}
