//! Handshakes with anything at all: what was spoilt, cut anywhere, and whatever passes for a URL.

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use squall_proto::{
    HandshakeConfig,
    handshake::{ClientRequest, ServerEvent},
};

use crate::talk::{ANSWER, client, client_within, request_with, sample_request, server_within};

/// Limits that are near.
fn limits() -> HandshakeConfig {
    HandshakeConfig::default().max_head_size(280).max_line_size(80).max_headers(8)
}

/// A message with some of its bytes replaced.
fn spoilt(message: String) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(&b"\r\n :,;=\"\\0f"[..])];
    proptest::collection::vec((any::<proptest::sample::Index>(), byte), 0..4).prop_map(
        move |changes| {
            let mut bytes = message.clone().into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes.splice(at..=at, [byte]);
            }
            bytes
        },
    )
}

/// The pieces that two cuts make.
fn pieces<'a>(bytes: &'a [u8], cuts: &[proptest::sample::Index; 2]) -> [&'a [u8]; 3] {
    let mut cuts = cuts.map(|cut| cut.index(bytes.len() + 1));
    cuts.sort_unstable();
    let (rest, last) = bytes.split_at(cuts[1]);
    let (first, second) = rest.split_at(cuts[0]);
    [first, second, last]
}

fn server_hears(pieces: &[&[u8]]) -> (String, String, Vec<u8>) {
    let mut server = server_within(&limits());
    let events: Vec<_> = pieces.iter().flat_map(|piece| server.hears(piece)).collect();
    (format!("{events:?}"), server.says(), server.input.to_vec())
}

fn client_hears(pieces: &[&[u8]]) -> (String, Vec<u8>) {
    let mut client = client(sample_request());
    let mut events: Vec<_> = pieces.iter().flat_map(|piece| client.hears(piece)).collect();
    events.extend(client.hears_eof());
    assert_eq!(events.len(), 1, "there is one event");
    (format!("{events:?}"), client.input.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_request_means_the_same_however_it_is_cut(
        request in spoilt(request_with("Sec-WebSocket-Extensions: a; b=\"c\"") + "frames"),
        cuts: [proptest::sample::Index; 2],
    ) {
        prop_assert_eq!(server_hears(&pieces(&request, &cuts)), server_hears(&[&request]));
    }

    #[test]
    fn a_spoilt_answer_means_the_same_however_it_is_cut(
        answer in prop_oneof![
            spoilt(format!("{ANSWER}frames")),
            spoilt("HTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\n\r\n".into()),
            spoilt("HTTP/1.1 404 X\r\nContent-Length: 5\r\n\r\nabcdef".into()),
        ],
        cuts: [proptest::sample::Index; 2],
    ) {
        prop_assert_eq!(client_hears(&pieces(&answer, &cuts)), client_hears(&[&answer]));
    }

    /// What a client asks for, a server takes.
    #[test]
    fn every_url_is_refused_or_makes_a_request_that_is_in_order(
        url in "(ws|wss|HTTP)://([a-z%:@\\[\\]]{0,4}@)?[a-z:0-9.@\\[\\]%]{1,6}(:[0-9]{0,3})?([/?][ -~]{0,9})?",
    ) {
        if let Ok(request) = ClientRequest::new(&url) {
            let asked = client_within(request, &HandshakeConfig::default()).says();
            let events = server_within(&HandshakeConfig::default()).hears(&asked);
            prop_assert!(matches!(events.as_slice(), [ServerEvent::Request(_)]), "{}", asked);
        }
    }

    /// What an application adds is refused, or stands in a line of its own in a head that ends where it should.
    #[test]
    fn every_header_is_refused_or_stands_in_one_line(
        headers in prop::collection::vec(
            (prop_oneof!["x[a-zA-Z-]{0,9}", "[\\x00-\\x7F]{0,3}"], "[\\x00-\\x7F]{0,3}[ -~]{0,9}"), 0..4,
        ),
        subprotocol in prop_oneof!["[a-z]{1,5}", "[\\x00-\\x7F]{0,3}"],
    ) {
        let mut request = sample_request();
        let mut added = 0;
        if let Ok(with) = request.clone().subprotocol(subprotocol) {
            (request, added) = (with, 1);
        }
        for (name, value) in headers {
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            else { continue };
            if let Ok(with) = request.clone().header(name, value) {
                (request, added) = (with, added + 1);
            }
        }
        let asked = client_within(request, &HandshakeConfig::default()).says();
        let lines: Vec<&str> = asked.split("\r\n").collect();
        // The request of RFC 6455 §1.3 has a request line and five headers; then comes the empty line.
        prop_assert_eq!(lines.len(), 6 + added + 2, "{:?}", asked);
        prop_assert!(lines.iter().all(|line| !line.contains(['\r', '\n', '\0'])));
        prop_assert_eq!(&lines[6 + added..], ["", ""]);
        let events = server_within(&HandshakeConfig::default()).hears(&asked);
        prop_assert!(matches!(events.as_slice(), [ServerEvent::Request(_)]), "{}", asked);
    }
}
