//! [`LayerContent`]: what is in a layer, for a scanner to look at.

use std::fmt::Display;
use std::io::{self, Read};
use std::path::Path;

use super::finding::{below, unscannable};
use crate::bundle::contents::Contents;
use crate::places::engine::Scratch;
use crate::storage::store::BlobSource;
use crate::storage::verifying::Verifying;
use crate::tools::buffer::{BUFFER, copy};
use crate::tools::folder::Folder;
use crate::tools::inflate::{Allowance, Inflate, packing_of, unread_packing};
use crate::tools::room;
use crate::tools::unpack::{Unpacked, unpack};
use crate::words::document::Descriptor;
use crate::words::error::{Error, Result, Side};
use crate::words::packing::Packing;
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;

/// Where files lie that have the names that they have in the layer.
const FILES: &str = "files";
/// How much is laid down before it is asked again whether there is room for as much: less than what stays free.
const ASKED_AFTER: u64 = 8 << 20;
/// How much of a blob tells what it is: the first block of a tar.
const START: u64 = 512;
/// Where a tar says that it is one.
const MAGIC: usize = 257;
/// Where those lie that cannot have them.
const RENAMED: &str = "renamed";

/// What is in a layer, from where it comes.
pub(super) struct LayerContent<'l> {
    pub(super) source: &'l dyn BlobSource,
    pub(super) place: String,
    pub(super) blob: &'l Descriptor,
    pub(super) contents: &'l Contents,
    pub(super) progress: &'l dyn Progress,
    /// Whether somebody calls it a layer of files.
    pub(super) is_layer: bool,
    /// Whether it stands among the layers of an image.
    pub(super) in_image: bool,
}

/// The files of a layer, where they were laid.
#[derive(Debug)]
pub(super) struct Laid(Unpacked);

impl LayerContent<'_> {
    /// Gives `read` the bytes, those of a layer unpacked, and whether they are a tar. They are proven right
    /// once it is done.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut dyn Read, bool) -> Result<T>) -> Result<T> {
        let (blob, place) = (self.blob, self.place.as_str());
        let at = |e: io::Error| {
            Error::io(format!("cannot read {place}"), e).on_unless_noted(Side::Source)
        };
        let mut bytes = Verifying::from_source(self.source, blob, place, self.progress);
        let mut head = Vec::new();
        bytes.by_ref().take(START).read_to_end(&mut head).map_err(at)?;
        let is_tar = head.get(MAGIC..MAGIC + 5) == Some(b"ustar");
        let is_packed = is_tar || packing_of(&head).is_some() || unread_packing(&head).is_some();
        let done = if self.is_layer || self.in_image && is_packed {
            // Who runs the image goes by the bytes, and not by what the type says of them.
            if let Some(name) = unread_packing(&head) {
                return Err(unscannable(self.contents, blob, &name));
            }
            let packing = packing_of(&head).unwrap_or(Packing::Plain);
            let what = format!("{place}: layer {}", blob.digest);
            let packed = head.chain(&mut bytes);
            let mut content =
                Inflate::new(packing, packed, &what, &Allowance::default()).map_err(at)?;
            read(&mut content, true)?
        } else {
            read(&mut head.chain(&mut bytes), false)?
        };
        copy(&mut bytes, &mut io::sink(), &mut vec![0; BUFFER]).map_err(at)?;
        Ok(done)
    }

    /// Lays its files in `scratch`. What is no layer is one file.
    pub(super) fn lay(&self, scratch: &Scratch) -> Result<Laid> {
        let make = |name: &str| {
            let made = scratch.folder().make_below(name, 0o700);
            made.map_err(|e| cannot(&scratch.folder().at(name).display(), e))
        };
        let (files, renamed) = (make(FILES)?, make(RENAMED)?);
        let what = format!("layer {}", self.blob.digest);
        // Packed it has no more bytes than its files; how many those have is known when they are there.
        let room = |bytes| room_for_files(scratch.path(), bytes);
        room(self.blob.size)?;
        self.read(|content, is_tar| {
            let mut content = Roomy { content, room: &room, since: 0 };
            match is_tar {
                true => unpack(&mut content, &files, &renamed, &what).map(Laid),
                false => {
                    write(&files, &self.blob.digest.hex(), &mut content)?;
                    Ok(Laid(Unpacked { files: 1, ..Unpacked::default() }))
                }
            }
        })
    }
}

/// Fails where so many `bytes` more have no room in `scratch`.
fn room_for_files(scratch: &Path, bytes: u64) -> Result<()> {
    room::check(scratch, bytes, "to lay the files of a layer down that is scanned")
        .map_err(|e| e.hint(phrase!["lay them elsewhere: ", Remedy::ScanScratch, " DIR"]))
}

/// What is laid down, as long as there is room: a disk that is full keeps others from their work.
struct Roomy<'r> {
    content: &'r mut dyn Read,
    room: &'r dyn Fn(u64) -> Result<()>,
    /// How much was read since it was asked for room.
    since: u64,
}

impl Read for Roomy<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.content.read(buffer)?;
        self.since += got as u64;
        if self.since >= ASKED_AFTER {
            (self.room)(ASKED_AFTER).map_err(Error::into_io)?;
            self.since = 0;
        }
        Ok(got)
    }
}

/// Writes the file `name` into `folder`.
pub(super) fn write(folder: &Folder, name: &str, content: &mut dyn Read) -> Result<()> {
    let fault = |e| cannot(&folder.at(name).display(), e);
    let mut file = folder.create(name, 0o600).map_err(fault)?;
    copy(content, &mut file, &mut vec![0; BUFFER]).map(|_| ()).map_err(fault)
}

fn cannot(path: &dyn Display, error: io::Error) -> Error {
    Error::io(format!("cannot write {path}"), error)
}

impl Laid {
    /// `lines` about files in `scratch`, as ones about files in the layer.
    pub(super) fn in_layer(&self, scratch: &Path, lines: Vec<String>) -> Vec<String> {
        let own = format!("{FILES}/");
        let lines = below(scratch, lines).into_iter().map(|line| line.replacen(&own, "", 1));
        lines.map(|line| self.explained(line)).collect()
    }

    /// `line`, with what the file that it names is called in the layer.
    fn explained(&self, line: String) -> String {
        let begin = format!("{RENAMED}/");
        let digits = line
            .strip_prefix(&begin)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        let number = digits.and_then(|digits| digits.parse::<u64>().ok());
        let name = self.0.renamed.iter().find(|(of, _)| Some(*of) == number);
        match name {
            Some((_, name)) => format!("{line} (in the layer: {name})"),
            None => line,
        }
    }
}
