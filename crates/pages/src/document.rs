//! A finished page and the headers it always leaves with.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY as CSP, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::Markup;

/// What a page may load and be used for: our own stylesheet and icon, our own forms, and nothing else. No script at all.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'";

/// What a bedside page may load and be used for: also our own script, which may speak to us alone. Nothing inline.
pub const BEDSIDE_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A finished page. Only a [`crate::Shell`] makes one, and it cannot leave without its security headers.
///
/// The referrer policy is `same-origin` and not `no-referrer`, because with the latter browsers send `Origin: null` with forms, which
/// would blind the check that a form came from us. Nothing is ever told to another site.
#[derive(Debug)]
pub struct Document {
    status: StatusCode,
    markup: Markup,
    policy: &'static str,
}

impl Document {
    pub(crate) const fn new(markup: Markup) -> Self {
        Self { status: StatusCode::OK, markup, policy: CONTENT_SECURITY_POLICY }
    }

    /// One that carries the script.
    pub(crate) const fn scripted(markup: Markup) -> Self {
        Self { status: StatusCode::OK, markup, policy: BEDSIDE_SECURITY_POLICY }
    }

    /// The same page under another status.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The status it answers with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The page's HTML.
    #[must_use]
    pub fn into_html(self) -> String {
        self.markup.into_string()
    }
}

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        const HEADERS: [(HeaderName, &str); 7] = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (REFERRER_POLICY, "same-origin"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
            (CACHE_CONTROL, "no-store"),
        ];
        let mut response = (self.status, self.markup.into_string()).into_response();
        response.headers_mut().insert(CSP, HeaderValue::from_static(self.policy));
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::html;

    #[test]
    fn no_page_leaves_without_its_headers() {
        let response = Document::new(html! { "x" }).with_status(StatusCode::NOT_FOUND).into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let policy = header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert_eq!(header("referrer-policy").as_deref(), Some("same-origin"));
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
        assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    }
}
