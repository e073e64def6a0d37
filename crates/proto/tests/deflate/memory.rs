//! What a thread allocates.

use allocation_counter::measure;

/// The result of `work`, how many bytes more are live after it than before, and how many more were at most meanwhile. A block that grows
/// counts twice until it has moved.
pub(crate) fn grows<T>(work: impl FnOnce() -> T) -> (T, i64, u64) {
    let mut result = None;
    let info = measure(|| result = Some(work()));
    (result.unwrap(), info.bytes_current, info.bytes_max)
}
