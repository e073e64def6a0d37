//! The connection as a [`Machine`]: bytes and time in, events and bytes out.

use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

use super::{
    Connection, Ending, Role,
    keep_alive::Due,
    receive::Received,
    state::{Happening, State},
};
use crate::{
    CloseFrame, Closed, ControlPayload, Deadline, Event, Machine, Transmit, frame::Opcode,
};

/// A deadline that is looked at so much later shows that nobody has looked at the connection meanwhile.
const AWAY: Duration = Duration::from_secs(5);

impl Machine for Connection {
    type Event = Event;

    #[inline(always)]
    fn poll_event(&mut self, now: Instant, input: &mut BytesMut) -> Option<Event> {
        if let (Some(heartbeat), Some(settings)) = (&mut self.heartbeat, &self.config.keep_alive) {
            heartbeat.observe_written(settings, now, self.transmit.written());
            if self.receiver.has_new(input) {
                heartbeat.received(now);
            }
        }
        if self.is_receiving() {
            if let Some(message) = self.receiver.take_whole(input) {
                self.note_received(now, message.len(), true);
                return Some(Event::Message(message));
            }
            if input.is_empty() && !self.at_eof && self.receiver.is_at_rest() {
                return None;
            }
        }
        self.poll_step_by_step(now, input)
    }

    fn transmit(&mut self) -> &mut Transmit {
        if self.can_send()
            && self.transmit.remaining() <= self.config.write_marks.low()
            && let Some(pong) = self.parked_pong.take()
            && let Err(error) = self.sender.control(Opcode::Pong, &pong, &mut self.transmit)
        {
            self.fail_without_entropy(error);
        }
        &mut self.transmit
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let watches = match self.state {
            State::Open => [
                self.heartbeat.as_ref().map(super::Heartbeat::poll_timeout),
                self.idle.as_ref().map(|idle| idle.check_at()),
                self.stall.check_at(),
                self.receiver.waiting_since().map(|since| since + self.config.message_timeout),
            ],
            State::Closing { .. } | State::Draining { .. } | State::Ended => [None; 4],
        };
        watches.into_iter().chain([self.state.deadline()]).flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.state.deadline().is_some_and(|deadline| now >= deadline) {
            self.time_out(now, Deadline::Close);
        }
        if self.state == State::Open {
            self.watch_queue(now);
            self.watch_message(now);
            self.watch_idleness(now);
            self.watch_peer(now);
        }
    }

    fn handle_eof(&mut self, _now: Instant) {
        // What was received before it is delivered first; `poll_event` acts on it then.
        self.at_eof = true;
    }

    fn wants_read(&self) -> bool {
        self.state != State::Ended && !self.at_eof
    }

    fn read_hint(&self) -> usize {
        self.receiver.read_hint()
    }

    fn is_finished(&self) -> bool {
        match self.state {
            State::Open | State::Closing { .. } => false,
            // After a clean close the server is the one to close the transport first (RFC 6455 §7.1.1).
            State::Draining { .. } => {
                let awaits_server =
                    self.role() == Role::Client && self.closed().is_some_and(Closed::is_clean);
                !self.transmit.has_remaining() && (self.at_eof || !awaits_server)
            }
            State::Ended => true,
        }
    }
}

impl Connection {
    /// Whether what arrives is still looked at.
    const fn is_receiving(&self) -> bool {
        matches!(self.ending, Ending::NotYet)
    }

    /// The next event, whatever it takes.
    #[inline(never)]
    fn poll_step_by_step(&mut self, now: Instant, input: &mut BytesMut) -> Option<Event> {
        while self.is_receiving() {
            match self.receiver.poll(input, &self.config) {
                Ok(Some(received)) => {
                    if let Some(event) = self.handle_received(now, received) {
                        return Some(event);
                    }
                }
                Ok(None) if self.at_eof => {
                    self.happens(now, Happening::EndOfStream, None, Closed::Eof)
                }
                Ok(None) => {
                    self.receiver.waits(now);
                    return None;
                }
                Err(error) => {
                    self.happens(
                        now,
                        Happening::Failure,
                        Some(&error.close_frame()),
                        Closed::Violation(error),
                    );
                }
            }
        }
        // Nothing that follows is looked at, not even a Close (RFC 6455 §7.1.7).
        input.clear();
        match std::mem::replace(&mut self.ending, Ending::NotYet) {
            Ending::ToReport(closed) => {
                let event = Event::Closed((*closed).clone());
                self.ending = Ending::Reported(closed);
                Some(event)
            }
            ending => {
                self.ending = ending;
                None
            }
        }
    }

    /// Acts on what arrived; the event to report, if the application has to hear of it now.
    fn handle_received(&mut self, now: Instant, received: Received) -> Option<Event> {
        match received {
            Received::Message(message) => {
                self.note_received(now, message.len(), true);
                Some(Event::Message(message))
            }
            Received::Fragment(fragment) => {
                self.note_received(now, fragment.payload.len(), fragment.is_final);
                Some(Event::Fragment(fragment))
            }
            Received::Ping(payload) => {
                self.answer_ping(now, &payload);
                Some(Event::Ping(payload))
            }
            Received::Pong(payload) => {
                let round_trip = self
                    .heartbeat
                    .as_mut()
                    .and_then(|heartbeat| heartbeat.pong_received(now, &payload));
                if let Some(time) = round_trip {
                    self.counters.took_round_trip(time);
                }
                Some(Event::Pong(payload))
            }
            Received::Close(frame) => {
                // The code goes back, the reason does not (RFC 6455 §5.5.1).
                let answer = frame.as_ref().map(|frame| CloseFrame::from(frame.code()));
                self.happens(now, Happening::PeerClose, answer.as_ref(), Closed::Clean(frame));
                None
            }
        }
    }

    fn note_received(&mut self, now: Instant, bytes: usize, ends_message: bool) {
        self.counters.received(bytes, ends_message);
        if let Some(idle) = &mut self.idle {
            idle.touch(now);
        }
    }

    /// Answers a ping (RFC 6455 §5.5.2). While the queue is long only the newest is remembered (§5.5.3 allows that), so
    /// a peer that pings and does not read costs nothing.
    fn answer_ping(&mut self, now: Instant, payload: &ControlPayload) {
        if !self.can_send() {
            return;
        }
        if self.transmit.remaining() > self.config.write_marks.low() {
            self.parked_pong = Some(Box::new(payload.clone()));
            return;
        }
        // An older one that waits is answered by this one.
        self.parked_pong = None;
        if let Err(error) = self.queue_control(now, Opcode::Pong, payload) {
            self.fail_without_entropy(error);
        }
    }

    fn watch_queue(&mut self, now: Instant) {
        let (written, waiting) = (self.transmit.written(), self.transmit.has_remaining());
        if self.stall.fires(self.config.write_timeout, now, written, waiting) {
            self.time_out(now, Deadline::Write);
        }
    }

    /// A message has to be there in time, but only for as long as somebody looks whether it is.
    fn watch_message(&mut self, now: Instant) {
        let Some(since) = self.receiver.waiting_since() else { return };
        match now.checked_duration_since(since + self.config.message_timeout) {
            None => {}
            Some(late) if late > AWAY => self.receiver.waits_anew(now),
            Some(_) => self.time_out(now, Deadline::Message),
        }
    }

    fn watch_idleness(&mut self, now: Instant) {
        if self.idle.as_mut().is_some_and(|idle| idle.fires(now)) {
            self.time_out(now, Deadline::Idle);
        }
    }

    fn watch_peer(&mut self, now: Instant) {
        let written = self.transmit.written();
        let due = match (&mut self.heartbeat, &self.config.keep_alive) {
            (Some(heartbeat), Some(settings)) if self.state == State::Open => {
                heartbeat.observe_written(settings, now, written);
                heartbeat.handle_timeout(settings, now, written)
            }
            _ => Due::Nothing,
        };
        match due {
            Due::Nothing => {}
            Due::TimedOut => self.time_out(now, Deadline::KeepAlive),
            Due::Ping(payload) => match self.queue_control(now, Opcode::Ping, &payload) {
                Ok(leaves_at) => {
                    if let (Some(heartbeat), Some(settings)) =
                        (&mut self.heartbeat, &self.config.keep_alive)
                    {
                        heartbeat.ping_queued(settings, now, written, leaves_at);
                    }
                }
                Err(error) => self.fail_without_entropy(error),
            },
        }
    }
}
