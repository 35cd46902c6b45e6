//! The pages of a screen that nobody has unlocked: prove which workstation it is, sign in, come back.

use super::{PointOfCare, Visitor, resume_field};
use crate::badge;
use crate::session::rules::{Standing, presence_will_do};
use axum::http::StatusCode;
use events::principal::IdentityClass;
use events::session::LockCause;
use maud::{Markup, html};
use pages::{Bedside, CeremonyForm, Document, Present, Script, form};
use world::SessionFacts;

/// What the page says of its own accord when a touch comes to nothing in the browser.
const WORDS: [(&str, &str); 9] = [
    ("cancelled", "Nothing was sent. Touch your key when you are ready."),
    ("timed_out", "That took a while, so it was given up. Try again when you are ready."),
    ("already_registered", "This key is registered already. You can use it as it is."),
    ("unsupported", "This browser cannot ask for a key or passkey. Use another workstation, or ask for help below."),
    ("wrong_address", "Keys do not work at this address. Open Handrail from the desktop, and tell clinical IT."),
    ("network", "The server did not answer. Try again; if it goes on, call clinical IT."),
    ("failed", "The key did not answer. Try again, use another of yours, or ask for help below."),
    ("no_key", "This workstation has lost its own key. Clinical IT can enrol it again with a new code."),
    (
        "not_renewed",
        "This workstation could not prove which one it is. Load the page again; if it goes on, call clinical IT.",
    ),
];

impl PointOfCare {
    /// A page at the bedside, with whoever is signed in and the way to lock.
    #[must_use]
    pub fn page_for(
        &self,
        visitor: &Visitor,
        session: Option<&SessionFacts>,
        title: &str,
        lead: Option<Markup>,
        body: &Markup,
    ) -> Document {
        self.page_with(visitor, session, Bedside { title, lead, body: body.clone(), ..Bedside::default() })
    }

    /// The same, with more of the page decided by whoever makes it.
    #[must_use]
    pub fn page_with(&self, visitor: &Visitor, session: Option<&SessionFacts>, page: Bedside<'_>) -> Document {
        let token = visitor.form_token();
        let name = session.map(|session| self.name_of(&session.principal));
        let role = session.map(|session| self.role_of(&session.principal)).unwrap_or_default();
        let stood_for = session.and_then(|session| self.stood_for(session));
        let role = stood_for.map_or(role.clone(), |words| format!("{role} · {words}"));
        let workstation = visitor.workstation.as_ref().map(|(id, device)| match &device.unit {
            Some(unit) => format!("{unit}, {id}"),
            None => id.to_string(),
        });
        let person =
            name.as_deref().map(|name| Present { name, role: &role, lock_action: "/bedside/lock", form_token: &token });
        let nonce = self.nonces().make(self.plane().now());
        let carried = visitor.carried.as_ref();
        let age = carried.map(|carried| self.plane().now().since(carried.given_at).as_secs());
        let known = (carried.is_some() && !self.is_of_no_session(visitor)) || visitor.stale.is_some();
        let script = Script {
            renew: known.then_some("/bedside/renew"),
            nonce: nonce.as_deref(),
            age_s: age.map(|age| u32::try_from(age).unwrap_or(u32::MAX)),
            ..page.script
        };
        let soon = session.filter(|_| page.notice.is_empty()).and_then(|session| self.ends_soon(session));
        let notice = soon.as_deref().unwrap_or(page.notice);
        let body = html! { (self.desktop_waits(visitor, session)) (page.body) };
        let words: Vec<_> = WORDS.iter().chain(page.words).copied().collect();
        let nobody = match &visitor.session {
            _ if !page.nobody.is_empty() => page.nobody,
            Some((_, Standing::Locked(_))) => "Locked",
            _ if visitor.stale.is_some() => "Not known yet",
            _ => "",
        };
        let workstation = workstation.as_deref();
        let page = Bedside { workstation, person, nobody, script, words: &words, notice, body, ..page };
        self.shell().bedside(&page)
    }

    /// What is said of a session that ends soon.
    fn ends_soon(&self, session: &SessionFacts) -> Option<String> {
        let warn = self.session_rules(session)?.warn_before?;
        let left = session.good_until.since(self.plane().now());
        if left.is_zero() || left > warn.duration() {
            return None;
        }
        let minutes = left.as_secs().div_ceil(60);
        let time = if minutes == 1 { "within a minute".to_owned() } else { format!("in {minutes} minutes") };
        let why = if session.handed_over { " You handed over; finish what you write." } else { "" };
        Some(format!("This session ends {time}.{why} Save what you are writing; one touch with PIN begins the next."))
    }

    /// What the desktop around the browser wants of whoever is signed in.
    fn desktop_waits(&self, visitor: &Visitor, session: Option<&SessionFacts>) -> Markup {
        let now = self.plane().now();
        let waits = visitor
            .device()
            .zip(session)
            .and_then(|(here, session)| self.waiting().of(here, &session.principal, session.proved_at, now));
        html! { @if let Some(service) = waits {
            p { strong { (service) } " at this workstation waits for your touch. " a.button href="/bedside/step-up" { "Touch your key" } }
        } }
    }

    /// What somebody is here, in a few words.
    fn role_of(&self, who: &events::PrincipalId) -> String {
        let subject = world::Subject { principal: who.clone(), patient: None, device: None, session: None };
        let now = self.plane().now();
        let facts = self.plane().world(|world| world.facts(&subject, now));
        let engine = self.plane().engine();
        let titles = &engine.charter().entities().roles;
        let role = facts.principal.and_then(|known| known.roles.first().cloned());
        let role = role.map(|role| titles.get(&role).map_or_else(|| role.to_string(), |known| known.title.clone()));
        let unit = facts.shifts.iter().find(|shift| shift.from <= now && now < shift.until).map(|shift| &shift.unit);
        match (role, unit) {
            (Some(role), Some(unit)) => format!("{role}, {unit}"),
            (Some(role), None) => role,
            (None, Some(unit)) => unit.to_string(),
            (None, None) => String::new(),
        }
    }
}

/// The touch that signs in, comes back, follows or takes over. A scanner types a badge number and Enter into its field.
fn touch(visitor: &Visitor, token: &str, label: &str, badge: &Markup) -> Markup {
    touch_by(visitor, token, &html! { (badge) (form::wide_button(label)) })
}

/// The same, with everything that stands around its button.
fn touch_by(visitor: &Visitor, token: &str, body: &Markup) -> Markup {
    let browser_key = visitor.workstation.is_none();
    let ceremony = CeremonyForm {
        name: "sign-in",
        options: "/bedside/sign-in/options",
        result: "/bedside/sign-in/result",
        attempt: "/bedside/attempt",
        form_token: token,
        start: false,
        browser_key,
    };
    ceremony.render(body)
}

/// Those who say who people are, each a link: browsers let no form of ours lead to another site.
fn providers(point: &PointOfCare, visitor: &Visitor) -> Markup {
    let choices = if visitor.device().is_some() { point.federation().choices() } else { Vec::new() };
    html! { @for choice in choices { p { a.button href={ "/federation/" (choice.name) } { (choice.title) } } } }
}

/// Whose a screen is, for whoever stands in front of it. A colleague is named, since only they can say whether they come back; nobody in
/// passing reads that a patient is here.
fn owner_of(point: &PointOfCare, session: &SessionFacts) -> String {
    let subject = world::Subject { principal: session.principal.clone(), patient: None, device: None, session: None };
    let known = point.plane().world(|world| world.facts(&subject, point.plane().now())).principal;
    if known.is_none_or(|known| known.class == IdentityClass::Patient) {
        return "its owner".to_owned();
    }
    point.name_of(&session.principal)
}

/// The touch alone that brings the owner of a screen back, and nobody else.
fn touch_alone(token: &str, owner: &str) -> Markup {
    let ceremony = CeremonyForm {
        name: "reconnect",
        options: "/bedside/reconnect/options",
        result: "/bedside/reconnect/result",
        attempt: "/bedside/attempt",
        form_token: token,
        start: false,
        browser_key: false,
    };
    let label = format!("I am {owner}: touch your key to go on");
    ceremony.render(&html! {
        (badge::field("Your badge, if you scan one", true, false))
        (form::wide_button(&label))
        p.quiet { "Without PIN, for " (owner) "’s key alone." }
    })
}

const BADGE_LABEL: &str = "Badge, if you scan one";

fn other_ways() -> Markup {
    html! { p { a.button href=(crate::fallback::HELP_PATH) { "My key does not work" } } }
}

/// Where a browser of one's own lets go of a session it cannot prove any more.
pub(crate) const ANEW_PATH: &str = "/bedside/anew";

/// The browser has to prove which workstation it is, which takes no touch.
pub(crate) fn prove(point: &PointOfCare, visitor: &Visitor, resume: Option<&str>) -> Document {
    let ones_own = visitor.stale.as_ref().is_some_and(|stale| stale.workstation.is_none());
    let body = html! {
        (resume_field(resume, &visitor.form_token()))
        noscript { p.wrong { "Without its script this page cannot prove which workstation this is." } }
        @if ones_own {
            (form::post(ANEW_PATH, &visitor.form_token(), &form::button(form::Weight::Usual, "Sign in anew")))
        }
    };
    let page = Bedside {
        title: "One moment",
        lead: Some(html! { "This workstation is proving which one it is." }),
        body,
        script: Script { renew_now: true, ..Script::default() },
        ..Bedside::default()
    };
    point.page_with(visitor, None, page).with_status(StatusCode::UNAUTHORIZED)
}

/// Nobody is at the screen.
pub(crate) fn sign_in(point: &PointOfCare, visitor: &Visitor, notice: Option<&str>, resume: Option<&str>) -> Document {
    let token = visitor.form_token();
    let body = html! {
        (touch(visitor, &token, "Sign in with your key", &badge::field(BADGE_LABEL, true, false)))
        (resume_field(resume, &token))
        (providers(point, visitor))
        (other_ways())
    };
    let page = Bedside {
        title: "Who is there?",
        lead: Some(html! {
            "One touch. If you were signed in elsewhere, your work comes here."
            @if resume.is_some() { " What was being written here is kept for a quarter of an hour, for whoever wrote it." }
        }),
        notice: notice.unwrap_or(""),
        body,
        ..Bedside::default()
    };
    let document = point.page_with(visitor, None, page);
    if notice.is_some() { document } else { document.with_status(StatusCode::UNAUTHORIZED) }
}

/// The screen is locked; its owner comes back with one touch, and somebody else may go on with theirs.
pub(crate) fn locked(point: &PointOfCare, visitor: &Visitor, session: &SessionFacts, resume: Option<&str>) -> Document {
    let (token, name) = (visitor.form_token(), owner_of(point, session));
    let why = match session.locked.map(|(_, cause)| cause) {
        Some(LockCause::BadgeAway) => "The badge was taken away.",
        Some(LockCause::TakenOver) => "Somebody else went on here.",
        Some(LockCause::Idle) | None => "Nobody used it for a while.",
        Some(LockCause::Asked) => "",
    };
    let stands = Standing::Locked(session.locked.map_or(LockCause::Idle, |(_, cause)| cause));
    let alone = presence_will_do(session, stands, point.session_rules(session).as_ref());
    let lent = session.vouched_by.is_some();
    let body = html! {
        @if lent { p { (form::link(form::Weight::Main, crate::vouching::VOUCH_PATH, "A colleague vouches again")) } }
        @if alone {
            (touch_alone(&token, &name))
            (touch_by(visitor, &token, &html! {
                (form::wide_button("I am somebody else: touch your own key"))
                p.quiet { "With PIN or finger. " (name) "’s work stays theirs, and " (name) " may come back this way too." }
            }))
        } @else {
            (touch(visitor, &token, "Touch your key to go on", &badge::field(BADGE_LABEL, true, false)))
        }
        (resume_field(resume, &visitor.form_token()))
        (other_ways())
    };
    let lead = html! {
        (why) " "
        @if alone { "Two ways on, one touch each: " (name) "’s first, then everybody else’s." }
        @else if lent { "The colleague who vouched for " (name) " touches once more, and it goes on; it costs none of the times a shift allows. Any key of one’s own works, too." }
        @else { (name) " goes on with one touch. Anybody else’s touch takes over: " (name) "’s work stays theirs." }
    };
    let title = format!("Locked for {name}");
    let next = format!("That button is for {name}’s key alone. Anybody else: use the one below it, with your own key.");
    let cancelled = format!("Nothing was sent. {next}");
    let late = format!("Nobody touched in time, or it was another key. {next}");
    let failed = format!("The key did not answer. {next}");
    let words = [
        ("reconnect-cancelled", cancelled.as_str()),
        ("reconnect-timed_out", late.as_str()),
        ("reconnect-failed", failed.as_str()),
    ];
    let page = Bedside { title: &title, nobody: "Locked", lead: Some(lead), body, words: &words, ..Bedside::default() };
    point.page_with(visitor, None, page).with_status(StatusCode::UNAUTHORIZED)
}

/// The session of this screen is at another one now.
pub(crate) fn elsewhere(point: &PointOfCare, visitor: &Visitor, session: &SessionFacts) -> Document {
    let (token, name) = (visitor.form_token(), owner_of(point, session));
    let body = html! { (touch(visitor, &token, "Touch your key to work here", &html! {})) (other_ways()) };
    let place = session.workstation.as_ref().and_then(|device| point.unit_of(device));
    let lead = html! { (name) " went on at another workstation" @if let Some(unit) = place { " in " (unit) } "." };
    let page = Bedside { title: "This screen is free", lead: Some(lead), body, ..Bedside::default() };
    point.page_with(visitor, None, page).with_status(StatusCode::UNAUTHORIZED)
}

fn trouble(point: &PointOfCare, status: StatusCode, title: &str, why: &str) -> Document {
    let next = form::link(form::Weight::Main, "/bedside", "Back to the start");
    point.shell().trouble(status, title, why, &next)
}

/// A form that came from another site, or from a page of a session that is over.
pub(crate) fn foreign_form(point: &PointOfCare) -> Document {
    let why =
        "The page was left open over a change of session, or it was not ours. Nothing happened; please start again.";
    trouble(point, StatusCode::FORBIDDEN, "This form cannot be used any more", why)
}

/// A form that cannot be read.
pub(crate) fn unreadable(point: &PointOfCare) -> Document {
    trouble(
        point,
        StatusCode::BAD_REQUEST,
        "This form cannot be read",
        "Nothing happened. Please go back and try again.",
    )
}
