//! [`GzipMembers`]: a gzip stream of any number of members, and of zeros behind the last one.
//!
//! What is written in blocks ends in zeros (tapes, `dd`, some backup programs); gzip(1) reads over
//! them. Anything else behind a member is told from a member that was cut off.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Unpacks all members of what it reads.
pub struct GzipMembers<R> {
    /// Nothing once the end was seen.
    member: Option<GzDecoder<R>>,
}

/// What stands behind the last member, as an error inside [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("other bytes stand behind its end")]
pub struct Behind;

impl<R: BufRead> GzipMembers<R> {
    /// Unpacks `source`, which is at the beginning of its first member.
    pub fn new(source: R) -> GzipMembers<R> {
        GzipMembers { member: Some(GzDecoder::new(source)) }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            match member.read(buffer)? {
                0 if !buffer.is_empty() => {}
                got => return Ok(got),
            }
            let Some(mut source) = self.member.take().map(GzDecoder::into_inner) else { break };
            let is_padded = source.fill_buf()?.first() == Some(&0);
            if skip_zeros(&mut source)? {
                break;
            }
            if is_padded || source.fill_buf()?.first() != Some(&0x1f) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, Behind));
            }
            self.member = Some(GzDecoder::new(source));
        }
        Ok(0)
    }
}

/// Reads over zeros; says whether that was all.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let ahead = source.fill_buf()?;
        let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
        let (is_end, is_other) = (ahead.is_empty(), zeros < ahead.len());
        source.consume(zeros);
        if is_end || is_other {
            return Ok(is_end);
        }
    }
}
