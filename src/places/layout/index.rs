//! The list of images of a layout, `index.json`, as tools write it: one entry that is odd is no
//! reason to refuse the others.

use serde_json::Value;

use super::spec::{CONTAINERD_NAME, REF_NAME, blob_path};
use crate::medium::kind;
use crate::medium::tree::Tree;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, MAX_DOCUMENT, guess_type};
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict;
use crate::words::media::{OCI_INDEX, Role};

/// Types that say nothing of a manifest, and that tools give one all the same.
const PLAIN: &[&str] = &["", "application/json", "application/octet-stream", "text/plain"];

/// Fails unless `mark`, the text of an `oci-layout`, is that of a layout of version 1.0.0.
pub(super) fn check_version(mark: &[u8]) -> Result<()> {
    let mark = parse_strict(mark).map_err(|e| e.context(kind::LAYOUT))?;
    match mark.get("imageLayoutVersion").and_then(Value::as_str) {
        Some("1.0.0") => Ok(()),
        Some(other) => {
            let text = format!("is an OCI image layout of version {other:?}, and not 1.0.0");
            Err(Error::new(Class::Refused, text).hint("a newer sealift may know that version"))
        }
        None => Err(Error::new(Class::Damaged, "oci-layout says no version of the layout")),
    }
}

/// The list `raw` without its entries, and those, as they stand. Go reads null as nothing, and a
/// program in Go that sets no version writes 0: nobody digests this list, and all is clear without.
///
/// # Errors
/// [`Class::Damaged`] for what is no index, or could be read as something else.
pub(super) fn list(raw: &[u8]) -> Result<(serde_json::Map<String, Value>, Vec<Value>)> {
    let bad = |why: &str| Error::new(Class::Damaged, why.to_owned());
    let Value::Object(mut members) = parse_strict(raw)? else { return Err(bad("is no index")) };
    let entries = match members.remove("manifests") {
        Some(Value::Array(entries)) => entries,
        Some(Value::Null) => Vec::new(),
        Some(_) => return Err(bad("manifests is no list")),
        None => return Err(bad("is no index: it has no manifests")),
    };
    let member = |name: &str| members.get(name).filter(|member| !member.is_null());
    if ["config", "layers", "blobs"].iter().any(|name| member(name).is_some()) {
        return Err(bad("can be read as an index and as a manifest"));
    }
    match member("schemaVersion").map_or(Some(0), Value::as_u64) {
        Some(0 | 2) => {}
        _ => return Err(bad("schemaVersion is not 2")),
    }
    match member("mediaType").map_or(Some(""), Value::as_str) {
        Some("" | OCI_INDEX) => Ok((members, entries)),
        Some(other) => Err(bad(&format!("calls itself {other:?}"))),
        None => Err(bad("mediaType is no text")),
    }
}

/// What people know an entry by.
pub(super) fn label(entry: &Value) -> String {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let name = |key: &str| text(&entry["annotations"][key]);
    let name = name(CONTAINERD_NAME).or_else(|| name(REF_NAME));
    name.or_else(|| text(&entry["digest"])).unwrap_or_else(|| "an entry without a name".to_owned())
}

/// The descriptor that `entry` is. What it leaves out of size and type, the blob in `tree` tells.
///
/// # Errors
/// As [`Descriptor::from_value`], also for a type that nobody can tell, and those of the disk.
pub(super) fn descriptor(tree: &Tree, mut entry: Value) -> Result<Descriptor> {
    let digest = entry["digest"].as_str().and_then(|text| text.parse::<Digest>().ok());
    if let (Some(digest), Value::Object(members)) = (digest, &mut entry) {
        let path = blob_path(&digest);
        if let (None | Some(Value::Null), Some(size)) = (members.get("size"), tree.size(&path)) {
            members.insert("size".to_owned(), Value::from(size));
        }
        let own = members.get("mediaType").filter(|own| !own.is_null());
        let is_plain = own.map_or(Some(""), Value::as_str).is_some_and(|own| PLAIN.contains(&own));
        if is_plain && tree.size(&path).is_some_and(|size| size <= MAX_DOCUMENT) {
            let raw = tree.read_small(&path, MAX_DOCUMENT)?;
            if let Some(own) = guess_type(&raw).filter(|own| Role::of(own).is_document()) {
                members.insert("mediaType".to_owned(), Value::from(own));
            }
        }
    }
    let descriptor = Descriptor::from_value(&entry)?;
    match descriptor.media_type.is_empty() {
        false => Ok(descriptor),
        true => {
            let text = format!("{} has no mediaType, and is no manifest", descriptor.digest);
            Err(Error::new(Class::Damaged, text))
        }
    }
}
