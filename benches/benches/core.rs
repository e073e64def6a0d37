//! The core in memory: nanoseconds per message without a socket, beside a naive twin where there is one.

use std::{hint::black_box, sync::Arc, time::Instant};

use criterion::{Criterion, Throughput};
use squall_benches::{
    KEY,
    echo::{Content, Echo, TRAIN},
    growth, write_all,
};
use squall_proto::{
    Config, Connection, Machine, Message, Role, Utf8Validator, apply_mask,
    frame::{Header, Opcode},
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    echo(&mut criterion);
    send(&mut criterion);
    receive(&mut criterion);
    header(&mut criterion);
    mask(&mut criterion);
    utf8(&mut criterion);
    criterion.final_summary();
}

/// A connection that echoes trains of sixteen messages.
fn echo(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("echo");
    group.throughput(Throughput::Elements(TRAIN as u64));
    for (role_name, role) in [("server", Role::Server), ("client", Role::Client)] {
        for (content, size) in [
            (Content::Binary, 32),
            (Content::Binary, 125),
            (Content::Binary, 1 << 10),
            (Content::Binary, 16 << 10),
            (Content::Ascii, 32),
            (Content::Ascii, 1 << 10),
            (Content::OtherText, 1 << 10),
        ] {
            let mut echo = Echo::new(role, content, size);
            group.bench_function(format!("{role_name}/{content:?}/{size}"), |bencher| {
                bencher.iter(|| echo.train());
            });
        }
    }
    group.finish();
}

/// A server that sends what its application has already.
fn send(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("send");
    for size in [32, 1 << 10, 64 << 10, 1 << 20] {
        let now = Instant::now();
        let mut connection = Connection::server(Arc::new(Config::default()), now);
        let message = Message::binary(vec![0x5A; size]);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(size.to_string(), |bencher| {
            bencher.iter(|| {
                let sent = connection.send(now, message.clone());
                (sent, write_all(connection.transmit()))
            });
        });
    }
    group.finish();
}

/// A connection from its first byte to one large message, in the forms in which that may arrive.
fn receive(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive");
    group.bench_function("256 KiB of text in reads of 4 KiB", |bencher| {
        bencher.iter(|| growth::message_size(256))
    });
    group.bench_function("1,024 fragments of 32 B", |bencher| {
        bencher.iter(|| growth::fragments(1_024))
    });
    group.bench_function("4 KiB byte by byte", |bencher| {
        bencher.iter(|| growth::single_bytes(4 << 10))
    });
    group.bench_function("2 KiB of handshake byte by byte", |bencher| {
        bencher.iter(|| growth::handshake_bytes(2 << 10));
    });
    group.finish();
}

fn header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("header");
    for payload_len in [5, 1 << 10, 1 << 20] {
        let header =
            Header { fin: true, rsv1: false, opcode: Opcode::Binary, mask: Some(KEY), payload_len };
        let mut wire = Vec::with_capacity(16);
        header.encode(&mut wire);
        group.bench_function(format!("parse/{payload_len}"), |bencher| {
            bencher.iter(|| Header::parse(black_box(&wire)).is_ok());
        });
        group.bench_function(format!("encode/{payload_len}"), |bencher| {
            let mut wire = Vec::with_capacity(16);
            bencher.iter(|| {
                wire.clear();
                black_box(&header).encode(&mut wire);
                wire.len()
            });
        });
    }
    group.finish();
}

fn mask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask");
    for size in [16, 125, 1 << 10, 64 << 10] {
        let mut bytes = vec![0x5A; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("apply_mask/{size}"), |bencher| {
            bencher.iter(|| apply_mask(KEY, 1, black_box(&mut bytes)));
        });
        group.bench_function(format!("byte by byte/{size}"), |bencher| {
            bencher.iter(|| {
                let keys = KEY.iter().cycle().skip(1);
                black_box(&mut bytes).iter_mut().zip(keys).for_each(|(byte, key)| *byte ^= key);
            });
        });
    }
    group.finish();
}

fn utf8(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("utf8");
    for content in [Content::Ascii, Content::OtherText] {
        for size in [32, 1 << 10, 16 << 10] {
            let text = content.payload(size);
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(format!("Utf8Validator/{content:?}/{size}"), |bencher| {
                bencher.iter(|| Utf8Validator::new().push(black_box(&text)));
            });
            group.bench_function(format!("std/{content:?}/{size}"), |bencher| {
                bencher.iter(|| std::str::from_utf8(black_box(&text)).is_ok());
            });
            group.bench_function(format!("simdutf8/{content:?}/{size}"), |bencher| {
                bencher.iter(|| simdutf8::basic::from_utf8(black_box(&text)).is_ok());
            });
        }
    }
    group.finish();
}
