//! What this process has used so far, as Linux counts it.

use std::fs;

use crate::Failure;

/// CPU time of all threads that are there, in nanoseconds.
pub(crate) fn cpu() -> Result<u64, Failure> {
    let mut total = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        let running = times.split_whitespace().next().unwrap_or_default();
        total += running.parse::<u64>()?;
    }
    Ok(total)
}

/// The most memory that was resident at once, in KiB.
pub(crate) fn peak() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    Ok(peak.ok_or("no VmHWM")?.trim().parse()?)
}
