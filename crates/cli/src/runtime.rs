//! The choice of a runtime.

use std::{future::Future, num::NonZeroUsize, thread::available_parallelism};

use clap::ValueEnum;

use crate::error::CliError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeName {
    Tokio,
    AsyncStd,
}

/// Runs a future on tokio; with one thread on its single-threaded runtime.
pub(crate) fn block_on_tokio<F: Future>(
    threads: Option<NonZeroUsize>,
    future: F,
) -> Result<F::Output, CliError> {
    let threads = count(threads);
    let mut builder = match threads.get() {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(threads.get()).enable_all().build();
    Ok(runtime.map_err(CliError::Runtime)?.block_on(future))
}

/// Runs a future on async-std, whose tasks run on as many threads.
pub(crate) fn block_on_async_std<F: Future>(threads: Option<NonZeroUsize>, future: F) -> F::Output {
    let threads = count(threads).get();
    // async-std itself only reads the number from the environment; the first to configure its executor wins.
    async_global_executor::init_with_config(
        async_global_executor::GlobalExecutorConfig::default()
            .with_min_threads(threads)
            .with_max_threads(threads),
    );
    async_std::task::block_on(future)
}

fn count(threads: Option<NonZeroUsize>) -> NonZeroUsize {
    threads.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}
