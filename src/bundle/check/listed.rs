//! [`signed_list`]: the list of files and its signatures by themselves, before the files are there.

use std::collections::BTreeMap;
use std::io::Read;

use super::examined::signed_sums;
use super::files::Files;
use super::signatures::{self, Signatures};
use super::trust::Trust;
use crate::bundle::inventory::Inventory;
use crate::bundle::problem::failure;
use crate::bundle::statement::Statement;
use crate::medium::fault::TreeFault;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

/// Some small files, by their paths in a bundle.
pub type SmallFiles = BTreeMap<String, Vec<u8>>;

/// The list of files among `files`, and the digest of what was signed, when the signatures among them are
/// such as `trust` asks for; `name` is the bundle's.
///
/// # Errors
/// As [`examine`](super::examine).
pub(in crate::bundle) fn signed_list(
    files: &SmallFiles,
    trust: &Trust,
    name: &str,
) -> Result<(Inventory, Digest)> {
    let files = InMemory(files);
    let Signatures { payload, problems, .. } = signatures::read(&files, trust, name)?;
    if !problems.is_empty() {
        return Err(failure(name, &problems));
    }
    let statement = Statement::from_payload(&payload).map_err(|e| e.context(name))?;
    Ok((signed_sums(&files, &statement, name)?, statement.digest))
}

/// Files in memory.
#[derive(Debug)]
struct InMemory<'f>(&'f SmallFiles);

impl InMemory<'_> {
    fn there(&self, path: &str) -> Result<&[u8]> {
        let missing = || Error::new(Class::Incomplete, format!("{path} is not there"));
        self.0.get(path).map(Vec::as_slice).ok_or_else(missing)
    }
}

impl Files for InMemory<'_> {
    fn paths(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    fn size(&self, path: &str) -> Option<u64> {
        self.0.get(path).map(|bytes| bytes.len() as u64)
    }

    fn faults(&self) -> &[TreeFault] {
        &[]
    }

    fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.there(path)?;
        match bytes.len() as u64 > limit {
            true => Err(Error::new(Class::Damaged, format!("{path} has more than {limit} bytes"))),
            false => Ok(bytes.to_vec()),
        }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.there(path)?))
    }
}
