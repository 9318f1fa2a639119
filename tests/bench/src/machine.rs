//! What the kernel says of this process, and what it is told.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The time that the processors have spent on this process, in its own code and in the kernel's.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("no negative time")
}

/// The memory of this process alone, in bytes: what it has allocated and touched, without code and without the
/// kernel's side of its sockets.
pub fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("the kernel tells it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// As many files as the system lets this process have: a session is one.
pub fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .expect("up to the hard limit is allowed");
}

/// Keeps this thread, and those that it will start, on one core: the first that it may use, or the last.
pub fn pin(core: Core) {
    let allowed = sched_getaffinity(None).expect("the kernel knows this thread");
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let chosen = match core {
        Core::First => cores.next(),
        Core::Last => cores.next_back(),
    };
    let mut set = CpuSet::new();
    set.set(chosen.expect("it runs somewhere"));
    sched_setaffinity(None, &set).expect("a core that it may use");
}

/// Servers run on the first core, clients on the last.
#[derive(Clone, Copy)]
pub enum Core {
    First,
    Last,
}
