//! What a message costs the allocator, once the connection has warmed up.

use allocation_counter::{AllocationInfo, measure};
use squall_benches::echo::{Content, Echo, TRAIN};
use squall_proto::Role;

/// The allocations of `trains` trains of messages, after two that warm up.
fn allocations(role: Role, content: Content, size: usize, trains: usize) -> AllocationInfo {
    let mut echo = Echo::new(role, content, size);
    let mut echoed = [echo.train(), echo.train()].iter().all(Result::is_ok);
    let allocations = measure(|| {
        for _ in 0..trains {
            echoed &= echo.train().is_ok_and(|written| written >= TRAIN * size);
        }
    });
    assert!(echoed, "{role:?} {content:?} {size} B");
    allocations
}

const CONTENTS: [Content; 3] = [Content::Binary, Content::Ascii, Content::OtherText];

#[test]
fn a_small_message_costs_no_allocation() {
    for (role, content, size) in cases(&[0, 5, 32, 125]) {
        let info = allocations(role, content, size, 10);
        assert_eq!(info.count_total, 0, "{role:?} {content:?} {size} B");
    }
}

#[test]
fn a_message_of_a_few_kib_costs_less_than_half_an_allocation() {
    for (role, content, size) in cases(&[512, 1 << 10, 4 << 10]) {
        let info = allocations(role, content, size, 10);
        assert!(
            2 * info.count_total < 10 * TRAIN as u64,
            "{role:?} {content:?} {size} B: {info:?}"
        );
    }
}

#[test]
fn a_server_copies_no_large_message() {
    for (_, content, size) in cases(&[16 << 10, 64 << 10, 256 << 10]) {
        let info = allocations(Role::Server, content, size, 10);
        assert!(info.bytes_total < 10 * TRAIN as u64 * 256, "{content:?} {size} B: {info:?}");
    }
}

#[test]
fn a_client_copies_a_large_message_once_at_most() {
    for (_, content, size) in cases(&[16 << 10, 64 << 10]) {
        let info = allocations(Role::Client, content, size, 10);
        let once = 10 * TRAIN as u64 * (size as u64 + 256);
        assert!(info.bytes_total < once, "{content:?} {size} B: {info:?}");
    }
}

fn cases(sizes: &[usize]) -> impl Iterator<Item = (Role, Content, usize)> {
    let roles = [Role::Server, Role::Client].into_iter();
    roles.flat_map(move |role| {
        CONTENTS
            .into_iter()
            .flat_map(move |content| sizes.iter().map(move |size| (role, content, *size)))
    })
}
