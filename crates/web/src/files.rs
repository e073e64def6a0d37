//! Static files, from one folder and from nowhere else.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use ::http::{HeaderValue, StatusCode, header};

use crate::{Request, Response};

/// Answers with the file that the argument `path` of the request names, below `folder`.
pub(crate) async fn serve(folder: Arc<PathBuf>, request: Request) -> Response {
    let path = request.arguments().get("path").unwrap_or_default().to_owned();
    let found = blocking::unblock(move || find(&folder, &path)).await;
    let Ok(found) = found else { return Response::status(StatusCode::NOT_FOUND) };
    let Ok(tag) = HeaderValue::from_str(&found.tag) else {
        return Response::status(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let is_known = request.header("if-none-match").is_some_and(|known| {
        known.split(',').any(|known| known.trim() == found.tag || known.trim() == "*")
    });
    let response = if is_known {
        Response::status(StatusCode::NOT_MODIFIED)
    } else {
        Response::file(found.file, found.length, found.media_type)
    };
    response
        .header(header::ETAG, tag)
        .header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}

struct Found {
    file: File,
    length: u64,
    media_type: &'static str,
    tag: String,
}

/// Opens the file of a decoded path; `folder` is canonical.
fn find(folder: &Path, path: &str) -> io::Result<Found> {
    let mut wanted = folder.to_path_buf();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        // No parent, no hidden file, no other way to write a path.
        if segment.starts_with('.') || segment.contains(['\\', ':', '\0']) {
            return Err(io::ErrorKind::NotFound.into());
        }
        wanted.push(segment);
    }
    if wanted.is_dir() {
        wanted.push("index.html");
    }
    // A link may lead out of the folder.
    let wanted = wanted.canonicalize()?;
    if !wanted.starts_with(folder) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(&wanted)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Found {
        length: metadata.len(),
        tag: format!("W/\"{:x}-{:x}\"", modified.as_nanos(), metadata.len()),
        media_type: media_type(&wanted),
        file,
    })
}

/// The media type of a file, by the end of its name.
fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}
