//! Pings on a schedule, and the wait for a sign of life after each (RFC 6455 §5.5.2, §5.5.3).

use std::time::{Duration, Instant};

use crate::config::KeepAlive;

/// The schedule of pings of one connection.
#[derive(Debug)]
pub(super) struct Heartbeat {
    next_ping: Instant,
    last_received: Instant,
    /// The oldest ping without an answer or another sign of life; boxed, as there is none most of the time.
    unanswered: Option<Box<Probe>>,
    count: u32,
}

/// A ping under way.
#[derive(Debug)]
struct Probe {
    count: u32,
    /// The count of written bytes at which the ping has left, and the count when progress was last looked for.
    leaves_at: u64,
    written: u64,
    sent: Sent,
    check_at: Option<Instant>,
}

/// Whether a ping is still queued; a silent peer is only to blame once it could have read the ping.
#[derive(Debug, Clone, Copy)]
enum Sent {
    Queued(Instant),
    Left(Instant),
}

/// What a heartbeat wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Send a ping with this payload and report it with [`Heartbeat::ping_queued`].
    Ping([u8; 4]),
    /// The peer is gone.
    TimedOut,
}

impl Heartbeat {
    pub(super) fn new(settings: &KeepAlive, now: Instant) -> Self {
        Self { next_ping: now + settings.interval, last_received: now, unanswered: None, count: 0 }
    }

    /// Bytes arrived: the peer lives.
    pub(super) const fn received(&mut self, now: Instant) {
        self.last_received = now;
    }

    /// Looks whether the ping under way has left by now.
    pub(super) fn observe_written(&mut self, settings: &KeepAlive, now: Instant, written: u64) {
        if let Some(probe) = &mut self.unanswered
            && matches!(probe.sent, Sent::Queued(_))
            && written >= probe.leaves_at
        {
            probe.sent = Sent::Left(now);
            probe.check_at = settings.timeout.map(|timeout| now + timeout);
        }
    }

    /// A pong arrived; the round-trip time, if it answers the ping under way.
    pub(super) fn pong_received(&mut self, now: Instant, payload: &[u8]) -> Option<Duration> {
        let count = u32::from_be_bytes(payload.try_into().ok()?);
        let probe = self.unanswered.take_if(|probe| probe.count <= count && count < self.count)?;
        match probe.sent {
            Sent::Left(left) if probe.count == count => Some(now.saturating_duration_since(left)),
            _ => None,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    pub(super) fn poll_timeout(&self) -> Instant {
        let check_at = self.unanswered.as_ref().and_then(|probe| probe.check_at);
        check_at.map_or(self.next_ping, |check_at| check_at.min(self.next_ping))
    }

    /// What is due; `written` is the count of bytes written so far.
    pub(super) fn handle_timeout(
        &mut self,
        settings: &KeepAlive,
        now: Instant,
        written: u64,
    ) -> Due {
        if let (Some(probe), Some(timeout)) = (&mut self.unanswered, settings.timeout)
            && probe.check_at.is_some_and(|check_at| now >= check_at)
        {
            let (Sent::Queued(since) | Sent::Left(since)) = probe.sent;
            let progress = matches!(probe.sent, Sent::Queued(_)) && written > probe.written;
            if !progress && self.last_received < since {
                return Due::TimedOut;
            }
            match probe.sent {
                Sent::Left(_) => self.unanswered = None,
                Sent::Queued(_) => {
                    probe.written = written;
                    probe.sent = Sent::Queued(now);
                    probe.check_at = Some(now + timeout);
                }
            }
        }
        if now < self.next_ping {
            return Due::Nothing;
        }
        self.next_ping = now + settings.interval;
        // One ping at a time waits to be written, however slowly the peer reads.
        let waits =
            self.unanswered.as_ref().is_some_and(|probe| matches!(probe.sent, Sent::Queued(_)));
        if waits { Due::Nothing } else { Due::Ping(self.count.to_be_bytes()) }
    }

    /// The ping that was due is queued and will have left when `leaves_at` bytes are written.
    pub(super) fn ping_queued(
        &mut self,
        settings: &KeepAlive,
        now: Instant,
        written: u64,
        leaves_at: u64,
    ) {
        let count = self.count;
        self.count = self.count.wrapping_add(1);
        if self.unanswered.is_none() {
            let check_at = settings.timeout.map(|timeout| now + timeout);
            let sent = Sent::Queued(now);
            self.unanswered = Some(Box::new(Probe { count, leaves_at, written, sent, check_at }));
        }
    }
}
