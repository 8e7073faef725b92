//! Strict reading of JSON from outside, so that no two programs can see two documents in one.
//!
//! Go's `encoding/json` matches member names without regard to case and lets the last of two
//! twins win; serde is exact and keeps the first or the last depending on the target type. A
//! document that could be read in two ways is refused here, before anything believes it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

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

/// Most that one JSON text may weigh, by [`OBJECT`] and one for each other value. Nobody vouches for
/// it yet, and text of some megabytes can unfold to a hundred times its size: a value takes 32 bytes
/// as a tree, an object 640. The largest manifest of plain layers weighs 650,000, a statement of
/// twenty-five thousand images as much.
const MAX_WEIGHT: u32 = 1_000_000;
/// What an object weighs by itself.
const OBJECT: u32 = 10;

/// Checks that `bytes` are one JSON value that everybody reads alike, and keeps nothing of it.
///
/// # Errors
/// [`Class::Damaged`] for anything but one UTF-8 JSON text: a byte order mark, trailing bytes, a
/// member twice in one object, a known member in another case, nesting deeper than 32, more than a
/// million values, of which an object counts as ten.
pub fn check_strict(bytes: &[u8]) -> Result<()> {
    check_strict_with(bytes, KNOWN)
}

/// As [`check_strict`], of a document in which the member names of `known` are those with a meaning.
///
/// # Errors
/// As there.
pub fn check_strict_with(bytes: &[u8], known: &[&str]) -> Result<()> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let weight = Cell::new(0);
    let all = Walk { weight: &weight, hasher: RandomState::new() };
    Strict { depth: 0, known, all: &all }.deserialize(&mut reader).map_err(|e| bad(&e))?;
    reader.end().map_err(|e| bad(&e))
}

fn bad(why: &serde_json::Error) -> Error {
    let why = match why.classify() {
        Category::Eof => "it ends too early".to_owned(),
        // What was told here.
        Category::Data => why.to_string(),
        _ => format!("it is none at line {}, column {}", why.line(), why.column()),
    };
    Error::new(Class::Damaged, format!("not acceptable JSON: {why}"))
}

/// Reads `bytes` as one JSON value.
///
/// # Errors
/// As [`check_strict`].
pub fn parse_strict(bytes: &[u8]) -> Result<Value> {
    parse_strict_with(bytes, KNOWN)
}

/// As [`parse_strict`], of a document in which the member names of `known` are those with a
/// meaning.
///
/// # Errors
/// As there.
pub fn parse_strict_with(bytes: &[u8], known: &[&str]) -> Result<Value> {
    check_strict_with(bytes, known)?;
    serde_json::from_slice(bytes).map_err(|e| bad(&e))
}

/// What all values of one text share.
struct Walk<'w> {
    weight: &'w Cell<u32>,
    hasher: RandomState,
}

/// Visits one value; `known` are the member names with a meaning here (there are none inside
/// `annotations`, where `A` and `a` are two keys for everybody).
#[derive(Clone, Copy)]
struct Strict<'k> {
    depth: usize,
    known: &'k [&'k str],
    all: &'k Walk<'k>,
}

impl Strict<'_> {
    fn weigh<E: serde::de::Error>(&self, more: u32) -> Result<(), E> {
        let weight = self.all.weight.get() + more;
        self.all.weight.set(weight);
        match weight > MAX_WEIGHT {
            true => Err(E::custom("it has too many values for its size to be one of ours")),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        self.weigh(1)?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        while items.next_element_seed(Strict { depth, ..self })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        let depth = deeper(self.depth)?;
        self.weigh(OBJECT)?;
        // Names by their hashes: whoever wrote them does not know the key, and a million of them
        // take no more room than they do in the text.
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key_seed(Name)? {
            if !seen.insert(self.all.hasher.hash_one(&*name)) {
                return Err(A::Error::custom(format!("member {} stands twice", quoted(&name))));
            }
            if let Some(known) = self.known.iter().find(|known| is_twin(known, &name))
                && *known != name
            {
                let name = quoted(&name);
                return Err(A::Error::custom(format!("member {name} is {known:?} in disguise")));
            }
            let known = if name == "annotations" { &[] } else { self.known };
            members.next_value_seed(Strict { depth, known, all: self.all })?;
        }
        Ok(())
    }
}

/// A member's name, without a copy where it is spelled plainly.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The beginning of a name, for messages.
fn quoted(name: &str) -> String {
    const SHOWN: usize = 64;
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?} and so on", &name[..end]),
        None => format!("{name:?}"),
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
                format!("{what} has an unknown member {}", quoted(name)),
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
    fn what_unfolds_to_many_times_its_size_is_refused() {
        let most = 4 << 20;
        let nest = [b"{\"\":".repeat(28), b"0".to_vec(), vec![b'}'; 28]];
        for bomb in [&br#"{"":0}"#[..], b"[0]", b"1", b"\"\"", &nest.concat()] {
            let mut text = b"[".to_vec();
            while text.len() + bomb.len() + 2 < most {
                text.extend(bomb);
                text.push(b',');
            }
            text.extend(b"0]");

            assert!(check_strict(&text).is_err(), "{}", bomb.escape_ascii());
        }
        let wide: Vec<String> = (0..400_000).map(|n| format!("\"{n}\":0")).collect();
        check_strict(format!("{{{}}}", wide.join(",")).as_bytes()).unwrap();
        // The largest manifest of plain layers that there is room for.
        let layer = format!(
            r#"{{"mediaType":"a/b","digest":"sha256:{}","size":0,"annotations":{{"":""}}}}"#,
            "0".repeat(64)
        );
        let layers = vec![layer.clone(); most / (layer.len() + 1)];
        check_strict(format!("[{}]", layers.join(",")).as_bytes()).unwrap();
    }

    #[test]
    fn a_name_of_any_length_makes_a_short_message() {
        let name = "a".repeat(1 << 20);

        let error = check_strict(format!(r#"{{"{name}":1,"{name}":2}}"#).as_bytes()).unwrap_err();

        assert!(error.to_string().len() < 200, "{}", error.to_string().len());
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
