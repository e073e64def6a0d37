//! What an idle connection holds for compression: its windows, and nothing else.

use squall_proto::{
    Config, Message,
    deflate::{DeflateConfig, WindowBits},
};

use crate::{memory::grows, peer::*};

const COUNT: i64 = 200;

/// Bytes held for each of many server connections that have carried 80 KB in each direction.
fn bytes_per_connection(deflate: &DeflateConfig) -> i64 {
    let told = |number: usize| text_of(number);
    let mut servers = Vec::new();
    let mut said = Vec::new();
    for _ in 0..COUNT {
        let [server, mut client] = pair(deflate, deflate);
        servers.push(server);
        (0..80).for_each(|number| client.send(Message::from(told(number))));
        said.push(client.says());
    }
    let ((), live, _) = grows(|| {
        for (server, bytes) in servers.iter_mut().zip(&said) {
            for (number, event) in server.hears(bytes).into_iter().enumerate() {
                assert_eq!(event, text(&told(number)));
                server.send(Message::from(told(number)));
            }
            // Large enough that the queue keeps as much of its buffer as it ever does.
            let large = Message::from(vec![0; 4000]);
            server.connection.send_uncompressed(server.now, large).unwrap();
            server.says();
            // The read buffer is the caller's.
            server.input = bytes::BytesMut::new();
        }
    });
    live / COUNT
}

fn text_of(number: usize) -> String {
    format!("{{\"id\":{number},\"text\":\"squall\"}}").repeat(40)
}

/// Beyond what a connection without takeover holds, which keeps nothing for compression.
#[test]
fn an_idle_connection_holds_its_windows_and_nothing_else() {
    let bits = |bits| WindowBits::new(bits).unwrap();
    let windows = |size| {
        DeflateConfig::default()
            .server_max_window_bits(bits(size))
            .client_max_window_bits(bits(size))
    };
    let without =
        DeflateConfig::default().server_no_context_takeover(true).client_no_context_takeover(true);
    // The contexts of this thread, eight of a kind at most, are there from the second time on.
    let settled = |config: &DeflateConfig| {
        bytes_per_connection(config);
        bytes_per_connection(config)
    };
    let base = settled(&without);
    assert!(base <= 4 << 10, "the queue's buffer: {base}");
    for (name, config, expected) in [
        ("default", DeflateConfig::default(), 8 << 10),
        ("512 bytes", windows(9), 1 << 10),
        ("4 KiB", windows(12), 8 << 10),
        ("32 KiB", windows(15), 64 << 10),
    ] {
        let bytes = settled(&config) - base;
        assert!((bytes - expected).abs() <= 64, "{name}: {bytes} instead of {expected}");
    }
}

/// Many connections come and go, and what is held comes back to where it was.
#[test]
fn connections_that_are_over_leave_nothing_behind() {
    let churn = || {
        for _ in 0..100 {
            let config = DeflateConfig::default();
            let [mut server, mut client] = pair(&config, &config);
            server.send(vec![7; 10_000]);
            let said = server.says();
            assert_eq!(client.hears(said).len(), 1);
            // The next message is never finished.
            client.hears_frame(0x42, HELLO);
        }
    };
    churn();
    let ((), live, _) = grows(churn);
    assert!(live.abs() <= 1024, "{live}");
}

/// FR10: neither a header nor a promise takes a context.
#[test]
fn a_header_of_a_compressed_message_takes_no_context() {
    let mut sides: Vec<Side> =
        (0..100).map(|_| agreed(squall_proto::Role::Client, "", Config::default())).collect();
    let ((), live, peak) = grows(|| {
        for side in &mut sides {
            assert_eq!(side.hears(b"\xC2\x7F\0\0\0\0\0\x10\0\0"), []);
        }
    });
    assert!(live <= 10 << 10 && peak <= 16 << 10, "{live} {peak}");
}
