//! stub
use crate::Result;
pub fn run(_: &[&str]) -> Result {
    Ok(())
}
