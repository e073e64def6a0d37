//! A naive twin of the receiving side: whole frames in, events and answers out, judged one rule after the other.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use proptest::prelude::*;
use squall_proto::{
    CloseCode, CloseFrame, Closed, Config, Connection, Event, Machine, Message, ProtocolError, Role,
};

use crate::conversation::*;

/// The naive receiver of one role.
#[derive(Debug, Clone)]
struct Model {
    role: Role,
    /// Whether a text (else a binary) message is open, and its payload so far.
    open: Option<(bool, Vec<u8>)>,
    we_closed: bool,
    is_over: bool,
    events: Vec<Event>,
    answer: Vec<u8>,
}

impl Model {
    const fn new(role: Role) -> Self {
        Self {
            role,
            open: None,
            we_closed: false,
            is_over: false,
            events: Vec::new(),
            answer: Vec::new(),
        }
    }

    fn close(&mut self) {
        self.we_closed = true;
        self.say(0x88, b"");
    }

    fn say(&mut self, first: u8, payload: &[u8]) {
        let peer = if self.role == Role::Client { Role::Server } else { Role::Client };
        self.answer.extend(frame_to(peer, first, payload));
    }

    fn hear(&mut self, frame: &Frame) {
        if self.is_over {
            return;
        }
        match self.judge(frame) {
            Ok(Some(event)) => self.events.push(event),
            Ok(None) => {}
            Err(error) => {
                self.events.push(violation(error));
                let reason = match error {
                    ProtocolError::FrameTooBig => "message too big".to_owned(),
                    error => error.to_string(),
                };
                self.end(&[&error.close_code().get().to_be_bytes(), reason.as_bytes()].concat());
            }
        }
    }

    fn end(&mut self, farewell: &[u8]) {
        self.is_over = true;
        if !self.we_closed {
            self.say(0x88, farewell);
        }
    }

    fn judge(&mut self, frame: &Frame) -> Result<Option<Event>, ProtocolError> {
        let (fin, opcode) = (frame.first & 0x80 != 0, frame.first & 0x0F);
        if frame.first & 0x30 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        if !matches!(opcode, 0..=2 | 8..=10) {
            return Err(ProtocolError::ReservedOpcode(opcode));
        }
        if opcode >= 8 && !fin {
            return Err(ProtocolError::FragmentedControl);
        }
        if opcode >= 8 && frame.payload.len() > 125 {
            return Err(ProtocolError::ControlTooLong);
        }
        if frame.first & 0x40 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        match (self.role, frame.masked) {
            (Role::Server, false) => return Err(ProtocolError::Unmasked),
            (Role::Client, true) => return Err(ProtocolError::Masked),
            _ => {}
        }
        match opcode {
            8 => self.judge_close(&frame.payload).map(Some),
            9 => {
                if !self.we_closed {
                    self.say(0x8A, &frame.payload);
                }
                Ok(Some(ping(&frame.payload)))
            }
            10 => Ok(Some(pong(&frame.payload))),
            _ => self.judge_data(fin, opcode, &frame.payload),
        }
    }

    fn judge_close(&mut self, body: &[u8]) -> Result<Event, ProtocolError> {
        let frame = match body {
            [] => None,
            [_] => return Err(ProtocolError::TruncatedCloseCode),
            [a, b, reason @ ..] => {
                let code = u16::from_be_bytes([*a, *b]);
                let code =
                    CloseCode::new(code).map_err(|_| ProtocolError::InvalidCloseCode(code))?;
                let reason = str::from_utf8(reason).map_err(|_| ProtocolError::InvalidUtf8)?;
                Some(CloseFrame::new(code, reason).expect("short"))
            }
        };
        self.end(&body[..body.len().min(2)]);
        Ok(Event::Closed(Closed::Clean(frame)))
    }

    fn judge_data(
        &mut self,
        fin: bool,
        opcode: u8,
        payload: &[u8],
    ) -> Result<Option<Event>, ProtocolError> {
        let (is_text, mut whole) = match (opcode, self.open.take()) {
            (0, None) => return Err(ProtocolError::UnexpectedContinuation),
            (1 | 2, Some(_)) => return Err(ProtocolError::InterleavedMessage),
            (0, Some(open)) => open,
            (opcode, _) => (opcode == 1, Vec::new()),
        };
        whole.extend(payload);
        if is_text
            && let Err(error) = str::from_utf8(&whole)
            && (fin || error.error_len().is_some())
        {
            return Err(ProtocolError::InvalidUtf8);
        }
        if !fin {
            self.open = Some((is_text, whole));
            return Ok(None);
        }
        Ok(Some(Event::Message(if is_text {
            Message::text(String::from_utf8(whole).expect("just checked"))
        } else {
            Message::from(whole)
        })))
    }
}

#[derive(Debug, Clone)]
struct Frame {
    first: u8,
    masked: bool,
    payload: Vec<u8>,
}

impl Frame {
    fn new(role: Role, first: u8, payload: &[u8]) -> Self {
        Self { first, masked: role == Role::Server, payload: payload.to_vec() }
    }

    fn bytes(&self) -> Vec<u8> {
        let role = if self.masked { Role::Server } else { Role::Client };
        frame_to(role, self.first, &self.payload)
    }
}

/// Sixteen kinds of frames: each valid one that differs, and each way to go wrong.
fn kinds(role: Role) -> Vec<Frame> {
    let kinds: [(u8, &[u8]); 15] = [
        (0x81, b"a"),
        (0x81, b"\xED\xA0"),
        (0x01, b"b\xC3"),
        (0x01, b""),
        (0x00, b"c"),
        (0x00, b"\xA9\xC3"),
        (0x80, b"\xA9"),
        (0x80, b""),
        (0x82, b"\xFF"),
        (0x02, b"\xC3"),
        (0x89, b"p"),
        (0x8A, b"q"),
        (0x88, b""),
        (0x88, b"\x03\xED"),
        (0xC1, b"r"),
    ];
    let mut kinds: Vec<Frame> =
        kinds.iter().map(|(first, payload)| Frame::new(role, *first, payload)).collect();
    kinds.push(Frame { first: 0x81, masked: role == Role::Client, payload: b"m".to_vec() });
    kinds
}

/// The real connection beside the model.
fn agree(role: Role, we_close: bool, frames: &[&Frame]) {
    let mut model = Model::new(role);
    let mut conversation = Conversation::new(role, Config::default());
    if we_close {
        model.close();
        conversation.close(None);
    }
    for frame in frames {
        model.hear(frame);
        conversation.input.extend_from_slice(&frame.bytes());
    }
    assert_eq!(conversation.events(), model.events, "{role:?} {frames:02X?}");
    assert_eq!(conversation.says(), model.answer, "{role:?} {frames:02X?}");
}

fn all_sequences_agree(length: u32) {
    for role in [Role::Server, Role::Client] {
        let kinds = kinds(role);
        for number in 0..16_usize.pow(length) {
            let digits = (0..length).map(|digit| number >> (4 * digit) & 0xF);
            let frames: Vec<&Frame> = digits.map(|digit| &kinds[digit]).collect();
            for we_close in [false, true] {
                agree(role, we_close, &frames);
            }
        }
    }
}

/// FR08, FG03, FG04, CF02, CF07, CL04, UT01, UT05.
#[test]
fn all_sequences_of_up_to_four_frames_agree_with_the_model() {
    for length in 0..=4 {
        all_sequences_agree(length);
    }
}

proptest! {
    #[test]
    fn random_long_sequences_agree_with_the_model(
        server: bool, we_close: bool, digits in prop::collection::vec(0..16_usize, 4..40),
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let kinds = kinds(role);
        // Kinds that end the connection are left out but at the end, or few sequences would be long.
        let last = digits.len() - 1;
        let lasting = |(place, digit): (usize, &usize)| {
            let ends = matches!(digit, 1 | 5 | 12..=15);
            &kinds[if ends && place != last { 10 } else { *digit }]
        };
        let frames: Vec<&Frame> = digits.iter().enumerate().map(lasting).collect();
        agree(role, we_close, &frames);
    }
}

/// What two bytes alone must lead to, where they decide anything.
fn judge_header(model: &mut Model, first: u8, second: u8) {
    let (masked, length) = (second & 0x80 != 0, second & 0x7F);
    let mut alone = model.clone();
    let frame = Frame { first, masked, payload: vec![0; usize::from(length)] };
    match alone.judge(&frame) {
        Err(error) => {
            // What a reserved bit 1 or the mask mean is judged when the header is complete.
            let needs_header = match error {
                ProtocolError::ReservedBits => first & 0x30 == 0,
                ProtocolError::Unmasked
                | ProtocolError::Masked
                | ProtocolError::UnexpectedContinuation
                | ProtocolError::InterleavedMessage => true,
                ProtocolError::TruncatedCloseCode
                | ProtocolError::InvalidCloseCode(_)
                | ProtocolError::InvalidUtf8 => return,
                _ => false,
            };
            if !(needs_header && (masked || length > 125)) {
                model.hear(&frame);
            }
        }
        Ok(_) if length == 0 && !masked => model.hear(&frame),
        Ok(_) => {}
    }
}

/// FR01, FR02, FR04, CF01, FG01, FG03, FG04, MK02, MK04.
#[test]
fn all_two_byte_headers_in_every_state_and_role_agree_with_the_model() {
    let config = Arc::new(Config::default());
    let now = beginning();
    for role in [Role::Server, Role::Client] {
        let messages = [None, Some(0x01), Some(0x02)];
        for (open, we_close) in messages.into_iter().flat_map(|open| [(open, false), (open, true)])
        {
            let before = open.map(|first| Frame::new(role, first, b""));
            for header in 0..=u16::MAX {
                let [first, second] = header.to_be_bytes();
                let mut model = Model::new(role);
                let mut connection = match role {
                    Role::Client => Connection::client(config.clone(), Box::new(PlainKeys), now),
                    Role::Server => Connection::server(config.clone(), now),
                };
                let mut input = BytesMut::new();
                if we_close {
                    model.close();
                    connection.close(now, None).expect("open");
                }
                if let Some(frame) = &before {
                    model.hear(frame);
                    input.extend_from_slice(&frame.bytes());
                }
                judge_header(&mut model, first, second);
                input.extend_from_slice(&[first, second]);
                let event = connection.poll_event(now, &mut input);
                assert_eq!(event.as_slice(), model.events, "{role:?} {first:02X} {second:02X}");
                let queued = connection.queued();
                let answer = connection.transmit().copy_to_bytes(queued);
                assert_eq!(answer, model.answer, "{role:?} {first:02X} {second:02X}");
            }
        }
    }
}

/// FR08, CL04: and in the one state that is left, no header does anything.
#[test]
fn no_two_byte_header_does_anything_behind_the_end() {
    for role in [Role::Server, Role::Client] {
        for end in [Frame::new(role, 0x88, b"\x03\xE8"), Frame::new(role, 0x83, b"")] {
            let mut conversation = Conversation::new(role, Config::default());
            assert_eq!(conversation.hears(end.bytes()).len(), 1);
            assert!(!conversation.says().is_empty());
            for header in 0..=u16::MAX {
                assert_eq!(conversation.hears(header.to_be_bytes()), [], "{role:?} {header:04X}");
            }
            assert_eq!(conversation.says(), b"");
            assert!(conversation.input.is_empty());
        }
    }
}
