//! What Linux tells of this program and its machine.
//!
//! Spec: proc(5): `/proc/pid/stat`, `/proc/pid/status`, `/proc/pid/net/dev`.

use std::io;
use std::path::Path;

/// What the program has used until now, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processor time of all threads since the start, milliseconds.
    pub(crate) cpu_ms: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) disk_used_bytes: u64,
    pub(crate) disk_bytes: u64,
    /// Through the machine's interfaces since they are up, loopback not among them.
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

impl Usage {
    /// Reads it; `folder` is on the disk in question.
    ///
    /// # Errors
    /// What the system says, and what is not written as proc(5) has it.
    pub(super) fn read(folder: &Path) -> io::Result<Usage> {
        let disk = rustix::fs::statvfs(folder)?;
        let (received_bytes, sent_bytes) = traffic(&std::fs::read_to_string("/proc/self/net/dev")?);
        let disk_bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
        Ok(Usage {
            cpu_ms: cpu_ms(&std::fs::read_to_string("/proc/self/stat")?).ok_or(io::ErrorKind::InvalidData)?,
            memory_bytes: resident(&std::fs::read_to_string("/proc/self/status")?)
                .ok_or(io::ErrorKind::InvalidData)?,
            disk_used_bytes: disk_bytes.saturating_sub(disk.f_bavail.saturating_mul(disk.f_frsize)),
            disk_bytes,
            sent_bytes,
            received_bytes,
        })
    }
}

/// `utime` and `stime`, the fields 14 and 15. The name before them may hold anything, but it ends with the last `)`.
fn cpu_ms(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some((user + system).saturating_mul(1_000 / USER_HZ))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1_024)
}

/// Bytes received and sent.
fn traffic(dev: &str) -> (u64, u64) {
    let counted = dev.lines().filter_map(|line| {
        let (name, figures) = line.split_once(':')?;
        let figures: Vec<u64> = figures.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        (name.trim() != "lo").then_some((*figures.first()?, *figures.get(8)?))
    });
    counted.fold((0, 0), |(received, sent), (more, out)| {
        (received.saturating_add(more), sent.saturating_add(out))
    })
}

/// Of what `/proc` counts in: a hundred a second for every program, whatever the kernel's own clock.
const USER_HZ: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_what_this_test_uses() {
        let usage = Usage::read(&std::env::temp_dir()).unwrap();
        assert!(usage.memory_bytes > 1 << 20, "{usage:?}");
        assert!(usage.disk_bytes >= usage.disk_used_bytes && usage.disk_bytes > 0, "{usage:?}");
    }

    #[test]
    fn a_programs_name_may_hold_anything() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 0 0 0 150 25 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_ms(stat), Some(1_750));
        assert_eq!((cpu_ms(""), resident("VmRSS: x kB")), (None, None));
        assert_eq!(resident("Name:\tx\nVmRSS:\t  2048 kB\n"), Some(2 << 20));
    }

    #[test]
    fn loopback_is_no_traffic() {
        let dev = "Inter-|   Receive\n face |bytes\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n
  eth0: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n  eth1: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n";
        assert_eq!(traffic(dev), (101, 202));
    }
}
