//! Memory does not grow with the images: a layer far larger than 64 MiB passes through them.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::content::hex;
use crate::support::images::{Image, OCI_CONFIG, OCI_MANIFEST};
use crate::support::registry::Registry;
use crate::support::sealift::Sealift;
use crate::support::{Process, Random, files, http};

/// How large the layer is: two gigabytes, which no 32-bit number with a sign counts, when
/// `SEALIFT_TEST_FULL` is set; else eight times the limit.
pub fn layer_size() -> u64 {
    if std::env::var_os("SEALIFT_TEST_FULL").is_some() { 2 << 30 } else { 512 << 20 }
}

pub const LIMIT_KIB: u64 = 64 << 10;

/// Writes the layer: random bytes, no two megabytes the same.
pub fn write_layer(out: &mut dyn Write) -> std::io::Result<()> {
    write_bytes(layer_size(), out)
}

fn write_bytes(size: u64, out: &mut dyn Write) -> std::io::Result<()> {
    let mut block = Random::new(2).bytes(1 << 20);
    for number in 0..size >> 20 {
        block[..8].copy_from_slice(&number.to_le_bytes());
        out.write_all(&block)?;
    }
    Ok(())
}

/// Passes on what is written and hashes it.
pub struct Hashing<'a>(pub &'a mut dyn Write, pub &'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.update(bytes);
        self.0.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Puts an image with the layer into the registry, never holding more than a megabyte of it.
fn push_huge(registry: &Registry) -> Image {
    let mut image = Image::new("huge/layer", "1.0");
    let place = registry.upload(&image.repository);
    let octets = [("Content-Type", "application/octet-stream")];
    let mut hash = Sha256::new();
    let sent = http::send(registry.port(), "PATCH", &place, &octets, layer_size(), &mut |out| {
        write_layer(&mut Hashing(out, &mut hash))
    });
    assert_eq!(sent.status, 202);
    let layer = format!("sha256:{}", hex(&hash.finalize()));
    let place = sent.header("Location").unwrap();
    let place = place.split_once(&registry.host()).map_or(place, |(_, path)| path);
    let place = format!("{place}&digest={layer}");
    assert_eq!(http::with_body(registry.port(), "PUT", &place, &[], b"").status, 201);

    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
    );
    let config = image.blob(OCI_CONFIG, config.as_bytes());
    let size = layer_size();
    let layer = format!(
        r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{size}}}"#
    );
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    image.document(OCI_MANIFEST, &text, "");
    image.name("1.0");
    image.push(registry);
    image
}

/// The most memory the process has ever had, in KiB; none when it has ended.
fn peak(process: &Process) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Runs to the end, asserting success and the limit.
pub fn run_within(what: &str, command: &mut Command) {
    run_below(LIMIT_KIB, what, command);
}

/// As [`run_within`], with another limit in KiB.
pub fn run_below(limit: u64, what: &str, command: &mut Command) {
    let started = std::time::Instant::now();
    let (most, code) = peak_of(command);
    assert_eq!(code, Some(0), "{what}");
    report(limit, what, most, started);
}

/// Runs to the end: the most memory that it had, in KiB, and its exit code. The kernel's figure only
/// ever rises, so the last look at it is the peak but for the process's last moment.
pub fn peak_of(command: &mut Command) -> (u64, Option<i32>) {
    let mut process = Process::start(command.stdout(Stdio::null()));
    let mut most = 0;
    while !process.ended() {
        most = peak(&process).unwrap_or(0).max(most);
        std::thread::sleep(Duration::from_millis(5));
    }
    (most, process.0.wait().unwrap().code())
}

fn report(limit: u64, what: &str, most: u64, started: std::time::Instant) {
    println!("{what}: {} MiB, {:.1} s", most >> 10, started.elapsed().as_secs_f32());
    assert!(most > 0, "{what}: never seen running");
    assert!(most < limit, "{what}: {} MiB", most >> 10);
}

#[test]
fn a_large_layer_passes_through_64_mebibytes_in_every_verb() {
    need!("docker-registry");
    // Not in /tmp, which is memory on some machines.
    let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let storage = scratch.path().join("outside");
    let outside = Registry::over(&storage);
    let image = push_huge(&outside);
    let sealift = Sealift::new_in(scratch.path());
    let keys = sealift.keys("signer");
    let name = format!("{}/{}", outside.host(), image.path());
    let command = |verb: &str, bundle: &str| {
        let mut command = sealift.command();
        command.arg(verb).arg(bundle).arg("--key").arg(&keys.public);
        command
    };
    let export = |bundle: &str| {
        let mut export = sealift.command();
        export.arg("export").arg(&name).args(["-o", bundle, "--sign-key"]).arg(&keys.private);
        export
    };

    run_within("export to a directory", &mut export("bundle"));
    run_within("verify a directory", &mut command("verify", "bundle"));
    files::remove(&sealift.at("bundle"));

    run_within("export to a packed file", &mut export("bundle.tar"));
    drop(outside);
    std::fs::remove_dir_all(&storage).unwrap();
    run_within("verify a packed file", &mut command("verify", "bundle.tar"));

    // The second time the files are there, and the compressed one is read to its end.
    for more in [&[][..], &["--gzip"]] {
        for turn in ["import to an archive", "import to an archive that is there"] {
            let mut import = command("import", "bundle.tar");
            import.args(["--to", "docker-archive:archive"]).args(more);
            run_within(&format!("{turn} {more:?}"), &mut import);
        }
        std::fs::remove_file(sealift.at("archive")).unwrap();
    }
    let mut import = command("import", "bundle.tar");
    run_within("import to a stream", import.args(["--to", "oci-archive:-"]));

    let storage = scratch.path().join("inside");
    let inside = Registry::over(&storage);
    let to = format!("docker://{}", inside.host());
    run_within("import to a registry", command("import", "bundle.tar").args(["--to", &to]));
    assert!(inside.document(&image.repository, "1.0").is_some());
    drop(inside);
    std::fs::remove_dir_all(&storage).unwrap();

    let started = std::time::Instant::now();
    let served = sealift.serve(&sealift.at("bundle.tar"), &keys.public);
    assert_eq!(download(served.port, &image), layer_size());
    let most = peak(&served.process).unwrap();
    report(LIMIT_KIB, "serve", most, started);
}

/// Downloads the image's largest layer and throws it away; how long it was.
fn download(port: u16, image: &Image) -> u64 {
    let manifest: serde_json::Value = serde_json::from_slice(&image.root().bytes).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let path = format!("/v2/{}/blobs/{layer}", image.repository);
    let mut answer = http::get(port, &path, &[]);
    assert_eq!(answer.status, 200);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        let len = answer.reader().read(&mut buffer).unwrap();
        if len == 0 {
            break;
        }
        hash.update(&buffer[..len]);
        total += len as u64;
    }
    assert_eq!(layer, format!("sha256:{}", hex(&hash.finalize())));
    total
}

/// Writes a docker archive of one image with the layer to `out`.
fn write_archive(out: &mut dyn Write) {
    write_archive_of(layer_size(), out);
}

/// As [`write_archive`], with a layer of `size` bytes, a multiple of a megabyte.
fn write_archive_of(size: u64, out: &mut dyn Write) {
    let header = |name: &str, size: u64| {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        *header.as_bytes()
    };
    out.write_all(&header("1/layer.tar", size)).unwrap();
    let mut hash = Sha256::new();
    write_bytes(size, &mut Hashing(out, &mut hash)).unwrap();
    let layer = hex(&hash.finalize());
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["sha256:{layer}"]}}}}"#
    );
    let list = r#"[{"Config":"c.json","RepoTags":["huge:1"],"Layers":["1/layer.tar"]}]"#;
    for (name, text) in [("c.json", config.as_str()), ("manifest.json", list)] {
        out.write_all(&header(name, text.len() as u64)).unwrap();
        out.write_all(text.as_bytes()).unwrap();
        out.write_all(&vec![0; text.len().next_multiple_of(512) - text.len()]).unwrap();
    }
    out.write_all(&[0; 1024]).unwrap();
}

#[test]
fn a_large_layer_in_an_archive_passes_through_64_mebibytes() {
    let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sealift = Sealift::new_in(scratch.path());
    sealift.keys("signer");
    let export = |source: &str| {
        let mut export = sealift.command();
        export.args(["export", source, "-o", "b.tar", "--sign-key", "signer.key.pem"]);
        export
    };
    let path = sealift.at("archive");
    let create = || std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let digest = || {
        let said = run!(sealift, "inspect", "b.tar", "--format", "json").ok().json();
        std::fs::remove_file(sealift.at("b.tar")).unwrap();
        said["images"][0]["digest"].clone()
    };

    write_archive(&mut create());
    run_within("export a plain archive", &mut export("docker-archive:archive"));
    let plain = digest();

    let mut gzip = flate2::write::GzEncoder::new(create(), flate2::Compression::none());
    write_archive(&mut gzip);
    gzip.finish().unwrap().flush().unwrap();
    run_within("export a gzip archive", &mut export("docker-archive:archive"));
    assert_eq!(digest(), plain);
    let pipe = std::fs::File::open(&path).unwrap();
    run_within("export from a pipe", export("docker-archive:-").stdin(pipe));
    assert_eq!(digest(), plain);

    let mut zstd = zstd::Encoder::new(create(), 1).unwrap();
    write_archive(&mut zstd);
    zstd.finish().unwrap().flush().unwrap();
    run_within("export a zstd archive", &mut export("docker-archive:archive"));
    assert_eq!(digest(), plain);
}

#[test]
fn recovery_data_is_made_and_used_within_256_mebibytes() {
    need!("par2");
    const LIMIT: u64 = 256 << 10;
    let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sealift = Sealift::new_in(scratch.path());
    sealift.keys("signer");
    // So large that the sums of all recovery slices together have more than they may take.
    write_archive_of(640 << 20, &mut std::fs::File::create(sealift.at("archive")).unwrap());
    run!(
        sealift,
        "export",
        "docker-archive:archive",
        "-o",
        "b.tar",
        "--sign-key",
        "signer.key.pem"
    )
    .ok();
    std::fs::remove_file(sealift.at("archive")).unwrap();
    let run = |what: &str, line: &str| {
        run_below(LIMIT, what, sealift.command().args(line.split(' ')));
    };

    run("protect", "protect b.tar --redundancy 21%");
    run("protect what is protected", "protect b.tar --redundancy 21%");
    for entry in std::fs::read_dir(sealift.at("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "par2") {
            std::fs::remove_file(path).unwrap();
        }
    }

    // Slices as wide as any is worked on at a time.
    let mut create = crate::protect::par2(&sealift.at(""), "create");
    let created = create.args(["-s2097152", "-c30", "-n1", "b.tar.par2", "b.tar"]);
    crate::support::sealift::ran(created).ok();
    let mut random = Random::new(5);
    crate::protect::damage(&sealift.at("b.tar"), 2 << 20, 30, &mut random);
    run("repair", "repair b.tar --key signer.pub.pem");
    run("repair what is whole", "repair b.tar --key signer.pub.pem");
}
