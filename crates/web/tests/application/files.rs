//! Static files.

use std::fs;

use squall_tokio::web::Application;
use tempfile::TempDir;

use crate::{Raw, served, status};

/// A folder with files in it and beside it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::write(root.join("index.html"), "<p>index</p>").unwrap();
    fs::write(root.join("sub/a b.css"), "body {}").unwrap();
    fs::write(root.join(".hidden"), "secret").unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret"), root.join("link")).unwrap();
    folder
}

async fn raw(folder: &TempDir) -> Raw {
    let application = Application::new().files("/files/", folder.path().join("root")).unwrap();
    Raw::connect(served(application).await).await
}

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")
}

#[tokio::test]
async fn files_of_the_folder_are_served() {
    let folder = folder();
    let mut raw = raw(&folder).await;
    for (path, body) in [
        ("/files/", "<p>index</p>"),
        ("/files/index.html", "<p>index</p>"),
        ("/files/sub/a%20b.css", "body {}"),
        ("/files//sub//a%20b.css", "body {}"),
    ] {
        raw.write(get(path, "")).await;
        assert_eq!(raw.answer().await, (200, body.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_file_has_the_media_type_that_its_name_says() {
    let folder = folder();
    let mut raw = raw(&folder).await;
    for (name, media_type) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.htm", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.js.map", "application/json"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.md", "text/plain; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("A.JPG", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.webp", "image/webp"),
        ("a.ico", "image/x-icon"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.pdf", "application/pdf"),
        ("a.exe", "application/octet-stream"),
        ("css", "application/octet-stream"),
    ] {
        fs::write(folder.path().join("root").join(name), "").unwrap();
        raw.write(get(&format!("/files/{name}"), "")).await;
        let head = raw.head().await;
        assert!(head.contains(&format!("content-type: {media_type}\r\n")), "{name}: {head}");
    }
}

#[tokio::test]
async fn a_file_of_many_pieces_arrives_whole() {
    let folder = folder();
    let large: String = (0..20_000).map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join("root/large.txt"), &large).unwrap();
    let mut raw = raw(&folder).await;
    raw.write(get("/files/large.txt", "") + &get("/files/", "")).await;
    assert_eq!(raw.answer().await, (200, large));
    assert_eq!(raw.answer().await, (200, "<p>index</p>".to_owned()));
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_served() {
    let folder = folder();
    let mut raw = raw(&folder).await;
    for path in [
        "/files/../secret",
        "/files/%2e%2e/secret",
        "/files/..%2fsecret",
        "/files/sub/../../secret",
        "/files/%2e%2e%5csecret",
        "/files//etc/passwd",
        "/files/%2fetc%2fpasswd",
        "/files/link",
        "/files/.hidden",
        "/files/index.html%00",
        "/files/sub",
        "/files/nothing",
    ] {
        raw.write(get(path, "")).await;
        assert_eq!(raw.answer().await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_is_known_is_not_sent_again() {
    let folder = folder();
    let mut raw = raw(&folder).await;
    raw.write(get("/files/index.html", "")).await;
    let head = raw.head().await;
    assert_eq!(raw.read(12).await, b"<p>index</p>");
    assert!(head.contains("content-type: text/html; charset=utf-8\r\n"), "{head}");
    let tag = head.split("etag: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let tag = tag.replace("w/", "W/");
    raw.write(get("/files/index.html", &format!("If-None-Match: {tag}\r\n"))).await;
    assert_eq!(status(&raw.head().await), 304);
    fs::write(folder.path().join("root/index.html"), "<p>newer index</p>").unwrap();
    raw.write(get("/files/index.html", &format!("If-None-Match: {tag}\r\n"))).await;
    assert_eq!(raw.answer().await, (200, "<p>newer index</p>".to_owned()));
}
