//! The room: who is in it, and what was said.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use squall_proto::deflate::DeflateConfig;
use squall_tokio::web::{
    Close, CloseCode, Failure, Handler, Message, Request, Session, TryWriteError, json,
};

/// How many lines a newcomer gets to see.
const HISTORY: usize = 200;

/// The most characters of a line and of a name.
const MAX_LINE: usize = 4000;
const MAX_NAME: usize = 24;

/// What a page says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum FromPage {
    /// A line; `key` is the page's own mark of it, by which a line that is sent again after a lost connection is known.
    Say { text: String, key: String },
    /// What its reader wants to be called.
    Name { name: String },
}

/// What a page is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToPage<'a> {
    Welcome { name: &'a str, lines: &'a VecDeque<Line>, online: Vec<&'a str> },
    Line { line: &'a Line },
    Online { online: Vec<&'a str> },
    You { name: &'a str },
}

#[derive(Serialize)]
struct Line {
    /// Different for each line, whichever run of the program it is from.
    id: String,
    key: String,
    name: String,
    text: String,
    /// Milliseconds since 1970.
    at: u64,
}

/// The room. Everything that is said goes to everyone in the same order.
pub(super) struct Room(Mutex<State>);

struct State {
    /// When this run of the program began, in milliseconds since 1970.
    started: u64,
    next: u64,
    members: BTreeMap<u64, Seat>,
    lines: VecDeque<Line>,
}

/// A member of the room.
struct Seat {
    session: Session,
    name: String,
}

impl Room {
    pub(super) fn new() -> Self {
        let (members, lines) = (BTreeMap::new(), VecDeque::new());
        Self(Mutex::new(State { started: milliseconds(), next: 0, members, lines }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic leaves behind is a list of members and lines like any other.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, session: &Session) -> u64 {
        self.next += 1;
        let member = self.next;
        let name = format!("Guest {member}");
        self.members.insert(member, Seat { session: session.clone(), name: name.clone() });
        let lines = &self.lines;
        write(session, &ToPage::Welcome { name: &name, lines, online: self.online() });
        self.tell_who_is_online();
        member
    }

    fn leave(&mut self, member: u64) {
        if self.members.remove(&member).is_some() {
            self.tell_who_is_online();
        }
    }

    fn rename(&mut self, member: u64, name: &str) {
        let visible = name.chars().filter(|character| !character.is_control());
        let name: String = visible.take(MAX_NAME).collect();
        let name = name.trim();
        let Some(seat) = self.members.get_mut(&member).filter(|_| !name.is_empty()) else { return };
        name.clone_into(&mut seat.name);
        write(&seat.session, &ToPage::You { name });
        self.tell_who_is_online();
    }

    fn say(&mut self, member: u64, text: &str, key: String) {
        let Some(seat) = self.members.get(&member) else { return };
        let was_said = |line: &Line| line.key == key;
        if text.trim().is_empty() || self.lines.iter().any(was_said) {
            return;
        }
        self.next += 1;
        let line = Line {
            id: format!("{}-{}", self.started, self.next),
            key,
            name: seat.name.clone(),
            text: text.chars().take(MAX_LINE).collect(),
            at: milliseconds(),
        };
        self.tell_all(&ToPage::Line { line: &line });
        if self.lines.len() == HISTORY {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    fn online(&self) -> Vec<&str> {
        self.members.values().map(|seat| seat.name.as_str()).collect()
    }

    fn tell_who_is_online(&self) {
        self.tell_all(&ToPage::Online { online: self.online() });
    }

    fn tell_all(&self, news: &ToPage<'_>) {
        let Ok(text) = json::encode(news) else { return };
        // Made once; every connection writes the same bytes.
        let message = Message::text(text);
        for seat in self.members.values() {
            hand_over(&seat.session, message.clone());
        }
    }
}

fn write(session: &Session, news: &ToPage<'_>) {
    if let Ok(text) = json::encode(news) {
        hand_over(session, Message::text(text));
    }
}

/// Writes without waiting, under the lock of the room. Who takes too little is sent away, and its page comes back by itself.
fn hand_over(session: &Session, message: Message) {
    if let Err(TryWriteError::Full(_)) = session.try_write_message(message) {
        session.close(CloseCode::TRY_AGAIN_LATER, "too slow");
    }
}

fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// A connection's side of the room.
pub(super) struct Member {
    room: Arc<Room>,
    member: Option<u64>,
}

impl Member {
    pub(super) const fn new(room: Arc<Room>) -> Self {
        Self { room, member: None }
    }
}

impl Handler for Member {
    fn compression(&mut self, _request: &Request) -> Option<DeflateConfig> {
        Some(DeflateConfig::default())
    }

    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        self.member = Some(self.room.state().enter(session));
        Ok(())
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        let Some(member) = self.member else { return Ok(()) };
        match json::decode(&message) {
            Ok(FromPage::Say { text, key }) => self.room.state().say(member, &text, key),
            Ok(FromPage::Name { name }) => self.room.state().rename(member, &name),
            // It is not this program's page.
            Err(_) => session.close(CloseCode::POLICY_VIOLATION, "not understood"),
        }
        Ok(())
    }

    async fn on_close(&mut self, _session: &Session, _close: Close) {
        if let Some(member) = self.member.take() {
            self.room.state().leave(member);
        }
    }
}
