//! A server's process: started on its core, its processor time and its memory read from the kernel, ended when dropped.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_getcpuclockid},
    unistd::Pid,
};

use crate::reply::Protocol;

/// Which core the server has, and which one this process.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The server's core.
    pub server: usize,
    /// The load generator's core.
    pub client: usize,
}

impl Cores {
    /// Moves this thread, and the processes that it will start, to the core with this number.
    fn pin(core: usize) -> Result<()> {
        let mut set = CpuSet::new();
        set.set(core).with_context(|| format!("there can be no core {core}"))?;
        sched_setaffinity(Pid::from_raw(0), &set)
            .with_context(|| format!("cannot run on core {core}"))
    }

    /// Moves this process to its own core.
    ///
    /// # Errors
    ///
    /// When there is no such core.
    pub fn pin_client(self) -> Result<()> {
        Self::pin(self.client)
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    clock: ClockId,
    /// Kept open, so that the server may print.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks.
    pub protocol: Protocol,
}

impl Server {
    /// Starts `executable` on the server's core, and returns when it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not say where it listens.
    pub fn start(executable: &Path, arguments: &[&str], cores: Cores) -> Result<Self> {
        // A child inherits the core of the thread that starts it, before it can start threads of its own.
        Cores::pin(cores.server)?;
        let child = Command::new(executable)
            .args(arguments)
            .env("ASYNC_STD_THREAD_COUNT", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", executable.display()));
        cores.pin_client()?;
        let mut child = child?;
        let stdout = child.stdout.take().context("no standard output")?;
        let pid = Pid::from_raw(child.id().try_into()?);
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let (protocol, address) = parse_announcement(&line).with_context(|| {
            let _ = child.kill();
            let _ = child.wait();
            format!("{} said {line:?} instead of where it listens", executable.display())
        })?;
        let clock = clock_getcpuclockid(pid)?;
        Ok(Self { child, clock, _stdout: stdout, address, protocol })
    }

    /// The time that all threads of the process have spent on a processor, in user space and in the kernel.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        Ok(self.clock.now().context("the server has ended")?.into())
    }

    /// The resident memory of the process, in bytes.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn resident_memory(&self) -> Result<u64> {
        // Unlike `statm`, which the kernel keeps roughly, this is counted page by page.
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let kibibytes =
            rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB"));
        Ok(kibibytes.context("no Rss in smaps_rollup")?.trim().parse::<u64>()? << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_announcement(line: &str) -> Option<(Protocol, SocketAddr)> {
    let (scheme, rest) = line.trim().strip_prefix("listening on ")?.split_once("://")?;
    let protocol = match scheme {
        "ws" => Protocol::WebSocket,
        "tcp" => Protocol::Bytes,
        _ => return None,
    };
    Some((protocol, rest.trim_end_matches('/').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_says_what_is_spoken_and_where() {
        let address = "127.0.0.1:4000".parse().unwrap();
        assert_eq!(
            parse_announcement("listening on ws://127.0.0.1:4000/\n"),
            Some((Protocol::WebSocket, address))
        );
        assert_eq!(
            parse_announcement("listening on tcp://127.0.0.1:4000\n"),
            Some((Protocol::Bytes, address))
        );
        assert_eq!(parse_announcement("listening on wss://127.0.0.1:4000\n"), None);
        assert_eq!(parse_announcement(""), None);
    }
}
