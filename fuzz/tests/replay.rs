//! Replays the committed corpus and every input that once failed, on stable Rust:
//! `cargo test --no-default-features`.

use std::{fs, path::Path, thread};

/// Each file of each corpus, in files of its own name and cut short at every length, on a stack of 256 KiB
/// (RUSTSEC-2024-0401).
#[test]
fn every_oracle_holds_on_its_corpus() {
    let small = thread::Builder::new().stack_size(256 << 10).spawn(replay).expect("a thread");
    small.join().expect("every oracle holds");
}

fn replay() {
    for (name, target) in squall_fuzz::TARGETS {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(&corpus).expect("a corpus for each target") {
            let bytes = fs::read(entry.expect("readable").path()).expect("readable");
            target(&bytes);
            for end in 0..bytes.len().min(300) {
                target(&bytes[..end]);
            }
            count += 1;
        }
        assert!(count > 0, "{name} has a corpus");
    }
}
