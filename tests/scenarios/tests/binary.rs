//! What the program says of a player that is wrong, and of what it is asked.

use std::process::{Command, Output};

const ANONYMOUS: [&str; 4] = ["--place", "embedded", "--only", "anonymous"];
/// The answers of a player that has seen the scenario `anonymous`; a test changes one of them.
const RIGHT: [&str; 10] = [
    r#"{"ok":true}"#,
    r#"{"status":"ok"}"#,
    r#"{"event":"connection.connectionEstablished","fields":{"id":"resource","resumed":false,"reconnected":false}}"#,
    r#"{"outcome":0,"status":"ok"}"#,
    r#"{"status":"ok"}"#,
    r#"{"event":"connection.connectionDisconnected","fields":{}}"#,
    r#"{"outcome":1,"status":"ok"}"#,
    r#"{"deliveries":[]}"#,
    r#"{"log":"established","printed":"Established('resource')","get_logs":"[['outgoing','<open/>']]"}"#,
    r#"{"ok":true}"#,
];
/// Plays `RIGHT`, or what a test makes of it.
const RECITE: &str =
    r#"for answer in "$@"; do read -r request; printf '%s\n' "$answer"; done; while read -r end; do :; done"#;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jitsimeet-scenarios")).args(arguments).output().expect("the program")
}

/// What it says of a player that is a script, and whether it is content.
fn judge(options: &[&str], script: &str, arguments: &[&str]) -> (bool, String) {
    let player = ["--", "sh", "-c", script, "sh"];
    let output = run(&[&ANONYMOUS[..], options, &player, arguments].concat());
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).expect("text");
    assert!(output.status.success() || output.status.code() == Some(1), "{}: {told}", output.status);
    (output.status.success(), told)
}

/// That the player fails, with these words, and the scenario is not counted.
fn assert_fails(options: &[&str], script: &str, arguments: &[&str], words: &str) {
    let (content, told) = judge(options, script, arguments);
    assert!(!content, "{told}");
    assert!(told.contains(words), "{told}");
    assert!(told.contains("embedded: 0 of 1 scenarios played"), "{told}");
}

/// As a player that recites the right answers, but one.
fn assert_differs(index: usize, answer: &str, words: &str) {
    let mut answers = RIGHT;
    answers[index] = answer;
    // After a failure it is asked nothing but the end.
    let script = r#"while read -r request; do case "$request" in *'"end"'*) echo '{"ok":true}';; *) printf '%s\n' "$1"; shift;; esac; done"#;
    assert_fails(&[], script, &answers, words);
}

#[test]
fn a_right_player_satisfies() {
    let (content, told) = judge(&[], RECITE, &RIGHT);
    assert!(content, "{told}");
    assert_eq!(told, "embedded: anonymous\nembedded: 1 of 1 scenarios played\n");
}

#[test]
fn another_event_fails() {
    assert_differs(2, r#"{"event":"connection.interrupted","fields":{}}"#, "step 2, event");
}

#[test]
fn another_field_fails() {
    let event =
        r#"{"event":"connection.connectionEstablished","fields":{"resumed":true,"reconnected":false}}"#;
    assert_differs(2, event, "resumed differs, got");
}

#[test]
fn the_outcome_of_another_call_fails() {
    assert_differs(6, r#"{"outcome":0,"status":"ok"}"#, "another delivery");
}

#[test]
fn another_status_of_an_outcome_fails() {
    assert_differs(3, r#"{"outcome":0,"status":"timeout"}"#, "outcome of connect, status ok: ");
}

#[test]
fn a_refused_call_fails() {
    assert_differs(1, r#"{"status":"invalid_state"}"#, r#"call connect, which returns ok: "#);
}

#[test]
fn a_delivery_that_nobody_waits_for_fails() {
    let more = r#"{"deliveries":[{"outcome":1,"status":"ok"}]}"#;
    assert_differs(7, more, r#"nobody waited for [{"outcome":1"#);
}

#[test]
fn a_secret_that_is_shown_fails() {
    for (log, printed, get_logs, place) in [
        ("pencil", "", "", "the log"),
        ("", "canary-userinfo", "", "what is printed"),
        ("", "", "previous-1", "getLogs()"),
    ] {
        let shown = format!(
            r#"{{"log":"established {log}","printed":"resource {printed}","get_logs":"outgoing {get_logs}"}}"#
        );
        assert_differs(8, &shown, &format!("is in {place}: "));
    }
}

#[test]
fn an_event_that_is_not_printed_fails() {
    let shown = r#"{"log":"established","printed":"","get_logs":"outgoing"}"#;
    assert_differs(8, shown, r#""resource" was told and not printed"#);
}

#[test]
fn a_log_or_frames_that_never_come_fail() {
    for (log, get_logs) in [("", "outgoing"), ("established", "")] {
        let shown = format!(r#"{{"log":"{log}","printed":"resource","get_logs":"{get_logs}"}}"#);
        let script = format!(
            r#"while read -r request; do case "$request" in *'"shown"'*) echo '{shown}';; *'"end"'*) echo '{{"ok":true}}';; *) printf '%s\n' "$1"; shift;; esac; done"#
        );
        assert_fails(&["--deadline", "1"], &script, &RIGHT, "not all that there must be is shown");
    }
}

#[test]
fn a_player_that_cannot_fails_with_its_words() {
    assert_differs(
        0,
        r#"{"error":"no such option"}"#,
        "the new connection: the player cannot: no such option",
    );
    assert_differs(1, r#"{"error":"no such call"}"#, "the player cannot: no such call");
}

#[test]
fn a_player_that_does_not_answer_fails() {
    let silent = "while read -r request; do :; done";
    assert_fails(&["--deadline", "1"], silent, &[], "the player did not answer within 1s");
}

#[test]
fn a_player_that_exits_fails() {
    assert_fails(&[], "read -r request; exit 3", &[], "the player ended with exit status: 3");
}

#[test]
fn a_player_that_writes_nonsense_fails() {
    for nonsense in ["hello", "{}", r#"{"ok":false}"#, r#"{"status":"ok"}"#] {
        assert_fails(&[], RECITE, &[nonsense], r#"the player answered "new" with "#);
    }
}

#[test]
fn a_player_that_ends_badly_fails() {
    let (content, told) = judge(&[], &format!("{RECITE}; exit 4"), &RIGHT);
    assert!(!content && told.contains("the player ended with exit status: 4"), "{told}");
}

#[test]
fn a_program_that_is_not_there_fails() {
    let output = run(&[&ANONYMOUS[..], &["--", "/nowhere/player"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot start /nowhere/player"), "{output:?}");
}

#[test]
fn a_scenario_that_is_not_there_fails() {
    for arguments in [["--only", "nothing"], ["--place", "nowhere"]] {
        assert!(!run(&[&arguments[..], &["--", "true"]].concat()).status.success(), "{arguments:?}");
    }
}

#[test]
fn the_list_says_where() {
    let output = run(&["--list", "--only", "anonymous"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "anonymous: embedded, prosody, ejabberd\n");
}
