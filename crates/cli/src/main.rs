//! `squall`: what a person runs.

mod chat;
mod connect;
mod echo;
mod error;
mod runtime;

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// WebSocket servers and clients on the command line.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
struct Squall {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Chat(Box<chat::Chat>),
    Echo(Box<echo::Echo>),
    Connect(Box<connect::Connect>),
}

fn main() -> ExitCode {
    let result = match Squall::parse().command {
        Command::Chat(chat) => chat.run(),
        Command::Echo(echo) => echo.run(),
        Command::Connect(connect) => connect.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says where a server listens. It serves whether anybody reads that or not.
fn announce(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
