//! [`map`]: the same work on many things, on a few threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::words::error::{Class, Error, Result};

/// Threads for work that is bound by hashing: one a core.
#[must_use]
pub fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(2, Into::into)
}

/// Calls `work` on every item, in order of the items, on at most `jobs` threads. After the first
/// failure no further item is begun.
///
/// # Errors
/// The failure of the earliest item that failed.
pub fn map<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let done: Mutex<Vec<(usize, Result<R>)>> = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            if let Ok(mut done) = done.lock() {
                done.push((index, result));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(worker);
        }
        worker();
    });
    let mut done =
        done.into_inner().map_err(|_| Error::new(Class::Other, "another thread failed"))?;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_their_items() {
        let items: Vec<usize> = (0..100).collect();

        assert_eq!(
            map(4, &items, |n| Ok(n * 2)).unwrap(),
            items.iter().map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(map(4, &[] as &[usize], |n| Ok(*n)).unwrap().is_empty());
    }

    #[test]
    fn the_earliest_failure_is_the_one_reported() {
        let items: Vec<usize> = (0..100).collect();

        let error = map(3, &items, |n| match n {
            7.. => Err(Error::new(Class::Other, format!("item {n}"))),
            _ => Ok(()),
        });

        assert_eq!(error.unwrap_err().to_string(), "item 7");
    }
}
