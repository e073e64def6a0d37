//! What is asked of every echo.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::target::{self, Target};

/// One row of the comparison.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Workload {
    /// The table that it is in, which says in what role and on what the echoes run.
    pub group: Group,
    /// What the messages consist of.
    pub content: Content,
    /// The payload of a message, in bytes, before compression.
    pub size: usize,
    /// The number of frames that carry a message.
    pub fragments: usize,
    /// The number of connections, all open before the first is measured.
    pub connections: usize,
    /// The number of messages outstanding on each connection; 1 is ping-pong.
    pub window: usize,
    /// Whether permessage-deflate is to be agreed on.
    pub deflate: Deflate,
    /// What is measured.
    pub figure: Figure,
    /// What Squall is meant to reach.
    pub targets: &'static [Target],
}

/// The tables of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Messages of up to 1 KiB.
    Small,
    /// Messages of 16 KiB and of 1 MiB.
    Large,
    /// Text, in every script.
    Text,
    /// Messages in many frames.
    Fragmented,
    /// permessage-deflate.
    Deflate,
    /// The memory of idle connections.
    Idle,
    /// The echoes are clients, and the load generator is their server.
    Client,
    /// Over TLS.
    Tls,
    /// On a runtime with two threads.
    Threads,
}

impl Group {
    /// Every table, in the order of the report.
    pub const ALL: [Self; 9] = [
        Self::Small,
        Self::Large,
        Self::Text,
        Self::Fragmented,
        Self::Deflate,
        Self::Idle,
        Self::Client,
        Self::Tls,
        Self::Threads,
    ];

    /// The threads that an echo has.
    pub fn threads(self) -> usize {
        if self == Self::Threads { 2 } else { 1 }
    }
}

/// What the messages consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Content {
    /// Random bytes.
    Binary,
    /// English words.
    AsciiText,
    /// Greek, Cyrillic, Chinese and a few symbols: two to four bytes a character.
    OtherText,
    /// Objects with the same members and other values.
    Json,
}

/// Whether permessage-deflate is to be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Deflate {
    /// It is not offered.
    Off,
    /// With the settings that the server has by default.
    Default,
    /// With the server's defaults, but compression level 1.
    Fast,
}

impl Deflate {
    /// The value of a server's option `--deflate`.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Default => "default",
            Self::Fast => "1",
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Figure {
    /// Processor time of the echo per message, beside throughput and latency.
    Time,
    /// Resident memory of the echo per connection that has echoed one message and gone idle.
    Memory,
}

const SIMPLE: Workload = Workload {
    group: Group::Small,
    content: Content::Binary,
    size: 32,
    fragments: 1,
    connections: 100,
    window: 1,
    deflate: Deflate::Off,
    figure: Figure::Time,
    targets: target::PING_PONG,
};
const PIPELINED: Workload = Workload { window: 16, targets: target::PIPELINED, ..SIMPLE };
const MEDIUM: Workload =
    Workload { group: Group::Large, size: 16 * KIB, targets: target::PING_PONG_16_KIB, ..SIMPLE };
const LARGE: Workload =
    Workload { group: Group::Large, size: MIB, connections: 10, targets: target::LARGE, ..SIMPLE };
const TEXT: Workload =
    Workload { group: Group::Text, content: Content::AsciiText, targets: target::TEXT, ..MEDIUM };
const FRAGMENTED: Workload =
    Workload { group: Group::Fragmented, connections: 10, targets: target::FRAGMENTED, ..SIMPLE };
const JSON: Workload = Workload {
    group: Group::Deflate,
    content: Content::Json,
    size: KIB,
    deflate: Deflate::Default,
    targets: target::DEFLATE,
    ..SIMPLE
};
const FAST: Workload =
    Workload { deflate: Deflate::Fast, targets: target::DEFLATE_AT_LEVEL, ..JSON };
const IDLE: Workload = Workload {
    group: Group::Idle,
    size: KIB,
    connections: 2_000,
    figure: Figure::Memory,
    targets: target::IDLE,
    ..SIMPLE
};
const CLIENT: Workload =
    Workload { group: Group::Client, targets: target::NO_PEER_AHEAD, ..SIMPLE };
const TLS: Workload = Workload { group: Group::Tls, ..CLIENT };
const THREADS: Workload = Workload { group: Group::Threads, ..CLIENT };

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Every row of the comparison, in the order of the report.
pub const ALL: &[Workload] = &[
    SIMPLE,
    Workload { connections: 1, ..PIPELINED },
    PIPELINED,
    Workload { connections: 200, ..PIPELINED },
    Workload { size: KIB, ..SIMPLE },
    Workload { size: KIB, targets: target::PIPELINED_KIB, ..PIPELINED },
    MEDIUM,
    Workload { window: 16, targets: target::PIPELINED_16_KIB, ..MEDIUM },
    LARGE,
    TEXT,
    Workload { content: Content::OtherText, ..TEXT },
    Workload { size: MIB, connections: 10, ..TEXT },
    Workload { size: MIB, connections: 10, content: Content::OtherText, ..TEXT },
    Workload {
        content: Content::AsciiText,
        size: 16 * KIB,
        fragments: 16,
        window: 4,
        ..FRAGMENTED
    },
    Workload { size: MIB, fragments: 256, ..FRAGMENTED },
    Workload { connections: 1, targets: target::DEFLATE_ONE, ..JSON },
    JSON,
    Workload { connections: 1_000, targets: target::DEFLATE_MANY, ..JSON },
    Workload { window: 16, ..JSON },
    FAST,
    Workload { window: 16, ..FAST },
    IDLE,
    Workload {
        content: Content::Json,
        deflate: Deflate::Default,
        targets: target::IDLE_DEFLATE,
        ..IDLE
    },
    CLIENT,
    Workload { window: 16, ..CLIENT },
    Workload { size: KIB, window: 16, ..CLIENT },
    Workload { size: 16 * KIB, ..CLIENT },
    Workload { size: MIB, connections: 10, ..CLIENT },
    Workload { window: 16, ..TLS },
    Workload { size: KIB, window: 16, ..TLS },
    Workload { size: 16 * KIB, ..TLS },
    Workload { size: MIB, connections: 10, ..TLS },
    Workload { window: 16, ..THREADS },
    Workload { size: KIB, window: 16, ..THREADS },
    Workload { size: 16 * KIB, ..THREADS },
    Workload { size: MIB, connections: 10, ..THREADS },
];

impl Workload {
    /// Whether it puts the same load on a server as `other`, whatever table either is in.
    pub fn is_the_load_of(&self, other: &Self) -> bool {
        let in_role = |group| matches!(group, Group::Client | Group::Tls | Group::Threads);
        let load = |workload: &Self| {
            (
                workload.content,
                workload.size,
                workload.fragments,
                workload.connections,
                workload.window,
                workload.deflate,
                workload.figure,
            )
        };
        load(self) == load(other) && !in_role(self.group) && !in_role(other.group)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.group {
            Group::Idle => "idle after ",
            Group::Client => "client, ",
            Group::Tls => "TLS, ",
            Group::Threads => "two threads, ",
            _ => "",
        })?;
        match self.size {
            size if size >= MIB => write!(f, "{} MiB", size / MIB)?,
            size if size >= KIB => write!(f, "{} KiB", size / KIB)?,
            size => write!(f, "{size} B")?,
        }
        f.write_str(match self.content {
            Content::Binary => " binary",
            Content::AsciiText => " ASCII text",
            Content::OtherText => " other text",
            Content::Json => " JSON",
        })?;
        if self.fragments > 1 {
            write!(f, " in {} fragments", self.fragments)?;
        }
        f.write_str(match self.deflate {
            Deflate::Off => "",
            Deflate::Default => ", deflate at defaults",
            Deflate::Fast => ", deflate at level 1",
        })?;
        let plural = if self.connections == 1 { "" } else { "s" };
        write!(f, ", {} connection{plural}", self.connections)?;
        match self.figure {
            Figure::Time => write!(f, ", w{}", self.window),
            Figure::Memory => Ok(()),
        }
    }
}
