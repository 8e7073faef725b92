//! The `sealift` program: everything is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    sealift::cli::main()
}
