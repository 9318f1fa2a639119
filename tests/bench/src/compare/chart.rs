//! The ratios as a picture: bars on a logarithmic scale, to the right of the line where ours is better.

use std::fmt::Write as _;

use super::results::{Measure, Results};
use crate::programs::PEERS;

const WIDTH: f64 = 860.0;
/// Where the scale begins and ends.
const LEFT: f64 = 270.0;
const RIGHT: f64 = 790.0;
const TOP: f64 = 76.0;
const BAR: f64 = 13.0;
const GAP: f64 = 16.0;
/// One for each peer; told apart by those who see few colours, on light and on dark.
const COLORS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900"];
/// The picture brings its own background, so that its text is read on every page.
const STYLE: &str = "<style>text{font:12px sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:bold}.line{stroke:#1f2328}\
    .grid{stroke:#d0d7de}.ground{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.line{stroke:#e6edf3}\
    .grid{stroke:#3d444d}.ground{fill:#0d1117}}</style>\n";

/// The scale: powers of ten around all ratios.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(ratios: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            ratios.fold((1.0_f64, 1.0_f64), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
        // At least one step, or there would be no room.
        Self { low: low.log10().floor(), high: high.log10().ceil().max(1.0) }
    }

    fn x(&self, ratio: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (ratio.log10() - self.low) / (self.high - self.low)
    }
}

/// The place of a peer in their list, and a ratio.
type Bar = (usize, f64);

pub fn chart(results: &Results) -> String {
    let groups: Vec<(Measure, Vec<Bar>)> = Measure::ALL
        .into_iter()
        .map(|measure| {
            let bars = PEERS.iter().enumerate();
            (measure, bars.filter_map(|(at, peer)| Some((at, results.ratio(measure, peer)?))).collect())
        })
        .filter(|(_, bars): &(_, Vec<Bar>)| !bars.is_empty())
        .collect();
    let scale = Scale::of(groups.iter().flat_map(|(_, bars)| bars.iter().map(|(_, ratio)| *ratio)));
    let bars: f64 = groups.iter().map(|(_, bars)| bars.len() as f64 * BAR + GAP).sum();
    let (bottom, height) = (TOP + bars, TOP + bars + 34.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>jitsimeet beside its peers</title>\n{STYLE}<rect class=\"ground\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n"
    );
    text(&mut svg, 16.0, 26.0, "title", "How many times better jitsimeet is (right of 1: better)");
    for (at, peer) in PEERS.iter().enumerate() {
        let x = 16.0 + 166.0 * at as f64;
        rectangle(&mut svg, x, 42.0, 12.0, COLORS[at]);
        text(&mut svg, x + 18.0, 53.0, "key", &format!("than {}", peer.name));
    }
    let steps = (scale.high - scale.low).round() as i32;
    for step in 0..=steps {
        let ratio = 10_f64.powf(scale.low + f64::from(step));
        let x = scale.x(ratio);
        let class = if (ratio - 1.0).abs() < 1e-9 { "line" } else { "grid" };
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>"
        );
        text(&mut svg, x - 8.0, bottom + 18.0, "scale", &format!("{ratio}×"));
    }
    let mut y = TOP + GAP / 2.0;
    for (measure, bars) in groups {
        let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
        text(&mut svg, 16.0, middle, "measure", measure.title());
        for (at, ratio) in bars {
            let (from, to) = (scale.x(ratio.min(1.0)), scale.x(ratio.max(1.0)));
            rectangle(&mut svg, from, y + 1.0, (to - from).max(1.0), COLORS[at]);
            text(&mut svg, to + 4.0, y + BAR - 2.0, "ratio", &format!("{ratio:.2}×"));
            y += BAR;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn rectangle(svg: &mut String, x: f64, y: f64, width: f64, color: &str) {
    let height = BAR - 2.0;
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{color}\"/>"
    );
}

/// None of what is written here has a character that XML must escape.
fn text(svg: &mut String, x: f64, y: f64, class: &str, content: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{content}</text>");
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    #[test]
    fn bars_begin_at_the_line_and_end_at_their_ratio() {
        let svg = chart(&results());
        // From 0.1 to 10, so that 1 is in the middle.
        let line = f64::midpoint(LEFT, RIGHT);
        assert!(svg.contains(&format!("<line class=\"line\" x1=\"{line:.1}\"")), "{svg}");
        let half = (RIGHT - LEFT) / 2.0;
        for (from, width) in [
            (line, 3_f64.log10() * half),
            (line, 4_f64.log10() * half),
            (line + 0.5_f64.log10() * half, 2_f64.log10() * half),
        ] {
            let (x, width) = (format!("x=\"{from:.1}\""), format!("width=\"{width:.1}\""));
            let drawn = svg.lines().any(|line| line.contains(&x) && line.contains(&width));
            assert!(drawn, "{x} {width}: {svg}");
        }
        assert!(svg.contains(">3.00×<") && svg.contains(">0.50×<"));
        assert_eq!(svg.matches("class=\"measure\"").count(), 3, "what was not measured takes no room");
    }

    #[test]
    fn the_picture_is_xml() {
        let svg = chart(&results());
        let mut reader = quick_xml::Reader::from_str(&svg);
        while !matches!(reader.read_event().expect("well-formed"), quick_xml::events::Event::Eof) {}
    }
}
