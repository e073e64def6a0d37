//! Clients and servers that talk over sockets.

use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use squall_io::{
    Shutdown,
    client::Connector,
    server::{Server, ServerConfig},
};
use squall_proto::{
    CloseCode, CloseFrame, Closed, Message, deflate::DeflateConfig, handshake::ClientRequest,
};

use super::{
    Adapter, Socket, connector, echo_server, in_time, plain_echo_server, run, sleep, spawn,
};

/// A message of this length that tells one place from another.
fn message(length: usize) -> Message {
    Message::from((0..=250).cycle().take(length).collect::<Vec<u8>>())
}

/// Text, binary, empty, large.
pub fn an_echo_comes_back<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let mut socket = connector::<A>().connect(server.url()).await.unwrap();
        let messages = [Message::text("hello"), message(0), message(70_000), message(3 << 20)];
        for message in messages {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some(message));
        }
        socket.close(None).await.unwrap();
        assert_eq!(server.stop().await, Some(0));
    });
}

/// 8 MiB in each direction, with the sending and the receiving side of both busy at once.
pub fn large_messages_pass_both_ways_at_once<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let socket = connector::<A>().connect(server.url()).await.unwrap();
        large_messages_come_back::<A>(socket).await;
        server.stop().await;
    });
}

pub(super) async fn large_messages_come_back<A: Adapter>(socket: Socket<A>) {
    let (mut receiver, sender) = socket.split();
    let (message, expected) = (message(1 << 20), Some(message(1 << 20)));
    let sent = spawn::<A, _>(async move {
        for _ in 0..8 {
            sender.send(message.clone()).await.unwrap();
        }
    });
    for _ in 0..8 {
        assert!(receiver.recv().await.unwrap() == expected);
    }
    assert!(sent.await.is_some());
}

/// One task waits for messages while another sends, and they go together again.
pub fn two_halves_live_in_two_tasks<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let (mut receiver, sender) = connector::<A>().connect(server.url()).await.unwrap().split();
        let received = spawn::<A, _>(async move {
            let message = receiver.recv().await.unwrap();
            (receiver, message)
        });
        // The other task waits by now, or does not: either is fine.
        sleep::<A>(Duration::from_millis(5)).await;
        sender.send("across").await.unwrap();
        let (receiver, message) = received.await.unwrap();
        assert_eq!(message, Some(Message::text("across")));
        let mut socket = receiver.reunite(sender).unwrap();
        socket.close(None).await.unwrap();
        server.stop().await;
    });
}

/// Eight tasks with a sender each.
pub fn senders_in_many_tasks_send_whole_messages<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let (mut receiver, sender) = connector::<A>().connect(server.url()).await.unwrap().split();
        let tasks = (0..8_u8).map(|index| {
            let sender = sender.clone();
            spawn::<A, _>(async move {
                for _ in 0..50 {
                    sender.send(vec![index; 1000 + usize::from(index)]).await.unwrap();
                }
            })
        });
        let sent = join_all(tasks.collect::<Vec<_>>());
        let received = async {
            let mut counts = [0; 8];
            for _ in 0..400 {
                let message = receiver.recv().await.unwrap().unwrap().into_bytes();
                assert!(message.iter().all(|byte| *byte == message[0]));
                assert_eq!(message.len(), 1000 + usize::from(message[0]));
                counts[usize::from(message[0])] += 1;
            }
            counts
        };
        assert_eq!(join(received, sent).await.0, [50; 8]);
        drop(receiver);
        server.stop().await;
    });
}

/// `recv` is dropped again and again while messages arrive.
pub fn a_dropped_recv_loses_nothing<A: Adapter>() {
    run::<A>(async {
        let server = plain_echo_server::<A>().await;
        let mut socket = connector::<A>().connect(server.url()).await.unwrap();
        let sender = socket.sender();
        let sent = spawn::<A, _>(async move {
            for index in 0..200_u32 {
                sender.send(index.to_be_bytes().repeat(500)).await.unwrap();
            }
        });
        for index in 0..200_u32 {
            let received = loop {
                let brief = Duration::from_micros(u64::from(index % 7) * 10);
                if let Some(received) = in_time::<A, _>(brief, socket.recv()).await {
                    break received.unwrap().unwrap();
                }
            };
            assert_eq!(received, Message::from(index.to_be_bytes().repeat(500)));
        }
        sent.await.unwrap();
        drop(socket);
        server.stop().await;
    });
}

/// CL01, CL03, CL07: and neither waits for a timeout, as the server ends the stream when both have said Close.
pub fn a_closing_handshake_is_clean_on_both_sides<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let url = format!("ws://{}/", A::address(&listener));
        let (sender, ended) = futures::channel::mpsc::unbounded();
        let shutdown = Shutdown::new();
        let config = ServerConfig::default().shutdown(shutdown.clone());
        let server = Server::new(listener).config(config).serve(move |mut socket| {
            let sender = sender.clone();
            async move {
                assert!(matches!(socket.recv().await, Ok(None)));
                sender.unbounded_send(socket.closed()).unwrap();
            }
        });
        let server = spawn::<A, _>(server);
        let mut socket = connector::<A>().connect(url).await.unwrap();
        let frame = CloseFrame::new(CloseCode::NORMAL, "bye").unwrap();
        let started = Instant::now();
        let answer = socket.close(frame.clone()).await.unwrap();
        assert_eq!(answer, Some(CloseCode::NORMAL.into()));
        let (closed, _) = futures::StreamExt::into_future(ended).await;
        assert_eq!(closed, Some(Some(Closed::Clean(Some(frame)))));
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        shutdown.start();
        assert_eq!(server.await, Some(0));
    });
}

/// permessage-deflate, and a message that takes fewer bytes for it.
pub fn deflate_is_agreed_where_both_want_it<A: Adapter>() {
    run::<A>(async {
        let config = ServerConfig::default().deflate(DeflateConfig::default());
        let server = echo_server::<A>(config, |server| server).await;
        let request = ClientRequest::new(&server.url()).unwrap().deflate(DeflateConfig::default());
        let mut socket = connector::<A>().connect(request).await.unwrap();
        let extensions = &socket.response().unwrap().headers()["sec-websocket-extensions"];
        assert!(extensions.to_str().unwrap().starts_with("permessage-deflate"));
        let text = "again and ".repeat(10_000);
        socket.send(text.as_str()).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::from(text)));
        drop(socket);
        server.stop().await;
        // A client that does not offer it gets none.
        let plain = plain_echo_server::<A>().await;
        let socket = Connector::<A::Runtime>::default().connect(plain.url()).await.unwrap();
        let headers = socket.response().unwrap().headers();
        assert!(headers.get("sec-websocket-extensions").is_none());
        drop(socket);
        plain.stop().await;
    });
}

/// The handler waits for something else than its connection, and its answer is on the wire all the same.
pub fn an_answer_in_a_batch_leaves_while_the_handler_sleeps<A: Adapter>() {
    run::<A>(async {
        let listener = A::bind().await;
        let url = format!("ws://{}/", A::address(&listener));
        let server = Server::new(listener).serve(|mut socket| async move {
            let message = socket.recv().await.unwrap().unwrap();
            socket.send(message).await.unwrap();
            sleep::<A>(Duration::from_secs(600)).await;
        });
        let _server = spawn::<A, _>(server);
        let mut socket = connector::<A>().connect(url).await.unwrap();
        socket.feed("one").await.unwrap();
        socket.feed("two").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::text("one")));
    });
}
