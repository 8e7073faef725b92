//! What a mutex guards, also where a thread ended while it held it: what is there is whole, since no
//! one of ours is held over more than one change.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What `mutex` guards.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
