//! Small charts as inline SVG. Each carries its meaning in words for those who do not see it.

use maud::{Markup, html};
use std::fmt::Write as _;

/// The most points a chart draws; the rest would be narrower than a pixel.
pub const POINTS_MAX: usize = 240;

/// How a figure went, newest last, without axes. `meaning` says in words what the line shows.
#[must_use]
pub fn sparkline(values: &[u64], meaning: &str) -> Markup {
    let values = last(values);
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let steps = values.len().saturating_sub(1).max(1);
    let mut line = String::new();
    for (place, value) in values.iter().enumerate() {
        let x = ratio(place as u64, steps as u64, 100.0);
        let y = 34.0 - ratio(*value, highest, 32.0);
        let _ = write!(line, "{}{x:.1} {y:.1}", if place == 0 { "M" } else { "L" });
    }
    html! {
        svg.spark viewBox="0 0 100 36" preserveAspectRatio="none" role="img" aria-label=(meaning) {
            @if values.len() > 1 {
                path.area d={ (line) "L100 36L0 36Z" } {}
                path.line d=(line) {}
            }
        }
    }
}

/// Columns of two stacked counts, such as permits below and denies above, oldest first.
#[must_use]
pub fn columns(counts: &[(u64, u64)], meaning: &str) -> Markup {
    let counts = last(counts);
    let highest = counts.iter().map(|(good, bad)| good.saturating_add(*bad)).max().unwrap_or(0).max(1);
    let width = 100.0 / counts.len().max(1) as f64;
    html! {
        svg.columns viewBox="0 0 100 60" preserveAspectRatio="none" role="img" aria-label=(meaning) {
            line.base x1="0" y1="59.5" x2="100" y2="59.5" {}
            @for (place, (good, bad)) in counts.iter().enumerate() {
                @let x = format!("{:.2}", width * place as f64 + width * 0.12);
                @let w = format!("{:.2}", width * 0.76);
                @let (lower, upper) = (ratio(*good, highest, 58.0), ratio(*bad, highest, 58.0));
                @if *good > 0 {
                    rect.good x=(x) width=(w) y={ (format!("{:.1}", 59.0 - lower)) } height=(format!("{lower:.1}")) {}
                }
                @if *bad > 0 {
                    rect.bad x=(x) width=(w) y={ (format!("{:.1}", 59.0 - lower - upper)) } height=(format!("{upper:.1}")) {}
                }
            }
        }
    }
}

/// Named counts as bars, each with its number beside it.
#[must_use]
pub fn bars<L: AsRef<str>>(items: &[(L, u64)]) -> Markup {
    let highest = items.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    html! {
        ul.bars {
            @for (label, count) in items {
                li {
                    span { (label.as_ref()) }
                    svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                        rect width=(format!("{:.1}", ratio(*count, highest, 100.0))) height="10" {}
                    }
                    span { (crate::number(*count)) }
                }
            }
        }
    }
}

fn last<T>(values: &[T]) -> &[T] {
    values.get(values.len().saturating_sub(POINTS_MAX)..).unwrap_or(values)
}

/// `part` of `whole`, scaled. Precision beyond a pixel does not matter here.
fn ratio(part: u64, whole: u64, scale: f64) -> f64 {
    part as f64 / whole.max(1) as f64 * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_hold_up_with_nothing_and_with_too_much() {
        for values in [vec![], vec![0], vec![0, 0], vec![u64::MAX, 0, u64::MAX], vec![1; 10_000]] {
            let html = sparkline(&values, "permits a minute").0;
            assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            let pairs: Vec<_> = values.iter().map(|value| (*value, *value)).collect();
            let html = columns(&pairs, "answers").0;
            assert!(!html.contains("NaN") && !html.contains("inf"));
            assert!(html.matches("<rect").count() <= 2 * POINTS_MAX);
        }
    }

    #[test]
    fn a_chart_says_in_words_what_it_shows() {
        assert!(sparkline(&[1, 2], "permits a minute").0.contains("aria-label=\"permits a minute\""));
        assert!(bars(&[("ED", 12_345)]).0.contains("12\u{202f}345"));
    }
}
