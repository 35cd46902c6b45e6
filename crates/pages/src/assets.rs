//! The stylesheet, the script and the icon, under paths that change when their content does, so that browsers may keep them for a year.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::LazyLock;

/// The most bytes the stylesheet may have as it is sent; a test holds it.
pub const STYLES_BYTES_MAX: usize = 17 * 1024;

/// The most bytes the script may have as it is sent; a test holds it.
pub const SCRIPT_BYTES_MAX: usize = 10 * 1024;

const ICON: &str = include_str!("../assets/icon.svg");
const CACHE_FOR_EVER: &str = "public, max-age=31536000, immutable";

static STYLES: LazyLock<String> = LazyLock::new(|| squeezed(include_str!("../assets/handrail.css")));
static STYLES_PATH: LazyLock<String> = LazyLock::new(|| format!("/assets/handrail-{:016x}.css", fingerprint(&STYLES)));
static SCRIPT: LazyLock<String> = LazyLock::new(|| uncommented(include_str!("../assets/bedside.js")));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| format!("/assets/bedside-{:016x}.js", fingerprint(&SCRIPT)));
static ICON_PATH: LazyLock<String> = LazyLock::new(|| format!("/assets/icon-{:016x}.svg", fingerprint(ICON)));

/// The stylesheet as it is sent.
#[must_use]
pub fn styles() -> &'static str {
    &STYLES
}

/// Where the stylesheet is served.
#[must_use]
pub fn styles_path() -> &'static str {
    &STYLES_PATH
}

/// The script of bedside pages as it is sent.
#[must_use]
pub fn script() -> &'static str {
    &SCRIPT
}

/// Where the script is served.
#[must_use]
pub fn script_path() -> &'static str {
    &SCRIPT_PATH
}

/// Where the icon is served.
#[must_use]
pub fn icon_path() -> &'static str {
    &ICON_PATH
}

/// Routes for everything pages refer to. Merge it once into the application's router, outside of any sign-in.
pub fn asset_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(styles_path(), get(async || asset("text/css; charset=utf-8", styles())))
        .route(script_path(), get(async || asset("text/javascript; charset=utf-8", script())))
        .route(icon_path(), get(async || asset("image/svg+xml", ICON)))
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, CACHE_FOR_EVER)], [("x-content-type-options", "nosniff")], text)
}

/// FNV-1a. Tells versions of our own files apart; guards nothing.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The stylesheet without comments and without white space that means nothing. Knows the CSS we write, not all of CSS: quotes are kept,
/// and space is dropped only beside `{ } ; , >` and after a colon.
fn squeezed(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css.chars().peekable();
    let mut quoted = false;
    while let Some(c) = rest.next() {
        if quoted || c == '"' {
            quoted ^= c == '"';
            out.push(c);
        } else if c == '/' && rest.peek() == Some(&'*') {
            let mut before = ' ';
            for c in rest.by_ref() {
                if before == '*' && c == '/' {
                    break;
                }
                before = c;
            }
        } else if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(['{', '}', ';', ',', '>', ':', ' ']) {
                out.push(' ');
            }
        } else {
            if matches!(c, '{' | '}' | ';' | ',' | '>') && out.ends_with(' ') {
                out.pop();
            }
            if c == '}' && out.ends_with(';') {
                out.pop();
            }
            out.push(c);
        }
    }
    out
}

/// The script without its comments, which have lines of their own, and without indentation.
fn uncommented(script: &str) -> String {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::new(), |out, line| out + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stays_small_and_speaks_to_us_alone() {
        assert!(script().len() <= SCRIPT_BYTES_MAX, "{} bytes", script().len());
        assert!(script().starts_with("\"use strict\";"), "comments are left out");
        for outside in ["http:", "https:", "://", "eval(", "innerHTML", "document.write", "import(", "`\n"] {
            assert!(!script().contains(outside), "{outside}");
        }
        assert_eq!(uncommented("  // why\n  a;\n\n\tb; \n"), "a;\nb;\n");
    }

    #[test]
    fn squeezing_drops_only_what_means_nothing() {
        let css =
            "/* why */\na > b ,\n .c :hover { font: 1rem \"A  B\" , x; color: red; }\n@media (a: 1) { p { x: y } }";
        assert_eq!(squeezed(css), "a>b,.c :hover{font:1rem \"A  B\",x;color:red}@media (a:1){p{x:y}}");
    }

    #[test]
    fn the_stylesheet_stays_small_and_stands_alone() {
        assert!(styles().len() <= STYLES_BYTES_MAX, "{} bytes", styles().len());
        assert!(styles().len() > 4_000, "it is empty");
        for outside in ["url(", "@import", "http:", "https:", "expression("] {
            assert!(!styles().contains(outside), "{outside}");
        }
        assert_eq!(styles().matches('{').count(), styles().matches('}').count());
    }

    #[test]
    fn a_changed_asset_has_another_path() {
        assert_ne!(fingerprint("a"), fingerprint("b"));
        assert!(styles_path().ends_with(".css") && styles_path().len() == "/assets/handrail-.css".len() + 16);
    }

    /// The custom properties of one `:root` block, as red, green and blue from 0 to 1.
    fn palette(block: &str) -> std::collections::BTreeMap<&str, [f64; 3]> {
        let channel = |digits: &str| f64::from(u8::from_str_radix(digits, 16).unwrap()) / 255.0;
        block
            .split(';')
            .filter_map(|line| line.trim().split_once(": #"))
            .map(|(name, hex)| {
                let long: String = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.into() };
                (name, [channel(&long[0..2]), channel(&long[2..4]), channel(&long[4..6])])
            })
            .collect()
    }

    /// WCAG 2.2's contrast ratio.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let luminance = |colour: [f64; 3]| -> f64 {
            let linear = colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn every_text_and_every_edge_can_be_seen_in_light_and_in_dark() {
        let css = include_str!("../assets/handrail.css");
        let blocks: Vec<_> = css.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(blocks.len(), 2, "light and dark");
        for block in blocks {
            let colours = palette(block);
            let enough = |front: &str, back: &str, least: f64| {
                let ratio = contrast(colours[front], colours[back]);
                assert!(ratio >= least, "{front} on {back} is {ratio:.2}, and should be {least}");
            };
            for back in ["--paper", "--sheet", "--sunk"] {
                for front in ["--ink", "--ink-2", "--ink-3", "--accent", "--good", "--bad", "--warn", "--note"] {
                    enough(front, back, 4.5);
                }
                enough("--edge", back, 3.0);
                enough("--focus", back, 3.0);
            }
            for tone in ["good", "bad", "warn", "note"] {
                for front in ["--ink", "--ink-2", &format!("--{tone}")] {
                    enough(front, &format!("--{tone}-bg"), 4.5);
                }
            }
            enough("--on-accent", "--accent", 4.5);
            enough("--accent", "--tint", 4.5);
        }
    }
}
