//! What was measured, and the tables of it.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::programs::{OURS, PEERS, Peer};
use crate::report::median;

/// A row of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    LoginNear,
    LoginFar,
    LoginCpu,
    Thousand,
    Stanzas,
    Memory,
    Idle,
    Resume,
}

impl Measure {
    pub const ALL: [Self; 8] = [
        Self::LoginNear,
        Self::LoginFar,
        Self::LoginCpu,
        Self::Thousand,
        Self::Stanzas,
        Self::Memory,
        Self::Idle,
        Self::Resume,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::LoginNear => "login, RTT 0, ms",
            Self::LoginFar => "login, RTT 50 ms, ms",
            Self::LoginCpu => "CPU a login, ms",
            Self::Thousand => "1,000 logins at once, s",
            Self::Stanzas => "stanzas to a callback, a second",
            Self::Memory => "memory of a session, KB",
            Self::Idle => "CPU of an idle session, µs a minute",
            Self::Resume => "resumed after a cut, RTT 50 ms, ms",
        }
    }

    const fn more_is_better(self) -> bool {
        matches!(self, Self::Stanzas)
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::LoginNear | Self::LoginCpu | Self::Thousand => format!("{value:.3}"),
            Self::Memory | Self::Idle => format!("{value:.1}"),
            Self::LoginFar | Self::Resume | Self::Stanzas => format!("{value:.0}"),
        }
    }
}

/// Samples by round, one list for each client and measure; one that failed is no number.
#[derive(Default)]
pub struct Results {
    samples: HashMap<(Measure, &'static str), Vec<f64>>,
    /// What was not measured, in sentences.
    pub missing: Vec<String>,
}

impl Results {
    pub fn add(&mut self, measure: Measure, client: &'static str, value: f64) {
        self.samples.entry((measure, client)).or_default().push(value);
    }

    pub fn median(&self, measure: Measure, client: &'static str) -> Option<f64> {
        let samples = self.samples.get(&(measure, client))?;
        Some(median(samples.clone())).filter(|value| value.is_finite())
    }

    /// How many times better ours is. Round by round: neighbours in time are the most alike.
    pub fn ratio(&self, measure: Measure, peer: &Peer) -> Option<f64> {
        let theirs = self.samples.get(&(measure, peer.name))?;
        let ours = self.samples.get(&(measure, peer.ours))?;
        let ratios = theirs
            .iter()
            .zip(ours)
            .map(|(theirs, ours)| if measure.more_is_better() { ours / theirs } else { theirs / ours });
        Some(median(ratios.collect())).filter(|ratio| ratio.is_finite())
    }

    /// The medians, the ratios, and where a peer is ahead.
    pub fn markdown(&self) -> String {
        let mut text = String::from("Medians:\n\n");
        let titles = Measure::ALL.map(Measure::title);
        table(&mut text, "client", &titles, OURS.into_iter().chain(PEERS.map(|peer| peer.name)), |client| {
            Measure::ALL
                .map(|measure| {
                    self.median(measure, client).map_or_else(String::new, |value| measure.show(value))
                })
                .to_vec()
        });
        text.push_str(
            "How many times better ours is, each peer beside the one of ours for the same programs:\n\n",
        );
        let columns = PEERS.map(|peer| format!("{} / {}", peer.name, peer.ours));
        let columns = columns.each_ref().map(String::as_str);
        table(&mut text, "", &columns, Measure::ALL.into_iter(), |measure| {
            PEERS
                .iter()
                .map(|peer| self.ratio(measure, peer).map_or_else(String::new, |ratio| format!("{ratio:.2}")))
                .collect()
        });
        self.ahead(&mut text);
        for sentence in &self.missing {
            let _ = writeln!(text, "- Not measured: {sentence}");
        }
        text
    }

    /// Says where a peer is better, be it by less than rounds differ.
    fn ahead(&self, text: &mut String) {
        let behind = Measure::ALL
            .into_iter()
            .flat_map(|measure| PEERS.iter().map(move |peer| (measure, peer)))
            .filter_map(|(measure, peer)| Some((measure, peer, self.ratio(measure, peer)?)))
            .filter(|(_, _, ratio)| *ratio < 0.995);
        for (measure, peer, ratio) in behind {
            let reason = reason(measure, peer.name);
            let _ = writeln!(
                text,
                "- {} is ahead of {} in \"{}\", {ratio:.2}: {reason}",
                peer.name,
                peer.ours,
                measure.title()
            );
        }
    }
}

/// Why a peer can be ahead.
fn reason(measure: Measure, peer: &str) -> &'static str {
    match (measure, peer) {
        (Measure::Resume, "libstrophe" | "slixmpp" | "strophe.js") => {
            "the program around it connects again at once; ours waits up to 300 ms at random, so that many that were \
             cut together do not come back in step."
        }
        (
            Measure::Memory | Measure::LoginCpu | Measure::LoginNear | Measure::Thousand,
            "libstrophe" | "tokio-xmpp",
        ) => {
            "it speaks TCP, without the HTTP upgrade and the frames and masks of WebSocket, and keeps no log."
        }
        (Measure::Idle, _) => "it looks after no deadline while nothing happens.",
        _ => "not known.",
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.title())
    }
}

fn table<T: Copy + std::fmt::Display>(
    text: &mut String,
    corner: &str,
    columns: &[&str],
    rows: impl Iterator<Item = T>,
    cells: impl Fn(T) -> Vec<String>,
) {
    let _ = writeln!(text, "| {corner} | {} |\n|---|{}", columns.join(" | "), "---:|".repeat(columns.len()));
    for row in rows {
        let _ = writeln!(text, "| {row} | {} |", cells(row).join(" | "));
    }
    text.push('\n');
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Made up: libstrophe is three times as slow, and half as large.
    pub fn results() -> Results {
        let mut results = Results::default();
        for (ours, theirs) in [(1.0, 3.0), (2.0, 6.0), (f64::NAN, 1.0)] {
            results.add(Measure::LoginNear, "jitsimeet-c", ours);
            results.add(Measure::LoginNear, "libstrophe", theirs);
        }
        for (client, memory) in [("jitsimeet-c", 10.0), ("libstrophe", 5.0)] {
            results.add(Measure::Memory, client, memory);
        }
        for (client, stanzas) in [("jitsimeet-c", 400.0), ("libstrophe", 100.0)] {
            results.add(Measure::Stanzas, client, stanzas);
        }
        results.missing.push("slixmpp: it is not installed".to_owned());
        results
    }

    #[test]
    fn ratios_say_how_many_times_better_ours_is() {
        let results = results();
        let peer = PEERS.iter().find(|peer| peer.name == "libstrophe").expect("it is one");
        assert_eq!(results.ratio(Measure::LoginNear, peer), Some(3.0), "the failed round does not count");
        assert_eq!(results.ratio(Measure::Stanzas, peer), Some(4.0));
        assert_eq!(results.ratio(Measure::Memory, peer), Some(0.5));
        assert_eq!(results.ratio(Measure::Idle, peer), None);
    }

    #[test]
    fn the_tables_hold_the_medians_the_ratios_and_what_is_missing() {
        let text = results().markdown();
        assert!(text.contains("| libstrophe | 3.000 |  |  |  | 100 | 5.0 |  |  |\n"), "{text}");
        assert!(text.contains("| login, RTT 0, ms |  | 3.00 |  |  |  |\n"), "{text}");
        assert!(
            text.contains(
                "- libstrophe is ahead of jitsimeet-c in \"memory of a session, KB\", 0.50: it speaks TCP"
            ),
            "{text}"
        );
        assert!(text.contains("- Not measured: slixmpp: it is not installed\n"), "{text}");
    }
}
