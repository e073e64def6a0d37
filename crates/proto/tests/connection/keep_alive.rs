//! Pings on a schedule, silence, and stalls (RFC 6455 §5.5.2, §5.5.3).

use std::time::Duration;

use squall_proto::{Closed, Config, Deadline, Delivery, Event, KeepAlive, Machine, Role};

use crate::conversation::*;

const TIMED_OUT: Event = Event::Closed(Closed::TimedOut(Deadline::KeepAlive));
const FAREWELL: &[u8] = b"\x88\x13\x03\xF3keepalive timeout";

fn server(keep_alive: impl Into<Option<KeepAlive>>) -> Conversation {
    Conversation::new(Role::Server, Config::default().keep_alive(keep_alive))
}

/// The queue leaves, and the driver looks for events as it does after every write; how many bytes left.
fn ping_leaves(server: &mut Conversation) -> usize {
    let said = server.says();
    assert!(said.starts_with(&[0x89, 4]));
    assert_eq!(server.events(), []);
    said.len()
}

fn every_ten_seconds() -> KeepAlive {
    KeepAlive::every(10 * SECOND).timeout(4 * SECOND)
}

#[test]
fn a_ping_leaves_every_interval_and_counts() {
    let mut server = server(every_ten_seconds());
    for count in 0..3 {
        assert_eq!(server.waits(9 * SECOND), []);
        assert_eq!(server.says(), b"");
        assert_eq!(server.waits(SECOND), []);
        assert_eq!(server.says(), [0x89, 4, 0, 0, 0, count]);
        assert_eq!(server.hears([0x8A, 0x84, 0, 0, 0, 0, 0, 0, 0, count]).len(), 1);
    }
}

/// By default: pinged at 20 s, given up at 40 s.
#[test]
fn a_silent_peer_is_failed_with_1011_when_the_time_is_up() {
    let mut server = Conversation::new(Role::Server, Config::default());
    assert_eq!(server.waits(20 * SECOND), []);
    assert_eq!(ping_leaves(&mut server), 6);
    assert_eq!(server.waits(19 * SECOND), []);
    assert_eq!(server.waits(SECOND), [TIMED_OUT]);
    assert_eq!(server.says(), FAREWELL);
    assert!(server.connection.is_finished());
}

/// A pong, a message, a byte of a frame that is not complete: all are life.
#[test]
fn any_byte_is_a_sign_of_life() {
    for bytes in
        [b"\x8A\x80\0\0\0\0".as_slice(), b"\x81\x81\0\0\0\0x", b"\x82", b"\x89\x80\0\0\0\0"]
    {
        let mut server = server(every_ten_seconds());
        assert_eq!(server.waits(10 * SECOND), []);
        assert_eq!(ping_leaves(&mut server), 6);
        assert_eq!(server.waits(3 * SECOND), []);
        let _ = server.hears(bytes);
        assert_eq!(server.waits(6 * SECOND), []);
        assert!(server.connection.can_send());
    }
}

/// A driver that takes no events for a while tells that bytes are there.
#[test]
fn bytes_that_nobody_looks_at_are_a_sign_of_life_too() {
    for told in [false, true] {
        let mut server = server(every_ten_seconds());
        assert_eq!(server.waits(10 * SECOND), []);
        assert_eq!(ping_leaves(&mut server), 6);
        if told {
            let now = server.now;
            server.connection.handle_sign_of_life(now);
        }
        let _ = server.waits(4 * SECOND);
        assert_eq!(server.connection.can_send(), told);
    }
}

/// What was received before the ping left proves nothing.
#[test]
fn a_sign_of_life_has_to_follow_the_ping() {
    let mut server = server(every_ten_seconds());
    assert_eq!(server.waits(9 * SECOND), []);
    assert_eq!(server.hears(b"\x81\x81\0\0\0\0x"), [text("x")]);
    assert_eq!(server.waits(SECOND), []);
    assert_eq!(ping_leaves(&mut server), 6);
    assert_eq!(server.waits(4 * SECOND), [TIMED_OUT]);
}

/// The wait starts when the ping has left, not when it was queued.
#[test]
fn a_ping_that_is_queued_behind_a_slow_write_does_not_run_out() {
    let mut server = server(every_ten_seconds());
    server.send(vec![0; 1 << 20]);
    assert_eq!(server.waits(9 * SECOND), []);
    assert_eq!(
        server.says_only(1).len(),
        1,
        "the large frame is on its way, so the ping is behind it"
    );
    assert_eq!(server.waits(SECOND), []);
    for _ in 0..30 {
        assert_eq!(server.says_only(1000).len(), 1000, "the peer reads slowly and says nothing");
        assert_eq!(server.waits(SECOND), []);
    }
    let rest = server.says();
    assert!(rest.ends_with(b"\x89\x04\0\0\0\0"), "one ping, however many were due");
    assert_eq!(rest.len(), (1 << 20) + 10 - 1 - 30_000 + 6);
    assert_eq!(server.events(), []);
    assert_eq!(server.waits(3 * SECOND), []);
    assert_eq!(server.waits(2 * SECOND), [TIMED_OUT], "now it has left");
}

/// A ping that cannot leave, because the peer takes nothing, does run out.
#[test]
fn a_ping_behind_a_stalled_write_runs_out() {
    let mut server = server(every_ten_seconds());
    server.send(vec![0; 1 << 20]);
    let _ = server.says_only(500_000);
    assert_eq!(server.waits(20 * SECOND), [TIMED_OUT]);
    assert_eq!(server.waits(5 * SECOND), [], "nobody reads the farewell");
    assert_ended(&server);
}

#[test]
fn a_pong_to_the_ping_under_way_gives_the_round_trip_time() {
    let mut server = server(every_ten_seconds());
    assert_eq!(server.waits(10 * SECOND), []);
    assert_eq!(ping_leaves(&mut server), 6);
    assert_eq!(server.waits(SECOND / 4), []);
    assert_eq!(server.hears(b"\x8A\x84\0\0\0\0\0\0\0\0"), [pong(&[0; 4])]);
    assert_eq!(server.connection.stats().round_trip, Some(SECOND / 4));
}

/// Wrong, early, repeated and oversized counts are no measurement and no trouble.
#[test]
fn other_pongs_measure_nothing() {
    let mut server = server(every_ten_seconds());
    let pong_to_come = b"\x8A\x84\0\0\0\0\0\0\0\0";
    assert_eq!(server.hears(pong_to_come), [pong(&[0; 4])]);
    assert_eq!(server.waits(10 * SECOND), []);
    assert_eq!(ping_leaves(&mut server), 6);
    assert_eq!(server.waits(SECOND), []);
    for payload in [[0, 0, 0, 1].as_slice(), &[0xFF; 4], &[0; 3], &[0; 5], &[]] {
        assert_eq!(server.hears(frame_to(Role::Server, 0x8A, payload)), [pong(payload)]);
    }
    assert_eq!(server.connection.stats().round_trip, None);
    assert_eq!(server.hears(pong_to_come).len(), 1);
    let measured = server.connection.stats().round_trip;
    assert_eq!(measured, Some(SECOND));
    assert_eq!(server.waits(SECOND), []);
    assert_eq!(server.hears(pong_to_come).len(), 1);
    assert_eq!(server.connection.stats().round_trip, measured, "the second pong is ignored");
}

/// A machine that slept: the pong that lies in the buffer is read before the timer is looked at.
#[test]
fn a_pong_that_is_read_late_still_counts() {
    let mut server = server(every_ten_seconds());
    assert_eq!(server.waits(10 * SECOND), []);
    assert_eq!(ping_leaves(&mut server), 6);
    server.now += 3600 * SECOND;
    assert_eq!(server.hears(b"\x8A\x84\0\0\0\0\0\0\0\0"), [pong(&[0; 4])]);
    server.connection.handle_timeout(server.now);
    assert_eq!(server.events(), []);
    assert!(server.connection.can_send());
    assert_eq!(server.says(), b"\x89\x04\0\0\0\x01", "one ping, not one for each interval slept");
}

#[test]
fn without_a_timeout_pings_go_on_and_nobody_is_given_up() {
    let mut server = server(KeepAlive::every(SECOND).timeout(None));
    for _ in 0..1000 {
        assert_eq!(server.waits(SECOND), []);
        assert_eq!(server.says().len(), 6);
    }
}

#[test]
fn without_keepalive_there_is_no_timer_at_all() {
    let mut server = server(None);
    server.connection.handle_sign_of_life(server.now);
    assert_eq!(server.connection.poll_timeout(), None);
    assert_eq!(server.waits(1_000_000 * SECOND), []);
    assert_eq!(server.says(), b"");
}

/// A timeout longer than the interval counts from the oldest ping without an answer.
#[test]
fn several_pings_under_way_share_one_wait() {
    let mut server = server(KeepAlive::every(SECOND).timeout(10 * SECOND));
    for _ in 0..10 {
        assert_eq!(server.waits(SECOND), []);
        assert_eq!(ping_leaves(&mut server), 6);
    }
    assert_eq!(server.waits(SECOND), [TIMED_OUT]);
}

/// An answer to a later ping is an answer to the earlier ones, and measures nothing.
#[test]
fn a_pong_to_a_later_ping_answers_the_earlier_ones() {
    let mut server = server(KeepAlive::every(SECOND).timeout(10 * SECOND));
    for _ in 0..3 {
        assert_eq!(server.waits(SECOND), []);
        assert_eq!(ping_leaves(&mut server), 6);
    }
    assert_eq!(server.hears(b"\x8A\x84\0\0\0\0\0\0\0\x02"), [pong(&[0, 0, 0, 2])]);
    assert_eq!(server.connection.stats().round_trip, None);
    for _ in 0..10 {
        assert_eq!(server.waits(SECOND), []);
        assert_eq!(ping_leaves(&mut server), 6);
    }
    assert_eq!(server.waits(SECOND), [TIMED_OUT], "ten seconds after the next ping");
}

/// The ping before it was answered already, and this one still waits.
#[test]
fn a_second_pong_to_an_earlier_ping_answers_no_later_one() {
    let mut server = server(every_ten_seconds());
    for _ in 0..2 {
        assert_eq!(server.waits(10 * SECOND), []);
        assert_eq!(ping_leaves(&mut server), 6);
        assert_eq!(server.waits(SECOND), []);
        assert_eq!(server.hears(b"\x8A\x84\0\0\0\0\0\0\0\0"), [pong(&[0; 4])]);
        assert_eq!(server.connection.stats().round_trip, Some(SECOND));
        server.now -= SECOND;
    }
    server.now += 3 * SECOND;
    assert_eq!(server.hears(b"\x8A\x84\0\0\0\0\0\0\0\x01"), [pong(&[0, 0, 0, 1])]);
    assert_eq!(server.connection.stats().round_trip, Some(3 * SECOND));
}

/// Pings stop with our Close.
#[test]
fn a_connection_that_closes_pings_no_more() {
    let config = Config::default().keep_alive(every_ten_seconds()).close_timeout(100 * SECOND);
    let mut server = Conversation::new(Role::Server, config);
    server.close(None);
    assert_eq!(server.waits(99 * SECOND), []);
    assert_eq!(server.says(), b"\x88\0");
}

/// CVE-2024-23672 and its kin: a peer that takes nothing is gone, without a farewell.
#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let config = Config::default().keep_alive(None);
    let mut server = Conversation::new(Role::Server, config);
    server.send("x");
    let events = server.waits(20 * SECOND);
    assert_eq!(events, [Event::Closed(Closed::TimedOut(Deadline::Write))]);
    assert_ended(&server);
    assert_eq!(server.says(), b"");
}

/// Slow is not stalled: one byte in each period is enough, and none in a whole one is not.
#[test]
fn a_peer_that_takes_a_byte_at_a_time_is_not_given_up() {
    let config = Config::default().keep_alive(None);
    let mut server = Conversation::new(Role::Server, config);
    server.send("0123456789");
    for _ in 0..11 {
        assert_eq!(server.waits(19 * SECOND), []);
        assert_eq!(server.says_only(1).len(), 1);
    }
    assert_eq!(server.waits(19 * SECOND), []);
    let events = server.waits(21 * SECOND);
    assert_eq!(events, [Event::Closed(Closed::TimedOut(Deadline::Write))]);
}

#[test]
fn an_idle_connection_is_closed_with_1001_where_that_is_asked_for() {
    let config = Config::default().idle_timeout(60 * SECOND);
    let mut server = Conversation::new(Role::Server, config);
    for _ in 0..2 {
        assert_eq!(live(&mut server, 50), []);
        server.send("outgoing");
        assert_eq!(live(&mut server, 50), []);
        assert_eq!(server.hears(b"\x81\x81\0\0\0\0x"), [text("x")]);
    }
    assert_eq!(live(&mut server, 59), [], "pings and pongs are no activity");
    assert_eq!(live(&mut server, 1), [Event::Closed(Closed::TimedOut(Deadline::Idle))]);
    assert_eq!(server.says(), b"\x88\x0E\x03\xE9idle timeout");
}

/// The header of a message of a hundred bytes, to a server.
const HEADER: &[u8] = b"\x82\xE4\0\0\0\0";

/// A byte every now and then is a sign of life and makes no message: it has five minutes by default.
#[test]
fn a_message_that_drips_is_given_up_with_1008() {
    let mut server = Conversation::new(Role::Server, Config::default());
    assert_eq!(server.hears(HEADER), []);
    for _ in 0..29 {
        assert_eq!(server.waits(10 * SECOND), []);
        let _ = server.says();
        assert_eq!(server.hears(b"x"), []);
    }
    assert_eq!(server.waits(9 * SECOND), []);
    assert_eq!(server.waits(SECOND), [Event::Closed(Closed::TimedOut(Deadline::Message))]);
    assert_eq!(server.says(), b"\x88\x11\x03\xF0message timeout");
}

/// In fragments, compressed or not, with other frames between them: from the first byte to the last.
#[test]
fn a_message_in_fragments_has_as_much_time_and_each_message_has_its_own() {
    let config = Config::default().message_timeout(30 * SECOND);
    let mut server = Conversation::new(Role::Server, config);
    for _ in 0..3 {
        assert_eq!(live(&mut server, 100), [], "between messages there is no limit");
        assert_eq!(server.hears(b"\x01\x81\0\0\0\0a"), []);
        assert_eq!(live(&mut server, 29), []);
        assert_eq!(server.hears(b"\x80\x81\0\0\0\0b"), [text("ab")]);
    }
    assert_eq!(server.hears(b"\x01\x81\0\0\0\0a"), []);
    assert_eq!(live(&mut server, 15), []);
    assert_eq!(server.hears(b"\x00\x81\0\0\0\0a\x8A\x80\0\0\0\0"), [pong(b"")]);
    assert_eq!(live(&mut server, 15), [Event::Closed(Closed::TimedOut(Deadline::Message))]);
}

/// What is handed out as it arrives takes no memory, however long it lasts.
#[test]
fn a_message_in_pieces_may_last_for_ever() {
    let config = Config::default().delivery(Delivery::Fragments).message_timeout(SECOND);
    let mut server = Conversation::new(Role::Server, config.keep_alive(None));
    assert_eq!(server.hears(HEADER), []);
    for _ in 0..3 {
        assert_eq!(server.waits(100 * SECOND), []);
        assert_eq!(server.hears(b"x").len(), 1);
    }
}

/// Who does not look for a message for a time, and comes back late, does not blame the peer.
#[test]
fn a_message_that_nobody_looked_for_has_its_time_anew() {
    let config = Config::default().message_timeout(30 * SECOND).keep_alive(None);
    for sees_a_sign in [false, true] {
        let mut server = Conversation::new(Role::Server, config.clone());
        assert_eq!(server.hears(HEADER), []);
        if sees_a_sign {
            // What was read and not looked at, as a task does that only sends.
            server.now += 30 * SECOND;
            server.connection.handle_sign_of_life(server.now);
        } else {
            server.now += 36 * SECOND;
        }
        server.connection.handle_timeout(server.now);
        assert_eq!(server.events(), []);
        assert_eq!(server.waits(29 * SECOND), []);
        assert_eq!(server.waits(SECOND), [Event::Closed(Closed::TimedOut(Deadline::Message))]);
    }
}

/// A driver may be busy for five seconds.
#[test]
fn a_message_that_is_looked_for_a_little_late_has_no_time_left() {
    let config = Config::default().message_timeout(30 * SECOND).keep_alive(None);
    let mut server = Conversation::new(Role::Server, config);
    assert_eq!(server.hears(HEADER), []);
    server.now += 35 * SECOND;
    server.connection.handle_timeout(server.now);
    assert_eq!(server.events(), [Event::Closed(Closed::TimedOut(Deadline::Message))]);
}

/// Seconds pass, everything is written, and every ping is answered.
fn live(server: &mut Conversation, seconds: u32) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..seconds {
        events.extend(server.waits(SECOND));
        if events.is_empty() && server.says().starts_with(&[0x89]) {
            let _ = server.hears(b"\x8A\x80\0\0\0\0");
        }
    }
    events
}

/// Times without end are allowed, and no arithmetic fails on them.
#[test]
fn times_of_for_ever_are_for_ever() {
    let config = Config::default()
        .keep_alive(KeepAlive::every(Duration::MAX))
        .idle_timeout(Duration::MAX)
        .message_timeout(Duration::MAX)
        .write_timeout(Duration::MAX);
    let mut server = Conversation::new(Role::Server, config);
    server.send("x");
    assert_eq!(server.waits(1_000_000 * SECOND), []);
    assert_eq!(server.hears(b"\x81\x81\0\0\0\0x"), [text("x")]);
    let mut patient = self::server(KeepAlive::every(SECOND).timeout(Duration::MAX));
    assert_eq!(patient.waits(SECOND), []);
    assert_eq!(ping_leaves(&mut patient), 6);
    for _ in 0..1000 {
        assert_eq!(patient.waits(SECOND), []);
        assert_eq!(ping_leaves(&mut patient), 6);
    }
}
