//! tokio-xmpp, over TCP, which is what it speaks. Takes the orders of `orders.rs`; its arguments are the host and the
//! port.

mod machine;
#[path = "../../../src/orders.rs"]
mod orders;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::runtime::{Builder, Runtime};
use tokio_xmpp::connect::DnsConfig;
use tokio_xmpp::jid::Jid;
use tokio_xmpp::parsers::message::{Lang, Message};
use tokio_xmpp::xmlstream::Timeouts;
use tokio_xmpp::{Client as Xmpp, Event, Stanza};

use orders::{Client, obey};

struct TokioXmpp {
    runtime: Runtime,
    address: String,
    clients: Vec<Xmpp>,
}

fn main() -> std::io::Result<()> {
    machine::raise_file_limit();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    obey(TokioXmpp { runtime, address: arguments.join(":"), clients: Vec::new() })
}

async fn log_in(address: &str) -> Xmpp {
    let jid: Jid = "user@meet.example".parse().expect("a JID");
    let mut client = Xmpp::new_plaintext(jid, "", DnsConfig::addr(address), Timeouts::default());
    while !matches!(client.next().await, Some(Event::Online { .. })) {}
    client
}

fn sender(stanza: &Stanza) -> Option<&Jid> {
    match stanza {
        Stanza::Iq(iq) => iq.from(),
        Stanza::Message(message) => message.from.as_ref(),
        Stanza::Presence(presence) => presence.from.as_ref(),
    }
}

impl Client for TokioXmpp {
    fn open(&mut self, count: usize, at_once: usize) {
        let address = self.address.as_str();
        let opened =
            stream::iter(0..count).map(|_| log_in(address)).buffer_unordered(at_once).collect::<Vec<_>>();
        self.clients.extend(self.runtime.block_on(opened));
    }

    fn flood(&mut self, count: usize) {
        let client = &mut self.clients[0];
        self.runtime.block_on(async {
            let to: Jid = "meet.example".parse().expect("a JID");
            let mut message = Message::new(Some(to));
            message.bodies.insert(Lang(String::new()), format!("flood:{count}"));
            client.send_stanza(Stanza::Message(message)).await.expect("the server reads");
            let mut left = count;
            while left > 0 {
                match client.next().await {
                    Some(Event::Stanza(stanza)) => {
                        left -= usize::from(std::hint::black_box(sender(&stanza)).is_some())
                    }
                    Some(_) => {}
                    None => panic!("the session has ended"),
                }
            }
        });
    }

    fn resume(&mut self) {
        let client = &mut self.clients[0];
        self.runtime.block_on(async {
            while !matches!(client.next().await, Some(Event::Online { resumed: true, .. })) {}
        });
    }

    // Its connections live in tasks of the runtime.
    fn idle(&mut self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    fn close(&mut self) {
        self.clients.clear();
    }
}
