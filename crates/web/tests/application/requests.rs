//! What a request says about itself and the application that it came to.

use std::sync::Arc;

use squall_tokio::web::{Application, Request, Response, Settings};

use crate::{Raw, served};

/// What `about` finds in a request.
async fn told(
    request: &str,
    about: impl Fn(&Request) -> String + Send + Sync + Clone + 'static,
) -> String {
    let page = move |request: Request| std::future::ready(Response::text(about(&request)));
    let application = Application::new()
        .settings(Settings::default().trusted_origins(["http://friend.test"]))
        .state(Arc::<str>::from("shared"))
        .get("/{*any}", page.clone())
        .unwrap()
        .post("/{*any}", page)
        .unwrap();
    let mut raw = Raw::connect(served(application).await).await;
    raw.write(request).await;
    let (status, body) = raw.answer().await;
    assert_eq!(status, 200);
    body
}

#[tokio::test]
async fn method_target_and_body_are_as_they_came() {
    let request = "POST /a%20b?c=d HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody";
    let about =
        |request: &Request| format!("{} {} {:?}", request.method(), request.uri(), request.body());
    assert_eq!(told(request, about).await, r#"POST /a%20b?c=d b"body""#);
}

#[tokio::test]
async fn the_host_is_that_of_the_target_or_else_of_the_header() {
    let about = |request: &Request| format!("{:?}", request.host());
    let request = "GET /x HTTP/1.1\r\nHost: a.test:81\r\n\r\n";
    assert_eq!(told(request, about).await, r#"Some("a.test:81")"#);
    let request = "GET http://b.test:82/x HTTP/1.1\r\nHost: a.test:81\r\n\r\n";
    assert_eq!(told(request, about).await, r#"Some("b.test:82")"#);
    assert_eq!(told("GET /x HTTP/1.0\r\n\r\n", about).await, "None");
}

#[tokio::test]
async fn a_cookie_is_found_by_its_name_in_every_line() {
    let request = "GET /x HTTP/1.1\r\nHost: a\r\nCookie: a=1; b=2=3\r\nCookie: flag; c=4\r\n\r\n";
    let about =
        |request: &Request| format!("{:?}", ["a", "b", "c", "d"].map(|n| request.cookie(n)));
    assert_eq!(told(request, about).await, r#"[Some("1"), Some("2=3"), Some("4"), None]"#);
}

#[tokio::test]
async fn a_request_knows_the_settings_and_the_state_of_its_application() {
    let about = |request: &Request| {
        let trusts = request.settings().trusts("http://friend.test");
        format!("{trusts} {:?} {:?}", request.state::<Arc<str>>(), request.state::<String>())
    };
    let request = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";
    assert_eq!(told(request, about).await, r#"true Some("shared") None"#);
}
