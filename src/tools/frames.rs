//! [`Frames`]: a zstd stream of any number of frames, whose windows are bounded.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{InBuffer, Operation, OutBuffer, WriteBuf};
use zstd::stream::zio::Reader;
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd::zstd_safe::{DCtx, DParameter, ErrorCode, ResetDirective, get_error_name};

/// What zstd says of a window beyond the bound; it gives its codes as negative numbers.
const WINDOW: ErrorCode =
    (ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge as usize).wrapping_neg();

/// A frame asks for a larger window than is allowed, as an error inside [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TooWide(&'static str);

/// Unpacks all frames of what it reads.
pub struct Frames<R>(Reader<R, Decoding>);

impl<R: BufRead> Frames<R> {
    /// Unpacks `source`, whose windows have at most two to the power of `window_log` bytes.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(source: R, window_log: u32) -> io::Result<Frames<R>> {
        let mut context = DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
        context.init().map_err(fault)?;
        context.set_parameter(DParameter::WindowLogMax(window_log)).map_err(fault)?;
        Ok(Frames(Reader::new(source, Decoding(context))))
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// As the crate's own decoder, but that a window beyond the bound can be told from broken bytes.
struct Decoding(DCtx<'static>);

impl Operation for Decoding {
    fn run<C: WriteBuf + ?Sized>(
        &mut self,
        input: &mut InBuffer<'_>,
        output: &mut OutBuffer<'_, C>,
    ) -> io::Result<usize> {
        self.0.decompress_stream(output, input).map_err(fault)
    }

    fn flush<C: WriteBuf + ?Sized>(&mut self, output: &mut OutBuffer<'_, C>) -> io::Result<usize> {
        self.run(&mut InBuffer::around(&[]), output)?;
        // How much is left is not told; where the room is used up there may be more.
        Ok(usize::from(output.pos() == output.capacity()))
    }

    fn reinit(&mut self) -> io::Result<()> {
        self.0.reset(ResetDirective::SessionOnly).map(drop).map_err(fault)
    }

    fn finish<C: WriteBuf + ?Sized>(
        &mut self,
        _output: &mut OutBuffer<'_, C>,
        finished_frame: bool,
    ) -> io::Result<usize> {
        match finished_frame {
            true => Ok(0),
            false => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "incomplete frame")),
        }
    }
}

fn fault(code: ErrorCode) -> io::Error {
    match (code, get_error_name(code)) {
        (WINDOW, name) => io::Error::other(TooWide(name)),
        (_, name) => io::Error::other(name),
    }
}
