//! What is asked of every server.

use std::fmt;

use serde::Serialize;

/// One row of the comparison.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Workload {
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
    /// Processor time of the server per message, beside throughput and latency.
    Time,
    /// Resident memory of the server per connection that has echoed one message and gone idle.
    Memory,
}

const SIMPLE: Workload = Workload {
    content: Content::Binary,
    size: 32,
    fragments: 1,
    connections: 100,
    window: 1,
    deflate: Deflate::Off,
    figure: Figure::Time,
};
const FRAGMENTED: Workload = Workload { connections: 10, ..SIMPLE };
const LARGE: Workload = Workload { size: MIB, connections: 10, ..SIMPLE };
const JSON: Workload =
    Workload { content: Content::Json, size: KIB, deflate: Deflate::Default, ..SIMPLE };
const IDLE: Workload = Workload { size: KIB, connections: 2_000, figure: Figure::Memory, ..SIMPLE };

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Every row of the comparison, in the order of the report.
pub const ALL: &[Workload] = &[
    SIMPLE,
    Workload { connections: 1, window: 16, ..SIMPLE },
    Workload { window: 16, ..SIMPLE },
    Workload { connections: 200, window: 16, ..SIMPLE },
    Workload { size: KIB, ..SIMPLE },
    Workload { size: KIB, window: 16, ..SIMPLE },
    Workload { size: 16 * KIB, ..SIMPLE },
    Workload { size: 16 * KIB, window: 16, ..SIMPLE },
    Workload { size: 16 * KIB, content: Content::AsciiText, ..SIMPLE },
    Workload { size: 16 * KIB, content: Content::OtherText, ..SIMPLE },
    LARGE,
    Workload { content: Content::AsciiText, ..LARGE },
    Workload { content: Content::OtherText, ..LARGE },
    Workload {
        content: Content::AsciiText,
        size: 16 * KIB,
        fragments: 16,
        window: 4,
        ..FRAGMENTED
    },
    Workload { size: MIB, fragments: 256, ..FRAGMENTED },
    Workload { connections: 1, ..JSON },
    JSON,
    Workload { connections: 1_000, ..JSON },
    Workload { window: 16, ..JSON },
    Workload { deflate: Deflate::Fast, ..JSON },
    Workload { deflate: Deflate::Fast, window: 16, ..JSON },
    IDLE,
    Workload { content: Content::Json, deflate: Deflate::Default, ..IDLE },
];

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.figure == Figure::Memory {
            f.write_str("idle after ")?;
        }
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
