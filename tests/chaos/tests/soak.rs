//! A minute of chaos. `make soak MINUTES=n` is the long form.

use std::time::Duration;

use jitsimeet_chaos::seed;
use jitsimeet_chaos::soak::soak;

/// As many as an unoptimised build can serve on a busy machine. The long form has hundreds.
const CLIENTS: u64 = 40;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_minute_of_chaos_breaks_no_rule_and_leaves_nothing_behind() {
    let seed = seed();
    println!("CHAOS_SEED={seed}");
    let soaked = soak(seed, CLIENTS, MINUTE).await.unwrap();
    println!("{soaked}");
    assert!(soaked.broken.is_empty(), "{} broken, the first: {}", soaked.broken.len(), soaked.broken[0]);
    let tally = soaked.tally;
    let happened =
        [tally.established, tally.failed, tally.resumed, tally.lost, tally.received, tally.refreshed];
    assert!(
        happened.iter().all(|count| *count > 0),
        "a soak in which nothing happens proves nothing: {soaked}"
    );
}
