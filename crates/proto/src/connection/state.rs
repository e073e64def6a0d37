//! The closing handshake: one enum, one pure transition.
//!
//! ```text
//!             local close                 peer's Close
//!   Open ───────────────────▶ Closing ─────────────────────▶ Draining ──────────▶ Ended
//!    │                           │   failure, end of stream      ▲      deadline
//!    ├───────────────────────────┼───────────────────────────────┘
//!    │  peer's Close, failure, end of stream                        deadline, give up
//!    └───────────────────────────┴──────────────────────────────────────────────▶ Ended
//! ```

use std::time::Instant;

/// Where a connection stands (RFC 6455 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Messages flow both ways.
    Open,
    /// Our Close is queued, the peer's is awaited and its data is still delivered.
    Closing { deadline: Instant },
    /// All is decided: what is queued is written, what arrives is discarded (RFC 6455 §7.1.1, §7.1.7).
    Draining { deadline: Instant },
    /// Nothing more is read or written.
    Ended,
}

/// What can happen to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    /// The application closes.
    LocalClose,
    /// The peer's Close frame arrives.
    PeerClose,
    /// The connection has to be failed: a violation, or silence.
    Failure,
    /// The transport has no more bytes.
    EndOfStream,
    /// The deadline of the state has passed.
    DeadlinePassed,
    /// The connection is dropped without ceremony: abort, or nobody takes what is written.
    GiveUp,
}

/// What the connection has to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    Nothing,
    /// Queue a Close frame.
    SendClose,
    /// Queue a Close frame and report how the connection ended.
    SendCloseAndReport,
    /// Report how the connection ended.
    Report,
}

impl State {
    /// The one transition; `deadline` is when a closing that starts now has to be over.
    pub(super) const fn on(self, happening: Happening, deadline: Instant) -> (Self, Reaction) {
        match (self, happening) {
            (Self::Open, Happening::LocalClose) => {
                (Self::Closing { deadline }, Reaction::SendClose)
            }
            (Self::Open, Happening::PeerClose | Happening::Failure) => {
                (Self::Draining { deadline }, Reaction::SendCloseAndReport)
            }
            (Self::Open, Happening::EndOfStream) => (Self::Draining { deadline }, Reaction::Report),
            (
                Self::Closing { deadline },
                Happening::PeerClose | Happening::Failure | Happening::EndOfStream,
            ) => (Self::Draining { deadline }, Reaction::Report),
            (Self::Closing { .. }, Happening::DeadlinePassed)
            | (Self::Open | Self::Closing { .. }, Happening::GiveUp) => {
                (Self::Ended, Reaction::Report)
            }
            (Self::Draining { .. }, Happening::DeadlinePassed | Happening::GiveUp) => {
                (Self::Ended, Reaction::Nothing)
            }
            (Self::Open, Happening::DeadlinePassed)
            | (Self::Closing { .. }, Happening::LocalClose)
            | (
                Self::Draining { .. },
                Happening::LocalClose
                | Happening::PeerClose
                | Happening::Failure
                | Happening::EndOfStream,
            )
            | (Self::Ended, _) => (self, Reaction::Nothing),
        }
    }

    /// When this state gives up waiting.
    pub(super) const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Closing { deadline } | Self::Draining { deadline } => Some(deadline),
            Self::Open | Self::Ended => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Happening::*, Reaction::*, State::*, *};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an instant has to come from somewhere")]
    fn the_table_is_complete() {
        let base = Instant::now();
        let (first, second) = (base, base + Duration::from_secs(1));
        let (closing, draining) = (Closing { deadline: first }, Draining { deadline: first });
        let late = Draining { deadline: second };
        let table = [
            (Open, LocalClose, Closing { deadline: second }, SendClose),
            (Open, PeerClose, late, SendCloseAndReport),
            (Open, Failure, late, SendCloseAndReport),
            (Open, EndOfStream, late, Report),
            (Open, DeadlinePassed, Open, Nothing),
            (Open, GiveUp, Ended, Report),
            (closing, LocalClose, closing, Nothing),
            (closing, PeerClose, draining, Report),
            (closing, Failure, draining, Report),
            (closing, EndOfStream, draining, Report),
            (closing, DeadlinePassed, Ended, Report),
            (closing, GiveUp, Ended, Report),
            (draining, LocalClose, draining, Nothing),
            (draining, PeerClose, draining, Nothing),
            (draining, Failure, draining, Nothing),
            (draining, EndOfStream, draining, Nothing),
            (draining, DeadlinePassed, Ended, Nothing),
            (draining, GiveUp, Ended, Nothing),
            (Ended, LocalClose, Ended, Nothing),
            (Ended, PeerClose, Ended, Nothing),
            (Ended, Failure, Ended, Nothing),
            (Ended, EndOfStream, Ended, Nothing),
            (Ended, DeadlinePassed, Ended, Nothing),
            (Ended, GiveUp, Ended, Nothing),
        ];
        for (state, happening, next, reaction) in table {
            assert_eq!(state.on(happening, second), (next, reaction), "{state:?} on {happening:?}");
        }
    }
}
