//! The hub, by itself.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::Completed;

const LIMITS: Load = Load { events: 10, bytes: 1000 };

struct Rig {
    hub: EventHub,
    wakes: Arc<AtomicUsize>,
}

impl Rig {
    fn new() -> Self {
        let wakes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&wakes);
        let hub = EventHub::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        Self { hub, wakes }
    }

    fn wakes(&self) -> usize {
        self.wakes.load(Ordering::Relaxed)
    }

    fn drain(&self, max: usize) -> (Vec<(ConnectionId, u64)>, Drained) {
        let mut came = Vec::new();
        let drained = self.hub.drain(max, |id, item| came.push((id, token(&item))));
        (came, drained)
    }
}

fn push(end: &HubEnd, token: u64) {
    end.push(Item::Completed { token, result: Ok(Completed::Done) }).fire();
}

fn token(item: &Item) -> u64 {
    match item {
        Item::Completed { token, .. } => *token,
        Item::Event(event) => panic!("{event:?}"),
    }
}

#[test]
fn the_consumer_is_woken_once_until_it_has_found_the_hub_empty() {
    let rig = Rig::new();
    let end = rig.hub.register(LIMITS);
    (0..3).for_each(|n| push(&end, n));
    assert_eq!(rig.wakes(), 1);
    assert_eq!(rig.drain(2).1, Drained::More);
    push(&end, 3);
    assert_eq!(rig.wakes(), 1, "it has been told that there is more");
    assert_eq!(rig.drain(100), (vec![(end.id(), 2), (end.id(), 3)], Drained::Empty));
    push(&end, 4);
    assert_eq!(rig.wakes(), 2);
}

#[test]
fn what_is_pushed_while_a_drain_runs_is_delivered_by_it() {
    let rig = Rig::new();
    let end = rig.hub.register(LIMITS);
    push(&end, 0);
    let mut came = Vec::new();
    let drained = rig.hub.drain(100, |_, item| {
        came.push(token(&item));
        if came.len() < 3 {
            push(&end, came.len() as u64);
        }
    });
    assert_eq!((came, drained, rig.wakes()), (vec![0, 1, 2], Drained::Empty, 1));
}

#[test]
fn a_busy_connection_does_not_starve_the_others_and_each_keeps_its_order() {
    let rig = Rig::new();
    let (busy, quiet) = (rig.hub.register(LIMITS), rig.hub.register(LIMITS));
    (0..100).for_each(|n| push(&busy, n));
    push(&quiet, 7);
    let (mut came, _) = rig.drain(QUANTUM + 1);
    assert_eq!(came.pop(), Some((quiet.id(), 7)));
    came.extend(rig.drain(1000).0);
    assert_eq!(came, (0..100).map(|n| (busy.id(), n)).collect::<Vec<_>>());
}

#[test]
fn a_closed_hub_and_a_closed_end_deliver_nothing() {
    let rig = Rig::new();
    let (kept, gone) = (rig.hub.register(LIMITS), rig.hub.register(LIMITS));
    push(&gone, 1);
    gone.close();
    push(&gone, 2);
    push(&kept, 3);
    assert_eq!(rig.drain(10), (vec![(kept.id(), 3)], Drained::Empty));
    push(&kept, 4);
    rig.hub.close();
    let wakes = rig.wakes();
    push(&kept, 5);
    assert_eq!((rig.drain(10), rig.wakes()), ((vec![], Drained::Empty), wakes));
}

#[test]
fn a_closed_hub_keeps_nothing_and_holds_no_connection_back() {
    let rig = Rig::new();
    let (full, later) = (rig.hub.register(LIMITS), rig.hub.register(LIMITS));
    (0..10).for_each(|_| push_stanza(&full, 1));
    rig.hub.close();
    (0..10).for_each(|_| push_stanza(&later, 1));
    for end in [full, later] {
        assert!(!end.is_full());
        assert!(lock(&end.queue.state).items.is_empty());
    }
}

fn push_stanza(end: &HubEnd, bytes: usize) {
    let stanza = crate::Stanza::new(&"x".repeat(bytes), "message");
    end.push(Item::Event(Event::StanzaReceived(Box::new(stanza)))).fire();
}

#[test]
fn a_queue_is_full_at_either_bound_until_half_of_it_is_drained() {
    for (count, bytes) in [(10, 1), (2, 500)] {
        let rig = Rig::new();
        let end = rig.hub.register(LIMITS);
        for pushed in 0..count {
            assert!(!end.is_full(), "after {pushed}");
            push_stanza(&end, bytes);
        }
        assert!(end.is_full());
        push(&end, 1);
        let mut taken = 0;
        while end.is_full() {
            rig.hub.drain(1, |_, _| taken += 1);
        }
        assert_eq!((taken, end.taken()), (count / 2, count as u64 / 2));
    }
}

#[test]
fn what_is_held_fills_the_queue_until_it_is_released() {
    for (count, bytes) in [(10, 1), (2, 500)] {
        let rig = Rig::new();
        let end = rig.hub.register(LIMITS);
        for _ in 0..count {
            push_stanza(&end, bytes);
            // The consumer passes it on at once.
            assert_eq!(rig.hub.drain(1, |_, _| end.hold(bytes)), Drained::Empty);
        }
        assert_eq!((end.is_full(), end.waiting()), (true, count));
        let taken = end.taken();
        let mut released = 0;
        while end.is_full() {
            end.release(bytes);
            released += 1;
        }
        assert_eq!((released, end.taken() - taken), (count / 2, count as u64 / 2), "that is progress");
        end.close();
        end.release(bytes);
        assert_eq!((end.is_full(), end.waiting()), (false, 0));
    }
}

#[test]
fn events_of_every_kind_fill_the_queue_and_none_is_refused() {
    let rig = Rig::new();
    let end = rig.hub.register(LIMITS);
    let event = || Event::PropertiesUpdated { shard: Some("s".to_owned()), region: None };
    (0..12).for_each(|_| end.push(Item::Event(event())).fire());
    assert!(end.is_full());
    end.discard_stanzas();
    assert_eq!((end.is_full(), end.waiting()), (false, 12), "they are told all the same");
    let mut taken = 0;
    assert_eq!(rig.hub.drain(100, |_, _| taken += 1), Drained::Empty);
    assert_eq!(taken, 12);
}

#[test]
fn what_is_discarded_is_stanzas_alone() {
    let rig = Rig::new();
    let end = rig.hub.register(LIMITS);
    (0..10).for_each(|_| push_stanza(&end, 1));
    push(&end, 7);
    end.discard_stanzas();
    assert!(!end.is_full());
    assert_eq!(rig.drain(100), (vec![(end.id(), 7)], Drained::Empty));
}
