//! What can go wrong, each in one line.

use std::{io, path::PathBuf};

use squall_io::{client::ConnectError, tls::TlsError};
use squall_proto::{SendError, handshake::InvalidRequest};
use squall_tokio::web::RouteError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot start the runtime: {0}")]
    Runtime(#[source] io::Error),
    #[error("cannot listen on {address}: {error}")]
    Bind { address: String, error: io::Error },
    #[error(transparent)]
    Routes(RouteError),
    #[error("cannot read {}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot handle signals: {0}")]
    Signals(#[from] ctrlc::Error),
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Connection(#[from] squall_io::Error),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("cannot read standard input: {0}")]
    Stdin(#[source] io::Error),
    #[error("cannot write standard output: {0}")]
    Stdout(#[source] io::Error),
}

/// Reads a whole file.
pub(crate) fn read(path: &PathBuf) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::File { path: path.clone(), error })
}
