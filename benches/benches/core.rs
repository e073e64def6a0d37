//! The core in memory: nanoseconds per message without a socket, beside a naive twin where there is one.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what goes wrong in a bench should stop it"
)]

use std::{hint::black_box, sync::Arc, time::Instant};

use bytes::{Buf, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall_proto::{
    Config, Connection, Event, Machine, Utf8Validator, apply_mask,
    frame::{Header, Opcode},
};

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The wire bytes of one masked frame.
fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    Header { fin: true, rsv1: false, opcode, mask: Some(KEY), payload_len: payload.len() as u64 }
        .encode(&mut wire);
    let start = wire.len();
    wire.extend_from_slice(payload);
    apply_mask(KEY, 0, &mut wire[start..]);
    wire
}

/// A server connection that echoes trains of sixteen frames, as a pipelining client sends them.
fn echo(c: &mut Criterion) {
    let mut group = c.benchmark_group("echo");
    for (name, opcode, size) in [
        ("binary", Opcode::Binary, 32),
        ("binary", Opcode::Binary, 125),
        ("binary", Opcode::Binary, 1 << 10),
        ("binary", Opcode::Binary, 16 << 10),
        ("text", Opcode::Text, 32),
        ("text", Opcode::Text, 1 << 10),
    ] {
        let train = frame(opcode, &vec![b'x'; size]).repeat(16);
        let now = Instant::now();
        let mut connection = Connection::server(Arc::new(Config::default()), now);
        let mut input = BytesMut::with_capacity(train.len());
        group.throughput(Throughput::Elements(16));
        group.bench_function(format!("{name}/{size}"), |b| {
            b.iter(|| {
                input.reserve(train.len());
                input.extend_from_slice(&train);
                while let Some(event) = connection.poll_event(now, &mut input) {
                    let Event::Message(message) = event else { continue };
                    connection.send(now, message).expect("the connection is open");
                }
                let output = connection.transmit();
                while output.has_remaining() {
                    let count = black_box(output.chunk()).len();
                    output.advance(count);
                }
            });
        });
    }
    group.finish();
}

fn mask(c: &mut Criterion) {
    let mut group = c.benchmark_group("mask");
    for size in [16, 125, 1 << 10, 64 << 10] {
        let mut bytes = vec![0x5A; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("apply_mask/{size}"), |b| {
            b.iter(|| apply_mask(KEY, 1, black_box(&mut bytes)))
        });
        group.bench_function(format!("byte by byte/{size}"), |b| {
            b.iter(|| {
                for (i, byte) in black_box(&mut bytes).iter_mut().enumerate() {
                    *byte ^= KEY[(i + 1) % 4];
                }
            });
        });
    }
    group.finish();
}

fn utf8(c: &mut Criterion) {
    let mut group = c.benchmark_group("utf8");
    for (name, text) in [("ascii", "plain words ".repeat(1365)), ("greek", "λόγος ".repeat(1489))]
    {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("Utf8Validator/{name}"), |b| {
            b.iter(|| Utf8Validator::new().push(black_box(text.as_bytes())));
        });
        group.bench_function(format!("std/{name}"), |b| {
            b.iter(|| std::str::from_utf8(black_box(text.as_bytes())).is_ok())
        });
    }
    group.finish();
}

criterion_group!(benches, echo, mask, utf8);
criterion_main!(benches);
