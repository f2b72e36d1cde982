//! Loops over all rows, spread over the cores.

/// Hands `work` the parts of `values` and the number of their first unit; `unit` values stay together, and no thread
/// is started for fewer than `least` units.
pub(super) fn for_each_part<T: Send>(
    values: &mut [T],
    unit: usize,
    least: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let per_part = (values.len() / unit).div_ceil(threads).max(least);
    if values.len() <= per_part * unit {
        return work(0, values);
    }
    std::thread::scope(|scope| {
        for (index, part) in values.chunks_mut(per_part * unit).enumerate() {
            let work = &work;
            scope.spawn(move || work(index * per_part, part));
        }
    });
}

/// Fewest rows worth a thread.
pub(super) const ROWS_PER_THREAD: usize = 1 << 15;
