//! What an idle connection of a server holds, in bytes.

#[path = "../../testkit/memory/idle.rs"]
mod idle;

use std::{io, net::SocketAddr, sync::mpsc::Sender};

use squall_async_std::Listener;

/// async-std's task, its timer's entry and its socket's are among it, and the future of the handler. Answers that were sent
/// together were written by a task that stays.
#[test]
fn an_idle_connection_of_a_server_holds_no_more_than_it_did() {
    for (messages, own, all) in [(1, 1328, 1520), (2, 1464, 1660)] {
        let idle = idle::idle(messages, server).unwrap();
        println!("{messages} at a time: {idle:?}");
        assert!(idle.blocks.iter().sum::<usize>() <= own && idle.bytes <= all, "{idle:?}");
    }
}

fn server(tell: Sender<SocketAddr>) -> io::Result<()> {
    async_std::task::block_on(async {
        let listener = Listener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr();
        idle::echo(listener, address, tell).await
    })
}
