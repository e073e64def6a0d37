//! An open WebSocket connection, from the end of the opening handshake to the end of the closing one.

mod close_body;
mod commands;
mod keep_alive;
mod machine;
mod receive;
mod send;
mod state;
mod stats;

use std::{sync::Arc, time::Instant};

use bytes::Buf;

pub use stats::Stats;

use self::{
    close_body::encode_close,
    keep_alive::Heartbeat,
    receive::FrameReceiver,
    send::FrameSender,
    state::{Happening, Reaction, State},
    stats::Counters,
};
use crate::{
    CloseCode, CloseFrame, Closed, Config, ControlPayload, Deadline, Delivery, Entropy, SendError,
    Transmit,
    timer::{QuietTimer, StallTimer},
};

/// Which side of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two sides")]
pub enum Role {
    /// The side that opened the connection; it masks what it sends (RFC 6455 §5.1).
    Client,
    /// The side that accepted it.
    Server,
}

/// Who began to end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two sides")]
pub enum Initiator {
    /// This side: it closed, gave up, or failed the connection for what the peer did.
    Local,
    /// The peer.
    Peer,
}

/// An open WebSocket connection: the state machine of both roles.
///
/// Drive it as [`Machine`](crate::Machine) says. Commands (`send`, `ping`, `close` …) only queue; what they queue is in
/// [`transmit`](crate::Machine::transmit). Their `now` is the time of the call, which deadlines count from.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    state: State,
    ending: Ending,
    initiator: Option<Initiator>,
    receiver: FrameReceiver,
    sender: FrameSender,
    transmit: Transmit,
    /// The newest ping that waits for the queue to become short before it is answered.
    parked_pong: Option<Box<ControlPayload>>,
    heartbeat: Option<Heartbeat>,
    /// Boxed, as few connections have one.
    idle: Option<Box<QuietTimer>>,
    stall: StallTimer,
    /// Whether the queue was over the high mark when something was last queued.
    over_high_mark: bool,
    /// Whether the transport has delivered its last byte.
    at_eof: bool,
    counters: Counters,
}

/// The terminal event, which comes exactly once; boxed, as an open connection keeps no room for it.
#[derive(Debug)]
enum Ending {
    NotYet,
    ToReport(Box<Closed>),
    Reported(Box<Closed>),
}

impl Connection {
    /// The server's side of a connection whose opening handshake is done.
    #[must_use]
    pub fn server(config: Arc<Config>, now: Instant) -> Self {
        let sender = FrameSender::server(config.outgoing_frame_size);
        Self::new(config, sender, now)
    }

    /// The client's side of a connection whose opening handshake is done; `entropy` gives its masking keys.
    #[must_use]
    pub fn client(config: Arc<Config>, entropy: Box<dyn Entropy>, now: Instant) -> Self {
        let sender = FrameSender::client(config.outgoing_frame_size, entropy);
        Self::new(config, sender, now)
    }

    fn new(config: Arc<Config>, sender: FrameSender, now: Instant) -> Self {
        Self {
            state: State::Open,
            ending: Ending::NotYet,
            initiator: None,
            receiver: FrameReceiver::new(!sender.is_client(), &config),
            sender,
            transmit: Transmit::default(),
            parked_pong: None,
            heartbeat: config.keep_alive.as_ref().map(|settings| Heartbeat::new(settings, now)),
            idle: config.idle_timeout.map(|limit| Box::new(QuietTimer::new(limit, now))),
            stall: StallTimer::default(),
            over_high_mark: false,
            at_eof: false,
            counters: Counters::default(),
            config,
        }
    }

    /// The same connection, with what its handshake still has to write in front.
    pub(crate) fn with_transmit(mut self, transmit: Transmit) -> Self {
        self.transmit = transmit;
        self
    }

    /// The same connection, with the compression that its handshake agreed on (RFC 7692).
    #[cfg(feature = "deflate")]
    pub(crate) fn with_deflate(
        mut self,
        agreed: crate::deflate::Agreement,
        config: &crate::deflate::DeflateConfig,
    ) -> Self {
        self.receiver.set_inflater(crate::deflate::Inflater::new(agreed.incoming));
        if let Some(outgoing) = agreed.outgoing {
            self.sender.set_deflater(crate::deflate::Deflater::new(outgoing, config));
        }
        self
    }

    /// Starts the closing handshake behind everything that is queued (RFC 6455 §7.1.2); `None` sends a Close without a body.
    ///
    /// Messages from the peer are still delivered until its Close arrives. On a connection that is closing or closed already
    /// this does nothing.
    ///
    /// # Errors
    /// [`SendError::ClientOnlyCode`] for 1010 from a server; nothing was queued then.
    pub fn close(&mut self, now: Instant, frame: Option<CloseFrame>) -> Result<(), SendError> {
        let code = frame.as_ref().map(CloseFrame::code);
        if self.role() == Role::Server && code == Some(CloseCode::MANDATORY_EXTENSION) {
            return Err(SendError::ClientOnlyCode);
        }
        self.happens(now, Happening::LocalClose, frame.as_ref(), Closed::Aborted);
        Ok(())
    }

    /// Records a sign of life of the peer that [`poll_event`](crate::Machine::poll_event) has not seen: bytes that were read, or wait to
    /// be read, while the caller takes no events. Without it a peer is taken for dead whose pong is not looked at.
    pub fn handle_sign_of_life(&mut self, now: Instant) {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.received(now);
        }
        self.receiver.waits_anew(now);
    }

    /// Gives the connection up without a farewell: what is queued is not written, and the terminal event is
    /// [`Closed::Aborted`] unless another was decided before.
    pub fn abort(&mut self, now: Instant) {
        self.happens(now, Happening::GiveUp, None, Closed::Aborted);
    }

    /// Whether messages can be sent: no Close was sent or received, and the connection has not ended.
    #[must_use]
    pub const fn can_send(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// How many bytes are queued and not yet written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.transmit.remaining()
    }

    /// Whether the queue has passed its high mark and not come down to its low mark since
    /// ([`Config::write_marks`]). An empty queue never blocks.
    ///
    /// Send nothing more meanwhile, and read nothing that would be answered. What arrives makes the queue grow by itself only up to
    /// the low mark, so whoever sends on its own account may go on reading.
    #[must_use]
    pub fn is_write_blocked(&self) -> bool {
        self.over_high_mark && self.queued() > self.config.write_marks.low()
    }

    /// Whether messages are to come whole or in pieces from the next one on; the one under way goes on as it began.
    pub const fn set_delivery(&mut self, delivery: Delivery) {
        self.receiver.set_delivery(delivery);
    }

    /// How the connection ended, once that is decided.
    #[must_use]
    pub const fn closed(&self) -> Option<&Closed> {
        match &self.ending {
            Ending::NotYet => None,
            Ending::ToReport(closed) | Ending::Reported(closed) => Some(closed),
        }
    }

    /// Who began to end the connection, once somebody has.
    #[must_use]
    pub const fn initiator(&self) -> Option<Initiator> {
        self.initiator
    }

    /// What the connection has counted so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.counters.with_wire_bytes(self.receiver.wire_bytes(), self.sender.wire_bytes())
    }

    /// Which side this is.
    #[must_use]
    pub const fn role(&self) -> Role {
        if self.sender.is_client() { Role::Client } else { Role::Server }
    }

    /// The limits and timeouts in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Looks after the queue from now on, when something was added to it.
    fn watch_queue_from(&mut self, now: Instant, was_blocked: bool) {
        self.over_high_mark = was_blocked || self.queued() > self.config.write_marks.high();
        self.stall.arm(self.config.write_timeout, now, self.transmit.written());
    }

    /// Queues a Close frame, the last frame of this side (RFC 6455 §5.5.1).
    fn queue_close(&mut self, frame: Option<&CloseFrame>) {
        self.parked_pong = None;
        if let Err(error) = self.sender.close(&encode_close(frame), &mut self.transmit) {
            self.fail_without_entropy(error);
        }
    }

    /// Ends the connection where no masking key can be drawn: nothing can be said any more.
    fn fail_without_entropy(&mut self, error: crate::EntropyError) {
        self.state = State::Ended;
        self.initiator.get_or_insert(Initiator::Local);
        self.receiver.stop();
        self.transmit.clear();
        self.ending = Ending::ToReport(Box::new(Closed::Entropy(error)));
    }

    /// Changes the state, and does what the change asks for.
    fn happens(
        &mut self,
        now: Instant,
        happening: Happening,
        frame: Option<&CloseFrame>,
        closed: Closed,
    ) {
        let (state, reaction) = self.state.on(happening, now + self.config.close_timeout);
        self.state = state;
        if reaction != Reaction::Nothing {
            self.initiator.get_or_insert(match happening {
                Happening::PeerClose | Happening::EndOfStream => Initiator::Peer,
                _ => Initiator::Local,
            });
        }
        if matches!(reaction, Reaction::Report | Reaction::SendCloseAndReport) {
            self.ending = Ending::ToReport(Box::new(closed));
            self.receiver.stop();
        }
        if matches!(reaction, Reaction::SendClose | Reaction::SendCloseAndReport) {
            self.queue_close(frame);
        }
        if state == State::Ended {
            self.transmit.clear();
        }
    }

    /// Fails the connection for the peer's silence (RFC 6455 §7.1.7).
    fn time_out(&mut self, now: Instant, deadline: Deadline) {
        let (happening, frame) = match deadline {
            Deadline::KeepAlive => (
                Happening::Failure,
                Some(CloseFrame::with_static(CloseCode::INTERNAL_ERROR, "keepalive timeout")),
            ),
            Deadline::Idle => (
                Happening::Failure,
                Some(CloseFrame::with_static(CloseCode::GOING_AWAY, "idle timeout")),
            ),
            Deadline::Message => (
                Happening::Failure,
                Some(CloseFrame::with_static(CloseCode::POLICY_VIOLATION, "message timeout")),
            ),
            // Nobody is reading: there is no point in a farewell.
            Deadline::Write => (Happening::GiveUp, None),
            Deadline::Close => (Happening::DeadlinePassed, None),
        };
        self.happens(now, happening, frame.as_ref(), Closed::TimedOut(deadline));
    }
}
