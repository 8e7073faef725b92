//! [`read`]: the objects of a list, one at a time: a large cluster has hundreds of megabytes of them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Read;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;

use super::counted::{Counted, MAX_OBJECT, Within};
use super::loose::Loose;
use super::object::{ClusterObject, Workload};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// Reads what `kubectl get -o json` prints, a list or an object, as often as it stands there, and hands
/// what has to do with images to `each`.
///
/// # Errors
/// [`Class::Damaged`] for what is no such JSON, or has an object that is too large; [`Class::Incomplete`]
/// for nothing at all; those of the reader and of `each`, and [`Class::Interrupted`] when `cancel` says stop.
pub fn read(
    reader: impl Read,
    cancel: &Cancel,
    each: &mut dyn FnMut(Workload) -> Result<()>,
) -> Result<()> {
    read_within(Within::at_most(MAX_OBJECT), reader, cancel, each)
}

fn read_within(
    within: Within,
    reader: impl Read,
    cancel: &Cancel,
    each: &mut dyn FnMut(Workload) -> Result<()>,
) -> Result<()> {
    let mut json = Deserializer::from_reader(Counted::new(reader, within.clone()));
    let hand = Hand { within, cancel, each: RefCell::new(each), failure: RefCell::default() };
    let mut is_first = true;
    loop {
        hand.within.begin();
        match json.end() {
            Ok(()) if is_first => {
                return Err(Error::new(Class::Incomplete, "nothing came").hint(HINT));
            }
            Ok(()) => return Ok(()),
            // Something stands there, which is read next.
            Err(e) if e.is_syntax() => {}
            Err(e) => return Err(fault(e)),
        }
        let seen = Cell::new(false);
        let read = json.deserialize_map(Top { hand: &hand, seen: &seen });
        if let Some(failure) = hand.failure.take() {
            return Err(failure);
        }
        read.map_err(fault)?;
        if !seen.get() {
            return Err(Error::new(Class::Damaged, NO_JSON).hint(HINT));
        }
        is_first = false;
    }
}

const NO_JSON: &str = "this is no JSON of kubectl's";
const HINT: &str = "pipe in what `kubectl get pods -A -o json` prints";

fn fault(error: serde_json::Error) -> Error {
    match error.is_io() {
        true => {
            let error = std::io::Error::from(error);
            match error.kind() {
                std::io::ErrorKind::InvalidData => Error::new(Class::Damaged, error.to_string()),
                _ => Error::io("cannot read what kubectl prints", error),
            }
        }
        false => Error::new(Class::Damaged, NO_JSON).source(error).hint(HINT),
    }
}

/// Takes what was read.
struct Hand<'h> {
    within: Within,
    cancel: &'h Cancel,
    each: RefCell<&'h mut dyn FnMut(Workload) -> Result<()>>,
    /// Why nothing more is taken.
    failure: RefCell<Option<Error>>,
}

impl Hand<'_> {
    /// Takes `object`, of a list of `kind`.
    fn take<E: serde::de::Error>(
        &self,
        object: ClusterObject,
        kind: Option<&str>,
    ) -> Result<(), E> {
        let taken = self.cancel.check().and_then(|()| match object.workload(kind) {
            Some(workload) => (self.each.borrow_mut())(workload),
            None => Ok(()),
        });
        taken.map_err(|error| {
            self.failure.replace(Some(error));
            E::custom("stopped")
        })
    }
}

/// A list, or one object.
struct Top<'t, 'h> {
    hand: &'t Hand<'h>,
    /// Whether anything shows that it is of Kubernetes.
    seen: &'t Cell<bool>,
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of Kubernetes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (mut object, mut kind, mut has_items) =
            (ClusterObject::default(), None::<String>, false);
        while let Some(member) = members.next_key::<String>()? {
            match member.as_str() {
                "items" => {
                    has_items = true;
                    // In answers of the API itself it is the list that says what its objects are.
                    let of = kind.as_deref().and_then(|kind| kind.strip_suffix("List"));
                    let of = of.filter(|of| !of.is_empty());
                    members.next_value_seed(Items { hand: self.hand, kind: of })?;
                }
                "kind" => {
                    self.seen.set(true);
                    kind = members.next_value::<super::loose::LooseText>()?.text();
                }
                "metadata" => object.metadata = members.next_value()?,
                "spec" => object.spec = members.next_value()?,
                "status" => object.status = members.next_value()?,
                "template" => object.template = members.next_value()?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        match has_items {
            true => Ok(()),
            false => self.hand.take(object, kind.as_deref()),
        }
    }
}

/// The objects of a list.
struct Items<'t, 'h> {
    hand: &'t Hand<'h>,
    kind: Option<&'t str>,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    // Go writes an empty list as null.
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.hand.within.begin();
        while let Some(Loose(object)) = list.next_element::<Loose<ClusterObject>>()? {
            if let Some(object) = object {
                self.hand.take(object, self.kind)?;
            }
            self.hand.within.begin();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
