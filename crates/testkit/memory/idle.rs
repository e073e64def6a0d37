//! What a server holds for each idle connection, counted by an allocator. The tests of the adapters include this file, as the crates
//! themselves have no `unsafe`.
#![expect(unsafe_code, reason = "an allocator is unsafe; this one only counts and forwards")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        atomic::{AtomicIsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};

use squall_io::server::{Listen, Server};
use squall_testkit::wire::{ANSWER, REQUEST, from_client, from_server};

/// How many connections are measured together.
const MANY: isize = 256;

/// Blocks up to this size are counted by their size too.
const LARGEST: usize = 2 << 10;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static BLOCKS: [AtomicIsize; LARGEST + 1] = [const { AtomicIsize::new(0) }; LARGEST + 1];

thread_local! {
    /// Whether this is the thread of the clients, which is not counted.
    static IS_APART: Cell<bool> = const { Cell::new(false) };
}

/// Counts what is allocated and not freed.
struct Counting;

fn count(layout: Layout, blocks: isize) {
    if !IS_APART.get() {
        LIVE.fetch_add(blocks * layout.size().cast_signed(), Ordering::SeqCst);
        if let Some(count) = BLOCKS.get(layout.size()) {
            count.fetch_add(blocks, Ordering::SeqCst);
        }
    }
}

// SAFETY: every call is forwarded to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout, 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout, -1);
        // SAFETY: the block came from `System.alloc` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is held for one idle connection.
#[derive(Debug)]
pub(crate) struct Idle {
    /// All of it, with its share of what connections have together, in bytes.
    pub(crate) bytes: isize,
    /// The sizes of the blocks that are its own.
    pub(crate) blocks: Vec<usize>,
}

/// Runs a server that echoes, which tells its address, and connects clients that have so many messages of 1 KiB echoed together, and
/// then wait.
///
/// # Errors
/// Where the server does not say where it listens, or a client is not served.
pub(crate) fn idle(
    messages: usize,
    server: fn(Sender<SocketAddr>) -> io::Result<()>,
) -> io::Result<Idle> {
    IS_APART.set(true);
    let (tell, told) = channel();
    thread::spawn(move || server(tell));
    let address = told.recv().map_err(io::Error::other)?;
    // They bring in what the server allocates once.
    let first = clients(address, messages)?;
    let before = held();
    let second = clients(address, messages)?;
    let after = held();
    drop((first, second));
    let grown = after.1.iter().zip(&before.1).map(|(after, before)| after - before);
    let own = grown.map(|grown| usize::try_from((grown + MANY / 8) / MANY).unwrap_or(0));
    let blocks = own.enumerate().flat_map(|(size, count)| std::iter::repeat_n(size, count));
    Ok(Idle { bytes: (after.0 - before.0) / MANY, blocks: blocks.collect() })
}

/// Tells where the listener listens, and echoes what comes.
pub(crate) async fn echo<L: Listen>(
    listener: L,
    address: io::Result<SocketAddr>,
    tell: Sender<SocketAddr>,
) -> io::Result<()>
where
    L::Runtime: Default,
{
    tell.send(address?).map_err(io::Error::other)?;
    Server::new(listener)
        .serve(async |mut socket| {
            while let Ok(Some(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        })
        .await;
    Ok(())
}

fn clients(address: SocketAddr, messages: usize) -> io::Result<Vec<TcpStream>> {
    let client = |_| {
        let mut stream = TcpStream::connect(address)?;
        let mut bytes =
            [REQUEST.as_bytes(), &from_client(0x82, [7; 1024]).repeat(messages)].concat();
        stream.write_all(&bytes)?;
        let answer = [ANSWER.as_bytes(), &from_server(0x82, [7; 1024]).repeat(messages)].concat();
        bytes.resize(answer.len(), 0);
        stream.read_exact(&mut bytes)?;
        assert!(bytes == answer);
        Ok(stream)
    };
    (0..MANY).map(client).collect()
}

/// The bytes that are held, and how many blocks of each size, once the server is at rest.
fn held() -> (isize, Vec<isize>) {
    let look = || {
        let blocks = BLOCKS.iter().map(|count| count.load(Ordering::SeqCst)).collect();
        (LIVE.load(Ordering::SeqCst), blocks)
    };
    let mut last: (isize, Vec<isize>) = look();
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = look();
        if now == last {
            return now;
        }
        last = now;
    }
}
