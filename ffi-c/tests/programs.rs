//! The programs of `tests/c`, case by case, under the address and undefined-behaviour sanitizers. What a case asserts
//! is in the C file; here is only what the server has to do for it.

mod common;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use common::{Language, Linkage, SANITIZERS, Server, compile, run_well};
use jitsimeet_testserver::{Faults, Options, StreamFault, UpgradeFault};

/// Runs one case against a server with these faults, which it returns.
fn play(
    program: &'static str,
    built: &OnceLock<Option<PathBuf>>,
    case: &str,
    faults: Faults,
) -> Option<Server> {
    let path = built.get_or_init(|| {
        let source = format!("tests/c/{program}.c");
        compile(&source, &format!("c-{program}"), Language::C11, Linkage::Static, SANITIZERS)
    });
    let accounts = HashMap::from([("user".to_owned(), "pencil".to_owned())]);
    let server = Server::with(Options { accounts, ..Options::default() });
    server.server.set_faults(faults);
    run_well(server.command(path.as_ref()?).arg(case));
    Some(server)
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
    pulling {
        the_completion_follows_the_event,
        the_descriptor_is_readable_while_events_wait,
        nothing_of_a_freed_connection_is_left,
        there_are_no_callbacks,
        a_queue_may_be_freed_before_its_connections,
        shutdown_leaves_the_last_events_in_the_queue,
        waiting_ends_at_the_timeout,
    }
}

#[test]
fn connecting_twice_is_refused_without_a_second_socket() {
    if let Some(server) = play("lifecycle", &lifecycle::BUILT, "connecting_twice_is_refused", no_faults()) {
        assert_eq!(server.server.connections(), 1);
    }
}

#[test]
fn every_case_is_played() {
    let this = include_str!("programs.rs");
    for program in ["arguments", "lifecycle", "freeing", "pulling"] {
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
