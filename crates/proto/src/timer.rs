//! Deadlines that activity moves. They are checked when they fire and not touched on every activity.

use std::time::{Duration, Instant};

/// Fires when nothing happened for a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuietTimer {
    limit: Duration,
    last_activity: Instant,
    check_at: Instant,
}

impl QuietTimer {
    pub(crate) fn new(limit: Duration, now: Instant) -> Self {
        Self { limit, last_activity: now, check_at: now + limit }
    }

    /// Records activity, which may be told out of turn.
    pub(crate) fn touch(&mut self, now: Instant) {
        self.last_activity = self.last_activity.max(now);
    }

    /// When to call [`fires`](Self::fires) next.
    pub(crate) const fn check_at(&self) -> Instant {
        self.check_at
    }

    /// Whether the time has passed without activity.
    pub(crate) fn fires(&mut self, now: Instant) -> bool {
        if now >= self.check_at {
            self.check_at = self.last_activity + self.limit;
        }
        now >= self.check_at
    }
}

/// Fires when bytes wait to be written and none of them is written for a time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StallTimer {
    armed: Option<Armed>,
}

#[derive(Debug, Clone, Copy)]
struct Armed {
    check_at: Instant,
    /// The count of written bytes when the timer was armed.
    written: u64,
}

impl StallTimer {
    /// Starts the watch if it is not running: bytes were queued.
    pub(crate) fn arm(&mut self, limit: Duration, now: Instant, written: u64) {
        if self.armed.is_none() {
            self.armed = Some(Armed { check_at: now + limit, written });
        }
    }

    /// When to call [`fires`](Self::fires) next.
    pub(crate) fn check_at(&self) -> Option<Instant> {
        self.armed.map(|armed| armed.check_at)
    }

    /// Whether the time has passed without progress; `waiting` is whether bytes wait to be written.
    pub(crate) fn fires(
        &mut self,
        limit: Duration,
        now: Instant,
        written: u64,
        waiting: bool,
    ) -> bool {
        match self.armed {
            Some(armed) if now >= armed.check_at => {
                let stalled = waiting && written == armed.written;
                self.armed = None;
                if waiting {
                    self.arm(limit, now, written);
                }
                stalled
            }
            _ => false,
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an instant has to come from somewhere")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_quiet_timer_fires_a_limit_after_the_last_activity() {
        let start = Instant::now();
        let mut timer = QuietTimer::new(10 * SECOND, start);
        timer.touch(start + 4 * SECOND);
        timer.touch(start + 3 * SECOND);
        assert!(!timer.fires(start + 10 * SECOND));
        assert_eq!(timer.check_at(), start + 14 * SECOND);
        assert!(!timer.fires(start + 13 * SECOND));
        assert!(timer.fires(start + 14 * SECOND));
    }

    #[test]
    fn a_stall_timer_fires_only_where_bytes_wait_and_none_is_written() {
        let start = Instant::now();
        let (limit, mut timer) = (10 * SECOND, StallTimer::default());
        assert!(!timer.fires(limit, start + 60 * SECOND, 0, true), "not armed");
        timer.arm(limit, start, 5);
        assert!(!timer.fires(limit, start + 9 * SECOND, 5, true), "too early");
        assert!(!timer.fires(limit, start + 10 * SECOND, 6, true), "progress");
        assert!(timer.fires(limit, start + 20 * SECOND, 6, true), "none since");
        assert!(!timer.fires(limit, start + 30 * SECOND, 6, false), "nothing waits");
        assert_eq!(timer.check_at(), None);
    }
}
