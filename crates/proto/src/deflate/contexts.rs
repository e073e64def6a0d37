//! The live compressors and inflaters of a thread.
//!
//! A context is large (a compressor 380 KB, an inflater 47 KB) and a connection seldom needs one, so contexts belong to
//! the thread that works, not to the connection: a few are kept, the least recently used goes. A connection that finds its own
//! context still here goes on with it; any other gets a context primed with its recent plaintext, which reads the same to
//! the peer. Contexts that are not where a connection left them are never used for it: its mark counts messages.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
    thread::LocalKey,
};

/// How many contexts of each kind a thread keeps.
const KEPT: usize = 8;

/// Names the state of one direction of one connection after a count of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    owner: u64,
    messages: u64,
}

impl Mark {
    /// The mark of a direction that has carried nothing.
    pub(super) fn new() -> Self {
        static OWNERS: AtomicU64 = AtomicU64::new(0);
        Self { owner: OWNERS.fetch_add(1, Ordering::Relaxed), messages: 0 }
    }

    /// The mark after one message more.
    pub(super) const fn next(self) -> Self {
        Self { messages: self.messages + 1, ..self }
    }
}

/// A context that a thread keeps, and what it is good for.
#[derive(Debug)]
pub(super) struct Kept<C, S> {
    mark: Option<Mark>,
    settings: S,
    context: C,
}

/// The contexts of a thread, the least recently used first.
pub(super) type Pool<C, S> = RefCell<Vec<Kept<C, S>>>;

/// A context taken from the pool.
#[derive(Debug)]
pub(super) enum Taken<C> {
    /// Where this connection left it.
    Own(C),
    /// Left by another: to be reset and primed.
    Used(C),
}

/// Takes the context that stands at `mark`, or another of the same settings once the pool is full.
pub(super) fn take<C, S: PartialEq>(
    pool: &'static LocalKey<Pool<C, S>>,
    mark: Mark,
    settings: &S,
) -> Option<Taken<C>> {
    pool.try_with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        if let Some(own) =
            pool.iter().rposition(|kept| kept.mark == Some(mark) && kept.settings == *settings)
        {
            return Some(Taken::Own(pool.remove(own).context));
        }
        let spare = pool.iter().position(|kept| {
            kept.settings == *settings && (kept.mark.is_none() || pool.len() >= KEPT)
        })?;
        Some(Taken::Used(pool.remove(spare).context))
    })
    .ok()
    .flatten()
}

/// Gives a context back; `mark` is where it stands, `None` where nobody can go on with it.
pub(super) fn give<C, S: PartialEq>(
    pool: &'static LocalKey<Pool<C, S>>,
    mark: Option<Mark>,
    settings: S,
    context: C,
) {
    // A thread that is ending keeps nothing.
    let _ = pool.try_with(|pool| {
        let Ok(mut pool) = pool.try_borrow_mut() else { return };
        if pool.len() >= KEPT {
            pool.remove(0);
        }
        pool.push(Kept { mark, settings, context });
    });
}
