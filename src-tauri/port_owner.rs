//! Which program has a port, as far as this user may know.

use std::fs;
use std::path::Path;

use serde::Serialize;
use specta::Type;

/// A program that listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
pub struct Program {
    /// As the system calls it.
    pub name: String,
    /// Its process.
    pub pid: u32,
}

/// The program that listens on a TCP port of this computer; `None` where the system does not tell, as for programs of other
/// users.
pub(crate) fn of(port: u16) -> Option<Program> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listeners(&table, port))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let mut numbered =
        processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    let (pid, folder) = numbered.find(|(_, folder)| has_one(folder, &inodes))?;
    let name = fs::read_to_string(folder.join("comm")).ok()?.trim().to_owned();
    Some(Program { name, pid })
}

/// The sockets that listen on `port`, out of a table in the format of proc(5), `/proc/net/tcp`.
fn listeners(table: &str, port: u16) -> Vec<String> {
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let (_, of) = local.rsplit_once(':')?;
        (*state == LISTEN && u16::from_str_radix(of, 16).ok()? == port).then(|| (*inode).to_owned())
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Whether a process has one of these sockets open.
fn has_one(process: &Path, inodes: &[String]) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    files.filter_map(Result::ok).any(|file| {
        let target = fs::read_link(file.path()).ok();
        let target = target.as_deref().and_then(Path::to_str).unwrap_or_default();
        let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.iter().any(|one| one == inode))
    })
}

/// `TCP_LISTEN` of Linux.
const LISTEN: &str = "0A";

#[cfg(test)]
mod tests {
    use super::{listeners, of};

    #[test]
    fn this_test_is_found_by_the_port_that_it_listens_on() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = of(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(found.pid, std::process::id());
        assert!(!found.name.is_empty());
    }

    #[test]
    fn only_sockets_that_listen_on_that_port_count_and_a_damaged_table_is_no_harm() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n   \
            1: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1\n   \
            2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1\n junk\n";
        assert_eq!(listeners(table, 8080), ["4711"]);
        assert_eq!(listeners("", 8080), Vec::<String>::new());
    }
}
