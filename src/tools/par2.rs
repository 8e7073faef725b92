//! PAR2 2.0, the files that repair others: Parity Volume Set Specification 2.0, as Debian's `par2`
//! reads and writes them.
//!
//! The files of a [`RecoverySet`] are cut into slices of one size. A recovery slice is a sum of all
//! slices, each times a factor of its own, in a field of 65,536 elements; as many slices as there are
//! recovery slices can be lost, whichever they are. All slices are worked on a range of bytes at a
//! time, so that memory does not depend on how large they are.

mod encode;
mod field;
mod matrix;
mod packet;
mod rebuild;
mod rows;
mod scan;
mod set;
mod stir;
mod sums;
#[cfg(test)]
mod tests;

pub use self::encode::encode;
pub use self::packet::{RECOVERY_HEAD, RecoveryPacket, critical};
pub use self::rebuild::{MAX_LOST, rebuild};
pub use self::scan::{FoundSet, RecoverySlice, Scan};
pub use self::set::{MAX_SLICES, RecoverySet};
pub use self::stir::Slices;
pub use self::sums::{FileSums, Md5Adding, Md5Sum, SliceSum, Summing, md5};
