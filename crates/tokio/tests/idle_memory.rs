//! What an idle connection of a server holds, in bytes.

#[path = "../../testkit/memory/idle.rs"]
mod idle;

use squall_tokio::{Listener, Server};

/// tokio's task, its timer's entry and its socket's are among it, and the future of the handler.
#[test]
fn an_idle_connection_of_a_server_holds_no_more_than_it_did() {
    let idle = idle::idle(|tell| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = Listener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            Server::new(listener)
                .serve(async |mut socket| {
                    while let Ok(Some(message)) = socket.recv().await {
                        if socket.send(message).await.is_err() {
                            break;
                        }
                    }
                })
                .await;
        });
    });
    println!("{idle:?}");
    assert!(idle.blocks.iter().sum::<usize>() <= 1432 && idle.bytes <= 1_500, "{idle:?}");
}
