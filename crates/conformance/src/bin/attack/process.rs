//! The process under attack, and what `/proc` says of it.

use std::{
    collections::BTreeMap,
    fs, io,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// Linux counts processor time in these on every machine.
const TICK: Duration = Duration::from_millis(10);

/// The process; it ends with this value.
pub(crate) struct Process {
    child: Child,
    input: Mutex<ChildStdin>,
    /// Kept, so that it can go on printing.
    _output: BufReader<ChildStdout>,
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

/// How long threads have waited for a processor so far: they had something to do, and others ran.
pub(crate) struct Waits {
    own: Duration,
    of_process: BTreeMap<String, Duration>,
}

impl Process {
    /// Starts it; the answer has the first line that it prints.
    ///
    /// glibc gives large blocks back to the system as soon as they are freed, until it has seen a few: then it keeps up to 32 MiB
    /// of each, wherever they lie. What it keeps says nothing about the process, so it is told to go on as it begins.
    pub(crate) fn start(command: &mut Command) -> io::Result<(Self, String)> {
        command.env("MALLOC_MMAP_THRESHOLD_", "131072");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { return Err(gone()) };
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let read = output.read_line(&mut line);
        let process = Self { child, input: Mutex::new(input), _output: output };
        read?;
        Ok((process, line.trim().to_owned()))
    }

    /// Starts a server that says where it listens.
    pub(crate) fn start_server(command: &mut Command) -> io::Result<(Self, SocketAddr)> {
        let (process, line) = Self::start(command)?;
        let address = line.strip_prefix("listening on ").and_then(|url| url.split_once("://"));
        match address.and_then(|(_, address)| address.parse().ok()) {
            Some(address) => Ok((process, address)),
            None => Err(io::Error::other(format!("it does not say where it listens: {line}"))),
        }
    }

    /// Writes a line to its standard input.
    pub(crate) fn tell(&self, line: &str) -> io::Result<()> {
        let mut input = self.input.lock().map_err(|_| gone())?;
        writeln!(input, "{line}")
    }

    pub(crate) fn reading(&self) -> io::Result<Reading> {
        Ok(Reading {
            memory: self.memory()?,
            processor: self.processor()?,
            descriptors: self.descriptors()?,
            is_idle: false,
        })
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.proc("task"))?.count())
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

    /// How long its threads have waited for a processor, and the thread that asks.
    pub(crate) fn waits(&self) -> io::Result<Waits> {
        let mut of_process = BTreeMap::new();
        for thread in fs::read_dir(self.proc("task"))? {
            let path = thread?.path();
            // A thread may end at any time.
            if let Ok(wait) = waited(&path.join("schedstat").to_string_lossy()) {
                of_process.insert(path.to_string_lossy().into_owned(), wait);
            }
        }
        Ok(Waits { own: waited("/proc/thread-self/schedstat")?, of_process })
    }

    pub(crate) fn processor(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(self.proc("stat"))?;
        // Behind the name in parentheses: user time is the twelfth field, system time the next.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().skip(11));
        let ticks: Option<u32> =
            fields.and_then(|fields| fields.take(2).map(|field| field.parse::<u32>().ok()).sum());
        ticks.map(|count| TICK * count).ok_or_else(gone)
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    fn memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(self.proc("status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok());
        kibibytes.map(|count: u64| count << 10).ok_or_else(gone)
    }

    fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.proc("fd"))?.count())
    }
}

impl Waits {
    /// How long there was a wait that is nobody's fault but the machine's, from then until now: of the thread that asked, and of the
    /// thread of the process that waited longest.
    pub(crate) fn until(&self, now: &Self) -> Duration {
        let longest = now.of_process.iter().map(|(thread, wait)| {
            wait.saturating_sub(self.of_process.get(thread).copied().unwrap_or_default())
        });
        now.own.saturating_sub(self.own) + longest.max().unwrap_or_default()
    }
}

/// The second number of `schedstat`: nanoseconds on a run queue.
fn waited(file: &str) -> io::Result<Duration> {
    let text = fs::read_to_string(file)?;
    let nanoseconds = text.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| io::Error::other("no schedstat"))
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has nothing to lose, and there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gone() -> io::Error {
    io::Error::other("the process is gone")
}
