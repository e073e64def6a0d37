//! An echo's process: started on its cores, its processor time and its memory read from the kernel, ended when dropped.

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

/// Which core an echo has, and which one this process.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The echo's core.
    pub echo: usize,
    /// The load generator's core.
    pub load: usize,
}

impl Cores {
    /// Moves this thread, and the processes that it will start, to these cores.
    fn pin(cores: &[usize]) -> Result<()> {
        let mut set = CpuSet::new();
        for &core in cores {
            set.set(core).with_context(|| format!("there can be no core {core}"))?;
        }
        sched_setaffinity(Pid::from_raw(0), &set)
            .with_context(|| format!("cannot run on the cores {cores:?}"))
    }

    /// Moves this process to its own core.
    ///
    /// # Errors
    ///
    /// When there is no such core.
    pub fn pin_load(self) -> Result<()> {
        Self::pin(&[self.load])
    }
}

/// What a process says when it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// It is a client that is about to connect, not a server that listens.
    pub is_client: bool,
    /// What it speaks.
    pub protocol: Protocol,
    /// It speaks that over TLS.
    pub is_tls: bool,
    /// Where it listens, or where it connects to.
    pub address: SocketAddr,
}

/// A running echo.
#[derive(Debug)]
pub struct Process {
    child: Child,
    clock: ClockId,
    /// Kept open, so that the echo may print.
    _stdout: BufReader<ChildStdout>,
    /// What it said.
    pub announcement: Announcement,
}

impl Process {
    /// Starts `executable` with as many threads, on its core for one and on both cores for more, and returns when it is ready.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not say what it does.
    pub fn start(
        executable: &Path,
        arguments: &[String],
        threads: usize,
        cores: Cores,
    ) -> Result<Self> {
        // A child inherits the cores of the thread that starts it, before it can start threads of its own.
        let both = [cores.echo, cores.load];
        Cores::pin(both.get(..threads.min(both.len())).unwrap_or(&both))?;
        let child = Command::new(executable)
            .args(arguments)
            .env("ASYNC_STD_THREAD_COUNT", threads.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", executable.display()));
        cores.pin_load()?;
        let mut child = child?;
        let stdout = child.stdout.take().context("no standard output")?;
        let pid = Pid::from_raw(child.id().try_into()?);
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let announcement = parse_announcement(&line).with_context(|| {
            let _ = child.kill();
            let _ = child.wait();
            format!("{} said {line:?} instead of what it does", executable.display())
        })?;
        let clock = clock_getcpuclockid(pid)?;
        Ok(Self { child, clock, _stdout: stdout, announcement })
    }

    /// The time that all threads of the process have spent on a processor, in user space and in the kernel.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        Ok(self.clock.now().context("the echo has ended")?.into())
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

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_announcement(line: &str) -> Option<Announcement> {
    let line = line.trim();
    let (is_client, url) = match line.strip_prefix("listening on ") {
        Some(url) => (false, url),
        None => (true, line.strip_prefix("connecting to ")?),
    };
    let (scheme, address) = url.split_once("://")?;
    let (protocol, is_tls) = match scheme {
        "ws" => (Protocol::WebSocket, false),
        "wss" => (Protocol::WebSocket, true),
        "tcp" => (Protocol::Bytes, false),
        "tls" => (Protocol::Bytes, true),
        _ => return None,
    };
    let address = address.trim_end_matches('/').parse().ok()?;
    Some(Announcement { is_client, protocol, is_tls, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_says_who_speaks_what_and_where() {
        let address = "127.0.0.1:4000".parse().unwrap();
        let server =
            |protocol, is_tls| Some(Announcement { is_client: false, protocol, is_tls, address });
        let said = |line: &str| parse_announcement(line);
        assert_eq!(said("listening on ws://127.0.0.1:4000/\n"), server(Protocol::WebSocket, false));
        assert_eq!(said("listening on tcp://127.0.0.1:4000\n"), server(Protocol::Bytes, false));
        assert_eq!(said("listening on wss://127.0.0.1:4000\n"), server(Protocol::WebSocket, true));
        assert_eq!(said("listening on tls://127.0.0.1:4000\n"), server(Protocol::Bytes, true));
        let client = said("connecting to ws://127.0.0.1:4000\n").unwrap();
        assert!(client.is_client && client.protocol == Protocol::WebSocket);
        assert_eq!(said("listening on http://127.0.0.1:4000\n"), None);
        assert_eq!(said(""), None);
    }
}
