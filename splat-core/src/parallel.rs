//! Work spread over the cores.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Threads worth starting.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Fewest rows of splats worth a thread.
pub(crate) const ROWS_PER_THREAD: usize = 1 << 15;

/// More would have to wait for the thread that visits what they did.
const MOST_LANES: usize = 8;

/// Hands `work` the parts of `values` and the number of their first unit; `unit` values stay together, and no thread
/// is started for fewer than `least` units.
pub(crate) fn for_each_part<T: Send>(
    values: &mut [T],
    unit: usize,
    least: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let per_part = (values.len() / unit).div_ceil(threads()).max(least);
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

/// Does `work` for each number below `count`, on all cores, while the caller's thread visits the results in order. At
/// most two results per core wait for their visit, so that memory stays bounded whoever is slower.
///
/// # Errors
/// The first that `work` or `visit` returns, in order; the rest of the work is then left.
pub(crate) fn in_order<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
    mut visit: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let threads = threads().min(count).min(MOST_LANES);
    if threads < 2 {
        return (0..count).try_for_each(|number| visit(number, work(number)?));
    }
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..threads)
            .map(|lane| {
                let (done, results) = sync_channel(1);
                let work = &work;
                // Whoever waits for the results may have given up.
                scope.spawn(move || (lane..count).step_by(threads).try_for_each(|number| done.send(work(number))));
                results
            })
            .collect();
        let died = || Error::settings("a thread stopped", "this is a bug: please report it");
        // The lanes end with this closure, whether visited to the end or not: threads that wait for a visit then stop.
        (0..count).try_for_each(|number| visit(number, lanes[number % threads].recv().map_err(|_| died())??))
    })
}

/// Does `work` on all items, each on whichever of some threads is free, the caller's among them.
pub(crate) fn in_parallel<I: Iterator + Send>(threads: usize, items: I, work: impl Fn(I::Item) + Sync) {
    let items = Mutex::new(items);
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let run = || {
            while let Some(item) = next() {
                work(item);
            }
        };
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}

/// Does `work` on all items, each on whichever core is free; the results are in the order of the items.
pub(crate) fn on_all<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = threads().min(items.len());
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    in_parallel(threads, items.into_iter().zip(&mut results), |(item, result)| *result = Some(work(item)));
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{in_order, on_all};
    use crate::error::Error;

    #[test]
    fn all_items_are_worked_on_and_results_keep_their_order() {
        for count in [0, 1, 2, 100] {
            let squares = on_all((0..count).collect(), |i: usize| i * i);
            assert!(squares.into_iter().eq((0..count).map(|i| i * i)));
        }
    }

    #[test]
    fn results_are_visited_in_order_and_errors_end_it() {
        for count in [0, 1, 2, 100] {
            let mut seen = Vec::new();
            in_order(
                count,
                |i| Ok(i * i),
                |i, square| {
                    assert_eq!(square, i * i);
                    seen.push(i);
                    Ok(())
                },
            )
            .unwrap();
            assert!(seen.into_iter().eq(0..count));
        }
        let bad = || Error::settings("bad", "");
        let mut last = 0;
        let visit = |i, ()| {
            last = i;
            Ok(())
        };
        assert!(in_order(100, |i| if i == 7 { Err(bad()) } else { Ok(()) }, visit).is_err());
        assert_eq!(last, 6);
        assert!(in_order(100, Ok, |i, _| if i == 5 { Err(bad()) } else { Ok(()) }).is_err());
    }
}
