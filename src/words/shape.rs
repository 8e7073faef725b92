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
pub(super) type Members = &'static [(&'static str, Sort)];

/// What a member has to be.
pub(super) enum Sort {
    Text,
    /// A list of texts.
    Texts,
    /// Names with texts.
    Named,
    /// A whole number that is not negative.
    Count,
    Object(Members),
    /// A list of objects.
    List(Members),
}

const PLATFORM: Members =
    &[("os", Sort::Text), ("architecture", Sort::Text), ("variant", Sort::Text)];

/// Those of a descriptor.
pub(super) const DESCRIPTOR: Members = &[
    ("mediaType", Sort::Text),
    ("digest", Sort::Text),
    ("size", Sort::Count),
    ("platform", Sort::Object(PLATFORM)),
    ("artifactType", Sort::Text),
    ("urls", Sort::Texts),
    ("annotations", Sort::Named),
    ("data", Sort::Text),
];

/// Those of a manifest or an index.
pub(super) const DOCUMENT: Members = &[
    ("schemaVersion", Sort::Count),
    ("mediaType", Sort::Text),
    ("artifactType", Sort::Text),
    ("manifests", Sort::List(DESCRIPTOR)),
    ("config", Sort::Object(DESCRIPTOR)),
    ("layers", Sort::List(DESCRIPTOR)),
    ("blobs", Sort::List(DESCRIPTOR)),
    ("subject", Sort::Object(DESCRIPTOR)),
    ("annotations", Sort::Named),
];

/// The first member of `value` that is none of `members`' sort, and what it is instead; nothing where
/// each is.
pub(super) fn fault(value: &Value, members: Members) -> Option<String> {
    if !value.is_object() {
        return Some(format!("is {}, and not an object", called(value)));
    }
    in_object(value, members, "")
}

fn in_object(value: &Value, members: Members, path: &str) -> Option<String> {
    members.iter().find_map(|(name, sort)| {
        let member = value.get(name).filter(|member| !member.is_null())?;
        let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        in_member(member, sort, &path)
    })
}

fn in_member(value: &Value, sort: &Sort, path: &str) -> Option<String> {
    let not = |wanted: &str| Some(format!("{path} is {}, and not {wanted}", called(value)));
    match (sort, value) {
        (Sort::Text, Value::String(_)) => None,
        (Sort::Text, _) => not("a text"),
        (Sort::Count, Value::Number(number)) if number.is_u64() => None,
        (Sort::Count, _) => not("a whole number from 0 on"),
        (Sort::Texts, Value::Array(items)) => items.iter().enumerate().find_map(|(at, item)| {
            in_member(item, &Sort::Text, &format!("{path}[{at}]")).filter(|_| !item.is_null())
        }),
        (Sort::Texts, _) => not("a list of texts"),
        (Sort::Named, Value::Object(texts)) => texts.iter().find_map(|(name, text)| {
            let name = name.chars().take(64).collect::<String>();
            in_member(text, &Sort::Text, &format!("{path}[{name:?}]")).filter(|_| !text.is_null())
        }),
        (Sort::Named, _) => not("an object of texts"),
        (Sort::Object(members), Value::Object(_)) => in_object(value, members, path),
        (Sort::Object(_), _) => not("an object"),
        (Sort::List(members), Value::Array(items)) => {
            items.iter().enumerate().find_map(|(at, item)| {
                in_member(item, &Sort::Object(members), &format!("{path}[{at}]"))
            })
        }
        (Sort::List(_), _) => not("a list of objects"),
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
