//! What this process has of the machine, and whether that grows.

use std::fs;

use crate::client::Broken;

/// What the kernel says of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Memory, in kB.
    pub memory: u64,
    /// Threads.
    pub threads: u64,
    /// Open files.
    pub files: u64,
}

impl Resources {
    /// At this moment. Linux alone tells.
    ///
    /// # Errors
    /// It does not.
    pub fn now() -> Result<Self, Broken> {
        let status = fs::read_to_string("/proc/self/status")?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let missing = || Broken("/proc/self/status tells less than expected".to_owned());
        Ok(Self {
            memory: number("VmRSS:").ok_or_else(missing)?,
            threads: number("Threads:").ok_or_else(missing)?,
            files: fs::read_dir("/proc/self/fd")?.count() as u64,
        })
    }

    fn most(samples: &[Self]) -> Self {
        samples.iter().fold(Self::default(), |most, sample| Self {
            memory: most.memory.max(sample.memory),
            threads: most.threads.max(sample.threads),
            files: most.files.max(sample.files),
        })
    }
}

/// Whether what was used in the last third of the time is more than in the second, when all was warm: the most of each.
///
/// # Errors
/// It is.
pub fn check_flat(samples: &[Resources]) -> Result<(Resources, Resources), Broken> {
    let third = samples.len() / 3;
    let warm = Resources::most(&samples[third..2 * third]);
    let end = Resources::most(&samples[2 * third..]);
    let flat = end.memory <= warm.memory + warm.memory / 10 + 8 * 1024
        && end.threads <= warm.threads
        && end.files <= warm.files + warm.files / 5 + 50;
    if flat { Ok((warm, end)) } else { Err(Broken(format!("it grows: {warm:?} became {end:?}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_seen_and_a_start_is_not_growth() {
        let at = |memory, threads, files| Resources { memory, threads, files };
        let flat = [at(10_000, 2, 10), at(90_000, 9, 900), at(91_000, 9, 800)];
        assert!(check_flat(&flat).is_ok());
        for grown in [at(150_000, 9, 900), at(90_000, 10, 900), at(90_000, 9, 1_200)] {
            assert!(check_flat(&[flat[0], flat[1], grown]).is_err(), "{grown:?}");
        }
    }

    #[test]
    fn the_kernel_tells() {
        let now = Resources::now().unwrap();
        assert!(now.memory > 0 && now.threads > 0 && now.files > 0, "{now:?}");
    }
}
