//! permessage-deflate as handshakes negotiate it (RFC 7692 §5, §7.1). What parameters mean is tested beside the negotiation.

use std::sync::Arc;

use squall_proto::{
    Config, Event, HandshakeConfig, Message,
    deflate::{DeflateConfig, WindowBits},
    handshake::{Accept, ClientEvent, ClientRequest, HandshakeError},
};

use crate::talk::{
    SECOND, Talk, answer_with, client_failure, client_within, judged, request_with, sample_request,
    server,
};

/// What a server with compression answers to these offers.
fn answer(offers: &str) -> Option<String> {
    let request = request_with(&format!("X: y{offers}"));
    let request = server().hears_request(request);
    let acceptance = request.accept(Accept::new().deflate(DeflateConfig::default())).unwrap();
    let answer = acceptance.response().headers().get("Sec-WebSocket-Extensions");
    answer.map(|answer| answer.to_str().unwrap().to_owned())
}

fn offering() -> ClientRequest {
    sample_request().deflate(DeflateConfig::default())
}

/// HS12, EX02, EX04, EX05.
#[test]
fn the_first_offer_that_can_be_met_is_accepted() {
    let header = "\r\nSec-WebSocket-Extensions: ";
    for (offers, expected) in [
        (String::new(), None),
        (format!("{header}x-other"), None),
        (format!("{header}permessage-deflate; unknown"), None),
        (format!("{header}permessage-deflate; server_max_window_bits=8"), None),
        (
            format!(
                "{header}permessage-deflate; server_max_window_bits=\"10\", permessage-deflate"
            ),
            Some("permessage-deflate; server_max_window_bits=10"),
        ),
        (
            format!("{header}x-other, permessage-deflate; a=b{header}permessage-deflate"),
            Some("permessage-deflate"),
        ),
    ] {
        assert_eq!(answer(&offers).as_deref(), expected, "{offers}");
    }
}

/// EX06, EX15, HC21.
#[test]
fn an_answer_that_does_not_fit_the_offer_fails() {
    for value in ["permessage-deflate; unknown", "permessage-deflate; server_max_window_bits=7"] {
        let answer = answer_with(&format!("Sec-WebSocket-Extensions: {value}"));
        let failure = client_failure(offering(), answer);
        assert!(matches!(failure, HandshakeError::Deflate(_)), "{value}: {failure:?}");
    }
    let small = DeflateConfig::default().server_max_window_bits(WindowBits::MIN);
    let answer = answer_with("Sec-WebSocket-Extensions: permessage-deflate");
    let failure = client_failure(sample_request().deflate(small), answer);
    assert!(matches!(failure, HandshakeError::Deflate(_)), "a window was asked for: {failure:?}");
    for value in
        ["permessage-deflate, permessage-deflate", "x-other", "permessage-deflate, x-other"]
    {
        let answer = answer_with(&format!("Sec-WebSocket-Extensions: {value}"));
        let failure = client_failure(offering(), answer);
        assert!(matches!(failure, HandshakeError::UnofferedExtension), "{value}: {failure:?}");
    }
}

/// EX04: an offer and its fallback, and answers that fit the one, the other or neither.
#[test]
fn a_client_may_offer_a_fallback() {
    let small = DeflateConfig::default()
        .server_max_window_bits(WindowBits::MIN)
        .server_no_context_takeover(true);
    let request = || {
        let small = small.clone().client_max_window_bits(WindowBits::MIN);
        let wide = DeflateConfig::default().client_max_window_bits(WindowBits::MAX);
        sample_request().deflate(small).or_deflate(wide)
    };
    let asked = client_within(request(), &HandshakeConfig::default()).says();
    let offers = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; \
                  client_max_window_bits=9, permessage-deflate; client_max_window_bits=15";
    assert!(asked.contains(&format!("\r\nSec-WebSocket-Extensions: {offers}\r\n")), "{asked}");
    for parameters in [
        "",
        "; client_max_window_bits=15",
        "; server_max_window_bits=10; client_max_window_bits=10",
        "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
    ] {
        let value = format!("Sec-WebSocket-Extensions: permessage-deflate{parameters}");
        let event = judged(request(), answer_with(&value));
        assert!(matches!(event, ClientEvent::Established(_)), "{parameters}: {event:?}");
    }
    let unmet = answer_with("Sec-WebSocket-Extensions: permessage-deflate; unknown");
    assert!(matches!(client_failure(request(), unmet), HandshakeError::Deflate(_)));
    // Nothing offered, nothing taken.
    let answer = answer_with("Sec-WebSocket-Extensions: permessage-deflate");
    let failure = client_failure(request().deflate(None), answer);
    assert!(matches!(failure, HandshakeError::UnofferedExtension));
}

/// EX02: a server without the extension is spoken to without it.
#[test]
fn a_server_that_does_not_compress_is_accepted() {
    assert!(matches!(judged(offering(), crate::talk::ANSWER), ClientEvent::Established(_)));
}

/// Both machines, byte for byte, as two ends of one stream.
#[test]
fn what_both_sides_agree_on_is_what_they_speak() {
    let mut client = client_within(offering(), &HandshakeConfig::default());
    let asked = client.says();
    assert!(asked.contains("\r\nSec-WebSocket-Extensions: permessage-deflate; "), "{asked}");

    let mut server = server();
    let request = server.hears_request(asked);
    let acceptance = request.accept(Accept::new().deflate(DeflateConfig::default())).unwrap();
    let config = Arc::new(Config::default());
    let machine = server.machine.accept(acceptance, Arc::clone(&config), server.now);
    let mut server = Talk { machine, input: server.input, now: server.now };
    let answer = server.says();
    let Some(ClientEvent::Established(established)) = client.hears(answer).pop() else { panic!() };
    let machine = established.into_connection(config, client.now);
    let mut client = Talk { machine, input: client.input, now: client.now + SECOND };

    let text = Message::Text("squall ".repeat(100).into());
    server.machine.send(server.now, text.clone()).unwrap();
    let transmit = squall_proto::Machine::transmit(&mut server.machine);
    let frame = bytes::Buf::copy_to_bytes(transmit, bytes::Buf::remaining(transmit));
    assert!(frame.starts_with(b"\xC1") && frame.len() < 100, "compressed");
    assert_eq!(client.hears(frame), [Event::Message(text)]);
}
