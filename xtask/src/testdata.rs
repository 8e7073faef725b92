//! The demo image in `testdata/hello`: two platforms, one program of about two hundred bytes each,
//! written here byte for byte so that nothing but this file is needed to make it again.

use crate::image::{self, Descriptor};
use crate::{Result, shell};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The name the image has in its layout.
pub const NAME: &str = "docker.io/library/hello:1.0";
/// What the program prints, and a newline.
pub const GREETING: &str = "Hello from across the gap";

const CREATED: &str = "2026-01-01T00:00:00Z";
const MACHINE_X86_64: u16 = 62;
const MACHINE_AARCH64: u16 = 183;
const LOADED_AT: u64 = 0x40_0000;
const HEADERS: u64 = 64 + 56;

pub fn folder() -> PathBuf {
    shell::root().join("testdata/hello")
}

pub fn write() -> Result {
    let folder = folder();
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    build(&folder)?;
    println!("wrote {}", folder.display());
    Ok(())
}

/// Fails where the checked-in image is not what this file makes.
pub fn check() -> Result {
    let fresh = shell::Scratch::new("sealift-testdata")?;
    build(fresh.path())?;
    let (made, kept) = (contents(fresh.path())?, contents(&folder())?);
    if made != kept {
        let path =
            made.iter().chain(&kept).find(|file| !(made.contains(file) && kept.contains(file)));
        let path = path.map(|(path, _)| path.display().to_string()).unwrap_or_default();
        return Err(format!("testdata/hello/{path} differs; run `cargo xtask testdata`"));
    }
    println!("testdata/hello is what xtask makes ({} files)", kept.len());
    Ok(())
}

fn contents(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let relative = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_path_buf();
    shell::files(folder)?.iter().map(|path| Ok((relative(path), shell::read(path)?))).collect()
}

fn build(layout: &Path) -> Result {
    let amd64 = image::tar("hello", 0o755, &elf(MACHINE_X86_64, &x86_64()));
    let arm64 = image::tar("hello", 0o755, &elf(MACHINE_AARCH64, &aarch64()));
    let platforms = [
        platform(layout, "amd64", &amd64, image::LAYER, &amd64)?,
        platform(layout, "arm64", &arm64, image::LAYER_GZIP, &image::gzip_stored(&arm64))?,
    ];
    let index = json!({"schemaVersion": 2, "mediaType": image::INDEX, "manifests": platforms});
    let root = image::put(layout, image::INDEX, index.to_string().as_bytes())?;
    image::finish(layout, &[(NAME.to_owned(), root)])
}

fn platform(
    layout: &Path,
    architecture: &str,
    tar: &[u8],
    media_type: &'static str,
    layer: &[u8],
) -> Result<Value> {
    let process = json!({"Env": ["PATH=/"], "Entrypoint": ["/hello"], "WorkingDir": "/"});
    let config = image::config(architecture, CREATED, &[image::digest(tar)], &process);
    let config = image::put(layout, image::CONFIG, &config)?;
    let layer: Descriptor = image::put(layout, media_type, layer)?;
    let manifest = image::put(layout, image::MANIFEST, &image::manifest(&config, &[layer]))?;
    let mut entry = manifest.json();
    entry["platform"] = json!({"architecture": architecture, "os": "linux"});
    Ok(entry)
}

/// A statically linked executable: one segment that holds the headers, the code and its text.
fn elf(machine: u16, code: &[u8]) -> Vec<u8> {
    let size = HEADERS + code.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend(2_u16.to_le_bytes()); // an executable
    elf.extend(machine.to_le_bytes());
    elf.extend(1_u32.to_le_bytes());
    elf.extend((LOADED_AT + HEADERS).to_le_bytes()); // where it starts
    elf.extend(64_u64.to_le_bytes()); // the segment's header follows this one
    elf.extend(0_u64.to_le_bytes()); // no sections
    elf.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    elf.extend(1_u32.to_le_bytes()); // to be loaded,
    elf.extend(5_u32.to_le_bytes()); // readable and executable
    for long in [0, LOADED_AT, LOADED_AT, size, size, 0x1_0000] {
        elf.extend(long.to_le_bytes());
    }
    elf.extend(code);
    elf
}

/// `write(1, text, length); exit(0)` for x86-64.
fn x86_64() -> Vec<u8> {
    let text = format!("{GREETING}\n");
    let mut code = vec![0xb8, 1, 0, 0, 0]; // mov eax, write
    code.extend([0xbf, 1, 0, 0, 0]); // mov edi, stdout
    code.extend([0x48, 0x8d, 0x35, 16, 0, 0, 0]); // lea rsi, [rip + 16]
    code.push(0xba); // mov edx, length
    code.extend((text.len() as u32).to_le_bytes());
    code.extend([0x0f, 0x05]); // syscall
    code.extend([0xb8, 60, 0, 0, 0]); // mov eax, exit
    code.extend([0x31, 0xff]); // xor edi, edi
    code.extend([0x0f, 0x05]); // syscall
    code.extend(text.as_bytes());
    code
}

/// `write(1, text, length); exit(0)` for AArch64.
fn aarch64() -> Vec<u8> {
    let text = format!("{GREETING}\n");
    let instructions: [u32; 8] = [
        0xd280_0020,                            // mov x0, stdout
        0x1000_00e1,                            // adr x1, text
        0xd280_0002 | (text.len() as u32) << 5, // mov x2, length
        0xd280_0808,                            // mov x8, write
        0xd400_0001,                            // svc 0
        0xd280_0000,                            // mov x0, 0
        0xd280_0ba8,                            // mov x8, exit
        0xd400_0001,                            // svc 0
    ];
    let mut code: Vec<u8> = instructions.iter().flat_map(|word| word.to_le_bytes()).collect();
    code.extend(text.as_bytes());
    code
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checked_in_image_is_what_this_file_makes() {
        super::check().unwrap();
    }
}
