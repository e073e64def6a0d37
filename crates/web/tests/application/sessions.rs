//! Open connections: their hooks, one after another, and what becomes of those that fail.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use squall_tokio::{
    Error,
    proto::{CloseFrame, Closed},
    web::{
        Application, Close, CloseCode, ControlPayload, Failure, Handler, Hook, Initiator, Message,
        Session, TryWriteError, WebSocketClosed,
    },
};
use tokio::sync::Notify;

use crate::{Raw, connect, served, text, until};

/// What the test and the handler share.
#[derive(Default)]
struct Shared {
    notes: Mutex<Vec<String>>,
    session: Mutex<Option<Session>>,
    go_on: Notify,
    closes: AtomicUsize,
    ends: Mutex<Vec<Close>>,
}

impl Shared {
    fn note(&self, note: impl Into<String>) {
        self.notes.lock().unwrap().push(note.into());
    }

    fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap().clone()
    }

    fn session(&self) -> Session {
        self.session.lock().unwrap().clone().unwrap()
    }
}

/// Does what messages tell it to.
struct Obedient(Arc<Shared>);

impl Handler for Obedient {
    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        *self.0.session.lock().unwrap() = Some(session.clone());
        match session.request().path() {
            "/fail" => return Err("told to fail in open".into()),
            "/wait" => self.0.go_on.notified().await,
            _ => {}
        }
        self.0.note("open");
        Ok(())
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        let text = message.as_text().unwrap_or_default();
        self.0.note(format!("{text} begins"));
        match text {
            "fail" => {
                session.write_message("before").await?;
                return Err("told to fail".into());
            }
            "panic" => panic!("told to panic"),
            "wait" => self.0.go_on.notified().await,
            "close" => session.close(CloseCode::NORMAL, "as told"),
            "json" => session.write_json(&["</script>", "é"]).await?,
            _ => session.write_message(message.clone()).await?,
        }
        self.0.note(format!("{text} ends"));
        Ok(())
    }

    async fn on_ping(&mut self, _: &Session, payload: ControlPayload) -> Result<(), Failure> {
        self.0.note(format!("ping {}", String::from_utf8_lossy(&payload)));
        Ok(())
    }

    async fn on_pong(&mut self, _: &Session, payload: ControlPayload) -> Result<(), Failure> {
        self.0.note(format!("pong {}", String::from_utf8_lossy(&payload)));
        Ok(())
    }

    async fn on_close(&mut self, session: &Session, close: Close) {
        assert_eq!(session.write_message("x").await, Err(WebSocketClosed));
        self.0.closes.fetch_add(1, Ordering::SeqCst);
        self.0.note(format!(
            "close {:?} {:?} {:?} {}",
            close.code().map(CloseCode::get),
            close.reason(),
            close.initiator(),
            close.is_clean()
        ));
        self.0.ends.lock().unwrap().push(close);
    }

    fn on_error(&mut self, _: &Session, failure: &Failure) {
        self.0.note(format!("error {failure}"));
    }
}

/// Serves obedient handlers everywhere; reports are noted too.
async fn obedient() -> (std::net::SocketAddr, Arc<Shared>) {
    let shared = Arc::new(Shared::default());
    let (handlers, reports) = (Arc::clone(&shared), Arc::clone(&shared));
    let application = Application::new()
        .on_uncaught(move |report| {
            let line = report.to_string();
            assert!(line.starts_with("uncaught ") && !line.contains('\n'), "{line}");
            reports.note(format!("report {:?}", report.hook));
        })
        .websocket("/{*any}", move |_| Obedient(Arc::clone(&handlers)))
        .unwrap();
    (served(application).await, shared)
}

#[tokio::test]
async fn the_first_message_waits_for_open_and_the_next_for_the_one_before() {
    let (address, shared) = obedient().await;
    let mut socket = connect(address, "/wait").await;
    socket.send("a").await.unwrap();
    socket.send("wait").await.unwrap();
    socket.send("b").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(shared.notes().is_empty());
    shared.go_on.notify_one();
    assert_eq!(text(&mut socket).await, "a");
    until(|| shared.notes().len() == 4).await;
    assert_eq!(shared.notes(), ["open", "a begins", "a ends", "wait begins"]);
    shared.go_on.notify_one();
    assert_eq!(text(&mut socket).await, "b");
}

#[tokio::test]
async fn pings_are_answered_while_a_hook_waits() {
    let (address, shared) = obedient().await;
    let (mut raw, _) = Raw::upgraded(address, "/x").await;
    raw.write(b"\x81\x84\0\0\0\0wait").await;
    until(|| shared.notes().len() == 2).await;
    for _ in 0..2 {
        raw.write(b"\x89\x82\0\0\0\0hi").await;
        assert_eq!(raw.read(4).await, b"\x8a\x02hi");
    }
}

#[tokio::test]
async fn while_a_hook_waits_one_message_is_read_ahead() {
    let (address, shared) = obedient().await;
    let (mut raw, _) = Raw::upgraded(address, "/x").await;
    raw.write(b"\x81\x84\0\0\0\0wait\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b").await;
    until(|| shared.notes().len() == 2 && shared.session().stats().messages_received > 1).await;
    assert_eq!(shared.session().stats().messages_received, 2);
    shared.go_on.notify_one();
    assert_eq!(raw.read(6).await, b"\x81\x01a\x81\x01b");
}

#[tokio::test]
async fn messages_pings_and_pongs_are_handled_in_their_order() {
    let (address, shared) = obedient().await;
    let (mut raw, _) = Raw::upgraded(address, "/x").await;
    raw.write(b"\x81\x81\0\0\0\0a\x89\x81\0\0\0\0b\x8a\x81\0\0\0\0c\x81\x81\0\0\0\0d").await;
    until(|| shared.notes().len() >= 7).await;
    let handled = ["open", "a begins", "a ends", "ping b", "pong c", "d begins", "d ends"];
    assert_eq!(shared.notes(), handled);
}

#[tokio::test]
async fn nothing_is_handled_after_a_hook_that_failed() {
    let (address, shared) = obedient().await;
    let (mut raw, _) = Raw::upgraded(address, "/x").await;
    raw.write(b"\x81\x84\0\0\0\0fail\x89\x80\0\0\0\0\x8a\x80\0\0\0\0\x88\x80\0\0\0\0").await;
    assert_eq!(raw.rest().await, b"\x81\x06before\x88\x02\x03\xf3");
    drop(raw);
    until(|| shared.closes.load(Ordering::SeqCst) == 1).await;
    let close = "close None None Some(Local) true";
    let handled = ["open", "fail begins", "report Message", "error told to fail", close];
    assert_eq!(shared.notes(), handled);
}

#[tokio::test]
async fn a_hook_that_fails_ends_its_connection_with_1011_and_no_other() {
    for (message, hook, error) in [
        ("fail", Hook::Message, "error told to fail"),
        ("panic", Hook::Message, "error panicked: told to panic"),
    ] {
        let (address, shared) = obedient().await;
        let mut other = connect(address, "/x").await;
        let mut socket = connect(address, "/x").await;
        socket.send(message).await.unwrap();
        socket.send("never handled").await.unwrap();
        if message == "fail" {
            assert_eq!(text(&mut socket).await, "before");
        }
        assert!(socket.recv().await.unwrap().is_none());
        let Some(Closed::Clean(Some(frame))) = socket.closed() else { panic!("not closed") };
        assert_eq!(frame, CloseFrame::from(CloseCode::INTERNAL_ERROR));
        until(|| shared.closes.load(Ordering::SeqCst) == 1).await;
        let notes = shared.notes();
        let report = format!("report {hook:?}");
        let close = "close Some(1011) None Some(Local) true";
        assert_eq!(notes[3..], [report.as_str(), error, close], "{notes:?}");
        other.send("still here").await.unwrap();
        assert_eq!(text(&mut other).await, "still here");
    }
}

#[tokio::test]
async fn an_open_that_fails_ends_its_connection_with_1011() {
    let (address, shared) = obedient().await;
    let mut socket = connect(address, "/fail").await;
    assert!(socket.recv().await.unwrap().is_none());
    until(|| shared.closes.load(Ordering::SeqCst) == 1).await;
    assert_eq!(shared.notes()[0], "report Open");
}

/// Fails at all that comes, and panics when it is told of that and of the end.
struct Failing;

impl Handler for Failing {
    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Err("message".into())
    }

    async fn on_ping(&mut self, _: &Session, _: ControlPayload) -> Result<(), Failure> {
        Err("ping".into())
    }

    async fn on_pong(&mut self, _: &Session, _: ControlPayload) -> Result<(), Failure> {
        Err("pong".into())
    }

    async fn on_close(&mut self, _: &Session, _: Close) {
        panic!("closed")
    }

    fn on_error(&mut self, _: &Session, failure: &Failure) {
        panic!("error of {failure}")
    }
}

#[tokio::test]
async fn every_hook_that_fails_is_reported_by_its_name() {
    let shared = Arc::new(Shared::default());
    let reports = Arc::clone(&shared);
    let application = Application::new()
        .on_uncaught(move |report| reports.note(format!("{}: {}", report.hook, report.failure)))
        .websocket("/", |_| Failing)
        .unwrap();
    let address = served(application).await;
    for (frame, name) in [(b"\x81\x80", "message"), (b"\x89\x80", "ping"), (b"\x8a\x80", "pong")] {
        let (mut raw, _) = Raw::upgraded(address, "/").await;
        raw.write([frame, &b"\0\0\0\0"[..], b"\x88\x80\0\0\0\0"].concat()).await;
        raw.rest().await;
        drop(raw);
        until(|| shared.notes().len() == 3).await;
        let notes = std::mem::take(&mut *shared.notes.lock().unwrap());
        let error = format!("on_error: panicked: error of {name}");
        assert_eq!(
            notes,
            [format!("on_{name}: {name}"), error, "on_close: panicked: closed".into()]
        );
    }
}

#[tokio::test]
async fn on_close_tells_who_began_and_how_it_went() {
    let (address, shared) = obedient().await;
    let mut socket = connect(address, "/x").await;
    let reason = CloseFrame::truncated(CloseCode::GOING_AWAY, "goodbye");
    socket.close(reason).await.unwrap();
    let mut socket = connect(address, "/x").await;
    socket.send("close").await.unwrap();
    assert!(socket.recv().await.unwrap().is_none());
    drop(socket);
    until(|| shared.closes.load(Ordering::SeqCst) == 2).await;
    drop(Raw::upgraded(address, "/x").await);
    until(|| shared.closes.load(Ordering::SeqCst) == 3).await;
    let notes = shared.notes();
    let closes: Vec<_> = notes.iter().filter(|note| note.starts_with("close ")).collect();
    let (local, remote) = (Some(Initiator::Local), Some(Initiator::Peer));
    assert_eq!(closes[0], &format!(r#"close Some(1001) Some("goodbye") {remote:?} true"#));
    assert_eq!(closes[1], "close begins");
    assert_eq!(closes[2], "close ends");
    assert_eq!(closes[3], &format!("close Some(1000) None {local:?} true"));
    assert!(closes[4].starts_with("close None None ") && closes[4].ends_with(" false"));
}

#[tokio::test]
async fn an_end_without_a_closing_handshake_says_why() {
    let (address, shared) = obedient().await;
    // An empty Close frame, nothing, and a frame that is not masked.
    for (bytes, count) in [(&b"\x88\x80\0\0\0\0"[..], 1), (b"", 2), (b"\x81\x01x", 3)] {
        let (mut raw, _) = Raw::upgraded(address, "/x").await;
        raw.write(bytes).await;
        if !bytes.is_empty() {
            raw.rest().await;
        }
        drop(raw);
        until(|| shared.ends.lock().unwrap().len() == count).await;
    }
    let ends = shared.ends.lock().unwrap();
    assert!(ends[0].error().is_none(), "{:?}", ends[0]);
    assert!(matches!(ends[1].error(), Some(Error::Eof)), "{:?}", ends[1]);
    assert!(matches!(ends[2].error(), Some(Error::Violation(_))), "{:?}", ends[2]);
}

#[tokio::test]
async fn messages_that_cross_our_close_frame_are_still_handled() {
    let (address, shared) = obedient().await;
    let (mut raw, _) = Raw::upgraded(address, "/x").await;
    raw.write(b"\x81\x85\0\0\0\0close").await;
    assert_eq!(raw.read(2).await, b"\x88\x09");
    raw.write(b"\x81\x84\0\0\0\0wait").await;
    until(|| shared.notes().contains(&"wait begins".to_owned())).await;
}

#[tokio::test]
async fn any_task_can_write_until_the_connection_closes() {
    let (address, shared) = obedient().await;
    let mut socket = connect(address, "/x").await;
    until(|| shared.notes() == ["open"]).await;
    let session = shared.session();
    assert_eq!(session.peer().map(|peer| peer.ip()), Some(address.ip()));
    session.write_message("from another task").await.unwrap();
    assert_eq!(text(&mut socket).await, "from another task");
    session.try_write_message("without waiting").unwrap();
    assert_eq!(text(&mut socket).await, "without waiting");
    session.ping(ControlPayload::new("p").unwrap()).await.unwrap();
    session.set_nodelay(true).unwrap();
    session.close(None, "");
    assert!(!session.is_open());
    assert_eq!(session.write_message("too late").await, Err(WebSocketClosed));
    assert!(matches!(session.try_write_message("x"), Err(TryWriteError::Closed(_))));
    assert!(socket.recv().await.unwrap().is_none());
    assert_eq!(socket.closed(), Some(Closed::Clean(None)));
    until(|| shared.closes.load(Ordering::SeqCst) == 1).await;
    assert!(shared.notes().contains(&"pong p".to_owned()));
}

#[tokio::test]
async fn a_peer_that_reads_nothing_holds_the_writer_back() {
    let (address, shared) = obedient().await;
    let socket = connect(address, "/x").await;
    until(|| shared.notes() == ["open"]).await;
    let session = shared.session();
    let flood = async {
        loop {
            session.write_message(vec![0; 32 << 10]).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_millis(300), flood).await.expect_err("it waits");
    assert!(session.queued() < 128 << 10, "{}", session.queued());
    assert!(matches!(session.try_write_message(vec![0]), Err(TryWriteError::Full(_))));
    drop(socket);
}

#[tokio::test]
async fn json_can_stand_inside_a_script() {
    let (address, _) = obedient().await;
    let mut socket = connect(address, "/x").await;
    socket.send("json").await.unwrap();
    assert_eq!(text(&mut socket).await, r#"["<\/script>","é"]"#);
}
