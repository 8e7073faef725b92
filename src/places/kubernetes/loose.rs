//! Members that are read if they are of the expected kind, and passed over if they are not: objects of
//! every kind come in one list, and only some have what is looked for.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// An object; nothing where there is none, or something else.
#[derive(Debug)]
pub(super) struct Loose<T>(pub(super) Option<T>);

/// A list of objects; nothing of what else stands there.
#[derive(Debug)]
pub(super) struct LooseList<T>(pub(super) Vec<T>);

/// A text.
#[derive(Debug, Default)]
pub(super) enum LooseText {
    /// It is not there, or null.
    #[default]
    Absent,
    Is(String),
    /// Something else.
    Odd,
}

impl<T> Default for Loose<T> {
    fn default() -> Loose<T> {
        Loose(None)
    }
}

impl<T> Default for LooseList<T> {
    fn default() -> LooseList<T> {
        LooseList(Vec::new())
    }
}

impl LooseText {
    /// The text, if it is one.
    pub(super) fn text(self) -> Option<String> {
        match self {
            LooseText::Is(text) => Some(text),
            LooseText::Absent | LooseText::Odd => None,
        }
    }
}

/// Gives the same for all values that JSON has besides those that a visitor reads itself.
macro_rules! otherwise {
    ($value:expr; $($visit:ident($type:ty)),*) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Ok($value)
        })*
    };
}

struct ReadLoose<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose<T>, D::Error> {
        deserializer.deserialize_any(ReadLoose(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ReadLoose<T> {
    type Value = Loose<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Loose<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(|it| Loose(Some(it)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Loose<T>, E> {
        Ok(Loose(None))
    }

    otherwise!(Loose(None); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

struct ReadList<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for LooseList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LooseList<T>, D::Error> {
        deserializer.deserialize_any(ReadList(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ReadList<T> {
    type Value = LooseList<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LooseList<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(Loose(one)) = list.next_element()? {
            all.extend(one);
        }
        Ok(LooseList(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<LooseList<T>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(LooseList(Vec::new()))
    }

    fn visit_unit<E: Error>(self) -> Result<LooseList<T>, E> {
        Ok(LooseList(Vec::new()))
    }

    otherwise!(LooseList(Vec::new()); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

struct ReadText;

impl<'de> Deserialize<'de> for LooseText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LooseText, D::Error> {
        deserializer.deserialize_any(ReadText)
    }
}

impl<'de> Visitor<'de> for ReadText {
    type Value = LooseText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LooseText, E> {
        Ok(LooseText::Is(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<LooseText, E> {
        Ok(LooseText::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LooseText, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(LooseText::Odd)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<LooseText, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(LooseText::Odd)
    }

    otherwise!(LooseText::Odd; visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64));
}
