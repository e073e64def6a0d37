//! What was agreed on is what is done: windows and takeover, from literal handshakes (RFC 7692 §7.1).

use squall_proto::{
    Config, Role,
    deflate::{DeflateConfig, Level, MemoryLevel, WindowBits},
};

use crate::{peer::*, zlib_peer::ZlibPeer};

fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).unwrap()
}

/// Text that can only be compressed by reference to what was said more than 512 and less than 4096 bytes ago.
fn distant() -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = std::iter::from_fn(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((state >> 24) as u8)
    });
    let block: Vec<u8> = noise.by_ref().take(200).collect();
    let between: Vec<u8> = noise.take(1000).collect();
    [block.clone(), between, block].concat()
}

/// The compressed size of `distant` from a side.
fn size_from(side: &mut Side) -> usize {
    side.send(distant());
    side.says_frames().iter().map(|(_, payload)| payload.len()).sum()
}

/// PD06, EX11, EX13: a window of 512 bytes does not reach back 1000 bytes, and one of 4096 does.
#[test]
fn no_more_than_the_agreed_window_is_used() {
    let wide = DeflateConfig::default().level(Level::BALANCED);
    for (offer, expected) in [
        ("permessage-deflate", 1100..1300),
        ("permessage-deflate; server_max_window_bits=15", 1100..1300),
        ("permessage-deflate; server_max_window_bits=9", 1400..1500),
    ] {
        let (mut server, _) = server_of(offer, wide.clone(), Config::default());
        let size = size_from(&mut server);
        assert!(expected.contains(&size), "{offer}: {size}");
    }
    for (answer, expected) in [
        ("permessage-deflate", 1100..1300),
        ("permessage-deflate; client_max_window_bits=15", 1100..1300),
        ("permessage-deflate; client_max_window_bits=9", 1400..1500),
    ] {
        let (mut client, _) = client_of(answer, wide.clone(), Config::default());
        let size = size_from(&mut client);
        assert!(expected.contains(&size), "{answer}: {size}");
    }
}

/// EX13, PD06: zlib cannot compress with 256 bytes, so nothing is compressed; the answer itself is fine.
#[test]
fn a_client_that_may_use_256_bytes_sends_uncompressed_and_reads_compressed() {
    let answer = "permessage-deflate; client_max_window_bits=8";
    let (mut client, _) = client_of(answer, DeflateConfig::default(), Config::default());
    client.send(vec![0; 1000]);
    assert_eq!(client.says_frames(), [(0x82, vec![0; 1000])]);
    assert_eq!(client.hears_frame(0xC1, HELLO), [text("Hello")]);
}

/// EX11, EX12: an announced window of 256 bytes is read with a larger one.
#[test]
fn windows_of_256_bytes_are_read() {
    let answer = "permessage-deflate; server_max_window_bits=8";
    let (mut client, _) = client_of(answer, DeflateConfig::default(), Config::default());
    let offer = "permessage-deflate; client_max_window_bits=8";
    let (mut server, answer) = server_of(offer, DeflateConfig::default(), Config::default());
    assert_eq!(answer, offer, "no more than was offered");
    // Nobody can make such a stream with zlib; what is short enough is one.
    for side in [&mut client, &mut server] {
        assert_eq!(side.hears_frame(0xC1, HELLO), [text("Hello")]);
        assert_eq!(side.hears_frame(0xC1, HELLO_AGAIN), [text("Hello")]);
    }
}

/// EX07, EX09: a side that has agreed not to take its context over starts each message with an empty window.
#[test]
fn a_side_without_takeover_repeats_itself_in_full() {
    let config = DeflateConfig::default().threshold(0);
    let offer = "permessage-deflate; server_no_context_takeover";
    let (mut server, answer) = server_of(offer, config.clone(), Config::default());
    assert_eq!(answer, offer);
    let answer = "permessage-deflate; client_no_context_takeover";
    let (mut client, _) = client_of(answer, config, Config::default());
    for side in [&mut server, &mut client] {
        for _ in 0..3 {
            side.send("Hello");
        }
        assert_eq!(side.says_frames(), vec![(0xC1, HELLO.to_vec()); 3]);
    }
}

/// EX08: what a server is configured to do is what it announces and does, though nobody asked.
#[test]
fn a_server_announces_what_it_is_configured_to() {
    let config = DeflateConfig::default()
        .threshold(0)
        .server_no_context_takeover(true)
        .client_no_context_takeover(true);
    let (mut server, answer) = server_of("permessage-deflate", config, Config::default());
    let announced = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(answer, announced);
    server.send("Hello");
    server.send("Hello");
    assert_eq!(server.says_frames(), vec![(0xC1, HELLO.to_vec()); 2]);
}

/// A default server asks every client that offers it for a window of 4 KiB, and no client for anything it did not offer
/// (EX12).
#[test]
fn a_default_server_asks_for_what_saves_memory_and_breaks_nobody() {
    for (offer, answered) in [
        ("permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=12",
        ),
    ] {
        let (_, answer) = server_of(offer, DeflateConfig::default(), Config::default());
        assert_eq!(answer, answered);
    }
}

/// Options of both sides: each direction has the smaller of what its sender and its reader want.
#[test]
fn each_direction_gets_the_smaller_window() {
    let client =
        DeflateConfig::default().server_max_window_bits(bits(14)).client_max_window_bits(bits(10));
    let server =
        DeflateConfig::default().server_max_window_bits(bits(11)).client_max_window_bits(bits(13));
    let [mut server, mut client] = pair(&server, &client);
    let mut reader = ZlibPeer::new((15, true), (11, true), 6);
    let mut other = ZlibPeer::new((15, true), (10, true), 6);
    let told = distant().repeat(5);
    for _ in 0..5 {
        server.send(told.clone());
        client.send(told.clone());
        let from_server: Vec<u8> = server.says_frames().into_iter().flat_map(|(_, p)| p).collect();
        let from_client: Vec<u8> = client.says_frames().into_iter().flat_map(|(_, p)| p).collect();
        assert!(reader.inflate(&from_server).unwrap() == told);
        assert!(other.inflate(&from_client).unwrap() == told);
        assert_eq!(client.hears_frame(0xC2, from_server), [binary(&told)]);
        assert_eq!(server.hears_frame(0xC2, from_client), [binary(&told)]);
    }
    assert_eq!(server.connection.role(), Role::Server);
}

#[test]
fn windows_and_levels_exist_where_zlib_has_them() {
    for value in 0..=u8::MAX {
        let is_level = (1..=9).contains(&value);
        assert_eq!(Level::new(value).map(Level::get), is_level.then_some(value));
        assert_eq!(MemoryLevel::new(value).map(MemoryLevel::get), is_level.then_some(value));
        let is_window = (9..=15).contains(&value);
        assert_eq!(WindowBits::new(value).map(WindowBits::get), is_window.then_some(value));
    }
}

#[test]
fn each_setting_is_kept_beside_the_others() {
    let config = DeflateConfig::default().threshold(7).memory_level(MemoryLevel::MOST);
    let told = format!("{config:?}");
    assert!(told.contains("memory_level: MemoryLevel(9), threshold: 7,"), "{told}");
}

#[test]
fn a_connection_that_compresses_says_so_where_it_is_debugged() {
    let told = format!("{:?}", plain(Role::Server).connection);
    assert!(told.contains("Inflater { direction: Direction {"), "{told}");
    assert!(told.contains("Deflater { settings: Settings {"), "{told}");
}
