//! What a client asks for: URLs and headers from anybody.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Buf, BytesMut};
use http::{HeaderName, HeaderValue, Request, header};
use percent_encoding::percent_decode_str;
use squall_proto::{
    HandshakeConfig, Machine,
    deflate::DeflateConfig,
    handshake::{
        ClientHandshake, ClientRequest, HandshakeError, InvalidRequest, InvalidUrl, ServerEvent,
        ServerHandshake, UpgradeRequest,
    },
};
use url::{ParseError, Url};

use crate::world::{CountingKeys, beginning};

/// What was asked of the builder and not refused.
#[derive(Debug, Default, Clone)]
struct Wanted {
    host: Option<HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
    subprotocols: Vec<String>,
    deflate: bool,
}

/// A URL, and what is asked of the builder after it, with bytes 0xFF between them. Each call is a letter and its argument: `h` a header
/// with its value behind a colon, `o` an origin, `p` a subprotocol, `w` a header to leave out, `d` compression.
///
/// What is accepted is sent as it was asked for, with nothing injected into it; our own server accepts it and reads the same; a request of
/// the `http` crate comes to the same; and the `url` crate reads the URL alike.
pub fn client_request(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0xFF);
    let Some(text) = parts.next().and_then(|url| str::from_utf8(url).ok()) else { return };
    let request = ClientRequest::new(text);
    check_url(text, request.as_ref().map_err(|error| *error));
    let Ok(mut request) = request else { return };
    let mut wanted = Wanted::default();
    if let Some(authorization) = authorization(&request) {
        wanted.headers.push((header::AUTHORIZATION, authorization));
    }
    for call in parts {
        request = ask(request, &mut wanted, call);
    }
    let head = head(request.clone());
    check_head(&head, &request, &wanted);
    check_server(&head, &request, &wanted);
    let from_http = from_http(text, &wanted);
    assert_eq!(lines(&from_http), lines(&head), "a request of http comes to the same");
}

/// One call of the builder; what it refuses changes nothing.
fn ask(request: ClientRequest, wanted: &mut Wanted, call: &[u8]) -> ClientRequest {
    let Some((kind, argument)) = call.split_first() else { return request };
    match kind {
        b'h' => {
            let colon = argument.iter().position(|byte| *byte == b':').unwrap_or(argument.len());
            let (name, value) = argument.split_at(colon);
            let value = value.get(1..).unwrap_or_default();
            let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
            else {
                return request;
            };
            let asked = request.clone().header(name.clone(), value.clone());
            match &asked {
                Ok(_) => wanted.put(name, value),
                Err(InvalidRequest::ReservedHeader(_)) => assert!(is_reserved(&name)),
                Err(InvalidRequest::Host) => assert_eq!(name, header::HOST),
                Err(error) => panic!("{error}"),
            }
            asked.unwrap_or(request)
        }
        b'o' => {
            let Ok(origin) = HeaderValue::from_bytes(argument) else { return request };
            wanted.put(header::ORIGIN, origin.clone());
            request.origin(origin)
        }
        b'p' => {
            let Ok(subprotocol) = str::from_utf8(argument) else { return request };
            let asked = request.clone().subprotocol(subprotocol);
            match &asked {
                Ok(_) => wanted.subprotocols.push(subprotocol.to_owned()),
                Err(InvalidRequest::DuplicateSubprotocol(_)) => {
                    assert!(wanted.subprotocols.iter().any(|other| other == subprotocol));
                }
                Err(InvalidRequest::InvalidSubprotocol(_)) => assert!(!is_token(argument)),
                Err(error) => panic!("{error}"),
            }
            asked.unwrap_or(request)
        }
        b'w' => {
            let Ok(name) = HeaderName::from_bytes(argument) else { return request };
            wanted.headers.retain(|(other, _)| *other != name);
            request.without_header(&name)
        }
        b'd' => {
            wanted.deflate = true;
            request.deflate(DeflateConfig::default())
        }
        _ => request,
    }
}

impl Wanted {
    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        assert!(!is_reserved(&name));
        if name == header::HOST {
            self.host = Some(value);
            return;
        }
        if [header::ORIGIN, header::AUTHORIZATION].contains(&name) {
            self.headers.retain(|(other, _)| *other != name);
        }
        self.headers.push((name, value));
    }
}

/// The headers that the handshake sets itself.
fn is_reserved(name: &HeaderName) -> bool {
    ["connection", "upgrade", "content-length", "transfer-encoding"].contains(&name.as_str())
        || name.as_str().starts_with("sec-websocket-")
}

/// RFC 9110 §5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte))
}

fn authorization(request: &ClientRequest) -> Option<HeaderValue> {
    let keys = Box::new(CountingKeys { left: u32::MAX });
    let (request, _) = request.clone().begin(keys).expect("keys enough");
    request.headers().get(header::AUTHORIZATION).cloned()
}

/// The bytes that a client writes.
fn head(request: ClientRequest) -> Vec<u8> {
    let keys = Box::new(CountingKeys { left: u32::MAX });
    let mut handshake =
        ClientHandshake::new(request, &HandshakeConfig::default(), keys, beginning());
    let queued = handshake.transmit().remaining();
    handshake.transmit().copy_to_bytes(queued).to_vec()
}

/// The lines of a head, as their order does not matter.
fn lines(head: &[u8]) -> Vec<String> {
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::escape_ascii);
    let mut lines: Vec<String> = lines.map(|line| line.to_string()).collect();
    lines.sort();
    lines
}

/// The head has the lines that were asked for and no others.
fn check_head(head: &[u8], request: &ClientRequest, wanted: &Wanted) {
    let head = head.strip_suffix(b"\r\n\r\n").expect("a head ends with an empty line");
    // Latin-1, so that a character is a byte.
    let head: String = head.iter().map(|byte| char::from(*byte)).collect();
    let mut lines = head.split("\r\n");
    let target = request.path_and_query().as_str();
    assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(lines.next(), Some(format!("GET {target} HTTP/1.1").as_str()));
    let mut fields: Vec<(String, String)> = lines
        .map(|line| {
            assert!(!line.contains(|char: char| char.is_ascii_control() && char != '\t'));
            let (name, value) = line.split_once(": ").expect("a field");
            assert!(is_token(name.as_bytes()));
            (name.to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    let mut take = |name: &str| {
        let place = fields.iter().position(|(other, _)| other == name);
        place.map(|place| fields.remove(place).1)
    };
    assert_eq!(take("connection").as_deref(), Some("Upgrade"));
    assert_eq!(take("upgrade").as_deref(), Some("websocket"));
    assert_eq!(take("sec-websocket-version").as_deref(), Some("13"));
    assert_eq!(take("sec-websocket-key").map(|key| key.len()), Some(24));
    assert_eq!(take("sec-websocket-extensions").is_some(), wanted.deflate);
    let subprotocols = take("sec-websocket-protocol").unwrap_or_default();
    assert_eq!(subprotocols, wanted.subprotocols.join(","));
    let host = take("host").expect("a host");
    match &wanted.host {
        Some(wanted) => assert_eq!(host.as_bytes(), wanted.as_bytes()),
        None => assert_eq!(host, expected_host(request)),
    }
    assert!(host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\".contains(&byte)));
    let mut expected: Vec<(String, String)> = wanted
        .headers
        .iter()
        .map(|(name, value)| {
            let value = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            (name.as_str().to_owned(), value)
        })
        .collect();
    // Fields of one name keep their order; that of the names does not matter (RFC 9110 §5.3).
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(fields, expected);
}

/// HC10.
fn expected_host(request: &ClientRequest) -> String {
    let host = bracketed(request.host());
    let default = if request.is_secure() { 443 } else { 80 };
    if request.port() == default { host } else { format!("{host}:{}", request.port()) }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Our own server accepts the head, unless it has more fields than a server ever takes, and reads what was asked for.
fn check_server(head: &[u8], request: &ClientRequest, wanted: &Wanted) {
    let limits = HandshakeConfig::default()
        .max_head_size(1 << 20)
        .max_line_size(1 << 20)
        .max_headers(usize::MAX);
    let mut handshake = ServerHandshake::new(&limits, beginning());
    let mut input = BytesMut::from(head);
    match handshake.poll_event(beginning(), &mut input) {
        Some(ServerEvent::Request(read)) => {
            assert!(input.is_empty(), "one request");
            assert_eq!(read.request().uri(), request.path_and_query().as_str());
            assert!(read.subprotocols().eq(&wanted.subprotocols));
            // Space around a value is not part of it (RFC 9110 §5.5).
            let origins = wanted.headers.iter().filter(|(name, _)| *name == header::ORIGIN);
            let origins = origins.map(|(_, origin)| origin.as_bytes().trim_ascii());
            let read_origins = read.headers().get_all(header::ORIGIN).iter();
            assert!(read_origins.map(HeaderValue::as_bytes).eq(origins));
            let host = wanted.host.as_ref().map(|host| host.to_str().expect("ASCII").to_owned());
            assert_eq!(read.host(), Some(host.unwrap_or_else(|| expected_host(request)).as_str()));
        }
        Some(ServerEvent::Failed(HandshakeError::HeadTooLarge)) => {
            assert!(wanted.headers.len() > 240);
        }
        event => panic!("{event:?}"),
    }
    let keys = Box::new(CountingKeys { left: u32::MAX });
    let (request, _) = request.clone().begin(keys).expect("keys enough");
    assert!(UpgradeRequest::from_http(request).is_ok());
}

/// The same request by way of the `http` crate.
fn from_http(url: &str, wanted: &Wanted) -> Vec<u8> {
    let mut request = Request::get(url).body(()).expect("a URL that was accepted");
    let headers = request.headers_mut();
    headers.extend(wanted.host.clone().map(|host| (header::HOST, host)));
    for (name, value) in &wanted.headers {
        headers.append(name, value.clone());
    }
    if !wanted.subprotocols.is_empty() {
        let subprotocols = wanted.subprotocols.join(", ").try_into().expect("tokens");
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocols);
    }
    let mut request = ClientRequest::from_http(request).expect("what the builder accepted");
    if !wanted.headers.iter().any(|(name, _)| *name == header::AUTHORIZATION) {
        request = request.without_header(&header::AUTHORIZATION);
    }
    head(request.deflate(wanted.deflate.then(DeflateConfig::default)))
}

/// The `url` crate reads the same out of a URL that both accept; and where only one accepts it, that has a reason.
fn check_url(text: &str, ours: Result<&ClientRequest, InvalidUrl>) {
    assert_eq!(ours.as_ref().err() == Some(&InvalidUrl::Fragment), text.contains('#'));
    match (ours, Url::parse(text)) {
        (Ok(ours), Ok(theirs)) => check_same(ours, &theirs),
        (Ok(_), Err(error)) => assert!(
            [
                // Which names and numbers are hosts is for the resolver to say.
                ParseError::IdnaError,
                ParseError::InvalidIpv4Address,
                ParseError::InvalidIpv6Address,
                ParseError::InvalidDomainCharacter,
            ]
            .contains(&error),
            "{error}"
        ),
        (Err(InvalidUrl::Scheme), Ok(theirs)) => assert!(!is_known(theirs.scheme())),
        (Err(_), _) => {}
    }
}

fn is_known(scheme: &str) -> bool {
    ["ws", "wss", "http", "https"].contains(&scheme)
}

fn check_same(ours: &ClientRequest, theirs: &Url) {
    assert!(is_known(theirs.scheme()));
    assert_eq!(ours.is_secure(), ["wss", "https"].contains(&theirs.scheme()));
    assert_eq!(Some(ours.port()), theirs.port_or_known_default());
    // The other one writes hosts and paths in one of several forms: so it writes ours as well.
    let (host, resource) = (bracketed(ours.host()), ours.path_and_query());
    let again = format!("{}://{host}:{}{resource}", theirs.scheme(), ours.port());
    let again = Url::parse(&again).expect("what was read out of a URL is one again");
    assert_eq!(again.host_str(), theirs.host_str());
    assert_eq!((again.path(), again.query()), (theirs.path(), theirs.query()));
    let user: Vec<u8> = percent_decode_str(theirs.username()).collect();
    let password: Vec<u8> = percent_decode_str(theirs.password().unwrap_or_default()).collect();
    let basic = format!("Basic {}", STANDARD.encode([user, b":".to_vec(), password].concat()));
    let has_credentials = !theirs.username().is_empty() || theirs.password().is_some();
    let expected = has_credentials.then_some(basic);
    assert_eq!(
        authorization(ours).map(|value| value.to_str().expect("ASCII").to_owned()),
        expected
    );
}
