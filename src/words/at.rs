//! [`At`]: a place in a list.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

/// A place in a list of `T`, so that one of an image is not taken for one of a repository.
pub struct At<T> {
    place: usize,
    list: PhantomData<fn() -> T>,
}

impl<T> At<T> {
    /// The one at `place`, from 0 on.
    #[must_use]
    pub const fn nth(place: usize) -> At<T> {
        At { place, list: PhantomData }
    }

    /// How many stand before it.
    #[must_use]
    pub const fn place(self) -> usize {
        self.place
    }

    /// Everything in `list`, with its place.
    pub fn each(list: &[T]) -> impl Iterator<Item = (At<T>, &T)> {
        At::along(list)
    }

    /// Everything in a list that goes `beside` the one of places, with its place.
    pub fn along<B: IntoIterator>(beside: B) -> impl Iterator<Item = (At<T>, B::Item)> {
        beside.into_iter().enumerate().map(|(place, item)| (At::nth(place), item))
    }

    /// What stands there in `list`, if it is that long.
    #[must_use]
    pub fn get(self, list: &[T]) -> Option<&T> {
        list.get(self.place)
    }

    /// What stands there in `list`, which it is a place of.
    #[must_use]
    pub fn of(self, list: &[T]) -> &T {
        &list[self.place]
    }

    /// What stands there in a list that goes beside the one it is a place of.
    #[must_use]
    pub fn beside<U>(self, list: &[U]) -> &U {
        &list[self.place]
    }
}

impl<T> Clone for At<T> {
    fn clone(&self) -> At<T> {
        *self
    }
}

impl<T> Copy for At<T> {}

impl<T> PartialEq for At<T> {
    fn eq(&self, other: &At<T>) -> bool {
        self.place == other.place
    }
}

impl<T> Eq for At<T> {}

impl<T> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &At<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for At<T> {
    fn cmp(&self, other: &At<T>) -> Ordering {
        self.place.cmp(&other.place)
    }
}

impl<T> fmt::Debug for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "At({})", self.place)
    }
}
