//! How a connection ended, as the application sees it.

use squall_io::Error;
use squall_proto::{CloseCode, CloseFrame, Closed, Initiator};

/// How a connection ended: Tornado's `close_code` and `close_reason`, and what Tornado does not tell.
#[derive(Debug)]
pub struct Close {
    frame: Option<CloseFrame>,
    initiator: Option<Initiator>,
    error: Option<Error>,
}

impl Close {
    pub(crate) fn new(closed: Closed, initiator: Option<Initiator>, error: Option<Error>) -> Self {
        let frame = match closed {
            Closed::Clean(frame) => frame,
            _ => None,
        };
        Self { frame, initiator, error }
    }

    /// The code of the peer's Close frame; `None` where it sent none, or an empty one.
    #[must_use]
    pub fn code(&self) -> Option<CloseCode> {
        self.frame.as_ref().map(CloseFrame::code)
    }

    /// The reason of the peer's Close frame; `None` where it sent none.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.frame.as_ref().map(CloseFrame::reason).filter(|reason| !reason.is_empty())
    }

    /// Who began to end the connection.
    #[must_use]
    pub const fn initiator(&self) -> Option<Initiator> {
        self.initiator
    }

    /// Whether the closing handshake was completed (RFC 6455 §7.1.4).
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.error.is_none()
    }

    /// Why it was not.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}
