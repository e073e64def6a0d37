//! Plain pages, and what a public server refuses.

use std::time::Duration;

use squall_tokio::web::{Application, Pattern, Request, Response, Settings};
use tokio::io::AsyncWriteExt;

use crate::{
    LONG, Raw,
    scene::{Scene, answer},
    served, status,
};

fn application() -> Application {
    Application::new()
        .on_uncaught(|_| {})
        .get("/", async |_| "home")
        .unwrap()
        .post("/form", async |request: Request| {
            Response::text(request.form_value("name").unwrap_or_default())
        })
        .unwrap()
        .get("/room/{name}", async |request: Request| {
            Response::text(request.arguments().get("name").unwrap().to_owned())
        })
        .unwrap()
        .get(Pattern::regex(r"/sum/(\d+)/(\d+)"), async |request: Request| {
            let arguments = request.arguments();
            let sum = arguments.parse::<u32>(0).unwrap() + arguments.parse::<u32>(1).unwrap();
            Response::json(&sum)
        })
        .unwrap()
        .get("/query", async |request: Request| {
            Response::text(request.query_value("q").unwrap_or_else(|| "none".to_owned()))
        })
        .unwrap()
        .get("/panic", async |_| -> Response { panic!("told to") })
        .unwrap()
        .redirect("/old", "/")
        .unwrap()
}

/// The answer to one request on a connection of its own.
async fn asked(request: &str) -> (u16, String) {
    let mut raw = Raw::connect(served(application()).await).await;
    raw.write(request).await;
    raw.answer().await
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let mut raw = Raw::connect(served(application()).await).await;
    for _ in 0..2 {
        raw.write(get("/")).await;
        assert_eq!(raw.answer().await, (200, "home".to_owned()));
    }
    // Also where they come together.
    raw.write(get("/") + &get("/nothing")).await;
    assert_eq!(raw.answer().await, (200, "home".to_owned()));
    assert_eq!(raw.answer().await, (404, "Not Found".to_owned()));
}

#[tokio::test]
async fn arguments_come_from_the_path_percent_decoded() {
    assert_eq!(asked(&get("/room/a%20b%2Fc")).await, (200, "a b/c".to_owned()));
    assert_eq!(asked(&get("/room/%FF")).await.0, 400);
    assert_eq!(asked(&get("/room/a/b")).await.0, 404);
    assert_eq!(asked(&get("/sum/2/40")).await, (200, "42".to_owned()));
    assert_eq!(asked(&get("/sum/2/40/")).await.0, 404);
    assert_eq!(asked(&get("/x/sum/2/40")).await.0, 404);
}

#[tokio::test]
async fn a_query_is_decoded_as_forms_are() {
    assert_eq!(asked(&get("/query?p=1&q=a+b%26c")).await.1, "a b&c");
    assert_eq!(asked(&get("/query")).await.1, "none");
}

#[tokio::test]
async fn a_form_is_read_from_the_body() {
    let request =
        "POST /form HTTP/1.1\r\nHost: a.test\r\nContent-Length: 14\r\n\r\nx=1&name=%C3%A9";
    assert_eq!(asked(&request.replace("14", "15")).await, (200, "é".to_owned()));
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let mut raw = Raw::connect(served(application()).await).await;
    raw.write("HEAD / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
    let answer = String::from_utf8(raw.rest().await).unwrap().to_ascii_lowercase();
    assert!(answer.contains("content-length: 4\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn other_methods_are_405_and_say_which_are_allowed() {
    for (path, allowed) in [("/", "get, head"), ("/form", "post")] {
        let mut raw = Raw::connect(served(application()).await).await;
        raw.write(format!("PUT {path} HTTP/1.1\r\nHost: a.test\r\n\r\n")).await;
        let head = raw.head().await;
        assert_eq!(status(&head), 405);
        assert!(head.contains(&format!("allow: {allowed}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn a_redirect_says_where_to() {
    let mut raw = Raw::connect(served(application()).await).await;
    raw.write(get("/old")).await;
    let head = raw.head().await;
    assert!(status(&head) == 302 && head.contains("location: /\r\n"), "{head}");
}

#[tokio::test]
async fn a_page_that_panics_is_500_and_the_server_goes_on() {
    let mut raw = Raw::connect(served(application()).await).await;
    raw.write(get("/panic") + &get("/")).await;
    assert_eq!(raw.answer().await.0, 500);
    assert_eq!(raw.answer().await, (200, "home".to_owned()));
}

#[tokio::test]
async fn requests_that_are_not_in_order_get_the_status_that_says_why() {
    assert_eq!(asked("GET / HTTP/1.1\r\n\r\n").await.0, 400);
    assert_eq!(asked("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await.0, 400);
    assert_eq!(asked("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").await.0, 400);
    assert_eq!(asked("nonsense\r\n\r\n").await.0, 400);
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20 << 10));
    assert_eq!(asked(&long).await.0, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert_eq!(asked(&many).await.0, 431);
}

/// The status that answers a head of so many fields and bytes.
fn status_of_head(settings: Settings, fields: usize, size: usize) -> u16 {
    let lines = "X: y\r\n".repeat(fields - 2);
    let start = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}Y: ");
    let head = format!("{start:z<0$}\r\n\r\n", size - 4);
    answer(&Scene::new(application().settings(settings)).say(head)).0
}

#[test]
fn a_head_has_as_many_fields_and_bytes_as_it_may_and_no_more() {
    let settings = Settings::default;
    assert_eq!(status_of_head(settings(), 100, 1000), 200);
    assert_eq!(status_of_head(settings(), 101, 1000), 431);
    assert_eq!(status_of_head(settings().max_headers(3), 3, 100), 200);
    assert_eq!(status_of_head(settings().max_headers(3), 4, 100), 431);
    assert_eq!(status_of_head(settings(), 2, 16 << 10), 200);
    assert_eq!(status_of_head(settings(), 2, (16 << 10) + 1), 431);
    assert_eq!(status_of_head(settings().max_head_size(32 << 10), 2, 32 << 10), 200);
    assert_eq!(status_of_head(settings().max_head_size(10_000), 2, 10_000), 200);
    assert_eq!(status_of_head(settings().max_head_size(10_000), 2, 10_001), 431);
    // Less than 8 KiB is 8 KiB.
    assert_eq!(status_of_head(settings().max_head_size(1), 2, 8 << 10), 200);
    assert_eq!(status_of_head(settings().max_head_size(1), 2, (8 << 10) + 1), 431);
}

#[tokio::test]
async fn a_body_has_as_many_bytes_as_it_may_and_no_more() {
    let settings = Settings::default().max_body_size(10);
    let address = served(application().settings(settings)).await;
    for (length, status) in [(10, 200), (11, 413)] {
        let mut raw = Raw::connect(address).await;
        let head = format!("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        raw.write(format!("{head:x<0$}", head.len() + length)).await;
        assert_eq!(raw.answer().await.0, status, "{length}");
    }
}

#[tokio::test]
async fn a_page_finds_nothing_in_its_request_that_is_hypers() {
    let application = Application::new()
        .get("/", async |request: Request| Response::json(&request.head().extensions().is_empty()))
        .unwrap();
    let mut raw = Raw::connect(served(application).await).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n").await;
    assert_eq!(raw.answer().await, (200, "true".to_owned()));
}

#[tokio::test]
async fn http_1_0_needs_no_host() {
    assert_eq!(asked("GET / HTTP/1.0\r\n\r\n").await, (200, "home".to_owned()));
    assert_eq!(asked("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await, (200, "home".to_owned()));
}

#[tokio::test]
async fn a_body_that_is_no_body_is_400() {
    let request =
        "POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n";
    assert_eq!(asked(request).await.0, 400);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_even_to_who_is_still_sending() {
    let settings = Settings::default().max_body_size(1000);
    let mut raw = Raw::connect(served(application().settings(settings)).await).await;
    raw.write("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await;
    raw.write(vec![b'x'; 100_000]).await;
    assert_eq!(raw.answer().await.0, 413);
    assert!(raw.rest().await.is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_come_is_408_and_an_idle_connection_just_ends() {
    let settings = Settings::default().head_timeout(Duration::from_millis(50));
    let address = served(application().settings(settings)).await;
    let mut raw = Raw::connect(address).await;
    raw.write("GET / HT").await;
    assert_eq!(raw.answer().await.0, 408);
    assert!(raw.rest().await.is_empty());
    assert!(Raw::connect(address).await.rest().await.is_empty());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let settings = Settings::default().body_timeout(Duration::from_millis(50));
    let mut raw = Raw::connect(served(application().settings(settings)).await).await;
    raw.write("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").await;
    assert_eq!(raw.answer().await.0, 408);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped() {
    let settings = Settings::default().write_timeout(Duration::from_millis(100));
    let application = Application::new()
        .settings(settings)
        .get("/", async |_| Response::bytes(vec![0; 64 << 20], "application/octet-stream"))
        .unwrap();
    let mut raw = Raw::connect(served(application).await).await;
    raw.write(get("/")).await;
    let dropped = async {
        // What arrives where nobody is any more is answered with a reset.
        while raw.0.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, dropped).await.expect("in time");
}

#[test]
fn routes_that_cannot_be_are_errors() {
    let page = async |_| "";
    assert!(Application::new().get("/{", page).is_err());
    assert!(Application::new().get(Pattern::regex("("), page).is_err());
    assert!(Application::new().get("/a", page).unwrap().get("/a", page).is_err());
    assert!(Application::new().get("/{a}", page).unwrap().get("/{b}", page).is_err());
    assert!(Application::new().get("/a", page).unwrap().post("/a", page).is_ok());
}
