//! A registry that keeps what it gets: an upload that breaks off is gone on with from the byte it
//! reached, as the specification has it and Debian's docker-registry has not. Content lies in
//! files, so that images may be large.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::content::hex;
use super::wire::{self, Free, Head, Port};

/// A request that was answered, or broke off.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// None when the connection broke before there was an answer.
    pub status: Option<u16>,
}

/// The registry.
pub struct Resuming {
    port: Port,
    shared: Arc<Shared>,
}

struct Shared {
    dir: TempDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    uploads: u64,
    manifests: HashMap<String, (String, Vec<u8>)>,
    log: Vec<Seen>,
}

struct Reply(u16, Vec<(&'static str, String)>, Vec<u8>);

impl Resuming {
    /// An empty one, with its files in `base`.
    pub fn start_in(base: &std::path::Path) -> Resuming {
        let dir = TempDir::new_in(base).unwrap();
        let shared = Arc::new(Shared { dir, state: Mutex::default() });
        let serving = Arc::clone(&shared);
        let port = Free::take().serve(move |stream| serving.serve(&stream));
        Resuming { port, shared }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state.lock().unwrap().log.clone()
    }

    /// How often each blob was stored.
    pub fn stored(&self) -> HashMap<String, usize> {
        let mut stored = HashMap::new();
        for seen in self.requests().iter().filter(|seen| seen.status == Some(201)) {
            if let Some((_, digest)) = seen.path.split_once("digest=") {
                *stored.entry(digest.to_owned()).or_default() += 1;
            }
        }
        stored
    }

    /// The document under a tag of a repository.
    pub fn document(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let key = format!("{repository}/{reference}");
        self.shared.state.lock().unwrap().manifests.get(&key).map(|(_, bytes)| bytes.clone())
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::with_capacity(256 << 10, stream);
        while let Some(request) = Head::read(&mut reader) {
            if request.asks() && wire::go_on(&mut { stream }).is_err() {
                return;
            }
            let mut body = 0;
            let reply = self.answer(&request, &mut reader, &mut body);
            let written = reply.as_ref().is_some_and(|reply| write(stream, reply));
            let status = reply.filter(|_| written).map(|Reply(status, ..)| status);
            let Head { method, target: path, .. } = request;
            self.state.lock().unwrap().log.push(Seen { method, path, status });
            if !written {
                return;
            }
        }
    }

    /// None when the connection broke in the middle of the body.
    fn answer(&self, request: &Head, reader: &mut impl Read, got: &mut u64) -> Option<Reply> {
        let length = request.length();
        let path = request.target.trim_start_matches("/v2/");
        if let Some((repository, rest)) = path.split_once("/blobs/uploads/") {
            return self.upload(request, repository, rest, &mut reader.take(length), got);
        }
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body).ok()?;
        *got = body.len() as u64;
        if *got < length {
            return None;
        }
        if let Some((_, digest)) = path.split_once("/blobs/") {
            return Some(match std::fs::metadata(self.blob(digest)) {
                Ok(about) => Reply(200, vec![("content-length", about.len().to_string())], vec![]),
                Err(_) => Reply(404, vec![], vec![]),
            });
        }
        let Some((repository, reference)) = path.split_once("/manifests/") else {
            return Some(Reply(404, vec![], vec![]));
        };
        let mut state = self.state.lock().unwrap();
        if request.method == "PUT" {
            let digest = format!("sha256:{}", hex(&Sha256::digest(&body)));
            let kind = request.header("content-type").unwrap().to_owned();
            for reference in [reference, &digest] {
                let key = format!("{repository}/{reference}");
                state.manifests.insert(key, (kind.clone(), body.clone()));
            }
            return Some(Reply(201, vec![("docker-content-digest", digest)], vec![]));
        }
        Some(match state.manifests.get(&format!("{repository}/{reference}")) {
            Some((kind, bytes)) => {
                let digest = format!("sha256:{}", hex(&Sha256::digest(bytes)));
                let headers = vec![
                    ("content-type", kind.clone()),
                    ("docker-content-digest", digest),
                    ("content-length", bytes.len().to_string()),
                ];
                let body = if request.method == "GET" { bytes.clone() } else { vec![] };
                Reply(200, headers, body)
            }
            None => Reply(404, vec![], vec![]),
        })
    }

    fn upload(
        &self,
        request: &Head,
        repository: &str,
        rest: &str,
        body: &mut dyn Read,
        got: &mut u64,
    ) -> Option<Reply> {
        let (id, query) = rest.split_once('?').unwrap_or((rest, ""));
        let file = self.dir.path().join(format!("upload-{id}"));
        let place = |id: &str| ("location", format!("/v2/{repository}/blobs/uploads/{id}"));
        if request.method == "POST" {
            let mut state = self.state.lock().unwrap();
            state.uploads += 1;
            let id = state.uploads.to_string();
            File::create(self.dir.path().join(format!("upload-{id}"))).unwrap();
            return Some(Reply(202, vec![place(&id)], vec![]));
        }
        let Ok(about) = std::fs::metadata(&file) else {
            return Some(Reply(404, vec![], vec![]));
        };
        let before = about.len();
        let range = |len: u64| ("range", format!("0-{}", len.saturating_sub(1)));
        match request.method.as_str() {
            "GET" => Some(Reply(204, vec![place(id), range(before)], vec![])),
            "DELETE" => {
                std::fs::remove_file(&file).unwrap();
                Some(Reply(204, vec![], vec![]))
            }
            "PATCH" => {
                let start = request.header("content-range").and_then(|r| r.split_once('-'));
                if start.is_some_and(|(start, _)| start != before.to_string()) {
                    return Some(Reply(416, vec![range(before)], vec![]));
                }
                let whole = append(&file, body, request, got);
                whole.then(|| Reply(202, vec![place(id), range(before + *got)], vec![]))
            }
            "PUT" => {
                if !append(&file, body, request, got) {
                    // Of a body that was to be the end of it, nothing is kept.
                    OpenOptions::new().write(true).open(&file).unwrap().set_len(before).unwrap();
                    return None;
                }
                let mut hash = Sha256::new();
                std::io::copy(&mut File::open(&file).unwrap(), &mut Hashing(&mut hash)).unwrap();
                let digest = format!("sha256:{}", hex(&hash.finalize()));
                if query != format!("digest={digest}") {
                    return Some(Reply(400, vec![], vec![]));
                }
                std::fs::rename(&file, self.blob(&digest)).unwrap();
                Some(Reply(201, vec![("docker-content-digest", digest)], vec![]))
            }
            _ => Some(Reply(405, vec![], vec![])),
        }
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.dir.path().join(digest.replace(':', "-"))
    }
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Adds what arrives of the body to the file, whether or not it is all.
fn append(file: &PathBuf, body: &mut dyn Read, request: &Head, got: &mut u64) -> bool {
    let mut file = OpenOptions::new().append(true).open(file).unwrap();
    let mut buffer = vec![0; 256 << 10];
    while let Ok(len @ 1..) = body.read(&mut buffer) {
        file.write_all(&buffer[..len]).unwrap();
        *got += len as u64;
    }
    request.length() == *got
}

fn write(mut stream: &TcpStream, Reply(status, headers, body): &Reply) -> bool {
    let mut headers = headers.clone();
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        headers.push(("content-length", body.len().to_string()));
    }
    let head = wire::head(&format!("{status} X"), &headers);
    stream.write_all(head.as_bytes()).is_ok() && stream.write_all(body).is_ok()
}
