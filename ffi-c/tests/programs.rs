//! The programs of `tests/c`, case by case, under the address and undefined-behaviour sanitizers. What a case asserts
//! is in the C file; here is only what the server has to do for it.

mod common;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use common::{FORKING_SANITIZERS, Language, Linkage, SANITIZERS, Server, compile, run_well};
use jitsimeet_testserver::{Faults, Options, Order, ResumeFault, StreamFault, UpgradeFault};
use serde_json::Value;

type Built = OnceLock<Option<PathBuf>>;

fn start() -> Server {
    let accounts = HashMap::from([("user".to_owned(), "pencil".to_owned())]);
    Server::with(Options { accounts, ..Options::default() })
}

/// Runs one case against a server, and returns what it printed.
fn play_on(server: &Server, program: &'static str, built: &Built, case: &str) -> Option<String> {
    let path = built.get_or_init(|| {
        let source = format!("tests/c/{program}.c");
        let sanitizers = if program == "forking" { FORKING_SANITIZERS } else { SANITIZERS };
        compile(&source, &format!("c-{program}"), Language::C11, Linkage::Static, sanitizers)
    });
    let mut command = server.command(path.as_ref()?);
    if program == "attaching" {
        let prebound = server.server.prebind(None).expect("guests may log in");
        command.env("JID", prebound.jid).env("SID", prebound.sid).env("RID", prebound.rid.to_string());
    }
    Some(run_well(command.arg(case)))
}

/// Runs one case against a server with these faults, which it returns.
fn play(program: &'static str, built: &Built, case: &str, faults: Faults) -> Option<Server> {
    let server = start();
    server.server.set_faults(faults);
    play_on(&server, program, built, case).map(|_| server)
}

fn no_faults() -> Faults {
    Faults::default()
}

fn silent() -> Faults {
    Faults { upgrade: Some(UpgradeFault::Silent), ..Faults::default() }
}

fn no_close() -> Faults {
    Faults { stream: Some(StreamFault::NoClose), ..Faults::default() }
}

/// One module a program, one test a case: `case` or `case: faults`.
macro_rules! programs {
    ($( $program:ident { $( $case:ident $(: $faults:ident)? ),+ $(,)? } )+) => { $(
        mod $program {
            pub(super) static BUILT: std::sync::OnceLock<Option<std::path::PathBuf>> =
                std::sync::OnceLock::new();
            $(
                #[test]
                fn $case() {
                    let faults: &[fn() -> jitsimeet_testserver::Faults] = &[super::no_faults $(, super::$faults)?];
                    super::play(stringify!($program), &BUILT, stringify!($case), faults[faults.len() - 1]());
                }
            )+
        }
    )+ };
}

programs! {
    arguments {
        null_arguments,
        text_that_is_not_utf8,
        a_wrong_option_is_named,
        options_in_json,
        a_refused_registration_destroys_before_it_returns,
        options_are_copied,
        a_listener_is_removed_once,
        statuses_have_sentences,
        versions,
        a_negative_timeout_of_shutdown,
    }
    lifecycle {
        the_completion_follows_the_event,
        a_connection_can_be_used_again,
        disconnecting_an_idle_connection_completes_without_an_event,
        disconnecting_gives_up_an_attempt: silent,
        a_refused_port_is_one_failed_event,
        a_listener_may_connect_again_after_a_failure,
        the_jid_is_there_once_it_is_bound,
        times_are_milliseconds_of_the_monotonic_clock,
        init_changes_nothing_while_connections_run,
        shutdown_is_refused_inside_a_callback,
        shutdown_delivers_what_is_due_and_later_calls_start_afresh,
        shutdown_cuts_off_what_does_not_close: no_close,
        a_connect_that_tells_of_its_end,
        a_connect_that_tells_of_its_failure,
        a_connect_that_is_given_up: silent,
    }
    freeing {
        a_callback_may_free_its_connection,
        a_callback_may_close_its_connection,
        freeing_while_connecting_delivers_nothing: silent,
        freeing_an_open_connection_aborts_what_is_pending,
        freeing_waits_for_a_running_callback,
        closing_does_not_wait,
        removing_waits_for_a_running_callback_and_destroys,
        a_callback_may_remove_itself_and_the_next,
        a_destroy_may_free_another_connection,
        every_callback_may_free_its_connection,
    }
    sending {
        an_account_logs_in,
        a_stanza_is_acknowledged,
        a_request_is_answered,
        a_bad_stanza_is_refused_by_the_call_itself,
        stanzas_come_while_they_have_a_listener,
        a_new_token_is_taken_over,
        what_is_under_way_is_aborted_by_free,
        in_queue_mode_the_answer_is_in_the_completion,
    }
    asking {
        a_ping_is_answered,
        a_ping_needs_a_session,
        in_queue_mode_the_round_trip_is_in_the_completion,
        an_attempt_is_a_state: silent,
        what_cannot_be_a_feature_is_refused,
        passwords_are_not_in_the_logs,
        the_token_is_not_in_the_logs,
    }
    conferences {
        a_request_needs_a_session,
        a_focus_that_is_not_there_is_a_refusal,
        a_conference_is_told_as_json,
        a_redirection_says_where_to,
        an_attempt_for_a_room_that_is_elsewhere_ends_redirected,
        a_refusal_has_its_reason,
        what_is_asked_is_aborted_by_free,
        what_cannot_name_a_room_is_refused,
    }
    attaching {
        a_session_goes_on_and_ends_for_real,
        a_wrong_sid_is_an_unknown_session,
        what_cannot_be_attached_to_is_refused,
    }
    pulling {
        the_completion_follows_the_event,
        the_descriptor_is_readable_while_events_wait,
        nothing_of_a_freed_connection_is_left,
        there_are_no_callbacks,
        a_queue_may_be_freed_before_its_connections,
        shutdown_leaves_the_last_events_in_the_queue,
        waiting_ends_at_the_timeout,
    }
    logging {
        what_happens_is_logged,
        less_is_logged_at_a_lower_level,
        a_replaced_function_is_destroyed_and_hears_nothing_more,
        it_may_remove_itself,
    }
    forking {
        old_handles_are_refused_and_new_ones_work,
        a_callback_may_fork,
        whatever_the_parent_is_doing,
        a_fork_has_no_log_but_its_own,
    }
}

#[test]
fn connecting_twice_is_refused_without_a_second_socket() {
    if let Some(server) = play("lifecycle", &lifecycle::BUILT, "connecting_twice_is_refused", no_faults()) {
        assert_eq!(server.server.connections(), 1);
    }
}

#[test]
fn the_state_is_that_of_the_session() {
    let server = start();
    server.after_a_stanza(|server| {
        server.set_faults(Faults { resume: Some(ResumeFault::Silent), ..Faults::default() });
        server.order(&Order::Cut);
    });
    play_on(&server, "asking", &asking::BUILT, "the_state_is_that_of_the_session");
}

#[test]
fn a_server_that_goes_away_ends_nobody_else() {
    let server = start();
    server.keep_cutting();
    play_on(&server, "sending", &sending::BUILT, "a_server_that_goes_away_ends_nobody_else");
}

#[test]
fn what_the_deployment_tells_comes_as_events() {
    let push = "<message xmlns='jabber:client' from='meet.example'>\
                <query xmlns='http://jabber.org/protocol/disco#info'>\
                <identity category='server' type='shard' name='two'/>\
                <identity category='component' type='lobbyrooms' name='lobby.meet.example'/>\
                <feature var='http://jitsi.org/protocol/lobbyrooms#displayname_required'/>\
                </query></message>";
    let server = start();
    server.after_a_stanza(move |server| {
        assert!(server.sessions().iter().all(|jid| server.deliver(jid, push)));
    });
    play_on(&server, "asking", &asking::BUILT, "what_the_deployment_tells_comes_as_events");
}

#[test]
fn features_come_and_go() {
    let server = start();
    server.after_a_stanza(|server| {
        for jid in server.sessions() {
            let question = format!(
                "<iq xmlns='jabber:client' type='get' from='{jid}' to='{jid}' id='asked'>\
                 <query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            );
            assert!(server.deliver(&jid, question));
        }
    });
    play_on(&server, "asking", &asking::BUILT, "features_come_and_go");
}

#[test]
fn what_is_known_is_json() {
    let Some(printed) = play_on(&start(), "asking", &asking::BUILT, "what_is_known_is_json") else { return };
    let documents: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Before the attempt, and when it is established.
    let [before, after] = [&documents[..5], &documents[5..]];
    let [times, statistics, logs, properties, ice_servers] = after else { panic!("{printed}") };

    assert!(times["connecting"].as_f64().unwrap() <= times["connected"].as_f64().unwrap());
    let numbers: Vec<_> = statistics.as_object().unwrap().keys().map(String::as_str).collect();
    let named = [
        "bytesReceived",
        "bytesSent",
        "framesReceived",
        "framesSent",
        "queuedEvents",
        "reconnects",
        "resumes",
        "stanzasReceived",
        "stanzasSent",
        "unacknowledged",
    ];
    assert_eq!(numbers, named);
    assert!(before[1].as_object().unwrap().values().all(|number| number == 0), "{}", before[1]);
    assert!(statistics["bytesSent"].as_u64() > statistics["framesSent"].as_u64());
    assert!(statistics["framesReceived"].as_u64() > Some(0));
    assert!(statistics["framesSent"].as_u64() > statistics["stanzasSent"].as_u64());
    assert!(statistics["stanzasSent"].as_u64() > Some(0));

    let metadata = &logs["metadata"];
    assert!(metadata["url"].as_str().unwrap().ends_with("/xmpp-websocket"));
    assert!(metadata["time"].is_string() && metadata["ua"].is_string());
    let frames = metadata["xmpp"].as_array().unwrap();
    assert_eq!(before[2]["metadata"]["xmpp"], Value::Array(Vec::new()));
    assert!(frames.iter().all(|frame| frame[0].is_u64() && frame[2].is_string()));
    for (direction, key) in [("incoming", "framesReceived"), ("outgoing", "framesSent")] {
        let count = frames.iter().filter(|frame| frame[1] == direction).count();
        // Acknowledgements may come between the two documents.
        assert!(count as u64 >= statistics[key].as_u64().unwrap(), "{direction}: {printed}");
    }

    assert_eq!((&properties["shard"], &properties["region"]), (&Value::from("one"), &Value::from("here")));
    assert!(properties["components"].is_object() && properties["features"].is_array());
    assert_eq!(properties.get("release"), None);
    let relay = serde_json::json!([{ "urls": ["turn:relay.example"], "username": "me", "credential": "\"" }]);
    assert_eq!((ice_servers, &before[4]), (&relay, &relay));
}

#[test]
fn every_case_is_played() {
    let this = include_str!("programs.rs");
    let programs = [
        "arguments",
        "lifecycle",
        "freeing",
        "sending",
        "asking",
        "conferences",
        "attaching",
        "pulling",
        "logging",
        "forking",
    ];
    for program in programs {
        let path = common::crate_folder().join(format!("tests/c/{program}.c"));
        let source = std::fs::read_to_string(path).unwrap();
        let table = source.split_once("static const struct test_case cases[] = {").unwrap().1;
        let names: Vec<_> = table.split('"').skip(1).step_by(2).collect();
        assert!(!names.is_empty());
        for name in names {
            assert!(this.contains(name), "{program}: {name} is not played");
        }
    }
}
