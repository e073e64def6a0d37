//! Negotiation of permessage-deflate: offers and answers from anybody.

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use http::{HeaderValue, Request, Response};
use squall_proto::{
    Config, Connection, Event, Machine, Message,
    deflate::{DeflateConfig, WindowBits},
    handshake::{Accept, Acceptance, ClientRequest, UpgradeRequest},
};

use crate::world::{CountingKeys, beginning};

const KNOWN: [&str; 4] = [
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
];

/// The configuration of one side.
#[derive(Debug, Arbitrary)]
struct Wish {
    server_bits: Option<u8>,
    client_bits: Option<u8>,
    server_takeover: bool,
    client_takeover: bool,
}

/// An offer or an answer, its parameters in order.
type Parameters<'a> = Vec<(&'a str, Option<&'a str>)>;

/// A server with some configuration answers any offers as RFC 7692 §7.1 says, its answer is taken by the client, and they understand
/// each other; any answer is taken or refused; and any two configurations understand each other.
pub fn extensions(bytes: &[u8]) {
    let mut source = Unstructured::new(bytes);
    let Ok((server, client)) = <(Wish, Wish)>::arbitrary(&mut source) else { return };
    let (server, client) = (server.config(), client.config());
    let value = HeaderValue::from_bytes(source.take_rest());
    if let Ok(value) = value {
        answer_any(&value, &server);
        drop(established(&value, client.clone()));
    }
    let offer = offer_of(&client);
    let acceptance = accept(&offer, &server).expect("our own offer is a list");
    if let Some(answer) = acceptance.response().headers().get("Sec-WebSocket-Extensions") {
        let taken = established(answer, client);
        talk(acceptance, taken.expect("our own answer fits our own offer"));
    }
}

fn answer_any(offers: &HeaderValue, server: &DeflateConfig) {
    let Some(acceptance) = accept(offers, server) else { return };
    let answer = acceptance.response().headers().get("Sec-WebSocket-Extensions").cloned();
    let offers = offers.to_str().unwrap_or_default();
    // Quotes are for the parser of lists, which has tests of its own.
    if !offers.contains('"') {
        let mut valid = offers.split(',').filter_map(|offer| valid_offer(offer.trim()));
        match (&answer, valid.next()) {
            (None, None) => {}
            (Some(answer), Some(offer)) => {
                let answer = answer.to_str().expect("our own header");
                check_answer(&parameters(answer), &offer);
            }
            (answer, offer) => panic!("{offer:?} is answered with {answer:?}"),
        }
    }
    if let Some(answer) = answer {
        let taken = established(&answer, DeflateConfig::default());
        talk(
            acceptance,
            taken.expect("a client that wants nothing special takes any valid answer"),
        );
    }
}

/// An offer that can be met, by the letter of RFC 7692 §7.1.
fn valid_offer(offer: &str) -> Option<Parameters<'_>> {
    let parameters = parameters(offer);
    let (name, rest) = parameters.split_first()?;
    if *name != ("permessage-deflate", None) {
        return None;
    }
    let bits: Vec<String> = (8..=15).map(|bits| bits.to_string()).collect();
    let is_bits = |value: &str| bits.iter().any(|bits| bits == value);
    let is_valid = rest.iter().enumerate().all(|(index, (name, value))| {
        let is_first = rest[..index].iter().all(|(other, _)| other != name);
        let is_value = match (*name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover", value) => value.is_none(),
            ("server_max_window_bits", value) => value.is_some_and(|v| is_bits(v) && v != "8"),
            ("client_max_window_bits", value) => value.is_none_or(is_bits),
            _ => false,
        };
        is_first && is_value
    });
    is_valid.then(|| rest.to_vec())
}

fn parameters(extension: &str) -> Parameters<'_> {
    extension
        .split(';')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (parameter.trim(), None),
        })
        .collect()
}

fn check_answer(answer: &Parameters<'_>, offer: &Parameters<'_>) {
    assert_eq!(answer[0], ("permessage-deflate", None));
    let find = |list: &Parameters<'_>, name| {
        list.iter().find(|(other, _)| *other == name).map(|(_, value)| value.map(str::to_owned))
    };
    let number = |value: Option<String>| value.map(|value| value.parse::<u8>().expect("a number"));
    for (index, (name, _)) in answer.iter().enumerate().skip(1) {
        assert!(KNOWN.contains(name));
        assert!(answer[..index].iter().all(|(other, _)| other != name), "each once");
    }
    // §7.1.1.1: a demand is met.
    assert!(find(offer, KNOWN[0]).is_none() || find(answer, KNOWN[0]) == Some(None));
    // §7.1.2.1: a demand is met with no more than was asked for, and nothing is said unasked.
    match (find(offer, KNOWN[2]), find(answer, KNOWN[2])) {
        (None, None) => {}
        (Some(offered), Some(answered)) => {
            let (offered, answered) = (number(offered).unwrap(), number(answered).unwrap());
            assert!((9..=offered).contains(&answered));
        }
        (offered, answered) => panic!("{offered:?} {answered:?}"),
    }
    // §7.1.2.2: nothing is asked of a client that does not know it, and nothing more than it offers.
    match (find(offer, KNOWN[3]), find(answer, KNOWN[3])) {
        (_, None) => {}
        (Some(offered), Some(answered)) => {
            let (offered, answered) = (number(offered).unwrap_or(15), number(answered).unwrap());
            assert!((8..=offered).contains(&answered));
        }
        (None, answered) => panic!("{answered:?}"),
    }
}

/// The acceptance of a request with these offers, if it is a list of extensions.
fn accept(offers: &HeaderValue, server: &DeflateConfig) -> Option<Acceptance> {
    let request = Request::get("/")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
        .header("Sec-WebSocket-Extensions", offers)
        .body(())
        .expect("a request");
    let request = UpgradeRequest::from_http(request).ok()?;
    Some(request.accept(Accept::new().deflate(server.clone())).expect("nothing else is asked for"))
}

fn request(client: &DeflateConfig) -> ClientRequest {
    ClientRequest::new("ws://example.com/").expect("a URL").deflate(client.clone())
}

fn keys() -> Box<CountingKeys> {
    Box::new(CountingKeys { left: u32::MAX })
}

fn offer_of(client: &DeflateConfig) -> HeaderValue {
    let (request, _) = request(client).begin(keys()).expect("keys enough");
    request.headers()["Sec-WebSocket-Extensions"].clone()
}

/// The client's connection, if it takes the answer.
fn established(answer: &HeaderValue, client: DeflateConfig) -> Option<Connection> {
    let (request, awaiting) = request(&client).begin(keys()).expect("keys enough");
    let request = UpgradeRequest::from_http(request).expect("our own request");
    let acceptance = request.accept(Accept::new()).expect("nothing is asked for");
    let mut response: Response<()> = acceptance.response().clone();
    response.headers_mut().insert("Sec-WebSocket-Extensions", answer.clone());
    let established = awaiting.check(response).ok()?;
    Some(established.into_connection(Arc::new(Config::default()), beginning()))
}

/// Both say the same again and again, and are understood.
fn talk(acceptance: Acceptance, mut client: Connection) {
    let now = beginning();
    let mut server = acceptance.into_connection(Arc::new(Config::default()), now);
    let told = Message::from("what was said is said again, ".repeat(30));
    for _ in 0..2 {
        for is_server in [true, false] {
            let (from, to) =
                if is_server { (&mut server, &mut client) } else { (&mut client, &mut server) };
            from.send(now, told.clone()).expect("open");
            let mut wire = BytesMut::new();
            let queued = from.queued();
            wire.extend_from_slice(&bytes::Buf::copy_to_bytes(from.transmit(), queued));
            assert_eq!(to.poll_event(now, &mut wire), Some(Event::Message(told.clone())));
        }
    }
}

impl Wish {
    fn config(&self) -> DeflateConfig {
        let bits = |bits: u8| WindowBits::new(9 + bits % 7).expect("9 to 15");
        let mut config = DeflateConfig::default()
            .server_no_context_takeover(!self.server_takeover)
            .client_no_context_takeover(!self.client_takeover);
        if let Some(server) = self.server_bits {
            config = config.server_max_window_bits(bits(server));
        }
        if let Some(client) = self.client_bits {
            config = config.client_max_window_bits(bits(client));
        }
        config
    }
}
