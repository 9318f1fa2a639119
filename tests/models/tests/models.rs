//! Every model holds for the shipping sources, and fails for a copy with one ordering weakened.

use jitsimeet_testmodels::models;

/// How many orders of the threads are tried. The rarest of the weakened orderings is found once in 60 of them, on average.
const RUNS: usize = 5_000;
/// How often a thread is held back where it would go on. Every race here needs two such places at most; random walks, which
/// hold back everywhere, found the rarest once in 1,500.
const DEPTH: usize = 3;

fn holds(model: fn()) {
    shuttle::check_pct(model, RUNS, DEPTH);
}

fn is_found_out(model: fn()) {
    let found = std::panic::catch_unwind(|| shuttle::check_pct(model, RUNS, DEPTH));
    assert!(found.is_err(), "the model holds for what is broken");
}

#[test]
fn the_hub_loses_no_wake_up() {
    holds(models::hub::no_wake_up_is_lost);
    is_found_out(models::hub_asleep::no_wake_up_is_lost);
}

#[test]
fn a_closed_hub_keeps_nothing() {
    holds(models::hub::a_closed_hub_keeps_nothing);
    is_found_out(models::hub_closed_late::a_closed_hub_keeps_nothing);
}

#[test]
fn the_dispatcher_has_run_what_is_waited_for() {
    holds(models::dispatcher::a_task_that_is_waited_for_has_run);
    is_found_out(models::dispatcher_early::a_task_that_is_waited_for_has_run);
}

#[test]
fn the_dispatcher_delivers_what_is_due_before_it_ends() {
    holds(models::dispatcher::what_is_due_is_delivered_before_the_end);
    is_found_out(models::dispatcher_ended::what_is_due_is_delivered_before_the_end);
}

#[test]
fn the_queue_gives_every_event_to_one_who_waits() {
    holds(models::queue::every_event_is_taken_once);
    is_found_out(models::queue_late::every_event_is_taken_once);
    is_found_out(models::queue_blind::every_event_is_taken_once);
}
