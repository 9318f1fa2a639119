//! `setNetworkInfo`, which concerns the whole process: one test, in a process of its own.

mod common;

use std::time::Duration;

use common::{connection_to, next, server, within};
use jitsimeet::{Event, Status, set_network_info};
use jitsimeet_testserver::Order;

#[tokio::test]
async fn without_a_network_no_attempt_is_made_and_one_at_once_when_it_is_back() {
    let server = server().await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    set_network_info(false);
    server.order(&Order::Cut);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    // For longer than the first attempt is ever put off.
    let ping = "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>";
    let held = within("the deadline", connection.send_iq(ping, Some(Duration::from_millis(400)))).await;
    assert_eq!(held.unwrap_err().status(), Status::Timeout);
    assert_eq!(server.connections(), 1);
    set_network_info(true);
    let Event::Resumed { attempts, downtime, .. } = next(&mut events).await else { panic!("it resumes") };
    assert_eq!(attempts, 1);
    assert!(downtime >= Duration::from_millis(400), "{downtime:?}");
}
