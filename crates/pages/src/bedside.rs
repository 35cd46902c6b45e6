//! What surrounds the pages at the bedside: who is signed in and where, the way to lock, and nothing else. The only pages with a script.

use crate::{Document, Icon, Shell, form, icon};
use maud::{Markup, html};

/// What one bedside page puts into its frame.
#[derive(Clone, Debug, Default)]
pub struct Bedside<'a> {
    /// The name of the page: in the window's title and, unless `bare_head`, as its first heading.
    pub title: &'a str,
    /// One sentence under the heading.
    pub lead: Option<Markup>,
    /// The body brings its own `h1`.
    pub bare_head: bool,
    /// To be read from across the room.
    pub large: bool,
    /// Where this is, as people call it: `ED, workstation 3`. Absent away from any enrolled workstation.
    pub workstation: Option<&'a str>,
    /// Who is signed in.
    pub person: Option<Present<'a>>,
    /// What stands in their place where there is nobody; that nobody is signed in, if this is empty.
    pub nobody: &'a str,
    /// How the page keeps its cookie fresh and measures itself.
    pub script: Script<'a>,
    /// What the script says of its own accord: the outcome's name (see `bedside.js`), after a ceremony's and a dash where it is said of that one
    /// alone, and the words for it.
    pub words: &'a [(&'a str, &'a str)],
    /// What is said as the page opens, read out too. Empty for nothing.
    pub notice: &'a str,
    /// Everything else.
    pub body: Markup,
}

/// Somebody who is signed in, and how their screen is locked.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// Their name.
    pub name: &'a str,
    /// What they are here, such as `Nurse, ED`.
    pub role: &'a str,
    /// Where the lock's form is posted.
    pub lock_action: &'a str,
    /// The token of that form.
    pub form_token: &'a str,
}

/// What the script is told about the page as a whole. Its attributes are explained at the top of `bedside.js`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Script<'a> {
    /// Where the workstation proves which it is. Absent where no cookie has to be kept fresh.
    pub renew: Option<&'a str>,
    /// A nonce for the first proof.
    pub nonce: Option<&'a str>,
    /// How old the cookie was when the page was made, in seconds. Absent: it is renewed at once.
    pub age_s: Option<u32>,
    /// The page has nothing to show before the workstation has proved itself.
    pub renew_now: bool,
    /// Where it is told how long it took to get here.
    pub usable: Option<&'a str>,
}

/// A form that asks an authenticator. Without the script it says that it cannot.
#[derive(Clone, Copy, Debug, Default)]
pub struct CeremonyForm<'a> {
    /// What it is for, such as `sign-in`: told with every result and every failure.
    pub name: &'a str,
    /// Where its options come from.
    pub options: &'a str,
    /// Where its result goes.
    pub result: &'a str,
    /// Where failures are told.
    pub attempt: &'a str,
    /// The token that proves that it came from one of our pages.
    pub form_token: &'a str,
    /// It starts without a touch.
    pub start: bool,
    /// This is no enrolled workstation: the browser says which key of its own it has.
    pub browser_key: bool,
}

impl CeremonyForm<'_> {
    /// The form around its fields and its button, with a place beside them for what is said.
    #[must_use]
    pub fn render(&self, body: &Markup) -> Markup {
        html! {
            form.stack method="post" data-ceremony=(self.name) data-options=(self.options) data-result=(self.result)
                data-attempt=(self.attempt) data-start[self.start] data-browser-key[self.browser_key] {
                (body)
                p.said role="status" data-say {}
                (without_script())
                input type="hidden" name=(form::TOKEN_FIELD) value=(self.form_token);
            }
        }
    }
}

/// A form that makes this browser the workstation `device`: the script adds the key it makes for it.
#[must_use]
pub fn workstation_form(action: &str, device: &str, form_token: &str, body: &Markup) -> Markup {
    html! {
        form.stack method="post" action=(action) data-enrol=(device) {
            (body)
            p.said role="status" data-say {}
            (without_script())
            input type="hidden" name=(form::TOKEN_FIELD) value=(form_token);
        }
    }
}

/// A form that survives a lock half-filled: the script sends it to the lock's address first, with its own in `kept_action`.
#[must_use]
pub fn kept_form(action: &str, form_token: &str, body: &Markup) -> Markup {
    html! {
        form.stack method="post" action=(action) data-keep {
            (body)
            input type="hidden" name=(form::TOKEN_FIELD) value=(form_token);
        }
    }
}

/// A form that was sealed to be sent on after a proof: the script does it, or whoever has none.
#[must_use]
pub fn resume_form(action: &str, sealed: &str, form_token: &str) -> Markup {
    html! {
        form method="post" action=(action) data-resume {
            input type="hidden" name="resume" value=(sealed);
            input type="hidden" name=(form::TOKEN_FIELD) value=(form_token);
            noscript { (form::wide_button("Go on")) }
        }
    }
}

/// What stands on a screen that nobody touches: the script asks for the page again so often, in seconds, and replaces this part alone, so that
/// nothing that is being typed beside it is lost. While the node does not answer, it is not shown.
#[must_use]
pub fn kept_true(every_s: u32, body: &Markup) -> Markup {
    html! { div.stack data-again=(every_s) { (body) } }
}

fn without_script() -> Markup {
    html! { noscript { p.wrong { "This browser does not run the page’s script, and without it there are no keys. The service desk can help." } } }
}

impl Shell {
    /// A page at the bedside: large, without navigation, and with the one script. Everything on it works without the script but keys.
    #[must_use]
    pub fn bedside(&self, page: &Bedside<'_>) -> Document {
        let Script { renew, nonce, age_s, renew_now, usable } = page.script;
        let body = html! {
            body.bedside.large[page.large] data-renew=[renew] data-nonce=[nonce] data-age=[age_s] data-renew-now[renew_now]
                data-usable=[usable] {
                a.skip href="#content" { "Skip to the content" }
                header.here {
                    p {
                        @if let Some(person) = page.person {
                            strong { (icon(Icon::Person)) (person.name) }
                            span { (person.role) @if let Some(workstation) = page.workstation { " · " (workstation) } }
                        } @else {
                            strong { (page.workstation.unwrap_or(&self.hospital)) }
                            span { @if page.nobody.is_empty() { "Nobody is signed in" } @else { (page.nobody) } }
                        }
                    }
                    (self.environment_badge())
                    @if let Some(person) = page.person {
                        (form::post(person.lock_action, person.form_token, &html! {
                            button.button.main type="submit" { (icon(Icon::Lock)) "Lock" }
                        }))
                    }
                }
                main id="content" tabindex="-1" {
                    @if !page.bare_head {
                        div { h1 { (page.title) } @if let Some(lead) = &page.lead { p.lead { (lead) } } }
                    }
                    p.said role="status" data-say { (page.notice) }
                    (page.body)
                }
                footer.foot { (self.hospital) @if !self.foot.is_empty() { " · " (self.foot) } }
                @for (name, words) in page.words { template data-words=(name) { (words) } }
            }
        };
        self.scripted(page.title, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BEDSIDE_SECURITY_POLICY, Environment, script_path, styles};
    use axum::http::header::CONTENT_SECURITY_POLICY;
    use axum::response::IntoResponse as _;

    fn shell() -> Shell {
        Shell {
            hospital: "Harbour <General>".into(),
            environment: Environment::Development,
            links: Vec::new(),
            account: None,
            foot: String::new(),
        }
    }

    fn present() -> Bedside<'static> {
        Bedside {
            title: "My patients",
            workstation: Some("ED, workstation 3"),
            person: Some(Present {
                name: "Amara Okafor",
                role: "Nurse",
                lock_action: "/bedside/lock",
                form_token: "t0ken",
            }),
            script: Script { renew: Some("/bedside/renew"), age_s: Some(3), ..Script::default() },
            words: &[("cancelled", "Nothing happened. Try again when you are ready.")],
            ..Bedside::default()
        }
    }

    #[test]
    fn it_says_who_is_here_and_can_be_locked_without_a_script() {
        let html = shell().bedside(&present()).into_html();
        for part in
            ["Amara Okafor", "ED, workstation 3", r#"action="/bedside/lock""#, r#"value="t0ken""#, "Lock</button>"]
        {
            assert!(html.contains(part), "{part} is missing from {html}");
        }
        assert!(html.contains("Harbour &lt;General&gt;") && !html.contains("<nav"));
        assert_eq!(html.matches("<h1").count(), 1);
        let nobody = shell().bedside(&Bedside { title: "Sign in", ..Bedside::default() }).into_html();
        assert!(nobody.contains("Nobody is signed in") && !nobody.contains("Lock</button>"));
        let locked = shell().bedside(&Bedside { title: "Locked", nobody: "Locked", ..Bedside::default() }).into_html();
        assert!(locked.contains("<span>Locked</span>") && !locked.contains("Nobody is signed in"));
    }

    #[test]
    fn it_tells_the_script_what_it_needs_and_has_no_script_of_its_own() {
        let html = shell().bedside(&present()).into_html();
        assert!(html.contains(r#"data-renew="/bedside/renew" data-age="3""#), "{html}");
        assert!(!html.contains("data-renew-now") && !html.contains("data-nonce"), "{html}");
        assert!(html.contains(r#"<template data-words="cancelled">Nothing happened."#));
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains(&format!(r#"<script src="{}" defer></script>"#, script_path())), "{html}");
        for unwanted in ["<style", " style=", " onclick", "javascript:"] {
            assert!(!html.contains(unwanted), "{unwanted} in {html}");
        }
    }

    #[test]
    fn only_these_pages_may_run_a_script_and_only_ours() {
        let policy = |document: Document| document.into_response().headers()[CONTENT_SECURITY_POLICY].clone();
        assert_eq!(policy(shell().bedside(&present())), BEDSIDE_SECURITY_POLICY);
        assert_eq!(policy(shell().alone("T", &html! {})), crate::CONTENT_SECURITY_POLICY);
        assert!(BEDSIDE_SECURITY_POLICY.contains("script-src 'self'; connect-src 'self'"));
        assert!(!BEDSIDE_SECURITY_POLICY.contains("unsafe") && !crate::CONTENT_SECURITY_POLICY.contains("script"));
    }

    #[test]
    fn the_frame_leaves_most_of_the_bytes_of_a_page_to_the_page() {
        const PAGE_AND_STYLES_MAX: usize = 30 * 1024;
        let frame = shell().bedside(&present()).into_html().len() + styles().len();
        assert!(frame < PAGE_AND_STYLES_MAX - 10 * 1024, "{frame} bytes");
    }

    #[test]
    fn a_form_that_asks_a_key_says_where_everything_goes() {
        let form = CeremonyForm {
            name: "sign-in",
            options: "/o",
            result: "/r",
            attempt: "/a",
            form_token: "t0ken",
            start: false,
            browser_key: false,
        };
        let html = form.render(&html! { button { "Go" } }).0;
        for part in [
            r#"data-ceremony="sign-in""#,
            r#"data-options="/o""#,
            r#"data-result="/r""#,
            r#"data-attempt="/a""#,
            "noscript",
        ] {
            assert!(html.contains(part), "{part} is missing from {html}");
        }
        assert!(!html.contains("data-start"));
        assert!(CeremonyForm { start: true, ..form }.render(&html! {}).0.contains("data-start"));
    }
}
