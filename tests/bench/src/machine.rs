//! What the kernel says of this process, and what it is told.

use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::unistd::Pid;

/// The time that the processors have spent on this process, in its own code and in the kernel's.
pub fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel knows this process");
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| {
            let micros = u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).expect("no negative time");
            Duration::from_micros(micros)
        })
        .sum()
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
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the kernel knows this process");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("up to the hard limit is allowed");
}

/// Keeps this process and the threads that it will start on one core: the first that it may use, or the last.
pub fn pin(core: Core) {
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("the kernel knows this process");
    let mut cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false));
    let chosen = match core {
        Core::First => cores.next(),
        Core::Last => cores.next_back(),
    };
    let mut set = CpuSet::new();
    set.set(chosen.expect("it runs somewhere")).expect("one of those that there are");
    sched_setaffinity(Pid::from_raw(0), &set).expect("a core that it may use");
}

/// Servers run on the first core, clients on the last.
#[derive(Clone, Copy)]
pub enum Core {
    First,
    Last,
}
