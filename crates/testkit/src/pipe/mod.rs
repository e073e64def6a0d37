//! Two ends of a byte stream in memory, which fail and stall as they are told and count what is asked of them.

mod streams;

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// One end of a pipe: a [`Transport`](squall_io::Transport), and a stream of the traits of futures-io.
///
/// Dropping it is what closing a socket is: the peer reads the end once it has read the rest, and cannot write any more.
#[derive(Debug)]
pub struct End {
    side: Side,
}

/// The outside of an end: what a test does with it while a connection owns the end itself.
#[derive(Debug, Clone)]
pub struct Probe {
    side: Side,
}

#[derive(Debug, Clone)]
struct Side {
    incoming: Arc<Mutex<Flow>>,
    outgoing: Arc<Mutex<Flow>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

/// The bytes in one direction.
#[derive(Debug, Default)]
struct Flow {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// Nothing more will be written.
    ended: bool,
    /// Nothing more will be read.
    deaf: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What one end does to its owner.
#[derive(Debug, Default)]
struct Behaviour {
    counts: Counts,
    faults: BTreeMap<(Operation, usize), Fault>,
    /// What waits for a flush, where only a flush sends.
    unsent: Option<VecDeque<u8>>,
    largest_read: usize,
    largest_write: usize,
}

/// How often an end was asked to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Calls that read, the ones that had to wait included.
    pub reads: usize,
    /// Calls that write.
    pub writes: usize,
    /// Calls that write and took something.
    pub successful_writes: usize,
    /// Calls that write from more than one slice.
    pub vectored_writes: usize,
    /// Calls that flush.
    pub flushes: usize,
    /// Calls that shut down.
    pub shutdowns: usize,
}

/// Something that an end is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a transport has four methods")]
pub enum Operation {
    /// Read.
    Read,
    /// Write.
    Write,
    /// Flush.
    Flush,
    /// Shut down the writing side.
    Shutdown,
}

/// What happens instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests name them all")]
pub enum Fault {
    /// It fails.
    Error(io::ErrorKind),
    /// It has to wait, though it need not: the task is woken at once.
    Pending,
    /// It moves at most one byte.
    Short,
    /// It answers with zero bytes: the end of the stream to a reader, a stream that takes nothing to a writer.
    Zero,
}

/// A pipe that holds 64 KiB in each direction.
pub fn pipe() -> (End, End) {
    pipe_of(64 << 10)
}

/// A pipe that holds `capacity` bytes in each direction.
pub fn pipe_of(capacity: usize) -> (End, End) {
    let flow = || Arc::new(Mutex::new(Flow { capacity, ..Flow::default() }));
    let (there, back) = (flow(), flow());
    let behaviour = || {
        let (largest_read, largest_write) = (usize::MAX, usize::MAX);
        Arc::new(Mutex::new(Behaviour { largest_read, largest_write, ..Behaviour::default() }))
    };
    let left =
        Side { incoming: Arc::clone(&back), outgoing: Arc::clone(&there), behaviour: behaviour() };
    let right = Side { incoming: there, outgoing: back, behaviour: behaviour() };
    (End { side: left }, End { side: right })
}

impl End {
    /// The outside of this end.
    pub fn probe(&self) -> Probe {
        Probe { side: self.side.clone() }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.side.outgoing().end();
        self.side.incoming().stop_listening();
    }
}

impl Probe {
    /// How often this end was asked to do something.
    pub fn counts(&self) -> Counts {
        self.side.behaviour().counts
    }

    /// Counts from zero again; faults count from here as well.
    pub fn reset_counts(&self) {
        self.side.behaviour().counts = Counts::default();
    }

    /// The `nth` call (from 0) of an operation goes wrong.
    pub fn fail(&self, operation: Operation, nth: usize, fault: Fault) {
        self.side.behaviour().faults.insert((operation, nth), fault);
    }

    /// From now on only a flush sends what was written.
    pub fn send_on_flush_only(&self) {
        self.side.behaviour().unsent.get_or_insert_default();
    }

    /// From now on a read takes at most so many bytes, and a write too.
    pub fn limit(&self, largest_read: usize, largest_write: usize) {
        let mut behaviour = self.side.behaviour();
        (behaviour.largest_read, behaviour.largest_write) = (largest_read, largest_write);
    }

    /// Says something to the peer, however full the pipe is.
    pub fn say(&self, bytes: impl AsRef<[u8]>) {
        let mut flow = self.side.outgoing();
        flow.bytes.extend(bytes.as_ref());
        flow.wake_reader();
    }

    /// Takes everything that the peer has said.
    pub fn hear(&self) -> Vec<u8> {
        self.hear_only(usize::MAX)
    }

    /// Takes at most `count` bytes of what the peer has said.
    pub fn hear_only(&self, count: usize) -> Vec<u8> {
        let mut flow = self.side.incoming();
        let count = count.min(flow.bytes.len());
        let heard = flow.bytes.drain(..count).collect();
        flow.wake_writer();
        heard
    }

    /// Says nothing more: the peer reads the end.
    pub fn end(&self) {
        self.side.outgoing().end();
    }

    /// Whether the peer has ended its side, read or not.
    pub fn peer_ended(&self) -> bool {
        self.side.incoming().ended
    }
}

impl Side {
    fn incoming(&self) -> MutexGuard<'_, Flow> {
        lock(&self.incoming)
    }

    fn outgoing(&self) -> MutexGuard<'_, Flow> {
        lock(&self.outgoing)
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        lock(&self.behaviour)
    }

    /// Counts a call; what goes wrong with it, if anything: an answer, or at most how many bytes it moves.
    fn call(
        &self,
        cx: &Context<'_>,
        operation: Operation,
    ) -> Result<usize, Poll<io::Result<usize>>> {
        let mut behaviour = self.behaviour();
        let counts = &mut behaviour.counts;
        let count = match operation {
            Operation::Read => &mut counts.reads,
            Operation::Write => &mut counts.writes,
            Operation::Flush => &mut counts.flushes,
            Operation::Shutdown => &mut counts.shutdowns,
        };
        let nth = *count;
        *count += 1;
        match behaviour.faults.remove(&(operation, nth)) {
            None if operation == Operation::Read => Ok(behaviour.largest_read),
            None => Ok(behaviour.largest_write),
            Some(Fault::Short) => Ok(1),
            Some(Fault::Error(kind)) => Err(Poll::Ready(Err(kind.into()))),
            Some(Fault::Zero) => Err(Poll::Ready(Ok(0))),
            Some(Fault::Pending) => {
                cx.waker().wake_by_ref();
                Err(Poll::Pending)
            }
        }
    }

    fn poll_read(
        &self,
        cx: &Context<'_>,
        mut take: impl FnMut(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        let limit = match self.call(cx, Operation::Read) {
            Ok(limit) => limit,
            Err(fault) => return fault,
        };
        let mut flow = self.incoming();
        if flow.bytes.is_empty() {
            if flow.ended {
                return Poll::Ready(Ok(0));
            }
            flow.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut taken = 0;
        let (front, back) = flow.bytes.as_slices();
        for slice in [front, back] {
            let slice = &slice[..slice.len().min(limit - taken)];
            let count = take(slice);
            taken += count;
            if count < slice.len() {
                break;
            }
        }
        flow.bytes.drain(..taken);
        flow.wake_writer();
        Poll::Ready(Ok(taken))
    }

    fn poll_write(&self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let limit = match self.call(cx, Operation::Write) {
            Ok(limit) => limit,
            Err(fault) => return fault,
        };
        let mut behaviour = self.behaviour();
        behaviour.counts.vectored_writes += usize::from(slices.len() > 1);
        let mut flow = self.outgoing();
        if flow.ended || flow.deaf {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let waiting = behaviour.unsent.as_ref().map_or(flow.bytes.len(), VecDeque::len);
        let room = flow.capacity.saturating_sub(waiting).min(limit);
        if room == 0 {
            flow.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut written = 0;
        for slice in slices {
            let part = &slice[..slice.len().min(room - written)];
            behaviour.unsent.as_mut().unwrap_or(&mut flow.bytes).extend(part);
            written += part.len();
        }
        if behaviour.unsent.is_none() {
            flow.wake_reader();
        }
        behaviour.counts.successful_writes += 1;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if let Err(fault) = self.call(cx, Operation::Flush) {
            return fault.map_ok(drop);
        }
        self.send_unsent();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if let Err(fault) = self.call(cx, Operation::Shutdown) {
            return fault.map_ok(drop);
        }
        self.send_unsent();
        self.outgoing().end();
        Poll::Ready(Ok(()))
    }

    fn send_unsent(&self) {
        let mut behaviour = self.behaviour();
        if let Some(unsent) = &mut behaviour.unsent {
            let mut flow = self.outgoing();
            flow.bytes.append(unsent);
            flow.wake_reader();
            flow.wake_writer();
        }
    }
}

impl Flow {
    fn wake_reader(&mut self) {
        self.reader.take().into_iter().for_each(Waker::wake);
    }

    fn wake_writer(&mut self) {
        self.writer.take().into_iter().for_each(Waker::wake);
    }

    fn end(&mut self) {
        self.ended = true;
        self.wake_reader();
    }

    fn stop_listening(&mut self) {
        self.deaf = true;
        self.wake_writer();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
