//! What Squall is meant to reach, as data beside the workloads.

use std::fmt;

use serde::Serialize;

use crate::contestant::{Contestant, Style};

/// One thing that has to hold in one row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Target {
    /// Whose figure it is about.
    pub whose: Whose,
    /// The most that it may be, as a multiple of `of`.
    pub at_most: f64,
    /// What it is measured by.
    pub of: Of,
}

/// Whose figure a target is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Whose {
    /// Squall on tokio, in either style.
    Tokio,
    /// Squall on tokio in the plain loop of receive and send.
    SendEach,
    /// Squall on tokio, batched.
    Batched,
    /// The handler of an application.
    Application,
    /// Squall on async-std, in either style.
    AsyncStd,
}

impl Whose {
    /// Whether this contestant is meant.
    pub fn is(self, contestant: &Contestant) -> bool {
        let (crate_name, style) = match self {
            Self::Tokio => ("squall-tokio", contestant.style),
            Self::SendEach => ("squall-tokio", Some(Style::SendEach)),
            Self::Batched => ("squall-tokio", Some(Style::Batched)),
            Self::Application => ("squall-web", contestant.style),
            Self::AsyncStd => ("squall-async-std", contestant.style),
        };
        contestant.crate_name == crate_name && contestant.style == style
    }
}

/// What a figure is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Of {
    /// The raw echo on tokio.
    Raw,
    /// The best peer.
    BestPeer,
    /// The best peer that is batched by hand.
    BestBatchedPeer,
    /// The best peer in the plain loop.
    BestSendEachPeer,
    /// One's own figure with binary messages of the same size.
    Binary,
    /// One's own figure with one connection.
    OneConnection,
    /// Squall on tokio, in the better style.
    Tokio,
    /// Itself: `at_most` is in bytes.
    Bytes,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of == Of::Bytes {
            return write!(f, "≤ {:.0} B", self.at_most);
        }
        write!(f, "≤ {:.2}× ", self.at_most)?;
        f.write_str(match self.of {
            Of::Raw => "raw",
            Of::BestPeer => "best peer",
            Of::BestBatchedPeer => "best batched peer",
            Of::BestSendEachPeer => "best peer that sends each",
            Of::Binary => "binary",
            Of::OneConnection => "one connection",
            Of::Tokio => "tokio",
            Of::Bytes => "",
        })
    }
}

const fn target(whose: Whose, at_most: f64, of: Of) -> Target {
    Target { whose, at_most, of }
}

/// On async-std, where the runtime allows it.
const ON_ASYNC_STD: Target = target(Whose::AsyncStd, 1.15, Of::Tokio);

/// Small messages, many outstanding.
pub const PIPELINED: &[Target] = &[
    target(Whose::SendEach, 1.25, Of::Raw),
    target(Whose::SendEach, 0.1, Of::BestSendEachPeer),
    target(Whose::Batched, 1.1, Of::Raw),
    target(Whose::Batched, 0.85, Of::BestBatchedPeer),
    target(Whose::Application, 1.1, Of::Raw),
    target(Whose::Application, 0.85, Of::BestBatchedPeer),
    ON_ASYNC_STD,
];
/// The same with 1 KiB.
pub const PIPELINED_KIB: &[Target] = &[
    target(Whose::SendEach, 1.25, Of::Raw),
    target(Whose::SendEach, 0.1, Of::BestSendEachPeer),
    target(Whose::Batched, 1.15, Of::Raw),
    target(Whose::Batched, 0.85, Of::BestBatchedPeer),
    target(Whose::Application, 1.15, Of::Raw),
    target(Whose::Application, 0.85, Of::BestBatchedPeer),
    ON_ASYNC_STD,
];
/// Small messages, one outstanding.
pub const PING_PONG: &[Target] =
    &[target(Whose::Tokio, 1.05, Of::Raw), target(Whose::Application, 1.05, Of::Raw), ON_ASYNC_STD];
/// 16 KiB, one outstanding.
pub const PING_PONG_16_KIB: &[Target] = &[target(Whose::Tokio, 1.15, Of::Raw), ON_ASYNC_STD];
/// 16 KiB, many outstanding.
pub const PIPELINED_16_KIB: &[Target] =
    &[target(Whose::Tokio, 1.3, Of::Raw), target(Whose::Tokio, 1.0, Of::BestPeer), ON_ASYNC_STD];
/// 1 MiB.
pub const LARGE: &[Target] =
    &[target(Whose::Tokio, 0.9, Of::Raw), target(Whose::Tokio, 1.0, Of::BestPeer), ON_ASYNC_STD];
/// Text instead of binary.
pub const TEXT: &[Target] = &[target(Whose::Tokio, 1.1, Of::Binary), ON_ASYNC_STD];
/// Messages in fragments.
pub const FRAGMENTED: &[Target] = &[target(Whose::Tokio, 0.8, Of::BestPeer), ON_ASYNC_STD];
/// permessage-deflate, each library with its defaults.
pub const DEFLATE: &[Target] = &[target(Whose::Tokio, 0.25, Of::BestPeer), ON_ASYNC_STD];
/// permessage-deflate, all at the same level.
pub const DEFLATE_AT_LEVEL: &[Target] = &[target(Whose::Tokio, 0.5, Of::BestPeer), ON_ASYNC_STD];
/// permessage-deflate with one connection.
pub const DEFLATE_ONE: &[Target] = &[ON_ASYNC_STD];
/// permessage-deflate with a thousand connections.
pub const DEFLATE_MANY: &[Target] = &[target(Whose::Tokio, 1.5, Of::OneConnection), ON_ASYNC_STD];
/// The memory of an idle connection.
pub const IDLE: &[Target] =
    &[target(Whose::Tokio, 1536.0, Of::Bytes), target(Whose::AsyncStd, 2560.0, Of::Bytes)];
/// The same with permessage-deflate.
pub const IDLE_DEFLATE: &[Target] = &[target(Whose::Tokio, 10_240.0, Of::Bytes)];
/// Where no peer may be ahead.
pub const NO_PEER_AHEAD: &[Target] = &[target(Whose::Tokio, 1.0, Of::BestPeer), ON_ASYNC_STD];
