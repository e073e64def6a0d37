//! The server under attack: its process, and what `/proc` says of it.

use std::{
    fs, io,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The largest message that the server takes.
pub(crate) const MESSAGE_LIMIT: usize = 1 << 20;

/// How long a handshake may take.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(2);

/// How long a silent peer may stay: until the ping, until its timeout, and until the close timeout.
pub(crate) const SILENCE_LIMIT: Duration = Duration::from_secs(2 + 2 + 1);

/// Linux counts processor time in these on every machine.
const TICK: Duration = Duration::from_millis(10);

/// The process; it ends with this value.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

/// What the process uses at a time.
pub(crate) struct Reading {
    /// Resident memory, in bytes.
    pub(crate) memory: u64,
    /// Processor time so far.
    pub(crate) processor: Duration,
    pub(crate) descriptors: usize,
    /// Whether it has hardly used the processor for a moment.
    pub(crate) is_idle: bool,
}

/// The most that it used.
pub(crate) struct Peak {
    pub(crate) memory: u64,
    pub(crate) descriptors: usize,
}

impl Server {
    /// Starts it with limits that an attack reaches within seconds, and waits until it listens.
    pub(crate) fn start(squall: &Path, runtime: &str) -> io::Result<Self> {
        let limit = MESSAGE_LIMIT.to_string();
        let mut process = Command::new(squall)
            .args(["echo", "--bind", "127.0.0.1:0", "--deflate", "--runtime", runtime])
            .args(["--max-message-size", &limit, "--max-frame-size", &limit])
            .args(["--handshake-timeout", "2", "--close-timeout", "1"])
            .args(["--ping-interval", "2", "--ping-timeout", "2"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim().strip_prefix("listening on ws://").and_then(|at| at.parse().ok());
        match address {
            Some(address) => Ok(Self { process, address }),
            None => {
                process.kill()?;
                process.wait()?;
                Err(io::Error::other(format!("the server does not say where it listens: {line}")))
            }
        }
    }

    pub(crate) fn reading(&self) -> io::Result<Reading> {
        Ok(Reading {
            memory: self.memory()?,
            processor: self.processor()?,
            descriptors: self.descriptors()?,
            is_idle: false,
        })
    }

    /// Looks at it every 10 ms.
    pub(crate) fn watch_until(&self, is_over: &dyn Fn() -> bool) -> io::Result<Peak> {
        let mut peak = Peak { memory: 0, descriptors: 0 };
        while !is_over() {
            peak.memory = peak.memory.max(self.memory()?);
            peak.descriptors = peak.descriptors.max(self.descriptors()?);
            thread::sleep(Duration::from_millis(10));
        }
        Ok(peak)
    }

    /// What it uses once it has no more descriptors than before and rests, or after this time.
    pub(crate) fn settled(&self, before: &Reading, limit: Duration) -> io::Result<Reading> {
        let deadline = Instant::now() + limit;
        loop {
            let used = self.processor()?;
            thread::sleep(Duration::from_millis(300));
            let mut reading = self.reading()?;
            reading.is_idle = reading.processor.saturating_sub(used) <= Duration::from_millis(60);
            if (reading.is_idle && reading.descriptors <= before.descriptors)
                || Instant::now() >= deadline
            {
                return Ok(reading);
            }
        }
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id())
    }

    fn memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(self.proc("status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok());
        kibibytes.map(|count: u64| count << 10).ok_or_else(gone)
    }

    fn processor(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(self.proc("stat"))?;
        // Behind the name in parentheses: user time is the twelfth field, system time the next.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().skip(11));
        let ticks: Option<u32> =
            fields.and_then(|fields| fields.take(2).map(|field| field.parse::<u32>().ok()).sum());
        ticks.map(|count| TICK * count).ok_or_else(gone)
    }

    fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.proc("fd"))?.count())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to lose, and there is nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn gone() -> io::Error {
    io::Error::other("the server is gone")
}
