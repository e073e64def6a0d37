//! What compression costs: processor time of the thread per JSON message, and the ratio, by mode, window, level, size of message and
//! number of connections that take turns. No sockets.
//!
//! `docs/BENCHMARKS.md` has the table and argues the defaults from it. "context each" is what most servers do: a zlib context
//! for each connection; it is measured without a connection around it.
#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench may stop where something does not hold"
)]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use cpu_time::ThreadTime;
use criterion::{Criterion, criterion_group, criterion_main};
use squall_proto::{
    Config, Connection, Entropy, EntropyError, Event, Machine, Message,
    deflate::{DeflateConfig, Level, WindowBits},
    handshake::{Accept, ClientRequest, UpgradeRequest},
};
use zlib_rs::{Deflate, DeflateFlush};

const KIB: usize = 1 << 10;

/// Messages of one size that are told in turn: more of them than any window holds.
struct Told(Vec<String>);

impl Told {
    fn new(size: usize) -> Self {
        let mut state = 0x9E37_79B9_u64;
        let mut below = |bound: u64| {
            // Marsaglia's xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) % bound
        };
        let message = |_| {
            let mut message = String::from("{\"items\":[");
            while message.len() < size - 2 {
                message += &format!(
                    "{{\"symbol\":\"{}\",\"price\":{}.{:02},\"volume\":{},\"at\":\"2026-11-{:02}T{:02}:{:02}:{:02}Z\",\"open\":{}}},",
                    ["ACME", "GLOBEX", "INITECH", "UMBRELLA", "HOOLI", "STARK"]
                        [usize::try_from(below(6)).unwrap_or(0)],
                    below(900),
                    below(100),
                    below(1_000_000),
                    below(30) + 1,
                    below(24),
                    below(60),
                    below(60),
                    below(2) == 0,
                );
            }
            message.truncate(size - 2);
            message + "]}"
        };
        Self((0..64 * KIB / size.min(KIB)).map(message).collect())
    }

    /// What a connection says in a turn.
    fn at(&self, connection: usize, turn: usize) -> &str {
        &self.0[(connection * 7 + turn) % self.0.len()]
    }
}

struct NoMask;

impl Entropy for NoMask {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(0);
        Ok(())
    }
}

/// A server and a client that have agreed on compression.
fn pair(deflate: &DeflateConfig) -> [Connection; 2] {
    let config = Arc::new(Config::default());
    let now = Instant::now();
    let request = ClientRequest::new("ws://example.com/").expect("a URL").deflate(deflate.clone());
    let (request, awaiting) = request.begin(Box::new(NoMask)).expect("entropy");
    let request = UpgradeRequest::from_http(request).expect("a request");
    let acceptance = request.accept(Accept::new().deflate(deflate.clone())).expect("an answer");
    let established = awaiting.check(acceptance.response().clone()).expect("an answer that fits");
    [acceptance.into_connection(config.clone(), now), established.into_connection(config, now)]
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    takeover: bool,
    bits: u8,
    level: u8,
    size: usize,
    connections: usize,
}

impl Setting {
    fn config(self) -> DeflateConfig {
        let bits = WindowBits::new(self.bits).expect("9 to 15");
        DeflateConfig::default()
            .threshold(0)
            .level(Level::new(self.level).expect("1 to 9"))
            .server_max_window_bits(bits)
            .client_max_window_bits(bits)
            .server_no_context_takeover(!self.takeover)
            .client_no_context_takeover(!self.takeover)
    }

    fn name(self, mode: &str) -> String {
        let Self { bits, level, size, connections, .. } = self;
        let mode = match (mode, self.takeover) {
            ("", true) => "takeover",
            ("", false) => "no takeover",
            (mode, _) => mode,
        };
        format!("{mode}/{bits} bits/level {level}/{size} B/{connections}")
    }
}

/// All settings that the table has.
fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    for (takeover, bits, levels) in [
        (true, 9, [1, 6].as_slice()),
        (true, 11, &[1, 6]),
        (true, 12, &[1, 2, 4, 6, 9]),
        (true, 15, &[1, 2, 4, 6]),
        (false, 12, &[1, 6]),
        (false, 15, &[1, 6]),
    ] {
        for &level in levels {
            for size in [KIB, 16 * KIB] {
                for connections in [1, 100, 1000] {
                    settings.push(Setting { takeover, bits, level, size, connections });
                }
            }
        }
    }
    // From which size on is a message worth it?
    for size in [32, 64, 128, 256, 512] {
        for connections in [1, 100] {
            settings.push(Setting { takeover: true, bits: 12, level: 1, size, connections });
        }
    }
    settings
}

fn drain(connection: &mut Connection) -> BytesMut {
    let queued = connection.queued();
    BytesMut::from(connection.transmit().copy_to_bytes(queued).as_ref())
}

/// Runs `work` once for each of a number of turns; the processor time that it took.
fn timed(turns: u64, mut work: impl FnMut(usize)) -> Duration {
    let begin = ThreadTime::now();
    for turn in 0..usize::try_from(turns).unwrap_or(usize::MAX) {
        work(turn);
    }
    begin.elapsed()
}

/// A server tells each connection in turn a message.
fn compress(c: &mut Criterion) {
    let mut group = c.benchmark_group("compress");
    for setting in settings() {
        let told = Told::new(setting.size);
        let now = Instant::now();
        let mut servers: Vec<Connection> = (0..setting.connections)
            .map(|_| pair(&setting.config()))
            .map(|[server, _]| server)
            .collect();
        let mut turn = 0;
        let mut step = || {
            let (index, round) = (turn % setting.connections, turn / setting.connections);
            let server = &mut servers[index];
            server.send(now, Message::from(told.at(index, round))).expect("open");
            let queued = black_box(server.transmit().chunk()).len();
            server.transmit().advance(queued);
            turn += 1;
        };
        // Every window is full before the first measurement.
        (0..setting.connections * (32 * KIB / setting.size + 1)).for_each(|_| step());
        group.bench_function(setting.name(""), |b| b.iter_custom(|turns| timed(turns, |_| step())));
        let (before, after) =
            servers.iter().map(Connection::stats).fold((0, 0), |(before, after), stats| {
                (before + stats.bytes_sent, after + stats.wire_bytes_sent)
            });
        println!("ratio {}: {:.3}", setting.name(""), after as f64 / before as f64);
    }
    group.finish();
}

/// A server hears a message from each connection in turn.
fn inflate(c: &mut Criterion) {
    let mut group = c.benchmark_group("inflate");
    for setting in settings().into_iter().filter(|setting| [1, 6].contains(&setting.level)) {
        let told = Told::new(setting.size);
        let now = Instant::now();
        let mut pairs: Vec<[Connection; 2]> =
            (0..setting.connections).map(|_| pair(&setting.config())).collect();
        let mut turn = 0;
        group.bench_function(setting.name(""), |b| {
            b.iter_custom(|turns| {
                let mut time = Duration::ZERO;
                let mut left = turns;
                while left > 0 {
                    // Told in batches, so that the telling is not measured.
                    let batch = left.min(setting.connections.max(64) as u64);
                    left -= batch;
                    let mut said: Vec<BytesMut> = (0..batch)
                        .map(|_| {
                            let (index, round) =
                                (turn % setting.connections, turn / setting.connections);
                            turn += 1;
                            let client = &mut pairs[index][1];
                            client.send(now, Message::from(told.at(index, round))).expect("open");
                            drain(client)
                        })
                        .collect();
                    let first = turn - said.len();
                    time += timed(batch, |number| {
                        let server = &mut pairs[(first + number) % setting.connections][0];
                        let event = server.poll_event(now, &mut said[number]);
                        assert!(matches!(black_box(event), Some(Event::Message(_))));
                    });
                }
                time
            });
        });
    }
    group.finish();
}

/// The same messages with a zlib context for each connection.
fn context_each(c: &mut Criterion) {
    let mut group = c.benchmark_group("compress");
    for (bits, level) in [(12, 1), (12, 6), (15, 1), (15, 6)] {
        for size in [KIB, 16 * KIB] {
            for connections in [1, 100, 1000] {
                let setting = Setting { takeover: true, bits, level, size, connections };
                let told = Told::new(size);
                let mut contexts: Vec<Deflate> =
                    (0..connections).map(|_| Deflate::new(level.into(), false, bits)).collect();
                let mut buffer = vec![0; 64 * KIB];
                let mut turn = 0;
                let mut step = || {
                    let (index, round) = (turn % connections, turn / connections);
                    let text = told.at(index, round).as_bytes();
                    let context = &mut contexts[index];
                    context.compress(text, &mut buffer, DeflateFlush::SyncFlush).expect("room");
                    black_box(&buffer);
                    turn += 1;
                };
                (0..connections * (32 * KIB / size + 1)).for_each(|_| step());
                group.bench_function(setting.name("context each"), |b| {
                    b.iter_custom(|turns| timed(turns, |_| step()));
                });
            }
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20);
    targets = compress, inflate, context_each
}
criterion_main!(benches);
