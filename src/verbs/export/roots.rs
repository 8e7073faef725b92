//! The roots of trust that a bundle carries.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::request::Request;
use crate::bundle::keys::PublicKey;
use crate::bundle::roots::{TrustFolder, root_file};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;
use crate::words::stream::StreamName;

/// All roots of the folder that `request` names, if it names one, by the names of their files.
///
/// # Errors
/// [`Class::Usage`] where `key` does not sign bundles of that stream: nobody would take the bundle. As
/// [`TrustFolder::chain`].
pub(super) fn carried(request: &Request, key: &PublicKey) -> Result<BTreeMap<String, Arc<[u8]>>> {
    let Some(folder) = &request.trust else { return Ok(BTreeMap::new()) };
    let stream = request.stream.as_ref().map_or_else(StreamName::none, |asked| asked.name.clone());
    may_sign(folder, key, &stream)?;
    let chain = folder.chain()?;
    let file = |one: &crate::bundle::roots::SignedRoot| {
        (root_file(one.root().version), Arc::from(one.to_bytes()))
    };
    Ok(chain.iter().map(file).collect())
}

fn may_sign(folder: &TrustFolder, key: &PublicKey, stream: &StreamName) -> Result<()> {
    let root = folder.root();
    let own = root.keys.iter().find(|own| own.id() == key.id());
    let counts = root
        .role_of(stream)
        .is_some_and(|(_, role)| own.is_some_and(|own| role.keys.contains(&own.name)));
    if counts {
        return Ok(());
    }
    let (id, path, version) = (key.id(), folder.path().display(), root.version);
    let what = match *stream == StreamName::none() {
        true => "bundles outside of any stream".to_owned(),
        false => format!("bundles of stream {stream}"),
    };
    let text =
        format!("the key {} does not sign {what}, as root {version} of {path} says", id.short());
    Err(Error::new(Class::Usage, text).subject(Subject::Key(id.hex())).hint(phrase![
        "see who does with `",
        Remedy::Roots,
        " show`, or name another folder with ",
        Remedy::TrustFolder
    ]))
}
