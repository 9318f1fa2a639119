//! A minute of chaos, in a process of its own: what it uses is measured.

use std::time::Duration;

use jitsimeet_chaos::seed_of_a_test;
use tokio::process::Command;
use tokio::time::timeout;

/// As many as an unoptimised build can serve on a busy machine. The long form has hundreds.
const CONNECTIONS: &str = "40";
/// A minute, and what a client that is waited for may take.
const DEADLINE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_minute_of_chaos_breaks_no_rule_and_leaves_nothing_behind() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitsimeet-chaos"));
    command.args(["soak", "--minutes", "1", "--connections", CONNECTIONS]).kill_on_drop(true);
    command.env("CHAOS_SEED", seed_of_a_test().to_string());
    let output = timeout(DEADLINE, command.output()).await.expect("it ends").expect("it starts");
    let (said, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}{erred}");
}
