//! stub
use crate::Result;
pub fn run(_: &[&str]) -> Result {
    Ok(())
}
pub fn perform(_: &std::path::Path) -> Result {
    Ok(())
}
