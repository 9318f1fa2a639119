//! Logins, flights and resumed sessions against a real Prosody, through a proxy that drops and counts.

mod common;

use common::rig::{self, Who};
use common::{next, within};
use jitsimeet::{Code, ConnectOptions, Error, Event, JitsiConnection};
use jitsimeet_testprosody::Prosody;

type Rig = rig::Rig<Prosody>;

#[tokio::test]
async fn a_guest_logs_in_with_three_flights_and_resumes_with_two() {
    rig::logs_in_and_resumes::<Prosody>(Who::Guest, 3, 2).await;
}

#[tokio::test]
async fn an_account_logs_in_with_four_flights_and_resumes_with_four() {
    rig::logs_in_and_resumes::<Prosody>(Who::Account, 4, 4).await;
}

#[tokio::test]
async fn no_stanza_is_lost_or_doubled_across_a_drop_either_way() {
    rig::loses_and_doubles_nothing::<Prosody>(Who::Guest).await;
}

#[tokio::test]
async fn no_stanza_of_an_account_is_lost_or_doubled_across_a_drop_either_way() {
    rig::loses_and_doubles_nothing::<Prosody>(Who::Account).await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_host_are_final() {
    let Some(rig) = Rig::start(false).await else { return };
    let wrong = ConnectOptions::account("user", "wrong");
    let outcome = within("the refusal", rig.connection(Who::Account).connect_with(wrong)).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code, failure.transient), (Code::SaslFailure, false), "{failure}");

    let unknown = JitsiConnection::new(None, None, &rig.options("nobody.localhost")).unwrap();
    let outcome = within("the refusal", unknown.connect()).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.condition.as_deref(), Some("host-unknown"), "{failure}");
}

#[tokio::test]
async fn a_black_hole_is_left_for_a_new_transport() {
    let Some(rig) = Rig::start(false).await else { return };
    let mut options = rig.options(rig.server.domain());
    options.set("xmppPing.interval", 100).unwrap();
    options.set("xmppPing.timeout", 100).unwrap();
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    rig.proxy.stall();
    let Event::Interrupted { code, .. } = next(&mut events).await else { panic!("the link is dead") };
    assert_eq!(code, Code::PingTimeout);
    assert!(matches!(next(&mut events).await, Event::Resumed { .. }));
}
