//! What is measured, and how it is shown: tables in Markdown, to be pasted into README.md.

mod core;
mod memory;
mod scale;

pub use core::core;
pub use memory::memory;
pub use scale::scale;

use std::process::Command;
use std::thread;

/// Says on what machine and when the numbers below were taken.
fn heading(command: &str) {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, name)| name);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().map(|output| output.stdout);
        String::from_utf8_lossy(&output.unwrap_or_default()).trim().to_owned()
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    println!(
        "`{command}` on {cores} cores of {processor}, Linux {}, {}, {}, load at the start {load}.\n",
        said("uname", &["-r"]),
        said("rustc", &["--version"]),
        said("date", &["+%Y-%m-%d"]),
    );
}

/// A table whose rows are shown as they come.
struct Table;

impl Table {
    fn new(title: &str, columns: &[&str]) -> Self {
        let rule = |(number, _)| if number == 0 { "---|" } else { "---:|" };
        println!("{title}:\n\n| {} |", columns.join(" | "));
        println!("|{}", columns.iter().enumerate().map(rule).collect::<String>());
        Self
    }

    #[expect(clippy::unused_self, reason = "a row without a table is none")]
    fn row(&self, cells: &[String]) {
        println!("| {} |", cells.join(" | "));
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        println!();
    }
}

/// Of several runs the one in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Of several runs the one that was disturbed least.
fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}
