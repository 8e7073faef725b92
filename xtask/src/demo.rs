//! `cargo xtask demo`: the whole crossing on this machine, with what the repository ships.

mod stage;

use crate::server::Server;
use crate::{Result, http, image, program, shell, testdata};
use serde_json::Value;
use stage::Stage;
use std::path::Path;
use std::process::Command;

/// Kilobytes cross here: what counts is how soon there is a program.
const PROFILE: &str = "dev";
/// Exit codes of the product that the demo provokes.
const NOT_TRUSTED: i32 = 3;
const DAMAGED: i32 = 4;

pub fn run(args: &[&str]) -> Result {
    match program::given(args)? {
        (Some(file), rest) if rest.is_empty() => perform(&file),
        (None, rest) if rest.is_empty() => perform(&program::build(PROFILE)?),
        (_, rest) => Err(format!("unknown argument {}", rest[0])),
    }
}

/// Digests of the one image, each as a station of the crossing saw it.
struct Journey(Vec<(&'static str, String)>);

/// Performs the crossing with this built program.
pub fn perform(sealift: &Path) -> Result {
    let stage = Stage::new(sealift)?;
    let mut journey = Journey(vec![("the shipped image", root_of(&testdata::folder())?)]);
    let name = outside(&stage)?;
    journey.0.push(("crossing.tar", verified(&stage, "crossing.tar")?));
    tampering(&stage)?;
    inside(&stage, &name)?;
    journey.0.push(("the store", root_of(&stage.path("store"))?));
    pulls(&stage, &mut journey)?;
    let greeting = greeting(&stage)?;
    summary(&journey, greeting.as_deref())
}

/// On the connected side: an image in a registry becomes a signed file.
fn outside(stage: &Stage) -> Result<String> {
    stage.title("1. A registry outside, which holds the image that the repository ships");
    stage.copy_folder(&testdata::folder(), "hello")?;
    stage.sealift("key generate --no-passphrase -o outside")?;
    let image = format!("oci:hello:{}", testdata::NAME);
    stage.sealift(&format!("export {image} -o outside --sign-key outside.key.pem"))?;
    let registry = serve(stage, "outside", "outside.pub.pem")?;

    stage.title("2. From the registry to one signed file");
    stage.sealift("key generate --no-passphrase -o transfer")?;
    let name = format!("{}/library/hello:1.0", registry.host());
    stage.sealift(&format!("export {name} -o crossing.tar --sign-key transfer.key.pem"))?;
    stage.sealift("inspect crossing.tar")?;
    Ok(name)
}

/// What must not pass.
fn tampering(stage: &Stage) -> Result {
    stage.title("3. The file has crossed: is it the one that was signed?");
    stage.sealift("verify crossing.tar --key transfer.pub.pem")?;

    stage.title("4. One bit of a layer changed on the way: refused");
    let mut bytes = shell::read(&stage.path("crossing.tar"))?;
    let text = testdata::GREETING.as_bytes();
    let at = bytes.windows(text.len()).position(|window| window == text);
    let at = at.ok_or("crossing.tar holds no layer of the image")?;
    bytes[at] ^= 1;
    shell::write(&stage.path("tampered.tar"), bytes)?;
    println!("# tampered.tar is crossing.tar with one bit of byte {at} turned over");
    stage.sealift_fails("verify tampered.tar --key transfer.pub.pem", DAMAGED)?;
    stage.sealift_fails("import tampered.tar --to oci:refused --key transfer.pub.pem", DAMAGED)?;
    if root_of(&stage.path("refused")).is_ok() {
        return Err("the tampered image got a name in the store".to_owned());
    }

    stage.title("5. Signed by somebody else: refused");
    stage.sealift_fails("verify crossing.tar --key outside.pub.pem", NOT_TRUSTED)?;
    stage.sealift_fails("import crossing.tar --to oci:refused --key outside.pub.pem", NOT_TRUSTED)
}

/// On the isolated side: into a store, and on into a registry's place.
fn inside(stage: &Stage, name: &str) -> Result {
    stage.title("6. Into a store inside");
    stage.sealift("import crossing.tar --to oci:store --key transfer.pub.pem")?;
    stage.title("7. From the store to a registry inside");
    stage.sealift("key generate --no-passphrase -o inside")?;
    stage.sealift(&format!("export oci:store:{name} -o inside --sign-key inside.key.pem"))?;
    Ok(())
}

fn pulls(stage: &Stage, journey: &mut Journey) -> Result {
    let registry = serve(stage, "inside", "inside.pub.pem")?;
    let name = format!("{}/library/hello:1.0", registry.host());

    stage.title("8. Pulled from there");
    stage.sealift(&format!("export {name} -o pulled --sign-key inside.key.pem"))?;
    journey.0.push(("pulled by sealift", root_of(&stage.path("pulled"))?));

    let path = "/v2/library/hello/manifests/1.0";
    println!("# GET http://{}{path}", registry.host());
    let (status, body) = http::get(registry.port, path)?;
    if status != 200 {
        return Err(format!("the registry answers {status}"));
    }
    journey.0.push(("pulled by hand", image::digest(&body)));

    if shell::installed("skopeo") {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--all", "--preserve-digests"]);
        skopeo.args(["--quiet", "--src-tls-verify=false"]);
        stage.run(skopeo.args([format!("docker://{name}"), "oci:skopeo:hello".to_owned()]))?;
        journey.0.push(("pulled by skopeo", root_of(&stage.path("skopeo"))?));
    }
    for (shipped, content) in blobs(&testdata::folder())? {
        let pulled = shell::read(&stage.path("pulled/blobs/sha256").join(&shipped))?;
        if pulled != content {
            return Err(format!("blob {shipped} differs"));
        }
    }
    Ok(())
}

fn serve(stage: &Stage, bundle: &str, key: &str) -> Result<Server> {
    let args = format!("serve {bundle} --key {key} --listen 127.0.0.1:0");
    println!("$ sealift {args} &");
    Server::sealift(&mut stage.command(&args))
}

/// Takes the program out of the pulled layer and runs it, where this machine can.
fn greeting(stage: &Stage) -> Result<Option<String>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(None);
    }
    // The layer for this machine is the plain tar: one header, then the program.
    let layer = blobs(&stage.path("pulled"))?
        .into_iter()
        .map(|(_, content)| content)
        .find(|content| content.starts_with(b"hello\0"))
        .ok_or("the layer is not among the pulled blobs")?;
    let size = std::str::from_utf8(&layer[124..135]).ok();
    let size = size.and_then(|octal| usize::from_str_radix(octal, 8).ok());
    let size = size.ok_or("the layer is no tar")?;
    stage.title("9. And it runs");
    stage.run_program("hello", &layer[512..512 + size]).map(Some)
}

/// The digest of the one image in a layout.
fn root_of(layout: &Path) -> Result<String> {
    let index: Value = parsed(&shell::read_text(&layout.join("index.json"))?)?;
    let digest = index["manifests"][0]["digest"].as_str().map(str::to_owned);
    digest.ok_or_else(|| format!("{} names no image", layout.display()))
}

/// The digest of the one image, from what `verify` reports.
fn verified(stage: &Stage, bundle: &str) -> Result<String> {
    let args = format!("verify {bundle} --key transfer.pub.pem --format json");
    let report: Value = parsed(&shell::output(&mut stage.command(&args))?)?;
    let digest = report["images"][0]["digest"].as_str().map(str::to_owned);
    digest.ok_or_else(|| format!("`sealift {args}` names no image"))
}

fn parsed(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))
}

fn blobs(layout: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let files = shell::files(&layout.join("blobs/sha256"))?;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files.iter().map(|path| Ok((name(path), shell::read(path)?))).collect()
}

fn summary(journey: &Journey, greeting: Option<&str>) -> Result {
    println!("\n== One image, from start to end");
    for (station, digest) in &journey.0 {
        println!("  {station:<18} {digest}");
    }
    if journey.0.iter().any(|(_, digest)| *digest != journey.0[0].1) {
        return Err("the digests differ".to_owned());
    }
    println!("  every blob byte for byte the same; tampered and wrongly signed files refused");
    if let Some(greeting) = greeting {
        println!("  the program that crossed says: {}", greeting.trim_end());
    }
    println!("demo: done");
    Ok(())
}
