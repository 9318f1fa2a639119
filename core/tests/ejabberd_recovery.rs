//! Flights and resumed sessions against a real ejabberd, through a proxy that drops and counts.

mod common;

use common::rig::{self, Who};
use jitsimeet_testejabberd::Ejabberd;

#[tokio::test]
async fn an_account_logs_in_with_four_flights_and_resumes_with_four() {
    rig::logs_in_and_resumes::<Ejabberd>(Who::Account, 4, 4).await;
}

#[tokio::test]
async fn no_stanza_of_an_account_is_lost_or_doubled_across_a_drop_either_way() {
    rig::loses_and_doubles_nothing::<Ejabberd>(Who::Account).await;
}
