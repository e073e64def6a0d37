//! Frame in, event out (RFC 6455 §6.2).

mod compressed;
mod incoming;
mod whole;

use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};

use self::{
    incoming::{Assembly, Incoming},
    whole::whole_below,
};
use super::close_body::parse_close;
use crate::{
    CloseFrame, Config, ControlPayload, Delivery, Fragment, Message, MessageKind, ProtocolError,
    buffers::copied,
    deflate::Inflater,
    frame::{Header, MAX_CONTROL_PAYLOAD, Opcode},
    mask::apply_mask,
};

/// Payloads below this size are copied out of the read buffer; larger ones are split off it. So a message that the
/// application keeps holds at most a few times its own size.
const COPY_BELOW: usize = 4 << 10;

/// [`Machine::read_hint`](crate::Machine::read_hint) asks for this much, or for as much as has arrived of the frame.
const HINT: usize = 64 << 10;

/// Turns bytes into messages and control frames.
#[derive(Debug)]
pub(super) struct FrameReceiver {
    masked: bool,
    delivery: Delivery,
    whole_below: u32,
    /// The frame whose header is taken off the input and whose payload is not yet.
    frame: Option<Frame>,
    /// The message whose last frame is not complete; boxed, as an idle connection keeps no room for it.
    message: Option<Box<Incoming>>,
    /// How many bytes of input the last call left.
    left_over: usize,
    /// permessage-deflate, where it was agreed.
    inflater: Option<Box<Inflater>>,
    /// Bytes of payload that data frames have carried on the wire.
    wire_bytes: u64,
}

/// What arrived.
#[derive(Debug)]
pub(super) enum Received {
    Message(Message),
    Fragment(Fragment),
    Ping(ControlPayload),
    Pong(ControlPayload),
    Close(Option<CloseFrame>),
}

/// A frame under way.
#[derive(Debug, Clone, Copy)]
struct Frame {
    fin: bool,
    opcode: Opcode,
    mask: Option<[u8; 4]>,
    /// How much of the payload was taken off the input.
    taken: usize,
    /// How much of the payload is still to be taken.
    remaining: usize,
    /// How much of the payload at the front of the input is already unmasked and validated.
    ready: usize,
}

impl FrameReceiver {
    /// `masked`: whether the peer has to mask its frames (RFC 6455 §5.1).
    pub(super) fn new(masked: bool, config: &Config) -> Self {
        Self {
            masked,
            delivery: config.delivery,
            whole_below: whole_below(config),
            frame: None,
            message: None,
            left_over: 0,
            inflater: None,
            wire_bytes: 0,
        }
    }

    /// Lets messages come compressed.
    #[cfg(feature = "deflate")]
    pub(super) fn set_inflater(&mut self, inflater: Inflater) {
        self.inflater = Some(Box::new(inflater));
    }

    /// Bytes of payload that data frames have carried on the wire.
    pub(super) const fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    pub(super) const fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery = delivery;
    }

    /// Whether nothing is under way.
    pub(super) const fn is_at_rest(&self) -> bool {
        self.frame.is_none() && self.message.is_none()
    }

    /// Whether `input` holds bytes that the last [`poll`](Self::poll) did not see.
    pub(super) fn has_new(&self, input: &BytesMut) -> bool {
        input.len() > self.left_over
    }

    /// The hint of [`Machine::read_hint`](crate::Machine::read_hint).
    pub(super) fn read_hint(&self) -> usize {
        let Some(frame) = &self.frame else { return 0 };
        (frame.remaining - frame.remaining.min(self.left_over)).min(HINT.max(3 * self.left_over))
    }

    /// Since when the rest of a message is waited for that is collected until it is whole.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.message.as_ref()?.waiting_since
    }

    /// Everything that has arrived is looked at: from now on the rest of the message under way is waited for.
    pub(super) fn waits(&mut self, now: Instant) {
        if let Some(message) = &mut self.message
            && message.is_collected()
        {
            message.waiting_since.get_or_insert(now);
        }
    }

    /// The time that the message under way has taken so far is not its sender's fault.
    pub(super) fn waits_anew(&mut self, now: Instant) {
        if let Some(message) = &mut self.message {
            message.waiting_since = message.waiting_since.map(|since| since.max(now));
        }
    }

    /// Forgets what is under way: nothing more will be delivered.
    pub(super) fn stop(&mut self) {
        (self.frame, self.message, self.left_over) = (None, None, 0);
    }

    /// Takes the next thing off the front of `input`.
    pub(super) fn poll(
        &mut self,
        input: &mut BytesMut,
        config: &Config,
    ) -> Result<Option<Received>, ProtocolError> {
        let received = self.advance(input, config);
        self.left_over = input.len();
        received
    }

    fn advance(
        &mut self,
        input: &mut BytesMut,
        config: &Config,
    ) -> Result<Option<Received>, ProtocolError> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some((header, length)) = Header::parse(input)? else { return Ok(None) };
                    let frame = self.begin(&header, config)?;
                    input.advance(length);
                    self.frame = Some(frame);
                    frame
                }
            };
            if frame.opcode.is_control() {
                return self.control(frame, input);
            }
            let available = frame.remaining.min(input.len());
            let compressed = self.message.as_ref().is_some_and(|message| message.is_compressed());
            let received = if compressed {
                self.inflate(frame, available, input, config.max_message_size)?
            } else {
                self.data(frame, available, input)?
            };
            if received.is_some() || self.frame.is_some() {
                return Ok(received);
            }
        }
    }

    /// Judges a header in the context of the connection, before any of its payload is looked at.
    fn begin(&mut self, header: &Header, config: &Config) -> Result<Frame, ProtocolError> {
        // RSV1 marks the first frame of a compressed message and nothing else (RFC 7692 §6).
        let starts_message = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        if header.rsv1 && !(starts_message && self.inflater.is_some()) {
            return Err(ProtocolError::ReservedBits);
        }
        match header.mask {
            None if self.masked => return Err(ProtocolError::Unmasked),
            Some(_) if !self.masked => return Err(ProtocolError::Masked),
            _ => {}
        }
        let remaining = if header.opcode.is_control() {
            header.payload_within(MAX_CONTROL_PAYLOAD).ok_or(ProtocolError::ControlTooLong)?
        } else {
            self.begin_data(header, config)?
        };
        Ok(Frame {
            fin: header.fin,
            opcode: header.opcode,
            mask: header.mask,
            taken: 0,
            remaining,
            ready: 0,
        })
    }

    /// Opens a message or goes on with one, and holds it to its limits (RFC 6455 §5.4, §10.4).
    fn begin_data(&mut self, header: &Header, config: &Config) -> Result<usize, ProtocolError> {
        let kind = match header.opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            _ => None,
        };
        let message = match (kind, &mut self.message) {
            (None, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Some(_), Some(_)) => return Err(ProtocolError::InterleavedMessage),
            (None, Some(message)) => message,
            (Some(kind), none) => {
                none.insert(Box::new(Incoming::new(kind, self.delivery, header.rsv1)))
            }
        };
        let length =
            header.payload_within(config.max_frame_size).ok_or(ProtocolError::FrameTooBig)?;
        message.declared = message
            .declared
            .checked_add(length)
            .filter(|declared| *declared <= message.wire_limit(config.max_message_size))
            .ok_or(ProtocolError::MessageTooBig)?;
        self.wire_bytes += header.payload_len;
        message.frames += 1;
        if message.frames > config.max_fragments {
            return Err(ProtocolError::TooManyFragments);
        }
        Ok(length)
    }

    /// Takes a control frame once it has arrived in full.
    fn control(
        &mut self,
        frame: Frame,
        input: &mut BytesMut,
    ) -> Result<Option<Received>, ProtocolError> {
        if input.len() < frame.remaining {
            return Ok(None);
        }
        self.frame = None;
        if let (Some(key), Some(payload)) = (frame.mask, input.get_mut(..frame.remaining)) {
            apply_mask(key, 0, payload);
        }
        let payload = take(input, frame.remaining);
        Ok(Some(match frame.opcode {
            Opcode::Close => Received::Close(parse_close(payload)?),
            opcode => {
                let payload =
                    ControlPayload::new(payload).map_err(|_| ProtocolError::ControlTooLong)?;
                if opcode == Opcode::Ping {
                    Received::Ping(payload)
                } else {
                    Received::Pong(payload)
                }
            }
        }))
    }

    /// Works on the `available` bytes of a data frame that have arrived.
    ///
    /// Each byte is unmasked and validated once, in place, while it is in the cache; text fails at the first impossible
    /// byte even inside an unfinished frame (RFC 6455 §8.1).
    fn data(
        &mut self,
        mut frame: Frame,
        available: usize,
        input: &mut BytesMut,
    ) -> Result<Option<Received>, ProtocolError> {
        let Some(message) = &mut self.message else {
            return Err(ProtocolError::UnexpectedContinuation);
        };
        if let Some(fresh) = input.get_mut(frame.ready..available) {
            if let Some(key) = frame.mask {
                apply_mask(key, frame.taken + frame.ready, fresh);
            }
            if message.kind == MessageKind::Text {
                message.utf8.push(fresh).map_err(|_| ProtocolError::InvalidUtf8)?;
            }
        }
        let complete = available == frame.remaining;
        let ends_message = complete && frame.fin;
        if ends_message {
            message.utf8.finish().map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        let single =
            frame.fin && matches!(&message.assembly, Assembly::Whole(before) if before.is_empty());
        if single && !complete {
            // The only frame of its message stays at the front of the input, where the rest joins it.
            frame.ready = available;
            self.frame = Some(frame);
            return Ok(None);
        }
        frame.taken += available;
        frame.remaining -= available;
        frame.ready = 0;
        self.frame = if complete { None } else { Some(frame) };
        if single {
            let payload = take(input, available);
            return Ok(self
                .message
                .take()
                .map(|message| Received::Message(message.kind.message(payload))));
        }
        self.append(input, available, ends_message)
    }

    /// Adds to a message of several frames, or hands out a piece of one.
    fn append(
        &mut self,
        input: &mut BytesMut,
        available: usize,
        ends_message: bool,
    ) -> Result<Option<Received>, ProtocolError> {
        let Some(message) = &mut self.message else { return Ok(None) };
        let kind = message.kind;
        match &mut message.assembly {
            Assembly::Whole(assembled) => {
                // The one copy of a fragmented message: its frames do not lie side by side in the input.
                assembled.append(input.get(..available).unwrap_or_default());
                input.advance(available);
                if !ends_message {
                    return Ok(None);
                }
                let payload = assembled.take();
                self.message = None;
                Ok(Some(Received::Message(kind.message(payload))))
            }
            Assembly::Inflated(_) => Ok(None),
            Assembly::Pieces(carried) => {
                let mut carried = carried.split();
                let payload = if carried.is_empty() && message.utf8.incomplete() == 0 {
                    take(input, available)
                } else {
                    // At most one read's worth: a code point was cut, and text is handed out in whole ones.
                    carried.extend_from_slice(input.get(..available).unwrap_or_default());
                    input.advance(available);
                    let whole = carried.len() - message.utf8.incomplete();
                    message.assembly = Assembly::Pieces(carried.split_off(whole));
                    carried.freeze()
                };
                if ends_message {
                    self.message = None;
                } else if payload.is_empty() {
                    return Ok(None);
                }
                let payload = kind.message(payload);
                Ok(Some(Received::Fragment(Fragment { payload, is_final: ends_message })))
            }
        }
    }
}

/// Takes a payload off the input: copied where it is small, split off where it is not.
fn take(input: &mut BytesMut, length: usize) -> Bytes {
    if length >= COPY_BELOW {
        return input.split_to(length).freeze();
    }
    let payload = copied(input.get(..length).unwrap_or_default());
    input.advance(length);
    payload
}
