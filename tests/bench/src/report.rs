//! What a measurement says: shown as it comes, and then kept in README.md, between two marks of its own.

use std::fs;
use std::io::{self, Error};
use std::process::Command;
use std::thread;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

pub struct Report {
    command: &'static str,
    text: String,
}

impl Report {
    /// Says on what machine and when the numbers below were taken.
    pub fn new(command: &'static str) -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("an unknown processor", |(_, name)| name);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let said = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().map(|output| output.stdout);
            String::from_utf8_lossy(&output.unwrap_or_default()).trim().to_owned()
        };
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        let mut report = Self { command, text: String::new() };
        report.say(&format!(
            "`{command}` on {cores} cores of {processor}, Linux {}, {}, {}, load at the start {load}.\n",
            said("uname", &["-r"]),
            said("rustc", &["--version"]),
            said("date", &["+%Y-%m-%d"]),
        ));
        report
    }

    pub fn say(&mut self, text: &str) {
        println!("{text}");
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub fn table(&mut self, title: &str, columns: &[&str]) {
        let rule = "---:|".repeat(columns.len() - 1);
        self.say(&format!("{title}:\n\n| {} |\n|---|{rule}", columns.join(" | ")));
    }

    /// A row of the table that was begun last.
    pub fn row(&mut self, cells: &[String]) {
        self.say(&format!("| {} |", cells.join(" | ")));
    }

    /// Puts it in the place of the results of before.
    pub fn keep(self) -> io::Result<()> {
        let page = fs::read_to_string(README)?;
        let kept = replaced(&page, self.command, self.text.trim())
            .ok_or_else(|| Error::other(format!("README.md has no place for {}", self.command)))?;
        fs::write(README, kept)
    }
}

/// The page with another text between the two marks of a command.
fn replaced(page: &str, command: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {command} -->\n"), format!("<!-- end of {command} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}\n\n{end}{after}"))
}

/// Of several runs the one in the middle. What failed is no run.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Of several runs the one that was disturbed least.
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_take_the_place_of_those_of_before() {
        let page = "Head\n<!-- make a -->\n\nold\n\n<!-- end of make a -->\n<!-- make b -->\n\nb\n\n<!-- end of make b -->\n";
        let kept = replaced(page, "make a", "new").expect("there is a place");
        assert_eq!(kept, page.replace("old", "new"));
        assert_eq!(replaced(page, "make c", "new"), None);
    }

    #[test]
    fn the_page_has_a_place_for_each_command() {
        let page = fs::read_to_string(README).expect("it is there");
        for command in
            ["make bench", "make bench-core", "make bench-memory", "make bench-scale", "make bench-sessions"]
        {
            assert!(replaced(&page, command, "").is_some(), "{command}");
        }
    }
}
