//! The models. Each is a function that shuttle runs again and again; a panic or a deadlock is a failure.

macro_rules! hub_models {
    ($name:ident, $hub:ident) => {
        pub mod $name {
            use shuttle::sync::{Arc, Condvar, Mutex};
            use shuttle::thread;

            use crate::lock;
            use crate::$hub::{Drained, EventHub, HubEnd, Item, Load};

            const LIMITS: Load = Load { events: 10, bytes: 1000 };

            fn push(end: &HubEnd, token: u64) {
                end.push(Item::Completed { token, result: Ok(()) }).fire();
            }

            /// A consumer that sleeps until it is woken misses nothing, whoever pushes when.
            pub fn no_wake_up_is_lost() {
                let bell = Arc::new((Mutex::new(false), Condvar::new()));
                let ringing = Arc::clone(&bell);
                let hub = EventHub::new(move || {
                    *lock(&ringing.0) = true;
                    ringing.1.notify_one();
                });
                let producers = [0, 10].map(|first| {
                    let end = hub.register(LIMITS);
                    thread::spawn(move || (first..first + 2).for_each(|token| push(&end, token)))
                });
                let mut came = Vec::new();
                while came.len() < 4 {
                    let mut rung = lock(&bell.0);
                    while !std::mem::take(&mut *rung) {
                        rung = bell.1.wait(rung).unwrap();
                    }
                    drop(rung);
                    let mut take = |_, item| match item {
                        Item::Completed { token, .. } => came.push(token),
                        Item::Event(_) => unreachable!(),
                    };
                    while hub.drain(1, &mut take) == Drained::More {}
                }
                let of = |first: u64| came.iter().copied().filter(|n| n / 10 == first).collect::<Vec<_>>();
                assert_eq!((of(0), of(1)), (vec![0, 1], vec![10, 11]), "each in its order");
                producers.into_iter().for_each(|producer| producer.join().unwrap());
            }

            /// Nothing is kept in a hub that is closed, and nothing of it delivered.
            pub fn a_closed_hub_keeps_nothing() {
                let hub = EventHub::new(|| ());
                let end = hub.register(LIMITS);
                let pushing = end.clone();
                let producer = thread::spawn(move || (0..2).for_each(|token| push(&pushing, token)));
                hub.close();
                let drained = hub.drain(10, |_, _| panic!("delivered after the end"));
                assert_eq!(drained, Drained::Empty);
                producer.join().unwrap();
                assert_eq!(end.waiting(), 0);
            }
        }
    };
}

macro_rules! dispatcher_models {
    ($name:ident, $dispatcher:ident) => {
        pub mod $name {
            use shuttle::sync::Arc;
            use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
            use shuttle::thread;

            use crate::core::{Item, begin};
            use crate::hub::Load;
            use crate::$dispatcher::{dispatcher, on_dispatcher};

            /// What is waited for has run when the wait is over: a listener is removed, a connection freed.
            pub fn a_task_that_is_waited_for_has_run() {
                begin();
                let dispatcher = dispatcher();
                dispatcher.start().unwrap();
                let removers = [(); 2].map(|()| {
                    thread::spawn(move || {
                        let gone = Arc::new(AtomicBool::new(false));
                        let going = Arc::clone(&gone);
                        dispatcher.run(true, move || {
                            assert!(on_dispatcher());
                            going.store(true, Ordering::SeqCst);
                        });
                        assert!(gone.load(Ordering::SeqCst));
                    })
                });
                removers.into_iter().for_each(|remover| remover.join().unwrap());
                dispatcher.stop();
            }

            /// What was pushed or asked for before the end is delivered before it.
            pub fn what_is_due_is_delivered_before_the_end() {
                begin();
                let dispatcher = dispatcher();
                dispatcher.start().unwrap();
                let end = dispatcher.hub().register(Load { events: 10, bytes: 1000 });
                let ran = Arc::new(AtomicUsize::new(0));
                let (pushing, running) = (end.clone(), Arc::clone(&ran));
                let caller = thread::spawn(move || {
                    pushing.push(Item::Completed { token: 1, result: Ok(()) }).fire();
                    dispatcher.run(false, move || {
                        running.fetch_add(1, Ordering::SeqCst);
                    });
                    pushing.push(Item::Completed { token: 2, result: Ok(()) }).fire();
                });
                caller.join().unwrap();
                dispatcher.stop();
                assert_eq!(ran.load(Ordering::SeqCst), 1);
                assert_eq!(dispatcher.connections().get(end.id()).unwrap().delivered(), [1, 2]);
            }
        }
    };
}

macro_rules! queue_models {
    ($name:ident, $queue:ident) => {
        pub mod $name {
            use shuttle::sync::Arc;
            use shuttle::thread;

            use crate::core::Item;
            use crate::hub::Load;
            use crate::$queue::jm_queue;

            /// Whoever waits for the descriptor gets what there is: each event goes to one of those who take, and
            /// none is slept over.
            pub fn every_event_is_taken_once() {
                let queue = Arc::new(jm_queue::new().unwrap());
                let producers = [0, 10].map(|first| {
                    let end = queue.hub().register(Load { events: 10, bytes: 1000 });
                    thread::spawn(move || {
                        for token in first..first + 2 {
                            end.push(Item::Completed { token, result: Ok(()) }).fire();
                        }
                    })
                });
                let takers = [(); 2].map(|()| {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || [(); 2].map(|()| queue.next(None).unwrap().0))
                });
                let mut taken: Vec<_> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
                taken.sort_unstable();
                assert_eq!(taken, [0, 1, 10, 11]);
                producers.into_iter().for_each(|producer| producer.join().unwrap());
            }
        }
    };
}

queue_models!(queue, queue);
queue_models!(queue_late, queue_that_looks_before_it_clears);
queue_models!(queue_blind, queue_that_does_not_look_ahead);
hub_models!(hub, hub);
hub_models!(hub_asleep, hub_that_falls_asleep_after_it_has_looked);
hub_models!(hub_closed_late, hub_that_is_closed_after_its_queues);
dispatcher_models!(dispatcher, dispatcher);
dispatcher_models!(dispatcher_early, dispatcher_that_counts_a_task_before_it_runs);
dispatcher_models!(dispatcher_ended, dispatcher_that_ends_before_it_has_looked);
