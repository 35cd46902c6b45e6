//! Did a form come from one of our own pages? Browsers say so in headers that no page can forge.

use crate::operator::BaseUrl;
use axum::http::{HeaderMap, header};

/// What browsers say of where a form came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    /// `Sec-Fetch-Site`, which no page can forge.
    pub(crate) fetch_site: Option<&'a str>,
    /// `Origin`.
    pub(crate) origin: Option<&'a str>,
    /// `Host`.
    pub(crate) host: Option<&'a str>,
}

/// Whether a form came from one of our own pages. A browser that says nothing at all is not believed.
pub(crate) fn is_own(sent: Sent<'_>, base: &BaseUrl) -> bool {
    let site = sent.fetch_site.map(|site| site == "same-origin");
    let origin = sent.origin.map(|origin| base.is_origin(origin, sent.host));
    match (site, origin) {
        (None, None) => false,
        (site, origin) => site.unwrap_or(true) && origin.unwrap_or(true),
    }
}

/// The same by a request's headers. One that is no text is none of ours.
pub(crate) fn is_own_form(headers: &HeaderMap, base: &BaseUrl) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let sent = Sent {
        fetch_site: text("sec-fetch-site"),
        origin: text(header::ORIGIN.as_str()),
        host: text(header::HOST.as_str()),
    };
    is_own(sent, base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_of_our_own_pages_are_believed() {
        let base = "https://handrail.example".parse().unwrap();
        let sent = |fetch_site, origin| is_own(Sent { fetch_site, origin, host: Some("handrail.example") }, &base);
        assert!(sent(Some("same-origin"), Some("https://handrail.example")));
        assert!(sent(None, Some("https://handrail.example")));
        assert!(sent(Some("same-origin"), None));
        assert!(!sent(None, None), "silence is not consent");
        assert!(!sent(Some("cross-site"), Some("https://handrail.example")));
        assert!(!sent(Some("same-site"), None));
        assert!(!sent(Some("none"), None));
        assert!(!sent(Some("same-origin"), Some("https://evil.example")));
        assert!(!sent(None, Some("null")));
    }
}
