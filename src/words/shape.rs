//! The shape of documents: [`Object`] reads nothing else for one, and [`fault`] says which member is
//! not what it has to be, in words that a person can use.
//!
//! [`fault`] is asked when reading has failed; what is null or not there is what Go reads it as, and
//! no fault.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What stands in JSON as an object. A derived reader takes a list of the members' values as well,
/// and nobody else does.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_map(ReadObject(PhantomData)).map(Object)
    }
}

struct ReadObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ReadObject<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// The members of an object that are looked at.
pub(super) type MemberSorts = &'static [(&'static str, MemberSort)];

/// What a member has to be.
pub(super) enum MemberSort {
    Text,
    /// A list of texts.
    Texts,
    /// Names with texts.
    Named,
    /// A whole number that is not negative.
    Count,
    Object(MemberSorts),
    /// A list of objects.
    List(MemberSorts),
}

const PLATFORM: MemberSorts =
    &[("os", MemberSort::Text), ("architecture", MemberSort::Text), ("variant", MemberSort::Text)];

/// Those of a descriptor.
pub(super) const DESCRIPTOR: MemberSorts = &[
    ("mediaType", MemberSort::Text),
    ("digest", MemberSort::Text),
    ("size", MemberSort::Count),
    ("platform", MemberSort::Object(PLATFORM)),
    ("artifactType", MemberSort::Text),
    ("urls", MemberSort::Texts),
    ("annotations", MemberSort::Named),
    ("data", MemberSort::Text),
];

/// Those of a manifest or an index.
pub(super) const DOCUMENT: MemberSorts = &[
    ("schemaVersion", MemberSort::Count),
    ("mediaType", MemberSort::Text),
    ("artifactType", MemberSort::Text),
    ("manifests", MemberSort::List(DESCRIPTOR)),
    ("config", MemberSort::Object(DESCRIPTOR)),
    ("layers", MemberSort::List(DESCRIPTOR)),
    ("blobs", MemberSort::List(DESCRIPTOR)),
    ("subject", MemberSort::Object(DESCRIPTOR)),
    ("annotations", MemberSort::Named),
];

/// The first member of `value` that is none of `members`' sort, and what it is instead; nothing where
/// each is.
pub(super) fn fault(value: &Value, members: MemberSorts) -> Option<String> {
    if !value.is_object() {
        return Some(format!("is {}, and not an object", called(value)));
    }
    in_object(value, members, "")
}

fn in_object(value: &Value, members: MemberSorts, path: &str) -> Option<String> {
    members.iter().find_map(|(name, sort)| {
        let member = value.get(name).filter(|member| !member.is_null())?;
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        in_member(member, sort, &path)
    })
}

fn in_member(value: &Value, sort: &MemberSort, path: &str) -> Option<String> {
    let not = |wanted: &str| Some(format!("{path} is {}, and not {wanted}", called(value)));
    match (sort, value) {
        (MemberSort::Text, Value::String(_)) => None,
        (MemberSort::Text, _) => not("a text"),
        (MemberSort::Count, Value::Number(number)) if number.is_u64() => None,
        (MemberSort::Count, _) => not("a whole number from 0 on"),
        (MemberSort::Texts, Value::Array(items)) => {
            items.iter().enumerate().find_map(|(at, item)| {
                in_member(item, &MemberSort::Text, &format!("{path}[{at}]"))
                    .filter(|_| !item.is_null())
            })
        }
        (MemberSort::Texts, _) => not("a list of texts"),
        (MemberSort::Named, Value::Object(texts)) => texts.iter().find_map(|(name, text)| {
            let name = name.chars().take(64).collect::<String>();
            in_member(text, &MemberSort::Text, &format!("{path}[{name:?}]"))
                .filter(|_| !text.is_null())
        }),
        (MemberSort::Named, _) => not("an object of texts"),
        (MemberSort::Object(members), Value::Object(_)) => in_object(value, members, path),
        (MemberSort::Object(_), _) => not("an object"),
        (MemberSort::List(members), Value::Array(items)) => {
            items.iter().enumerate().find_map(|(at, item)| {
                in_member(item, &MemberSort::Object(members), &format!("{path}[{at}]"))
            })
        }
        (MemberSort::List(_), _) => not("a list of objects"),
    }
}

fn called(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(it) => it.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
