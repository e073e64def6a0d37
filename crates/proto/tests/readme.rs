//! What the README says of versions and defaults is true.

#![expect(clippy::expect_used, reason = "what goes wrong in a test should stop it")]

use squall_proto::{Config, HandshakeConfig};

const README: &str = include_str!("../../../README.md");
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The value of a key in the manifest of the workspace.
fn manifest(key: &str) -> &'static str {
    let line = WORKSPACE.lines().find(|line| line.starts_with(key)).expect("the key is there");
    line.split('"').nth(1).expect("the value is quoted")
}

#[test]
fn the_minimum_version_of_rust_is_the_one_of_the_manifest() {
    let says = format!("Minimum supported Rust version: {}.", manifest("rust-version"));
    assert!(README.contains(&says), "{says}");
}

#[test]
fn the_licences_are_those_of_the_manifest() {
    assert_eq!(manifest("license"), "MIT OR Apache-2.0");
    assert!(README.contains("Licensed under MIT or Apache-2.0"));
}

/// Each row of the table of defaults, and what the settings say of themselves.
#[test]
fn the_defaults_are_those_of_the_code() {
    let settings = format!("{:?} {:?}", Config::default(), HandshakeConfig::default());
    for (row, setting) in [
        (
            "| message and frame | 16 MiB each, after inflation too: 1009 |",
            "max_message_size: 16777216",
        ),
        (
            "| message and frame | 16 MiB each, after inflation too: 1009 |",
            "max_frame_size: 16777216",
        ),
        ("| fragments of a message | 65,536: 1008 |", "max_fragments: 65536"),
        ("| request head | 16 KiB, 100 headers, 8 KiB a line: 431, 414 |", "max_head_size: 16384"),
        ("| request head | 16 KiB, 100 headers, 8 KiB a line: 431, 414 |", "max_headers: 100"),
        ("| request head | 16 KiB, 100 headers, 8 KiB a line: 431, 414 |", "max_line_size: 8192"),
        ("| opening handshake | 10 s: 408 |", " timeout: 10s"),
        (
            "| keepalive | a ping every 20 s, a sign of life within 20 s: 1011 |",
            "KeepAlive { interval: 20s, timeout: Some(20s) }",
        ),
        ("| a message under way | 5 minutes: 1008 |", "message_timeout: 300s"),
        ("| a peer that takes nothing | 20 s |", "write_timeout: 20s"),
        ("| closing handshake | 5 s |", "close_timeout: 5s"),
        (
            "| write queue | sending waits over 64 KiB, until 16 KiB |",
            "WriteMarks { high: 65536, low: 16384 }",
        ),
    ] {
        assert!(README.contains(row), "the README has no longer the row {row}");
        assert!(settings.contains(setting), "{setting} is not in {settings}");
    }
}
