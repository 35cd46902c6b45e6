//! What surrounds every page: name, navigation, environment, account, and the way back.

use crate::{Document, Icon, Tone, banner, icon, icon_path, script_path, styles_path};
use axum::http::StatusCode;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What sort of installation this is. Shown on every page, so that nobody mistakes one for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment {
    /// People's real access hangs on it. Shows no badge.
    Production,
    /// `handrail dev`: everything on it is made up.
    Development,
    /// Anything else, by its name: `Test`, `Training`.
    Named(String),
}

impl Environment {
    fn badge(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Production => None,
            Self::Development => Some(("Development", "a made-up hospital")),
            Self::Named(name) => Some((name, "not production")),
        }
    }
}

/// A way to one of the main pages.
#[derive(Clone, Debug)]
pub struct ShellLink {
    /// Where.
    pub href: &'static str,
    /// Its name, one or two words.
    pub label: &'static str,
    /// Its icon.
    pub icon: Icon,
    /// How many things wait there; nothing is shown for none.
    pub waiting: u64,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Their name.
    pub name: String,
    /// The form that signs them out.
    pub sign_out: Markup,
}

/// What one page puts into a [`Shell`].
#[derive(Debug)]
pub struct Page<'a> {
    /// The name of the page: in the window's title and, unless `bare_head`, as its first heading.
    pub title: &'a str,
    /// The [`ShellLink::href`] it belongs under.
    pub place: &'a str,
    /// The way back, outermost first: address and name. The page itself is added.
    pub trail: &'a [(&'a str, &'a str)],
    /// One sentence under the heading: what the page is for.
    pub lead: Option<Markup>,
    /// Controls that belong to the whole page, beside its heading.
    pub controls: Option<Markup>,
    /// The body brings its own `h1`, such as a [`crate::verdict`].
    pub bare_head: bool,
    /// Load the page again after this many seconds.
    pub refresh_s: Option<u32>,
    /// Everything else.
    pub body: Markup,
}

impl Default for Page<'_> {
    fn default() -> Self {
        Self {
            title: "",
            place: "",
            trail: &[],
            lead: None,
            controls: None,
            bare_head: false,
            refresh_s: None,
            body: html! {},
        }
    }
}

/// What surrounds every page of one application.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The hospital's name.
    pub hospital: String,
    /// What sort of installation this is.
    pub environment: Environment,
    /// The main pages, by group: the group's name and its links.
    pub links: Vec<(&'static str, Vec<ShellLink>)>,
    /// Who is signed in, if somebody is.
    pub account: Option<Account>,
    /// One line at the foot of every page, such as the version and the charter in force.
    pub foot: String,
}

impl Shell {
    /// A page among others, with navigation.
    #[must_use]
    pub fn page(&self, page: Page<'_>) -> Document {
        let body = html! {
            a.skip href="#content" { "Skip to the content" }
            div.shell {
                header.top {
                    (brand())
                    span.place { (self.hospital) }
                    (self.environment_badge())
                    @if let Some(account) = &self.account {
                        div.who { span.row { (icon(Icon::Person)) (account.name) } (account.sign_out) }
                    }
                }
                div.rail { (self.navigation(page.place)) }
                main id="content" tabindex="-1" {
                    @if !page.trail.is_empty() {
                        nav.crumbs aria-label="Where you are" {
                            ol {
                                @for (href, label) in page.trail { li { a href=(href) { (label) } } }
                                li aria-current="page" { (page.title) }
                            }
                        }
                    }
                    @if !page.bare_head {
                        div.head {
                            div {
                                h1 { (page.title) }
                                @if let Some(lead) = &page.lead { p.lead { (lead) } }
                            }
                            @if let Some(controls) = &page.controls { div.row { (controls) } }
                        }
                    }
                    (page.body)
                }
                footer.foot { (self.foot) }
            }
        };
        self.document(page.title, page.refresh_s, &body)
    }

    /// A page with one thing to do and no navigation, such as signing in.
    #[must_use]
    pub fn alone(&self, title: &str, body: &Markup) -> Document {
        let body = html! {
            div.alone {
                header.row { (brand()) (self.environment_badge()) }
                main id="content" { h1 { (title) } (body) }
                footer { (self.hospital) @if !self.foot.is_empty() { " · " (self.foot) } }
            }
        };
        self.document(title, None, &body)
    }

    /// A page that says what went wrong, why, and what to do now. Inside the navigation when somebody is signed in.
    #[must_use]
    pub fn trouble(&self, status: StatusCode, title: &str, why: &str, next: &Markup) -> Document {
        let body = html! {
            @if status.is_server_error() { (banner(Tone::Bad, why, &html! {})) } @else { p.lead { (why) } }
            div.row { (next) }
            p.small.quiet { "Status " (status.as_u16()) }
        };
        let document = if self.account.is_some() {
            self.page(Page { title, body, ..Page::default() })
        } else {
            self.alone(title, &body)
        };
        document.with_status(status)
    }

    fn navigation(&self, place: &str) -> Markup {
        html! {
            nav aria-label="Main" {
                @for (group, links) in &self.links {
                    @if !group.is_empty() { p { (group) } }
                    ul {
                        @for link in links {
                            li {
                                a href=(link.href) aria-current=[(link.href == place).then_some("page")] {
                                    (icon(link.icon)) span { (link.label) }
                                    @if link.waiting > 0 {
                                        span.count { (link.waiting) span.unseen { " waiting" } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    pub(crate) fn environment_badge(&self) -> Markup {
        html! {
            @if let Some((name, meaning)) = self.environment.badge() {
                span.env { (name) span.unseen { ": " (meaning) } }
            }
        }
    }

    fn document(&self, title: &str, refresh_s: Option<u32>, body: &Markup) -> Document {
        Document::new(self.around(title, &refresh(refresh_s), &html! { body { (body) } }))
    }

    /// A document with the script; the body brings its own element, for what the script is told.
    pub(crate) fn scripted(&self, title: &str, body: &Markup) -> Document {
        let head = html! { script src=(script_path()) defer {} };
        Document::scripted(self.around(title, &head, body))
    }

    fn around(&self, title: &str, head: &Markup, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex, nofollow";
                    title { (title) " · Handrail" @if let Some((name, _)) = self.environment.badge() { " (" (name) ")" } }
                    link rel="stylesheet" href=(styles_path());
                    link rel="icon" type="image/svg+xml" href=(icon_path());
                    (head)
                }
                (body)
            }
        }
    }
}

/// Has the page load itself again so often.
fn refresh(seconds: Option<u32>) -> Markup {
    html! { @if let Some(seconds) = seconds { meta http-equiv="refresh" content=(seconds); } }
}

fn brand() -> Markup {
    const MARK: &str = r#"<svg viewBox="0 0 26 26" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"><path d="M2 17h3.5l13-10h5M6.5 16.5v5.5M12.5 12v10M18.5 8v14"/></svg>"#;
    html! { a.brand href="/" { (PreEscaped(MARK)) "Handrail" } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Shell {
        let link = |href, label| ShellLink { href, label, icon: Icon::Now, waiting: 0 };
        Shell {
            hospital: "Harbour <General>".into(),
            environment: Environment::Development,
            links: vec![("", vec![link("/", "Now"), link("/decisions", "Decisions")])],
            account: None,
            foot: String::new(),
        }
    }

    #[test]
    fn a_page_says_where_it_is_and_can_be_used_from_the_keyboard() {
        let page = Page { title: "Decisions", place: "/decisions", trail: &[("/", "Now")], ..Page::default() };
        let html = shell().page(page).into_html();
        assert!(html.contains("<title>Decisions · Handrail (Development)</title>"), "{html}");
        assert!(html.contains(r##"href="#content""##) && html.contains(r#"<main id="content""#));
        assert_eq!(html.matches(r#"aria-current="page""#).count(), 2, "{html}");
        assert!(html.contains("Harbour &lt;General&gt;"));
        assert_eq!(html.matches("<h1").count(), 1);
    }

    #[test]
    fn no_page_has_script_or_style_of_its_own() {
        let page = Page { title: "T", refresh_s: Some(5), ..Page::default() };
        for html in [shell().page(page).into_html(), shell().alone("T", &html! {}).into_html()] {
            for unwanted in ["<script", "<style", " style=", " onclick", "javascript:"] {
                assert!(!html.contains(unwanted), "{unwanted} in {html}");
            }
        }
    }

    #[test]
    fn only_a_page_that_asks_for_it_loads_itself_again() {
        let refreshing = shell().page(Page { refresh_s: Some(5), ..Page::default() }).into_html();
        assert!(refreshing.contains(r#"<meta http-equiv="refresh" content="5">"#));
        assert!(!shell().page(Page::default()).into_html().contains("http-equiv=\"refresh\""));
    }

    #[test]
    fn trouble_keeps_its_status_and_says_what_to_do() {
        let document =
            shell().trouble(StatusCode::NOT_FOUND, "No entry 9", "The log has 3.", &html! { a href="/" { "Now" } });
        assert_eq!(document.status(), StatusCode::NOT_FOUND);
        let html = document.into_html();
        assert!(
            html.contains("No entry 9") && html.contains("The log has 3.") && html.contains("href=\"/\""),
            "{html}"
        );
    }
}
