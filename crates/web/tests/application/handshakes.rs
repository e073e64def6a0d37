//! From a request to a WebSocket, through the hooks of its handler.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use squall_tokio::web::{
    Application, Config, Failure, Handler, Handshake, Message, Refusal, Request, Response, Session,
    Settings,
};

use crate::{Raw, served, status, upgrade};

/// Records which hooks of the handshake ran, and does what the query asks for.
#[derive(Clone, Default)]
struct Door(Arc<Mutex<Vec<String>>>);

impl Door {
    fn note(&self, hook: impl Into<String>) {
        self.0.lock().unwrap().push(hook.into());
    }
}

impl Handler for Door {
    async fn prepare(&mut self, handshake: &mut Handshake) -> Result<(), Refusal> {
        self.note("prepare");
        match handshake.request().query() {
            Some("refuse") => {
                let status = http::StatusCode::UNAUTHORIZED;
                return Err(Response::text("who are you?").with_status(status).into());
            }
            Some("fail") => return Err(std::io::Error::other("told to").into()),
            Some("panic") => panic!("told to"),
            Some("wait") => std::future::pending().await,
            Some("reserved") => handshake.add_header(http::header::UPGRADE, "x".parse()?),
            _ => handshake.add_header("x-extra".parse()?, "1".parse()?),
        }
        Ok(())
    }

    fn check_origin(&mut self, origin: &str, _: &Request) -> bool {
        self.note(format!("check_origin {origin}"));
        origin == "http://friend.test"
    }

    fn select_subprotocol(&mut self, offered: &[&str]) -> Option<String> {
        self.note(format!("select_subprotocol {offered:?}"));
        offered.iter().find(|name| **name == "b").map(|name| (*name).to_owned())
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

/// The head of the answer to a request, and which hooks ran.
async fn asked(request: &str) -> (String, Vec<String>) {
    let door = Door::default();
    let handler = door.clone();
    let application = Application::new()
        .on_uncaught(|_| {})
        .settings(Settings::default().handshake_timeout(Duration::from_millis(100)))
        .websocket("/door", move |_| handler.clone())
        .unwrap();
    let mut raw = Raw::connect(served(application).await).await;
    raw.write(request).await;
    let head = raw.head().await;
    let hooks = door.0.lock().unwrap().clone();
    (head, hooks)
}

#[tokio::test]
async fn every_hook_has_its_say_in_order_and_once() {
    let lines = "Origin: http://friend.test\r\nSec-WebSocket-Protocol: a, b\r\n";
    let (head, hooks) = asked(&upgrade("/door", lines)).await;
    assert_eq!(status(&head), 101);
    assert!(head.contains("x-extra: 1\r\n"), "{head}");
    assert!(head.contains("sec-websocket-protocol: b\r\n"), "{head}");
    assert_eq!(
        hooks,
        ["prepare", "check_origin http://friend.test", r#"select_subprotocol ["a", "b"]"#]
    );
}

#[tokio::test]
async fn the_subprotocol_is_asked_for_also_when_none_is_offered() {
    let (head, hooks) = asked(&upgrade("/door", "")).await;
    assert!(status(&head) == 101 && !head.contains("sec-websocket-protocol"), "{head}");
    assert_eq!(hooks, ["prepare", "select_subprotocol []"]);
}

#[tokio::test]
async fn prepare_can_answer_with_anything() {
    let (head, hooks) = asked(&upgrade("/door?refuse", "Origin: http://foe.test\r\n")).await;
    assert_eq!((status(&head), hooks), (401, vec!["prepare".to_owned()]));
    for query in ["fail", "panic", "reserved"] {
        let (head, _) = asked(&upgrade(&format!("/door?{query}"), "")).await;
        assert_eq!(status(&head), 500, "{query}");
    }
    assert_eq!(status(&asked(&upgrade("/door?wait", "")).await.0), 503);
}

#[tokio::test]
async fn the_origin_is_judged_after_the_upgrade_and_before_the_version() {
    let foe = upgrade("/door", "Origin: http://foe.test\r\n");
    assert_eq!(status(&asked(&foe).await.0), 403);
    assert_eq!(status(&asked(&foe.replace("Version: 13", "Version: 8")).await.0), 403);
    assert_eq!(status(&asked(&foe.replace("Upgrade: websocket\r\n", "")).await.0), 400);
    let friend = foe.replace("foe", "friend");
    let (head, hooks) = asked(&friend.replace("Version: 13", "Version: 8")).await;
    assert!(status(&head) == 426 && head.contains("sec-websocket-version: 13\r\n"), "{head}");
    assert_eq!(hooks.len(), 2);
    assert_eq!(status(&asked(&friend.replace("25jZQ==", "25j")).await.0), 400);
    assert_eq!(status(&asked(&friend.replace("HTTP/1.1", "HTTP/1.0")).await.0), 505);
}

#[tokio::test]
async fn a_page_and_a_websocket_can_share_a_path() {
    let application = Application::new()
        .get("/", async |_| "page")
        .unwrap()
        .websocket("/", |_| Door::default())
        .unwrap();
    let address = served(application).await;
    let mut raw = Raw::connect(address).await;
    raw.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(raw.answer().await, (200, "page".to_owned()));
    // The same connection becomes a WebSocket.
    raw.write(upgrade("/", "")).await;
    assert_eq!(status(&raw.head().await), 101);
}

#[tokio::test]
async fn only_get_opens_a_websocket() {
    let (head, hooks) = asked(&upgrade("/door", "").replace("GET", "POST")).await;
    assert!(status(&head) == 405 && head.contains("allow: get\r\n"), "{head}");
    assert!(hooks.is_empty());
}

/// Leaves to the defaults what it can.
struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}

/// The head of the answer of a handler to a request with these lines.
async fn answered<H: Handler>(handler: fn() -> H, settings: Settings, lines: &str) -> String {
    let application = Application::new().settings(settings).websocket("/", move |_| handler());
    let mut raw = Raw::connect(served(application.unwrap()).await).await;
    raw.write(upgrade("/", lines)).await;
    raw.head().await
}

#[tokio::test]
async fn by_default_the_trusted_origins_may_connect_and_no_others() {
    let trusting = Settings::default().trusted_origins(["http://b.test", "http://c.test"]);
    for (settings, origin, expected) in [
        (&trusting, "http://b.test", 101),
        (&trusting, "http://c.test", 101),
        (&trusting, "http://d.test", 403),
        (&Settings::default(), "http://b.test", 403),
        (&Settings::default(), "http://a.test", 101),
    ] {
        let head = answered(|| Echo, settings.clone(), &format!("Origin: {origin}\r\n")).await;
        assert_eq!(status(&head), expected, "{origin}");
    }
}

#[tokio::test]
async fn by_default_nothing_is_selected_of_what_is_offered() {
    let lines = "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    let head = answered(|| Echo, Settings::default(), lines).await;
    assert!(status(&head) == 101 && !head.contains("\r\nsec-websocket-protocol"), "{head}");
    assert!(!head.contains("\r\nsec-websocket-extensions"), "{head}");
}

#[cfg(feature = "deflate")]
#[tokio::test]
async fn a_handler_that_compresses_takes_the_offer() {
    use squall_tokio::web::deflate::DeflateConfig;
    struct Compressing;
    impl Handler for Compressing {
        fn compression(&mut self, _: &Request) -> Option<DeflateConfig> {
            Some(DeflateConfig::default())
        }
        async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
            Ok(())
        }
    }
    let lines = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let head = answered(|| Compressing, Settings::default(), lines).await;
    assert!(head.contains("\r\nsec-websocket-extensions: permessage-deflate"), "{head}");
}

#[tokio::test]
async fn the_limits_are_those_of_the_settings_unless_the_handler_has_its_own() {
    struct Generous;
    impl Handler for Generous {
        fn options(&mut self, defaults: &Arc<Config>) -> Arc<Config> {
            assert_eq!(defaults.message_limit(), 4);
            Arc::new(Config::default().max_message_size(5))
        }
        async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
            Echo.on_message(session, message).await
        }
    }
    let application = Application::new()
        .settings(Settings::default().websocket(Config::default().max_message_size(4)))
        .websocket("/", |_| Echo)
        .unwrap()
        .websocket("/generous", |_| Generous)
        .unwrap();
    let address = served(application).await;
    let (mut raw, _) = Raw::upgraded(address, "/").await;
    raw.write(b"\x81\x84\0\0\0\0four\x81\x85\0\0\0\0fives").await;
    assert_eq!(raw.read(6).await, b"\x81\x04four");
    // 1009: the message is too big.
    let farewell = raw.read(4).await;
    assert_eq!((farewell[0], &farewell[2..]), (0x88, &b"\x03\xf1"[..]));
    let (mut raw, _) = Raw::upgraded(address, "/generous").await;
    raw.write(b"\x81\x85\0\0\0\0fives").await;
    assert_eq!(raw.read(7).await, b"\x81\x05fives");
}
