//! The honest ones beside an attack, and what their waiting is to be blamed on.

use std::{
    io::{self, ErrorKind},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::Process,
    wire::{CLOSE, PING, PONG, Peer, TEXT, Target},
};

/// The code of a Close, 1013.
const TRY_AGAIN_LATER: [u8; 2] = 1013_u16.to_be_bytes();

const INTERVAL: Duration = Duration::from_millis(50);

/// After how many echoes a new client comes.
const NEWCOMERS: usize = 10;

/// The longest time that a question may take, without the time in which somebody who had to work on it waited for a processor.
const LIMIT: Duration = Duration::from_secs(1);

/// Who asks, and how the process answers.
pub(crate) enum Honest {
    /// Clients of an echo.
    OfEcho(Target),
    /// Members of the chat room, who ask to be called by another name.
    OfChat(Target),
    /// The other side of one connection that was there before.
    One(Mutex<Peer>),
}

/// What the honest ones saw.
#[derive(Default)]
pub(crate) struct Health {
    pub(crate) answers: usize,
    /// The longest time that a question took, a handshake before it included.
    pub(crate) slowest: Duration,
    /// The same without waits for a processor.
    pub(crate) slowest_own: Duration,
    pub(crate) failures: Vec<String>,
}

/// Asks every 50 ms on one connection, and now and then on a new one. An answer that does not come is a failure, and one that takes the
/// process more than a second of its own.
pub(crate) fn ask_until(
    honest: &Honest,
    process: &Process,
    is_over: &dyn Fn() -> bool,
) -> io::Result<Health> {
    let mut health = Health::default();
    let mut resident = None;
    let mut next = Instant::now();
    for count in 0.. {
        let (begun, waits) = (Instant::now(), process.waits()?);
        let asked = ask(honest, &mut resident, count);
        let took = begun.elapsed();
        let own = took.saturating_sub(waits.until(&process.waits()?));
        match asked {
            Ok(()) if own <= LIMIT => health.answers += 1,
            Ok(()) => health.failures.push(format!("an answer took {own:?} of {took:?}")),
            Err(error) => {
                resident = None;
                health.failures.push(format!("no answer after {took:?}: {error}"));
            }
        }
        health.slowest = health.slowest.max(took);
        health.slowest_own = health.slowest_own.max(own);
        if is_over() {
            break;
        }
        next = Instant::now().max(next + INTERVAL);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(health)
}

fn ask(honest: &Honest, resident: &mut Option<Peer>, count: usize) -> io::Result<()> {
    let (target, question, is_answer): (_, _, fn(&str, &str) -> bool) = match honest {
        Honest::OfEcho(target) => {
            (target, format!("are you there? {count}"), |question, answer| question == answer)
        }
        Honest::OfChat(target) => {
            let question = format!(r#"{{"type":"name","name":"member {count}"}}"#);
            (target, question, |question, answer| {
                answer.replacen(r#""you""#, r#""name""#, 1) == question
            })
        }
        Honest::One(peer) => {
            let mut peer = peer.lock().map_err(|_| io::Error::other("a thread panicked"))?;
            let question = format!("are you there? {count}");
            return ask_peer(&mut peer, &question, |question, answer| question == answer);
        }
    };
    let ask = |peer| ask_member(peer, target, &question, is_answer);
    if count % NEWCOMERS == NEWCOMERS - 1 {
        return ask(Peer::connect(target)?).map(drop);
    }
    let peer = match resident.take() {
        Some(peer) => peer,
        None => Peer::connect(target)?,
    };
    *resident = Some(ask(peer)?);
    Ok(())
}

/// Asks, and comes back once where the chat room has sent this one away: it does so with who has read nothing for a while, as this one between
/// two questions, and the page comes back by itself, too.
fn ask_member(
    mut peer: Peer,
    target: &Target,
    question: &str,
    is_answer: fn(&str, &str) -> bool,
) -> io::Result<Peer> {
    match ask_peer(&mut peer, question, is_answer) {
        Err(error) if error.kind() == ErrorKind::ConnectionAborted => {
            peer = Peer::connect(target)?;
            ask_peer(&mut peer, question, is_answer)?;
        }
        asked => asked?,
    }
    Ok(peer)
}

/// Asks, and passes over what others say until the answer comes. Who is sent away to come again finds the connection aborted.
fn ask_peer(peer: &mut Peer, question: &str, is_answer: fn(&str, &str) -> bool) -> io::Result<()> {
    peer.send(TEXT, question.as_bytes())?;
    loop {
        match peer.receive()? {
            (TEXT, text) if is_answer(question, &String::from_utf8_lossy(&text)) => return Ok(()),
            (TEXT | PONG, _) => {}
            (PING, payload) => peer.send(PONG, &payload)?,
            (CLOSE, payload) if payload.starts_with(&TRY_AGAIN_LATER) => {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            (first, _) => return Err(io::Error::other(format!("a frame {first:#04X}"))),
        }
    }
}
