//! Blobs in files: what is known to be right is sent by the kernel, and what was changed is not
//! sent as right, whenever that happens.

use std::fs::{File, FileTimes};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use super::*;
use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::tools::sound::Sound;
use crate::tools::stretch::Stretch;
use crate::verbs::serve::Loopback;
use crate::verbs::serve::queues::on_their_way;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// The blobs of a bundle on a disk, by the file that each is in and its place there.
struct Disk {
    folder: tempfile::TempDir,
    places: HashMap<Digest, (PathBuf, u64, u64)>,
    /// Whether only the first half is there, and the other in a file beside it.
    halved: bool,
}

impl Disk {
    /// One file a blob, or all in one behind a few other bytes.
    fn of(bundle: &Bundle, packed: bool) -> Disk {
        // Not in /tmp, which is memory on some machines.
        let beside = std::env::current_exe().unwrap();
        let folder = tempfile::tempdir_in(beside.parent().unwrap()).unwrap();
        let (mut places, mut end) = (HashMap::new(), 512);
        for (digest, bytes) in &bundle.bytes.0 {
            let name = if packed { "packed".to_owned() } else { digest.to_string() };
            let (path, at) = (folder.path().join(name), if packed { end } else { 0 });
            let mut options = File::options();
            let file = options.write(true).create(true).truncate(false).open(&path).unwrap();
            file.write_all_at(bytes, at).unwrap();
            end += bytes.len() as u64;
            places.insert(*digest, (path, at, bytes.len() as u64));
        }
        Disk { folder, places, halved: false }
    }

    /// Two files a blob.
    fn halving(bundle: &Bundle) -> Disk {
        let disk = Disk { halved: true, ..Disk::of(bundle, false) };
        for (digest, bytes) in &bundle.bytes.0 {
            let (path, ..) = &disk.places[digest];
            let half = bytes.len() / 2;
            std::fs::write(path, &bytes[..half]).unwrap();
            std::fs::write(other_half(path), [&[7; 9], &bytes[half..]].concat()).unwrap();
        }
        disk
    }

    fn write(&self, blob: &Digest, offset: u64, bytes: &[u8]) {
        let (path, at, _) = &self.places[blob];
        let file = File::options().write(true).open(path).unwrap();
        file.write_all_at(bytes, at + offset).unwrap();
    }
}

impl BlobSource for Disk {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let stretch = self.stretch(blob)?.unwrap();
        Ok(Raw::new(stretch.reader(offset)))
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        let missing = || Error::new(Class::Incomplete, "no such blob");
        let (path, at, size) = self.places.get(&blob.digest).ok_or_else(missing)?;
        if self.halved {
            let open = |path| Arc::new(File::open(path).unwrap());
            let first = Stretch::new(open(path.clone()), 0, size / 2);
            let rest = Stretch::new(open(other_half(path)), 9, size - size / 2);
            return Ok(Some(Stretch::joined([first, rest])));
        }
        Ok(Some(Stretch::new(Arc::new(File::open(path).unwrap()), *at, *size)))
    }
}

fn other_half(path: &std::path::Path) -> PathBuf {
    path.with_file_name(format!("{}.half", path.file_name().unwrap().to_str().unwrap()))
}

/// A served image with one layer of `size` bytes that is known to be right.
struct Served {
    server: Server,
    disk: Arc<Disk>,
    by_kernel: Arc<AtomicU64>,
    layer: Digest,
    bytes: Vec<u8>,
    path: String,
}

impl Served {
    /// Nothing where the file system does not tell of changes.
    fn new(size: usize, packed: bool) -> Option<Served> {
        Served::on(size, |bundle| Disk::of(bundle, packed))
    }

    /// As [`new`](Served::new), on the disk that `disk` makes of it.
    fn on(size: usize, disk: impl Fn(&Bundle) -> Disk) -> Option<Served> {
        let block: Vec<u8> = (0..100_003_u32).map(|i| (i * 7 % 251) as u8).collect();
        let mut bytes = block.repeat(size / block.len() + 1);
        bytes.truncate(size);
        let bundle = Bundle::default().with("a:1", image_of("a", bytes.clone()));
        let layer = bundle.blobs[1].digest;
        let (disk, sound) = (Arc::new(disk(&bundle)), Arc::<Sound>::default());
        know(&sound, &disk, &bundle.blobs[1])?;
        let source = Arc::clone(&disk) as Arc<dyn BlobSource>;
        let shelf = Shelf::new(bundle.images, bundle.documents, bundle.blobs, source, sound);
        let by_kernel = Arc::clone(shelf.by_kernel());
        let path = format!("/v2/library/a/blobs/{layer}");
        Some(Served { server: Server::over(shelf), disk, by_kernel, layer, bytes, path })
    }

    fn by_kernel(&self) -> u64 {
        self.by_kernel.load(Ordering::Relaxed)
    }

    fn ask(&self, headers: &str) -> Answer {
        self.server.connect().ask("GET", &self.path, headers)
    }

    /// Asks for the blob and takes `before` bytes, then those that still come after `then`.
    fn taken(&self, headers: &str, before: usize, then: impl FnOnce()) -> (u16, Vec<u8>) {
        let mut client = self.server.connect();
        client.send("GET", &self.path, &format!("{headers}Connection: close\r\n"));
        let status = client.head().status;
        let mut body = vec![0; before];
        client.0.read_exact(&mut body).unwrap();
        then();
        // The connection may be reset instead of closed.
        let _ = client.0.read_to_end(&mut body);
        (status, body)
    }

    fn notes(&self, what: &str) -> usize {
        self.server.notes().iter().filter(|note| note.contains(what)).count()
    }
}

/// Does what verifying does, once the file is old enough for it.
fn know(sound: &Sound, disk: &Disk, blob: &Descriptor) -> Option<()> {
    let stretch = disk.stretch(blob).unwrap().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        let before = sound.begin(&stretch);
        if before.is_some() {
            sound.found(blob.digest, &stretch, before);
            return sound.holds(&blob.digest, &stretch).map(drop);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("skipped: {} does not tell of changes", disk.folder.path().display());
    None
}

/// More than can be on its way, so that the kernel sends some of it without a copy.
fn large() -> usize {
    let queues = on_their_way().expect("Linux tells how long its queues are");
    usize::try_from(queues).unwrap() + (6 << 20)
}

const MEDIUM: usize = 3 << 20;

#[test]
fn the_kernel_sends_what_is_known_to_be_right() {
    for packed in [false, true] {
        let Some(served) = Served::new(large(), packed) else { return };
        let (size, mut client) = (served.bytes.len(), served.server.connect());

        for _ in 0..2 {
            let before = served.by_kernel();
            let whole = client.ask("GET", &served.path, "");
            assert_eq!(whole.status, 200);
            assert!(whole.body == served.bytes);
            assert!(served.by_kernel() >= before + (6 << 20), "{}", served.by_kernel());
        }
        let before = served.by_kernel();
        let tag = format!("\"{}\"", served.layer);
        assert_eq!(client.ask("HEAD", &served.path, "").header("content-length"), size.to_string());
        let known = client.ask("GET", &served.path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(known.status, 304);
        for (range, from, to) in [
            ("0-0".to_owned(), 0, 1),
            (format!("{}-", size - 3), size - 3, size),
            ("1000-3000000".to_owned(), 1000, 3_000_001),
        ] {
            let part = client.ask("GET", &served.path, &format!("Range: bytes={range}\r\n"));
            assert_eq!(part.status, 206, "{range}");
            assert!(part.body == served.bytes[from..to], "{range}");
        }
        assert_eq!(served.by_kernel(), before, "what fits into queues is copied");
        let part = client.ask("GET", &served.path, "Range: bytes=7-\r\n");
        assert!(part.status == 206 && part.body == served.bytes[7..]);
        assert!(served.by_kernel() > before);
        assert_eq!(served.notes("cannot"), 0);
    }
}

#[test]
fn many_clients_get_their_own_parts_and_some_go_away() {
    let Some(served) = Served::new(large(), true) else { return };
    let (served, size) = (&served, served.bytes.len());

    std::thread::scope(|scope| {
        for number in 0..20 {
            scope.spawn(move || {
                let mut client = served.server.connect();
                for turn in 0..3 {
                    let from = (number * 1_234_567 + turn * 777_777) % (size / 2);
                    let to = (from + number * 2_000_003).min(size - 1);
                    let range = format!("Range: bytes={from}-{to}\r\n");
                    let part = client.ask("GET", &served.path, &range);
                    assert!(part.body == served.bytes[from..=to], "{from} to {to}");
                    assert_eq!(client.ask("GET", "/v2/library/a/manifests/1", "").status, 200);
                    if number % 4 == 0 {
                        let mut gone = served.server.connect();
                        gone.send("GET", &served.path, "");
                        gone.0.read_exact(&mut vec![0; 100_000 * turn]).unwrap();
                    }
                }
            });
        }
    });

    assert!(served.ask("").body == served.bytes);
    assert_eq!(served.notes("cannot"), 0, "who goes away is not told of");
}

#[test]
fn requests_that_come_at_once_are_answered_in_their_order() {
    let Some(served) = Served::new(large(), false) else { return };
    let mut client = served.server.connect();

    client.send("GET", &served.path, "");
    client.send("GET", "/v2/", "");
    client.send("GET", &served.path, "Range: bytes=5-2000000\r\n");
    client.send("GET", &served.path, "");

    for expected in [&served.bytes[..], b"{}", &served.bytes[5..2_000_001], &served.bytes] {
        let mut answer = client.head();
        answer.body = vec![0; answer.header("content-length").parse().unwrap()];
        client.0.read_exact(&mut answer.body).unwrap();
        assert!(answer.body == expected);
    }
}

#[test]
fn a_blob_changed_after_it_was_found_right_is_noticed() {
    for (packed, size) in [(false, MEDIUM), (true, large())] {
        let Some(served) = Served::new(size, packed) else { return };
        let at = size as u64 / 2;
        let (path, ..) = &served.disk.places[&served.layer];
        let file = File::options().write(true).open(path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        served.disk.write(&served.layer, at, b"EVIL");
        // What was changed looks as old as before, but for one time that cannot be set.
        file.set_times(FileTimes::new().set_modified(modified)).unwrap();

        let (status, body) = served.taken("", 0, || ());
        assert!(status == 200 && body.len() < size, "{} bytes came", body.len());
        for range in [format!("{at}-{}", at + 3), "0-0".to_owned(), format!("{}-", size - 1)] {
            let part = served.ask(&format!("Range: bytes={range}\r\n"));
            assert_eq!(part.status, 500, "{range}");
        }
        assert!(served.notes("cannot serve blob") >= 4);
        assert_eq!(served.by_kernel(), 0);

        let right = served.bytes[at as usize..][..4].to_vec();
        served.disk.write(&served.layer, at, &right);
        assert!(served.ask("").body == served.bytes, "right again");
        let part = served.ask("Range: bytes=1-40\r\n");
        assert!(part.body == served.bytes[1..41]);
    }
}

#[test]
fn a_file_that_was_touched_is_read_again_and_then_known_again() {
    let Some(served) = Served::new(large(), true) else { return };
    let (path, ..) = &served.disk.places[&served.layer];
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).unwrap();
    std::thread::sleep(Duration::from_millis(300));

    assert!(served.ask("Range: bytes=0-9\r\n").body == served.bytes[..10]);
    assert_eq!(served.by_kernel(), 0);
    assert!(served.ask("").body == served.bytes);

    assert!(served.by_kernel() > 0, "it was read whole for the part already");
}

#[test]
fn a_blob_that_changes_while_it_is_sent_never_makes_a_whole_answer_of_other_bytes() {
    let mut broken = 0;
    for (size, headers) in [(MEDIUM, ""), (large(), ""), (large(), "Range: bytes=9-\r\n")] {
        for before in [0, size / 2, size - 10] {
            let Some(served) = Served::new(size, headers.is_empty()) else { return };
            let expected = &served.bytes[if headers.is_empty() { 0 } else { 9 }..];
            let spoil = || {
                // Long enough for all queues to be full.
                std::thread::sleep(Duration::from_millis(200));
                served.disk.write(&served.layer, 0, &vec![b'E'; size]);
            };

            let (_, body) = served.taken(headers, before.min(expected.len()), spoil);

            assert!(body.len() < expected.len() || body == expected, "{size} {headers} {before}");
            broken += usize::from(body.len() < expected.len());
        }
    }
    assert!(broken >= 2, "{broken} answers were broken off");
}

#[test]
fn an_engine_gets_what_is_known_from_the_kernel_and_the_ledger_counts_it() {
    let image = image_of("a", vec![7; large()]);
    let bundle = Bundle::default().with("a:1", image);
    let (disk, sound) = (Arc::new(Disk::of(&bundle, true)), Arc::<Sound>::default());
    let layer = bundle.blobs[1].clone();
    if know(&sound, &disk, &layer).is_none() {
        return;
    }
    let documents = bundle.documents.into_iter().map(|d| (d.descriptor().digest, d)).collect();
    let blobs = crate::bundle::blob_list::BlobList::whole(bundle.blobs);
    let contents = crate::bundle::contents::Contents { documents, blobs, ..Default::default() };
    let source = Arc::clone(&disk) as Arc<dyn BlobSource>;
    let server =
        Loopback::open(&bundle.images, &contents, source, sound, Cancel::default()).unwrap();
    let address = server.address(&bundle.images[0].0.registry).to_string();
    let (socket, path) = address.split_once('/').unwrap();
    let connect = || {
        let socket = TcpStream::connect(socket).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client(BufReader::new(socket))
    };
    let path = format!("/v2/{path}/library/a/blobs/{}", layer.digest);

    let mut client = connect();
    assert_eq!(client.ask("GET", &path, "").body.len() as u64, layer.size);
    assert_eq!(server.ledger().bytes(), layer.size);
    let part = client.ask("GET", &path, "Range: bytes=100-2000099\r\n");
    assert_eq!((part.status, part.body.len()), (206, 2_000_000));
    assert_eq!(server.ledger().blobs().get(&layer.digest), Some(&(layer.size + 2_000_000)));
    assert!(server.ledger().take_fault().is_none());

    let mut client = connect();
    client.send("GET", &path, "Connection: close\r\n");
    client.head();
    disk.write(&layer.digest, 0, b"EVIL");
    let mut body = Vec::new();
    let _cut_off = client.0.read_to_end(&mut body);
    assert!((body.len() as u64) < layer.size);
    let (blob, error) = server.ledger().take_fault().unwrap();
    assert_eq!((blob, error.class()), (layer.digest, Class::Damaged));
}

#[test]
fn a_stop_lets_the_kernel_end_what_it_sends() {
    let Some(mut served) = Served::new(large(), false) else { return };
    let mut client = served.server.connect();
    client.send("GET", &served.path, "");
    client.head();

    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        let mut body = Vec::new();
        client.0.read_to_end(&mut body).map(|_| body)
    });
    served.server.stop();

    assert!(reader.join().unwrap().unwrap() == served.bytes);
}

#[test]
fn the_kernel_sends_a_blob_that_spans_two_files() {
    let Some(served) = Served::on(2 * large(), Disk::halving) else { return };
    let (size, half) = (served.bytes.len(), served.bytes.len() / 2);

    let whole = served.ask("");
    assert_eq!((whole.status, whole.body == served.bytes), (200, true));
    assert!(served.by_kernel() > half as u64, "{}", served.by_kernel());
    for (first, last) in [(half - 10, half + 9), (half, half), (half - 1, size - 1)] {
        let part = served.ask(&format!("Range: bytes={first}-{last}\r\n"));
        assert_eq!((part.status, part.body == served.bytes[first..=last]), (206, true), "{first}");
    }

    // A change of either file is one of the blob.
    let (path, ..) = &served.disk.places[&served.layer];
    let other = File::options().write(true).open(other_half(path)).unwrap();
    other.write_all_at(&[served.bytes[size - 1] ^ 1], (size - half + 8) as u64).unwrap();
    let (_, body) = served.taken("", 0, || {});
    assert!(body.len() < size);
    assert_eq!(served.notes("cannot serve blob"), 1);
}
