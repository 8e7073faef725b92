//! Strict reading of JSON from outside, so that no two programs can see two documents in one.
//!
//! Go's `encoding/json` matches member names without regard to case and lets the last of two
//! twins win; serde is exact and keeps the first or the last depending on the target type. A
//! document that could be read in two ways is refused here, before anything believes it.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::error::{Class, Error, Result};

/// Deepest nesting that is read. OCI documents need five levels; 32 leaves room for artifacts.
const MAX_DEPTH: usize = 32;

/// Member names with a meaning in OCI documents. A name that equals one of them but for its case
/// is a second document for Go's parser, and is refused.
const KNOWN: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "blobs",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "variant",
];

/// Reads `bytes` as one JSON value.
///
/// # Errors
/// [`Class::Damaged`] for anything but one UTF-8 JSON text: a byte order mark, trailing bytes, a
/// member twice in one object, a known member in another case, nesting deeper than 32.
pub fn parse_strict(bytes: &[u8]) -> Result<Value> {
    parse_strict_with(bytes, KNOWN)
}

/// As [`parse_strict`], of a document in which the member names of `known` are those with a
/// meaning.
///
/// # Errors
/// As there.
pub fn parse_strict_with(bytes: &[u8], known: &[&str]) -> Result<Value> {
    let bad = |why: String| Error::new(Class::Damaged, format!("not acceptable JSON: {why}"));
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value =
        Strict { depth: 0, known }.deserialize(&mut reader).map_err(|e| bad(e.to_string()))?;
    reader.end().map_err(|e| bad(e.to_string()))?;
    Ok(value)
}

/// Visits one value; `known` are the member names with a meaning here (there are none inside
/// `annotations`, where `A` and `a` are two keys for everybody).
struct Strict<'k> {
    depth: usize,
    known: &'k [&'k str],
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::from(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = deeper(self.depth)?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(Strict { depth, known: self.known })? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        use serde::de::Error as _;
        let depth = deeper(self.depth)?;
        let mut seen = HashSet::new();
        let mut out = serde_json::Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!("member {name:?} stands twice")));
            }
            if let Some(known) = self.known.iter().find(|known| is_twin(known, &name))
                && *known != name
            {
                return Err(A::Error::custom(format!("member {name:?} is {known:?} in disguise")));
            }
            let known = if name == "annotations" { &[] } else { self.known };
            let value = members.next_value_seed(Strict { depth, known })?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

/// The member of `object` that Go takes for `name`: without regard to case, as programs in Java
/// write what Go's write in capitals.
///
/// # Errors
/// [`Class::Damaged`] when there are several.
pub fn member_of_any_case<'v>(object: &'v Value, name: &str) -> Result<&'v Value> {
    let members = object.as_object().into_iter().flatten();
    let mut found = members.filter(|(own, _)| is_twin(name, own)).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (found, None) => Ok(found.unwrap_or(&Value::Null)),
        _ => Err(Error::new(Class::Damaged, format!("member {name:?} stands twice in it"))),
    }
}

/// Whether Go takes `name` for `known`: letters that fold to ASCII ones are among its equals, such
/// as the long s of old print and the sign for Kelvin.
fn is_twin(known: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    known.chars().map(fold).eq(name.chars().map(fold))
}

fn deeper<E: serde::de::Error>(depth: usize) -> Result<usize, E> {
    if depth >= MAX_DEPTH { Err(E::custom("nested too deep")) } else { Ok(depth + 1) }
}

/// Refuses an object with members other than `allowed`: used for documents that are our own,
/// where an unknown member is a newer format or a forgery, never noise.
///
/// # Errors
/// [`Class::Damaged`], naming the first unknown member.
pub fn only_members(object: &Value, allowed: &[&str], what: &str) -> Result<()> {
    let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
    let names = object.as_object().map(|map| map.keys()).into_iter().flatten();
    for name in names {
        if !allowed.contains(name.as_str()) {
            return Err(Error::new(
                Class::Damaged,
                format!("{what} has an unknown member {name:?}"),
            )
            .hint("a newer sealift may have made it; use that version"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spacing_is_fine() {
        parse_strict(b" {\n\t\"layers\" : [ ] ,\r\n \"x\": 1.5e3 } \n").unwrap();
        parse_strict(br#"{"annotations":{"a":"1","A":"2","Size":"3"}}"#).unwrap();
    }

    #[test]
    fn a_document_with_two_readings_is_refused() {
        let deep = [vec![b'['; 33], vec![b']'; 33]].concat();
        for bad in [
            &br#"{"layers":[],"layers":[1]}"#[..],
            br#"{"layers":[],"Layers":[]}"#,
            br#"{"Layers":[]}"#,
            "{\"layer\u{17f}\":[]}".as_bytes(),
            br#"{"config":{"\u0044igest":"x"}}"#,
            br#"{"annotations":{"a":"1","a":"2"}}"#,
            b"\xef\xbb\xbf{}",
            b"{} {}",
            b"{}x",
            br#""\ud800""#,
            b"\"\xff\"",
            b"{\"a\":01}",
            b"",
            &deep,
        ] {
            assert!(parse_strict(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
