//! What a kubelet does of a pod: it looks for the image and the files, and runs the container in a root folder of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::command;

/// Why `node` has not the image of `spec`; nothing where it does.
pub fn unpulled(node: &Value, spec: &Value) -> Option<Value> {
    let (image, policy) =
        (&spec["containers"][0]["image"], &spec["containers"][0]["imagePullPolicy"]);
    let images = node["status"]["images"].as_array().unwrap();
    let is_there = images.iter().any(|it| it["names"].as_array().unwrap().contains(image));
    match (is_there, policy == "Never") {
        (true, _) => None,
        (false, true) => Some(json!({ "reason": "ErrImageNeverPull",
            "message": format!("Container image {image} is not present with pull policy of Never") })),
        (false, false) => Some(json!({ "reason": "ImagePullBackOff",
            "message": format!("Back-off pulling image {image}") })),
    }
}

/// The file of a volume that is not there.
pub fn unmounted(spec: &Value) -> Option<String> {
    let volumes = spec["volumes"].as_array().unwrap().iter().map(|it| &it["hostPath"]);
    let mut files =
        volumes.filter(|it| it["type"] == "File").map(|it| it["path"].as_str().unwrap());
    files.find(|path| !Path::new(path).is_file()).map(str::to_owned)
}

/// Where the container of `pod` leaves its last words.
pub fn last_words(folder: &Path, pod: &str) -> PathBuf {
    folder.join(format!("{pod}.termination"))
}

/// Where it is kept what the container of `pod` says.
pub fn log(folder: &Path, pod: &str) -> PathBuf {
    folder.join(format!("{pod}.log"))
}

/// Runs a container as a kubelet has it run: in a root folder, with its mounts, as the first of its processes. The
/// image has no more than what a program needs that is not linked statically.
pub fn begin(folder: &Path, pod: &str, spec: &Value) -> std::process::Child {
    const CONTAINER: &str = r#"
        root=$1 last=$2 program=$3
        shift 3
        mount --make-rprivate /
        mount -t tmpfs none "$root"
        mkdir "$root/host" "$root/dev" "$root/proc"
        for part in bin lib lib64 usr; do mkdir "$root/$part"; mount --rbind "/$part" "$root/$part"; done
        mount --rbind / "$root/host"
        mount -t proc proc "$root/proc"
        for file in dev/termination-log sealift; do : > "$root/$file"; done
        mount --bind "$last" "$root/dev/termination-log"
        mount --bind "$program" "$root/sealift"
        exec chroot "$root" "$@"
    "#;
    let container = &spec["containers"][0];
    assert_eq!(container["securityContext"]["privileged"], true);
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mounts: Vec<_> = mounts.iter().map(|it| it["mountPath"].as_str().unwrap()).collect();
    assert_eq!(mounts, ["/host", "/sealift"]);
    let program = spec["volumes"][1]["hostPath"]["path"].as_str().unwrap();
    let variables: BTreeMap<&str, &str> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["value"].as_str().unwrap()))
        .collect();
    let root = folder.join(format!("{pod}.root"));
    std::fs::create_dir(&root).unwrap();
    let (out, last) = (log(folder, pod), last_words(folder, pod));
    std::fs::write(&last, "").unwrap();
    let out = std::fs::File::create(out).unwrap();
    let mut unshare = command("unshare");
    unshare.args([
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--",
        "sh",
        "-euc",
        CONTAINER,
        "sh",
    ]);
    unshare.arg(&root).arg(&last).arg(program);
    let words = container["command"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    unshare.args(words.map(|word| filled_in(word, &variables)));
    unshare.env_clear().env("SECRET_OF_THE_IMAGE", "s3cret").envs(&variables);
    unshare.stdin(Stdio::null()).stderr(out.try_clone().unwrap()).stdout(out);
    unshare.spawn().unwrap()
}

/// What a kubelet makes of a word of a command (k8s.io/kubernetes/third_party/forked/golang/expansion).
fn filled_in(word: &str, variables: &BTreeMap<&str, &str>) -> String {
    let (mut out, mut rest) = (String::new(), word);
    while let Some(at) = rest.find('$') {
        out += &rest[..at];
        rest = &rest[at + 1..];
        let name = rest.strip_prefix('(').and_then(|it| it.split_once(')'));
        match (rest.strip_prefix('$'), name) {
            (Some(behind), _) => {
                out.push('$');
                rest = behind;
            }
            (None, Some((name, behind))) if variables.contains_key(name) => {
                out += variables[name];
                rest = behind;
            }
            _ => out.push('$'),
        }
    }
    out + rest
}

/// Tells the first process of a container to stop.
pub fn stop(container: &std::process::Child) {
    let pid = container.id();
    let children = format!("/proc/{pid}/task/{pid}/children");
    for child in std::fs::read_to_string(children).unwrap_or_default().split_whitespace() {
        let _ = Command::new("kill").args(["-TERM", child]).status();
    }
}
