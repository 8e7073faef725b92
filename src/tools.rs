//! What every layer above needs of the machine: files and folders that nobody can exchange, other
//! programs, compression, and how many transfers there are and how fast they go.

pub mod buffer;
#[cfg(feature = "age")]
pub mod cipher;
pub mod disk_fault;
pub mod drops;
pub mod file;
pub mod file_state;
pub mod folder;
mod frames;
pub mod ground;
pub mod gzip;
pub mod inflate;
pub mod lock;
mod members;
pub mod mutex;
pub mod named_file;
pub mod over;
pub mod pace;
pub mod par2;
pub mod parallel;
pub mod process;
pub mod rate;
pub mod retry;
pub mod room;
pub mod scanner;
pub mod sound;
pub mod stretch;
pub mod uncached;
pub mod unpack;
pub mod verifying_algorithms;
pub mod withheld;
