//! The client that Autobahn's fuzzing server examines: it asks how many cases there are, echoes through each, and has the
//! reports written.

use std::{error::Error, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};
use squall_io::client::{Connector, Dial};
use squall_proto::{Config, deflate::DeflateConfig, handshake::ClientRequest};

/// Runs all cases of an Autobahn fuzzing server.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the fuzzing server listens: ws://HOST:PORT.
    url: String,
    /// The runtime to run on; the agent is named after it.
    #[arg(long, value_enum, default_value = "tokio")]
    runtime: RuntimeName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RuntimeName {
    Tokio,
    AsyncStd,
}

fn main() -> ExitCode {
    let Arguments { url, runtime } = Arguments::parse();
    let url = url.trim_end_matches('/');
    let result = match runtime {
        RuntimeName::Tokio => {
            tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
                runtime.block_on(run_all(&squall_tokio::Connector::default(), url, "squall-tokio"))
            })
        }
        RuntimeName::AsyncStd => async_std::task::block_on(run_all(
            &squall_async_std::Connector::default(),
            url,
            "squall-async-std",
        )),
    };
    match result {
        Ok(count) => {
            println!("ran {count} cases");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run_all<D: Dial>(
    connector: &Connector<D>,
    url: &str,
    agent: &str,
) -> Result<u32, Box<dyn Error>> {
    // Some cases last longer than the default allows without a word from the server.
    let connector = &connector
        .clone()
        .connection(Config::default().keep_alive(None).write_timeout(Duration::from_secs(120)));
    let mut counting = connector.connect(format!("{url}/getCaseCount")).await?;
    let count = counting.recv().await?.ok_or("the server did not say how many cases there are")?;
    let count: u32 = count.as_text().unwrap_or_default().trim().parse()?;
    counting.close(None).await?;
    for case in 1..=count {
        // How a case ends is what the server judges.
        let _ = run_case(connector, &format!("{url}/runCase?case={case}&agent={agent}")).await;
    }
    let mut reporting = connector.connect(format!("{url}/updateReports?agent={agent}")).await?;
    // The server does not take leave.
    while let Ok(Some(_)) = reporting.recv().await {}
    Ok(count)
}

/// Echoes until the server ends the case.
async fn run_case<D: Dial>(connector: &Connector<D>, url: &str) -> Result<(), Box<dyn Error>> {
    let offer = DeflateConfig::default().threshold(0);
    let fallback = offer.clone().client_no_context_takeover(true);
    let request = ClientRequest::new(url)?.deflate(offer).or_deflate(fallback);
    let mut socket = connector.connect(request).await?;
    while let Some(message) = socket.recv().await? {
        socket.send(message).await?;
    }
    Ok(())
}
