//! Errors that name the culprit: the peer's ([`ProtocolError`]) and the caller's ([`SendError`]).

use crate::{CloseCode, CloseFrame, EntropyError, MessageKind};

/// A violation by the peer. It fails the connection with [`close_code`](Self::close_code) (RFC 6455 §7.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set without an extension that gives it a meaning (RFC 6455 §5.2).
    #[error("reserved bits are set")]
    ReservedBits,
    /// The opcode is one of 3–7 or 11–15 (RFC 6455 §5.2).
    #[error("reserved opcode {0}")]
    ReservedOpcode(u8),
    /// The payload length is not in its shortest form (RFC 6455 §5.2).
    #[error("payload length is not in its shortest form")]
    NonMinimalLength,
    /// The most significant bit of a 64-bit payload length is set (RFC 6455 §5.2).
    #[error("payload length has its most significant bit set")]
    LengthOverflow,
    /// A client's frame is not masked (RFC 6455 §5.1).
    #[error("frame from a client is not masked")]
    Unmasked,
    /// A server's frame is masked (RFC 6455 §5.1).
    #[error("frame from a server is masked")]
    Masked,
    /// A control frame is fragmented (RFC 6455 §5.5).
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// A control frame declares more than 125 bytes (RFC 6455 §5.5).
    #[error("control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A continuation frame without a message to continue (RFC 6455 §5.4).
    #[error("continuation frame without a message to continue")]
    UnexpectedContinuation,
    /// A new message before the last frame of the one before (RFC 6455 §5.4).
    #[error("new message inside a fragmented message")]
    InterleavedMessage,
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    #[error("text is not valid UTF-8")]
    InvalidUtf8,
    /// A compressed message that is not a DEFLATE stream (RFC 7692 §7.2.2).
    #[error("compressed message is not valid deflate")]
    InvalidDeflate,
    /// A Close frame with a body of one byte (RFC 6455 §5.5.1).
    #[error("close frame has a body of one byte")]
    TruncatedCloseCode,
    /// A Close frame with a code that may not be sent (RFC 6455 §7.4).
    #[error("close code {0} may not be sent")]
    InvalidCloseCode(u16),
    /// A frame over [`Config::max_frame_size`](crate::Config::max_frame_size).
    #[error("frame is too big")]
    FrameTooBig,
    /// A message over [`Config::max_message_size`](crate::Config::max_message_size).
    #[error("message too big")]
    MessageTooBig,
    /// More frames in a message than [`Config::max_fragments`](crate::Config::max_fragments).
    #[error("message has too many fragments")]
    TooManyFragments,
}

impl ProtocolError {
    /// The code of the Close frame that answers the violation (RFC 6455 §7.4.1).
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig | Self::MessageTooBig => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyFragments => CloseCode::POLICY_VIOLATION,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The Close frame that answers the violation.
    pub(crate) fn close_frame(self) -> CloseFrame {
        match self {
            Self::FrameTooBig => CloseFrame::with_static(self.close_code(), "message too big"),
            _ => CloseFrame::truncated(self.close_code(), &self.to_string()),
        }
    }
}

/// What was asked cannot be sent. Nothing was queued and nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// A Close frame was sent or received, or the connection has ended: no data may follow (RFC 6455 §5.5.1).
    #[error("the connection is closing or closed")]
    Closed,
    /// A whole message between the fragments of another (RFC 6455 §5.4).
    #[error("a fragmented message is not finished")]
    MessageInProgress,
    /// A fragment of another kind than the message it continues.
    #[error("the fragmented message is of kind {0:?}")]
    KindMismatch(MessageKind),
    /// Close code 1010 from a server (RFC 6455 §7.4.1: only clients send it).
    #[error("a server never sends close code 1010")]
    ClientOnlyCode,
    /// No masking key could be drawn. Where compression is in use this ends the connection, as the peer will miss bytes that the
    /// next message would refer to.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}
