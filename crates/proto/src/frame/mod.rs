//! Frames, the units on the wire (RFC 6455 §5).

mod control;
mod header;

pub use control::{ControlPayload, PayloadTooLong};
pub use header::{Header, MAX_HEADER_LEN};

/// The most bytes a control frame carries (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// What a frame is (RFC 6455 §5.2, §11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "these are all the opcodes that RFC 6455 defines")]
#[repr(u8)]
pub enum Opcode {
    /// Goes on with a fragmented message.
    Continuation = 0x0,
    /// Starts a text message.
    Text = 0x1,
    /// Starts a binary message.
    Binary = 0x2,
    /// Starts or answers the closing handshake.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping, or just shows life.
    Pong = 0xA,
}

impl Opcode {
    /// Whether frames of this kind are control frames: short, never fragmented, allowed between fragments (RFC 6455 §5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    /// The opcode of these four bits, or the bits where they are reserved.
    const fn from_bits(bits: u8) -> Result<Self, u8> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            reserved => Err(reserved),
        }
    }
}
