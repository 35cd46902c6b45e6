//! What benchmarks measured, as tables of Markdown and a chart, put between two marks of `docs/benchmarks.md`.

use crate::step::{Outcome, root};
use std::fmt::Write as _;

const BEGIN: &str = "<!-- figures: written by cargo xtask bench --write -->";
const END: &str = "<!-- end of figures -->";
/// The chart, beside the page.
const CHART: &str = "benchmarks-permit.svg";

/// One line of a divan benchmark: which, with which argument, and its median in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Median {
    pub(super) name: String,
    pub(super) argument: String,
    pub(super) micros: f64,
    /// As divan says it.
    pub(super) said: String,
}

/// Reads the medians out of what divan printed.
pub(super) fn medians(printed: &str) -> Vec<Median> {
    let mut found = Vec::new();
    let mut group = String::new();
    for line in printed.lines() {
        let Some((_, rest)) = line.split_once("─ ") else { continue };
        let columns: Vec<&str> = rest.split('│').map(str::trim).collect();
        let Some(first) = columns.first().and_then(|first| first.split_whitespace().next()) else { continue };
        let nested = line.starts_with('│') || line.starts_with(' ');
        if !nested {
            first.clone_into(&mut group);
        }
        let Some((said, micros)) = columns.get(2).and_then(|median| Some((*median, in_micros(median)?))) else {
            continue;
        };
        let argument = if nested { first.to_owned() } else { String::new() };
        found.push(Median { name: group.clone(), argument, micros, said: said.to_owned() });
    }
    found
}

fn in_micros(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let factor = match unit {
        "ns" => 0.001,
        "µs" => 1.0,
        "ms" => 1000.0,
        "s" => 1_000_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// A table of medians.
pub(super) fn table(medians: &[Median]) -> String {
    let mut text = "| in process | with | median |\n|---|---:|---:|\n".to_owned();
    for Median { name, argument, said, .. } in medians {
        let _infallible = writeln!(text, "| `{name}` | {argument} | {said} |");
    }
    text
}

/// Something that was to be reached, and what was.
pub(super) struct Goal {
    what: &'static str,
    wanted: String,
    found: String,
    met: bool,
}

impl Goal {
    /// No more than so many.
    pub(super) fn at_most(what: &'static str, most: f64, found: f64, unit: &str) -> Self {
        Self { what, wanted: format!("≤ {most} {unit}"), found: format!("{found:.1} {unit}"), met: found <= most }
    }

    /// No fewer than so many.
    pub(super) fn at_least(what: &'static str, least: f64, found: f64, unit: &str) -> Self {
        Self { what, wanted: format!("≥ {least} {unit}"), found: format!("{found:.0} {unit}"), met: found >= least }
    }
}

/// What was to be reached of a decision in process.
pub(super) fn decision_goals(medians: &[Median]) -> Vec<Goal> {
    let of = |name: &str, argument: &str| {
        medians.iter().find(|median| median.name == name && median.argument == argument).map(|median| median.micros)
    };
    let sizes: Vec<f64> = medians.iter().filter(|median| median.name == "permit").map(|median| median.micros).collect();
    let (slowest, fastest) =
        (sizes.iter().copied().fold(0.0, f64::max), sizes.iter().copied().fold(f64::MAX, f64::min));
    let mut goals = Vec::new();
    if !sizes.is_empty() {
        goals.push(Goal::at_most("permit in process, 10 to 100,000 policies, 1,000,000 patients", 25.0, slowest, "µs"));
        goals.push(Goal::at_most("the same, slowest over fastest", 1.5, slowest / fastest, "times"));
    }
    let many = of("permit_by_candidates", "50");
    goals.extend(many.map(|micros| Goal::at_most("permit in process, 50 candidates", 25.0, micros, "µs")));
    goals
}

/// Whether goals were met, as a table.
pub(super) fn goals(goals: &[Goal]) -> String {
    let mut text = "| goal | wanted | found | |\n|---|---:|---:|---|\n".to_owned();
    for Goal { what, wanted, found, met } in goals {
        let met = if *met { "met" } else { "**missed**" };
        let _infallible = writeln!(text, "| {what} | {wanted} | {found} | {met} |");
    }
    text
}

/// Puts tables into the page and the chart beside it.
pub(super) fn write(tables: &[String], medians: &[Median]) -> Outcome {
    let docs = root().join("docs");
    let page = docs.join("benchmarks.md");
    let text = std::fs::read_to_string(&page)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("docs/benchmarks.md has no place for figures")?;
    let (_, after) = rest.split_once(END).ok_or("docs/benchmarks.md does not say where figures end")?;
    std::fs::write(docs.join(CHART), chart(medians))?;
    let chart = format!("![Time of a permit by number of policies, indexed and plain Cedar]({CHART})\n");
    std::fs::write(page, format!("{before}{BEGIN}\n\n{chart}\n{}\n{END}{after}", tables.join("\n")))?;
    Ok(())
}

/// Where a value is on an axis of powers of ten: 0 at `from`, 1 at `to`.
fn place(value: f64, from: f64, to: f64) -> f64 {
    ((value.max(from)).log10() - from.log10()) / (to.log10() - from.log10())
}

/// Both axes logarithmic: policies from 10 to 100,000, time from 10 µs to 1 s. Its colours follow the reader's light or dark.
fn chart(medians: &[Median]) -> String {
    const STYLE: &str = "<style>text{font:13px sans-serif;fill:#222}.grid{stroke:#ccc}.ours{stroke:#0b62a4;fill:#0b62a4}\
        .plain{stroke:#b3541e;fill:#b3541e}polyline{fill:none!important;stroke-width:2}rect{fill:#fff}\
        @media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.ours{stroke:#6cb6f5;fill:#6cb6f5}\
        .plain{stroke:#f0a070;fill:#f0a070}rect{fill:#16181c}}</style>";
    let x = |policies: f64| 80.0 + 500.0 * place(policies, 10.0, 100_000.0);
    let y = |micros: f64| 320.0 - 280.0 * place(micros, 10.0, 1_000_000.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 380\" role=\"img\">\
         <title>Median time of a permit in process, by number of policies</title>{STYLE}<rect width=\"680\" height=\"380\"/>\n"
    );
    for (policies, label) in [(1e1, "10"), (1e2, "100"), (1e3, "1,000"), (1e4, "10,000"), (1e5, "100,000 policies")] {
        let _infallible =
            writeln!(svg, "<text x=\"{:.0}\" y=\"345\" text-anchor=\"middle\">{label}</text>", x(policies));
    }
    for (micros, label) in
        [(1e1, "10 µs"), (1e2, "100 µs"), (1e3, "1 ms"), (1e4, "10 ms"), (1e5, "100 ms"), (1e6, "1 s")]
    {
        let at = y(micros);
        let _infallible = writeln!(
            svg,
            "<line class=\"grid\" x1=\"80\" x2=\"600\" y1=\"{at:.0}\" y2=\"{at:.0}\"/><text x=\"72\" y=\"{:.0}\" text-anchor=\"end\">{label}</text>",
            at + 4.0
        );
    }
    for (name, class, label) in [("permit", "ours", "Handrail, indexed"), ("plain", "plain", "plain Cedar")] {
        let points: Vec<(f64, f64)> = medians
            .iter()
            .filter(|median| median.name == name)
            .filter_map(|median| Some((x(median.argument.parse().ok()?), y(median.micros))))
            .collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.0},{y:.0}")).collect();
        let _infallible = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", line.join(" "));
        for (x, y) in &points {
            let _infallible = writeln!(svg, "<circle class=\"{class}\" cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"4\"/>");
        }
        if let Some((x, y)) = points.last() {
            let _infallible =
                writeln!(svg, "<text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"end\">{label}</text>", y - 10.0);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
decide               fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ deny                            │               │               │               │         │
│  ├─ 10             81.1 µs       │ 121.8 µs      │ 84.2 µs       │ 86 µs         │ 100     │ 100
│  ╰─ 100            81.1 µs       │ 121.8 µs      │ 1.25 ms       │ 86 µs         │ 100     │ 100
╰─ once              81.1 ns       │ 121.8 ns      │ 900 ns        │ 86 ns         │ 100     │ 100
";

    #[test]
    fn the_medians_of_a_benchmark_are_found() {
        let found = medians(PRINTED);
        let told: Vec<_> = found.iter().map(|m| (m.name.as_str(), m.argument.as_str(), m.micros)).collect();
        assert_eq!(told, [("deny", "10", 84.2), ("deny", "100", 1250.0), ("once", "", 0.9)]);
    }

    #[test]
    fn a_goal_that_is_missed_is_said_to_be() {
        let permit = |argument: &str, micros| Median {
            name: "permit".into(),
            argument: argument.into(),
            micros,
            said: String::new(),
        };
        let told = goals(&decision_goals(&[permit("10", 20.0), permit("100000", 26.0)]));
        assert!(
            told.contains("| ≤ 25 µs | 26.0 µs | **missed** |") && told.contains("| ≤ 1.5 times | 1.3 times | met |"),
            "{told}"
        );
        assert!(goals(&[Goal::at_least("rate", 15_000.0, 14_999.0, "a second")]).contains("**missed**"));
    }

    #[test]
    fn a_chart_has_a_point_for_each_size() {
        let at = |name: &str, argument: &str| Median {
            name: name.into(),
            argument: argument.into(),
            micros: 20.0,
            said: String::new(),
        };
        let chart = chart(&[at("permit", "10"), at("permit", "100000"), at("plain", "10"), at("deny", "10")]);
        assert_eq!(chart.matches("<circle").count(), 3);
    }
}
