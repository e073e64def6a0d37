//! Close codes and the body of a Close frame (RFC 6455 §7.4, §5.5.1).

use std::fmt;

use crate::{Utf8Bytes, frame::MAX_CONTROL_PAYLOAD};

/// A status code that may stand in a Close frame (RFC 6455 §7.4).
///
/// It holds 1000–1003, 1007–1014 and 3000–4999 and nothing else: 1005, 1006 and 1015 only ever describe a
/// connection and are never sent, and the rest is unassigned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server goes down, or a browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this endpoint cannot accept.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that does not fit its message, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a message that violates this endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message that is too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the server did not negotiate an extension that this client needs. Only clients send it.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: something unexpected keeps the server from going on.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response from its upstream (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code, if it may stand in a Close frame.
    ///
    /// # Errors
    /// [`InvalidCloseCode`] for 0–999, 1004–1006, 1015–2999 and 5000 upwards.
    pub const fn new(code: u16) -> Result<Self, InvalidCloseCode> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(InvalidCloseCode(code)),
        }
    }

    /// The code as a number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = InvalidCloseCode;

    fn try_from(code: u16) -> Result<Self, InvalidCloseCode> {
        Self::new(code)
    }
}

/// A number that may not stand in a Close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a close code that may be sent")]
#[non_exhaustive]
pub struct InvalidCloseCode(pub u16);

/// The body of a Close frame that is not empty: a code and a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    code: CloseCode,
    reason: Utf8Bytes,
}

impl CloseFrame {
    /// The most bytes a reason can have: a control payload less the code.
    pub const MAX_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

    /// A code and a reason.
    ///
    /// # Errors
    /// [`ReasonTooLong`] where the reason is longer than [`MAX_REASON`](Self::MAX_REASON) bytes of UTF-8.
    pub fn new(code: CloseCode, reason: impl Into<Utf8Bytes>) -> Result<Self, ReasonTooLong> {
        let reason = reason.into();
        if reason.len() > Self::MAX_REASON {
            Err(ReasonTooLong(reason.len()))
        } else {
            Ok(Self { code, reason })
        }
    }

    /// A code and as much of a reason as fits, cut between two characters.
    #[must_use]
    pub fn truncated(code: CloseCode, reason: &str) -> Self {
        let end = reason.len().min(Self::MAX_REASON);
        let end = (0..=end).rev().find(|&end| reason.is_char_boundary(end)).unwrap_or_default();
        Self { code, reason: reason.get(..end).unwrap_or_default().into() }
    }

    /// A code with a reason known to fit.
    pub(crate) fn with_static(code: CloseCode, reason: &'static str) -> Self {
        debug_assert!(reason.len() <= Self::MAX_REASON, "reasons of this crate are short");
        Self { code, reason: Utf8Bytes::from_static(reason) }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason, often empty.
    ///
    /// It is meant for machines and logs, not for people (RFC 6455 §5.5.1 forbids a client to show it to an end user).
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<CloseCode> for CloseFrame {
    fn from(code: CloseCode) -> Self {
        Self { code, reason: Utf8Bytes::default() }
    }
}

impl From<CloseCode> for Option<CloseFrame> {
    fn from(code: CloseCode) -> Self {
        Some(code.into())
    }
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            "" => fmt::Display::fmt(&self.code, f),
            reason => write!(f, "{} {reason}", self.code),
        }
    }
}

/// A close reason that does not fit a control frame; it holds the reason's length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a close reason has at most {max} bytes, not {0}", max = CloseFrame::MAX_REASON)]
#[non_exhaustive]
pub struct ReasonTooLong(pub usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_exists_exactly_where_a_close_frame_may_carry_it() {
        for code in 0..=u16::MAX {
            let may = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(code).is_ok(), may, "{code}");
        }
    }

    #[test]
    fn a_reason_has_at_most_123_bytes() {
        assert!(CloseFrame::new(CloseCode::NORMAL, "x".repeat(123)).is_ok());
        assert_eq!(CloseFrame::new(CloseCode::NORMAL, "x".repeat(124)), Err(ReasonTooLong(124)));
    }

    #[test]
    fn a_truncated_reason_ends_between_two_characters() {
        let frame = CloseFrame::truncated(CloseCode::NORMAL, &"é".repeat(70));
        assert_eq!(frame.reason(), "é".repeat(61));
    }

    #[test]
    fn a_code_reads_as_its_number_and_a_frame_as_code_and_reason() {
        let code = CloseCode::GOING_AWAY;
        assert_eq!(format!("{code} {code:?} {}", u16::from(code)), "1001 1001 1001");
        assert_eq!(CloseCode::try_from(1001), Ok(code));
        assert_eq!(CloseFrame::from(code).to_string(), "1001");
        assert_eq!(CloseFrame::truncated(code, "bye").to_string(), "1001 bye");
    }
}
