//! [`ImageConfig`]: what the config of an image says of it (OCI image-spec, config.md).
//!
//! Whoever made a config chose what stands in it: only the members that somebody acts on are read,
//! and a list of a million entries leaves a number.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::digest::Digest;
use super::platform::Platform;
use super::shape::Object;

/// The members of a config that are acted on.
#[derive(Debug, Default)]
pub struct ImageConfig {
    platform: Option<Platform>,
    rootfs: Option<ConfigRootFs>,
    is_odd: bool,
}

#[derive(Debug, Default)]
struct ConfigRootFs {
    diff_ids: Option<DiffIds>,
}

/// The list of what the layers unpack to.
#[derive(Debug, Default)]
pub struct DiffIds {
    /// How many entries it has.
    pub count: usize,
    /// They themselves, where each is a digest.
    pub digests: Option<Vec<Digest>>,
}

impl ImageConfig {
    /// What `bytes` say; nothing where they are no object.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<ImageConfig> {
        let Object(stood): Object<AsItStands> = serde_json::from_slice(bytes).ok()?;
        let diff_ids = match &stood.rootfs {
            ConfigMember::Is(rootfs) => rootfs.diff_ids.is_wrong(),
            _ => false,
        };
        let is_odd = diff_ids
            || stood.rootfs.is_wrong()
            || [&stood.os, &stood.architecture, &stood.variant].iter().any(|it| it.is_wrong());
        let platform = stood.os.word().zip(stood.architecture.word());
        let variant = stood.variant.word();
        let platform = platform.map(|(os, architecture)| Platform { os, architecture, variant });
        let rootfs = stood.rootfs.some().map(|it| ConfigRootFs { diff_ids: it.diff_ids.some() });
        Some(ImageConfig { platform, rootfs, is_odd })
    }

    /// What it says that the image runs on; nothing where the system or the architecture is not said.
    #[must_use]
    pub fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref()
    }

    /// Whether it says what layers it is for: an empty list may be left out.
    #[must_use]
    pub fn has_rootfs(&self) -> bool {
        self.rootfs.is_some()
    }

    /// What its layers unpack to, where it lists that.
    #[must_use]
    pub fn diff_ids(&self) -> Option<&DiffIds> {
        self.rootfs.as_ref()?.diff_ids.as_ref()
    }

    /// Whether one of these members is no text or no list where it has to be one: nothing written in
    /// Go reads such a config.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        self.is_odd
    }
}

/// The chain IDs of layers from their diff IDs (image-spec, config.md, "Layer ChainID").
#[must_use]
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        chain.push(match chain.last() {
            Some(below) => Digest::of(format!("{below} {diff_id}").as_bytes()),
            None => *diff_id,
        });
    }
    chain
}

#[derive(Deserialize)]
struct AsItStands {
    #[serde(default)]
    os: ConfigMember<String>,
    #[serde(default)]
    architecture: ConfigMember<String>,
    #[serde(default)]
    variant: ConfigMember<String>,
    #[serde(default)]
    rootfs: ConfigMember<ConfigRootFsAsItStands>,
}

#[derive(Deserialize)]
struct ConfigRootFsAsItStands {
    #[serde(default)]
    diff_ids: ConfigMember<DiffIds>,
}

/// A member: not there or null, what it has to be, or something else.
#[derive(Default)]
enum ConfigMember<T> {
    #[default]
    Nothing,
    Is(T),
    Wrong,
}

impl<T> ConfigMember<T> {
    fn is_wrong(&self) -> bool {
        matches!(self, ConfigMember::Wrong)
    }

    fn some(self) -> Option<T> {
        match self {
            ConfigMember::Is(it) => Some(it),
            ConfigMember::Nothing | ConfigMember::Wrong => None,
        }
    }
}

impl ConfigMember<String> {
    /// A text that is not empty.
    fn word(self) -> Option<String> {
        self.some().filter(|text| !text.is_empty())
    }
}

/// What a member is made of; each kind takes one form of JSON.
trait JsonForm: Sized {
    fn of_text(_text: &str) -> Option<Self> {
        None
    }

    fn of_list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn of_object<'de, A: MapAccess<'de>>(mut members: A) -> Result<Option<Self>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl JsonForm for String {
    fn of_text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

impl JsonForm for ConfigRootFsAsItStands {
    fn of_object<'de, A: MapAccess<'de>>(members: A) -> Result<Option<Self>, A::Error> {
        ConfigRootFsAsItStands::deserialize(MapAccessDeserializer::new(members)).map(Some)
    }
}

impl JsonForm for DiffIds {
    fn of_list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        let mut ids = DiffIds { count: 0, digests: Some(Vec::new()) };
        while let Some(item) = items.next_element::<ConfigMember<String>>()? {
            ids.count += 1;
            let digest = item.some().and_then(|text| text.parse().ok());
            match (&mut ids.digests, digest) {
                (Some(digests), Some(digest)) => digests.push(digest),
                _ => ids.digests = None,
            }
        }
        Ok(Some(ids))
    }
}

impl<'de, T: JsonForm> Deserialize<'de> for ConfigMember<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConfigMember<T>, D::Error> {
        deserializer.deserialize_any(ReadMember(PhantomData))
    }
}

struct ReadMember<T>(PhantomData<T>);

impl<T> ReadMember<T> {
    fn found(found: Option<T>) -> ConfigMember<T> {
        found.map_or(ConfigMember::Wrong, ConfigMember::Is)
    }
}

impl<'de, T: JsonForm> Visitor<'de> for ReadMember<T> {
    type Value = ConfigMember<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<ConfigMember<T>, E> {
        Ok(ConfigMember::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<ConfigMember<T>, E> {
        Ok(ConfigMember::Wrong)
    }

    fn visit_i64<E>(self, _: i64) -> Result<ConfigMember<T>, E> {
        Ok(ConfigMember::Wrong)
    }

    fn visit_u64<E>(self, _: u64) -> Result<ConfigMember<T>, E> {
        Ok(ConfigMember::Wrong)
    }

    fn visit_f64<E>(self, _: f64) -> Result<ConfigMember<T>, E> {
        Ok(ConfigMember::Wrong)
    }

    fn visit_str<E>(self, text: &str) -> Result<ConfigMember<T>, E> {
        Ok(ReadMember::found(T::of_text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<ConfigMember<T>, A::Error> {
        T::of_list(items).map(ReadMember::found)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<ConfigMember<T>, A::Error> {
        T::of_object(members).map(ReadMember::found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ImageConfig {
        ImageConfig::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_acted_on_is_read_and_the_rest_is_not() {
        let id = Digest::of(b"x");
        let config = read(&format!(
            r#"{{"os":"linux","architecture":"arm","variant":"v7","config":{{"Env":[1]}},
                "rootfs":{{"type":"layers","diff_ids":["{id}","{id}"]}}}}"#,
        ));

        assert_eq!(config.platform().unwrap().to_string(), "linux/arm/v7");
        let ids = config.diff_ids().unwrap();
        assert_eq!((ids.count, ids.digests.as_deref()), (2, Some(&[id, id][..])));
        assert!(config.has_rootfs() && !config.is_odd());
    }

    #[test]
    fn what_is_not_said_is_nothing_and_what_is_wrong_is_odd() {
        for text in ["{}", r#"{"os":null,"rootfs":null}"#, r#"{"os":"linux","architecture":""}"#] {
            let config = read(text);
            assert!(config.platform().is_none() && config.diff_ids().is_none(), "{text}");
            assert!(!config.has_rootfs() && !config.is_odd(), "{text}");
        }
        let config = read(r#"{"rootfs":{"diff_ids":null}}"#);
        assert!(config.has_rootfs() && config.diff_ids().is_none() && !config.is_odd());
        for text in [
            r#"{"os":7,"rootfs":{}}"#,
            r#"{"variant":["v7"],"rootfs":{}}"#,
            r#"{"rootfs":[1,{"a":2}]}"#,
            r#"{"rootfs":{"diff_ids":"sha256:x"}}"#,
            r#"{"rootfs":{"diff_ids":{"a":1}}}"#,
        ] {
            let config = read(text);
            assert!(config.is_odd() && config.diff_ids().is_none(), "{text}");
        }
        for text in ["[]", "7", "", "{", "\"x\"", r#"{"os":"a","os":"b"}"#] {
            assert!(ImageConfig::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn entries_that_are_no_digests_are_counted_and_not_kept() {
        let id = Digest::of(b"x");
        for entry in ["7", "null", "\"\"", "\"sha256:x\"", "{}", "[[]]", "1.5", "-1", "true"] {
            let config = read(&format!(r#"{{"rootfs":{{"diff_ids":["{id}",{entry},"{id}"]}}}}"#));

            let ids = config.diff_ids().unwrap();
            assert_eq!((ids.count, ids.digests.as_ref()), (3, None), "{entry}");
            assert!(!config.is_odd(), "{entry}");
        }
    }

    #[test]
    fn a_chain_id_is_that_of_the_image_specification() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|layer| Digest::of(layer));
        let ab = Digest::of(format!("{a} {b}").as_bytes());

        assert_eq!(chain_ids(&[a, b, c]), [a, ab, Digest::of(format!("{ab} {c}").as_bytes())]);
        assert!(chain_ids(&[]).is_empty());
    }
}
