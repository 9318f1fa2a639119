//! Takes the shipping sources as they are, with shuttle's locks and threads in the place of std's, and makes of each
//! some copies with one ordering weakened, which the models must find out.

use std::path::Path;
use std::{env, fs};

/// File, name of the copy, and what is replaced in it, each exactly once.
type Copy = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const HUB: &str = "core/src/hub.rs";
const DISPATCHER: &str = "ffi-c/src/dispatcher.rs";
const QUEUE: &str = "ffi-c/src/queue.rs";
/// Where tests begin, or what is for C alone.
const ENDS: [&str; 2] = ["#[cfg(test)]", "/// Makes a queue, to be freed"];
const COPIES: &[Copy] = &[
    (HUB, "hub", &[]),
    (
        HUB,
        "hub_that_falls_asleep_after_it_has_looked",
        &[(
            "                    ready.awake = false;\n",
            "                    drop(ready);\n                    lock(&self.inner.ready).awake = false;\n",
        )],
    ),
    (
        HUB,
        "hub_that_is_closed_after_its_queues",
        &[
            ("            ready.closed = true;\n", ""),
            (
                "        queues.iter().for_each(|queue| queue.close());\n",
                "        queues.iter().for_each(|queue| queue.close());\n        \
                 lock(&self.inner.ready).closed = true;\n",
            ),
        ],
    ),
    (DISPATCHER, "dispatcher", &[]),
    (
        DISPATCHER,
        "dispatcher_that_counts_a_task_before_it_runs",
        &[
            ("            contain(task);\n", ""),
            (
                "            self.done.notify_all();\n",
                "            self.done.notify_all();\n            contain(task);\n",
            ),
        ],
    ),
    (
        DISPATCHER,
        "dispatcher_that_ends_before_it_has_looked",
        &[
            (
                "            if std::mem::take(&mut control.woken) || !control.tasks.is_empty() {\n                \
                 return true;\n            }\n",
                "",
            ),
            (
                "            control = self.work.wait(control)",
                "            if std::mem::take(&mut control.woken) || !control.tasks.is_empty() {\n                \
                 return true;\n            }\n            control = self.work.wait(control)",
            ),
        ],
    ),
    (QUEUE, "queue", &[]),
    (
        QUEUE,
        "queue_that_looks_before_it_clears",
        &[
            ("        self.signal.clear();\n        loop {", "        loop {"),
            (
                "            if drained == Drained::Empty {\n                return;\n",
                "            if drained == Drained::Empty {\n                self.signal.clear();\n                \
                 return;\n",
            ),
        ],
    ),
    (
        QUEUE,
        "queue_that_does_not_look_ahead",
        &[(
            "        let (_, event) = head.take()?;\n        self.look_ahead(&mut head);\n",
            "        let (_, event) = head.take()?;\n        self.signal.clear();\n",
        )],
    ),
];

/// In all of them, where they are.
const SHUTTLE: &[(&str, &str)] = &[
    (
        "use std::sync::{Arc, Mutex, MutexGuard, PoisonError};",
        "use shuttle::sync::{Arc, Mutex, MutexGuard};\nuse std::sync::PoisonError;",
    ),
    (
        "use std::sync::{Condvar, Mutex, PoisonError};",
        "use shuttle::sync::{Condvar, Mutex};\nuse std::sync::PoisonError;",
    ),
    ("use std::sync::{Arc, Mutex};", "use shuttle::sync::{Arc, Mutex};"),
    ("    fn new() -> Result<Self> {", "    pub(crate) fn new() -> Result<Self> {"),
    ("    fn next(&self, deadline", "    pub(crate) fn next(&self, deadline"),
    ("use std::thread::{self, JoinHandle};", "use shuttle::thread::{self, JoinHandle};"),
    ("thread_local! {", "shuttle::thread_local! {"),
    ("Cell<Option<Owner>> = const { Cell::new(None) };", "Cell<Option<Owner>> = Cell::new(None);"),
    ("DISPATCHER_OF.get()", "DISPATCHER_OF.with(Cell::get)"),
    (
        "DISPATCHER_OF.set(Some(Owner::this_process()))",
        "DISPATCHER_OF.with(|of| of.set(Some(Owner::this_process())))",
    ),
    ("use jitsimeet_core::", "use crate::core::"),
    ("use crate::constants::jm_status;\n", ""),
    ("use crate::event::{OwnedEvent, jm_event};", "use crate::event::OwnedEvent;"),
    ("use crate::panic::{contain, guard};\n", ""),
    ("use crate::strings::Out;\n", ""),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = env::var("OUT_DIR").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
    for (file, name, changes) in COPIES {
        let path = root.join(file);
        println!("cargo:rerun-if-changed={}", path.display());
        let source = fs::read_to_string(path).unwrap();
        // Inner comments cannot be included, outer ones may include what is beside the source, and the tests are run
        // where they stand.
        let code = |line: &&str| !line.starts_with("//!") && !line.trim_start().starts_with("#[doc");
        let mut source: String = source.lines().filter(code).map(|line| format!("{line}\n")).collect();
        for end in ENDS {
            if let Some((code, _)) = source.split_once(end) {
                source = code.to_owned();
            }
        }
        for (from, to) in SHUTTLE {
            source = source.replace(from, to);
        }
        assert!(!source.contains("std::sync::{") && !source.contains("std::thread::"), "{file}");
        for (from, to) in *changes {
            assert_eq!(source.matches(from).count(), 1, "{file} has changed, and {name} with it: {from}");
            source = source.replace(from, to);
        }
        fs::write(Path::new(&out).join(format!("{name}.rs")), source).unwrap();
    }
}
