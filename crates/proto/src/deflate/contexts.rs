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

/// Takes the context that stands at `mark`, or else the least recently used one of the same settings, once there are enough.
///
/// That has to be among the older half: where most contexts are of settings that nobody uses any more, they go one by one
/// instead, until the connections that are busy have theirs.
pub(super) fn take<C, S: PartialEq>(
    pool: &'static LocalKey<Pool<C, S>>,
    mark: Mark,
    settings: &S,
) -> Option<Taken<C>> {
    pool.try_with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        let is_own = |kept: &Kept<C, S>| kept.mark == Some(mark) && kept.settings == *settings;
        if let Some(own) = pool.iter().rposition(is_own) {
            return Some(Taken::Own(pool.remove(own).context));
        }
        let is_full = pool.len() >= KEPT;
        let spare = pool.iter().enumerate().position(|(age, kept)| {
            let is_old = is_full && age < KEPT / 2;
            kept.settings == *settings && (kept.mark.is_none() || is_old)
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

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static POOL: Pool<u32, char> = const { Pool::new(Vec::new()) };
    }

    /// One message of each direction; how many of them found their own context.
    fn round(marks: &mut [Mark], settings: char) -> usize {
        let mut own = 0;
        for mark in marks {
            let taken = take(&POOL, *mark, &settings);
            own += usize::from(matches!(taken, Some(Taken::Own(_))));
            *mark = mark.next();
            let context = match taken {
                Some(Taken::Own(context) | Taken::Used(context)) => context,
                None => 0,
            };
            give(&POOL, Some(*mark), settings, context);
        }
        own
    }

    fn directions(count: usize) -> Vec<Mark> {
        (0..count).map(|_| Mark::new()).collect()
    }

    #[test]
    fn as_many_directions_as_contexts_keep_theirs() {
        let mut marks = directions(KEPT);
        round(&mut marks, 'a');
        assert_eq!(round(&mut marks, 'a'), KEPT);
        POOL.with_borrow(|pool| assert_eq!(pool.len(), KEPT));
    }

    #[test]
    fn contexts_of_settings_that_are_not_in_use_make_way() {
        round(&mut directions(KEPT), 'a');
        let mut marks = directions(KEPT / 2);
        round(&mut marks, 'b');
        assert_eq!(round(&mut marks, 'b'), KEPT / 2);
    }

    #[test]
    fn more_directions_than_contexts_use_those_there_are() {
        let [mut first, mut second] = [directions(40), directions(40)];
        for _ in 0..5 {
            assert_eq!(round(&mut first, 'a') + round(&mut second, 'b'), 0);
            POOL.with_borrow(|pool| assert_eq!(pool.len(), KEPT));
        }
    }

    #[test]
    fn only_the_older_half_is_taken_from_its_owner() {
        for (place, is_taken) in [(0, true), (KEPT / 2 - 1, true), (KEPT / 2, false)] {
            for age in 0..KEPT {
                let settings = if age == place { 'a' } else { 'b' };
                give(&POOL, Some(Mark::new()), settings, 7);
            }
            assert_eq!(take(&POOL, Mark::new(), &'a').is_some(), is_taken, "{place}");
            POOL.take();
        }
    }

    #[test]
    fn a_context_that_nobody_can_go_on_with_is_used_first() {
        give(&POOL, None, 'a', 7);
        assert!(matches!(take(&POOL, Mark::new(), &'a'), Some(Taken::Used(7))));
        assert!(take(&POOL, Mark::new(), &'a').is_none());
    }
}
