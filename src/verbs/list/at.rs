//! [`ListedAt`]: where an image is, or is asked for.

use std::fmt;

use serde::Serialize;

/// Where an image is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListedAt {
    /// The place, as it was named.
    pub place: String,
    /// How an export takes it from there, where that is not its name alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The namespace of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What asks for it there, as in `Pod`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The container or the volume in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

impl ListedAt {
    /// At `place`, as a whole.
    pub(super) fn of(place: impl fmt::Display) -> ListedAt {
        ListedAt { place: place.to_string(), ..ListedAt::default() }
    }
}

impl fmt::Display for ListedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        let named = [&self.namespace, &self.kind, &self.object, &self.part];
        named.into_iter().flatten().try_for_each(|part| write!(f, " {part}"))
    }
}
