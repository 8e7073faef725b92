//! Reading a file of a bundle to its end.

use std::io::Read;

use crate::bundle::problem::{Problem, ProblemKind};
use crate::storage::verifying::Verifying;
use crate::tools::buffer::BUFFER;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, ErrorKind};
use crate::words::progress::Progress;

/// Reads a file to its end, and says what is wrong with it.
pub(super) fn read_whole(
    reader: impl Read,
    path: &str,
    blob: &Descriptor,
    progress: &dyn Progress,
) -> Option<Problem> {
    let mut reader = Verifying::new(reader, blob, "bundle", progress);
    let mut buffer = vec![0; BUFFER];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(e) => {
                let error = Error::io(format!("cannot read {path}"), e);
                return Some(match error.class() {
                    Class::Damaged if error.kind() != ErrorKind::CiphertextDamaged => {
                        let detail = "does not match its signed digest";
                        Problem::new(ProblemKind::Damaged, path, detail)
                    }
                    _ => Problem::reading(path, &error),
                });
            }
        }
    }
}
