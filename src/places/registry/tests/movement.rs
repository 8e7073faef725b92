//! How blobs move: in pieces, over lines that break, from one run to the next, and how fast.

use crate::words::digest::Digest;
use std::collections::VecDeque;
use std::io::Cursor;

use super::*;
use crate::storage::checked::samples::Unchecked;
use crate::tools::rate::samples::Still;
use crate::tools::rate::{Bucket, Clock};

const MIB: usize = 1 << 20;

/// What a registry does with one PATCH.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Takes it, and says so truthfully.
    Take,
    /// Takes it, and answers this `Range`.
    Say(&'static str),
    /// Takes only so many bytes, and says so.
    TakeOnly(usize),
    /// Keeps so many bytes and hangs up.
    Drop(usize),
    /// Keeps so many bytes, hangs up, and knows of no such upload any more.
    Forget,
    /// Answers so.
    Status(u16),
}

/// A registry that takes uploads in pieces, and behaves as it is told.
#[derive(Default)]
struct Uploads {
    bytes: Vec<u8>,
    /// What happens to the PATCHes to come; `Take` when there is nothing more.
    acts: VecDeque<Act>,
    /// Largest body that the proxy before it lets through.
    limit: Option<usize>,
    least: Option<usize>,
    /// Above this the proxy hangs up, or answers so.
    cut_above: Option<(usize, Option<u16>)>,
    /// What the registry answers when asked how far an upload got.
    status: Option<u16>,
    /// What is claimed when asked how far an upload got.
    claim: Option<&'static str>,
    /// How often the answer to a PUT gets lost after the blob was stored.
    lost_answers: usize,
    gone: bool,
    steps: usize,
    stored: Vec<Vec<u8>>,
}

impl Uploads {
    fn start(self) -> (Server, Arc<Mutex<Uploads>>) {
        let uploads = Arc::new(Mutex::new(self));
        let inner = uploads.clone();
        (Server::start(move |seen| inner.lock().unwrap().answer(seen)), uploads)
    }

    fn place(&mut self) -> String {
        self.steps += 1;
        format!("location: /v2/team/app/blobs/uploads/7?_state={}", self.steps)
    }

    fn answer(&mut self, seen: &Seen) -> Vec<u8> {
        if self.limit.is_some_and(|limit| seen.body.len() > limit) {
            return reply(413, &["connection: close"], "<html>");
        }
        if let Some((most, status)) = self.cut_above
            && seen.body.len() > most
        {
            return status.map_or(Vec::new(), |status| reply(status, &[], ""));
        }
        let current = seen.line.contains(&format!("_state={}", self.steps));
        match seen.line.split(' ').next().unwrap() {
            "POST" => {
                (self.bytes, self.gone) = (Vec::new(), false);
                let least = self.least.map(|least| format!("oci-chunk-min-length: {least}"));
                reply(202, &[&self.place(), &least.unwrap_or("x: y".to_owned())], "")
            }
            "HEAD" => match self.stored.last() {
                Some(stored) => {
                    let length = format!("content-length: {}", stored.len());
                    format!("HTTP/1.1 200 X\r\n{length}\r\n\r\n").into_bytes()
                }
                None => reply(404, &[], ""),
            },
            "GET" if self.gone => reply(self.status.unwrap_or(404), &[], ""),
            "GET" => {
                let range = self.claim.map_or(self.range(), |claim| format!("range: {claim}"));
                reply(204, &[&self.place(), &range], "")
            }
            "PATCH" => {
                assert!(current, "an outdated address: {}", seen.line);
                self.patch(seen)
            }
            "PUT" => self.put(seen),
            _ => reply(204, &[], ""),
        }
    }

    fn range(&self) -> String {
        format!("range: 0-{}", self.bytes.len().saturating_sub(1))
    }

    fn patch(&mut self, seen: &Seen) -> Vec<u8> {
        let range = seen.header("content-range").unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
        assert_eq!(end + 1 - start, seen.body.len());
        if start != self.bytes.len() {
            return reply(416, &[], "");
        }
        let act = self.acts.pop_front().unwrap_or(Act::Take);
        let kept = match act {
            Act::Take | Act::Say(_) => seen.body.len(),
            Act::TakeOnly(kept) | Act::Drop(kept) => kept,
            Act::Forget | Act::Status(_) => 0,
        };
        self.bytes.extend_from_slice(&seen.body[..kept]);
        match act {
            Act::Take | Act::TakeOnly(_) => reply(202, &[&self.place(), &self.range()], ""),
            Act::Say(range) => reply(202, &[&self.place(), &format!("range: {range}")], ""),
            Act::Status(status) => reply(status, &["retry-after: 0"], ""),
            Act::Drop(_) => Vec::new(),
            Act::Forget => {
                self.gone = true;
                Vec::new()
            }
        }
    }

    fn put(&mut self, seen: &Seen) -> Vec<u8> {
        let mut whole = std::mem::take(&mut self.bytes);
        whole.extend_from_slice(&seen.body);
        let digest = crate::words::digest::Digest::of(&whole);
        if !seen.line.ends_with(&format!("digest={digest}")) {
            return reply(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}"#);
        }
        self.stored.push(whole);
        if self.lost_answers > 0 {
            self.lost_answers -= 1;
            return Vec::new();
        }
        reply(201, &[], "")
    }
}

fn content(size: usize) -> (Vec<u8>, Descriptor) {
    let bytes: Vec<u8> = (0..size).map(|n| (n / 7 % 253) as u8).collect();
    let blob = Descriptor::of("a/b", &bytes);
    (bytes, blob)
}

fn in_pieces(size: usize) -> Settings {
    Settings { chunk_size: Some(size as u64), ..Settings::default() }
}

/// The `Content-Range` of each PATCH.
fn ranges(server: &Server) -> Vec<String> {
    let patches = server.seen("PATCH");
    patches.iter().map(|seen| seen.header("content-range").unwrap().to_owned()).collect()
}

fn notes(progress: &Recorder) -> Vec<String> {
    let events = progress.events().into_iter();
    let notes = events.filter_map(|event| match event {
        Event::Note(text) => Some(text.to_string()),
        _ => None,
    });
    notes.collect()
}

#[test]
fn a_body_limit_is_found_out_once_and_said_once() {
    let (server, uploads) = Uploads { limit: Some(10_000_000), ..Uploads::default() }.start();
    let progress = Arc::new(Recorder::default());
    let repository = server.with(Side::Destination, Settings::default(), progress.clone());
    let (bytes, blob) = content(20 * MIB);

    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();
    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

    let stored = &uploads.lock().unwrap().stored;
    assert!(stored.len() == 2 && stored.iter().all(|stored| *stored == bytes));
    let once = ["0-8388607", "8388608-16777215", "16777216-20971519"];
    assert_eq!(ranges(&server), [once, once].concat());
    let large = server.seen("PUT").iter().filter(|seen| !seen.body.is_empty()).count();
    assert_eq!(large, 1, "only the first blob was tried whole");
    assert_eq!(server.seen("POST").len(), 2, "the refused upload is gone on with");
    let notes = notes(&progress);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("413") && notes[0].contains("8388608"), "{notes:?}");
}

#[test]
fn a_narrow_limit_is_found_by_halving_and_the_narrowest_is_an_error() {
    let (server, uploads) = Uploads { limit: Some(600_000), ..Uploads::default() }.start();
    let (bytes, blob) = content(3 * MIB);

    server
        .repository(Side::Destination)
        .put(&mut Unchecked(&blob, &mut Cursor::new(&bytes)))
        .unwrap();

    assert!(uploads.lock().unwrap().stored[0] == bytes);
    assert_eq!(ranges(&server)[0], "0-1572863", "half of what was refused");
    assert_eq!(ranges(&server)[1], "0-786431");
    assert_eq!(ranges(&server)[2], "0-393215");

    let (server, _) = Uploads { limit: Some(1000), ..Uploads::default() }.start();
    let error =
        server.repository(Side::Destination).put(&mut Unchecked(&blob, &mut Cursor::new(&bytes)));
    let error = error.unwrap_err();
    assert_eq!((error.class(), error.is_transient()), (Class::Refused, false), "{error}");
    assert!(error.to_string().contains("HTTP 413"), "{error}");
    assert!(ranges(&server).len() < 5, "it does not go on for ever");
    assert_eq!(server.seen("DELETE").len(), 1, "the upload is given up");
}

#[test]
fn the_registrys_least_piece_is_honoured() {
    let (server, uploads) = Uploads { least: Some(2 * MIB), ..Uploads::default() }.start();
    let repository = server.with(Side::Destination, in_pieces(MIB), Arc::new(Recorder::default()));
    let (bytes, blob) = content(5 * MIB);

    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

    assert!(uploads.lock().unwrap().stored[0] == bytes);
    assert_eq!(ranges(&server), ["0-2097151", "2097152-4194303", "4194304-5242879"]);
}

#[test]
fn whatever_the_registry_says_of_its_range_the_right_bytes_arrive() {
    let (bytes, blob) = content(3 * MIB);
    for (act, patches) in [
        (Act::Say("0-1048575"), 3),
        (Act::Say("bytes=0-1048575"), 3),
        (Act::Say("0-99999999999999999999"), 3),
        (Act::Say("0-5000000"), 3),
        (Act::Say("0-0"), 3),
        (Act::Say("0-7"), 3),
        (Act::Say("1048576-2097151"), 3),
        (Act::Say("nonsense"), 3),
        (Act::Say("0-18446744073709551615"), 3),
        (Act::TakeOnly(1000), 4),
    ] {
        let acts = VecDeque::from([Act::Take, act]);
        let (server, uploads) = Uploads { acts, ..Uploads::default() }.start();
        let repository =
            server.with(Side::Destination, in_pieces(MIB), Arc::new(Recorder::default()));

        repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

        assert!(uploads.lock().unwrap().stored[0] == bytes, "{act:?}");
        assert_eq!(ranges(&server).len(), patches, "{act:?}");
    }
}

#[test]
fn a_registry_that_takes_next_to_nothing_of_each_piece_is_given_up() {
    let (bytes, blob) = content(3 * MIB);
    for (act, how) in [
        (Act::TakeOnly(2), "takes next to nothing of each piece, 2 of "),
        (Act::TakeOnly(60_000), "takes next to nothing of each piece, 60000 of "),
        (Act::Drop(2), ""),
    ] {
        let acts = std::iter::repeat_n(act, 1000).collect();
        let (server, uploads) = Uploads { acts, ..Uploads::default() }.start();
        let repository =
            server.with(Side::Destination, in_pieces(MIB), Arc::new(Recorder::default()));

        let error = repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap_err();

        assert_eq!(error.class(), Class::Other, "{act:?}: {error}");
        assert!(error.to_string().contains(how), "{act:?}: {error}");
        assert_eq!(error.is_transient(), how.is_empty(), "{act:?}");
        assert!(ranges(&server).len() <= 6, "{act:?}: {:?}", ranges(&server));
        assert!(uploads.lock().unwrap().stored.is_empty());
    }
    let acts = std::iter::repeat_n(Act::TakeOnly(64 << 10), 1000).collect();
    let (server, uploads) = Uploads { acts, ..Uploads::default() }.start();
    let repository =
        server.with(Side::Destination, in_pieces(256 << 10), Arc::new(Recorder::default()));
    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();
    assert!(uploads.lock().unwrap().stored[0] == bytes, "slow progress is progress");
}

#[test]
fn an_upload_goes_on_where_the_line_broke() {
    let acts = [Act::Take, Act::Drop(600_000), Act::Drop(0), Act::Take, Act::Status(503)];
    let (server, uploads) = Uploads { acts: acts.into(), ..Uploads::default() }.start();
    let progress = Arc::new(Recorder::default());
    let repository = server.with(Side::Destination, in_pieces(MIB), progress.clone());
    let (bytes, blob) = content(4 * MIB);

    let mut content = crate::storage::verifying::Verifying::new(
        Cursor::new(&bytes),
        &blob,
        "test",
        &crate::words::progress::Silent,
    );
    repository.put(&mut Unchecked(&blob, &mut content)).unwrap();

    assert!(uploads.lock().unwrap().stored[0] == bytes);
    assert_eq!(server.seen("POST").len(), 1, "one upload");
    assert_eq!(
        ranges(&server)[..4],
        ["0-1048575", "1048576-2097151", "1648576-2697151", "1648576-2172863"],
        "from where it was; and a smaller piece where nothing of the last one had arrived"
    );
    let retries = progress.events().into_iter();
    let retries = retries.filter(|event| matches!(event, Event::Retrying { .. })).count();
    assert_eq!(retries, 3);
    assert_eq!(notes(&progress).len(), 1, "said once");
}

#[test]
fn a_proxy_that_hangs_up_on_long_bodies_is_got_past_as_well() {
    for (status, patches) in [(None, 7), (Some(504), 7), (Some(408), 7)] {
        let cut_above = Some((10_000_000, status));
        let (server, uploads) = Uploads { cut_above, ..Uploads::default() }.start();
        let repository = server.repository(Side::Destination);
        let (bytes, blob) = content(40 * MIB);

        let error = repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap_err();
        assert!(error.is_transient(), "{error}");
        repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

        assert!(uploads.lock().unwrap().stored[0] == bytes, "{status:?}");
        assert_eq!(ranges(&server).len(), patches, "32, 16, and then 8 MiB: {status:?}");
    }
}

#[test]
fn a_registry_that_forgets_or_lies_gets_the_blob_anew() {
    for (act, claim) in [
        (Act::Forget, None),
        (Act::Drop(10), Some("0-99999999")),
        (Act::Drop(10), Some("0-5")),
        (Act::Status(404), None),
        (Act::Status(400), None),
    ] {
        let acts = VecDeque::from([Act::Take, act]);
        let (server, uploads) = Uploads { acts, claim, ..Uploads::default() }.start();
        let repository =
            server.with(Side::Destination, Settings::default(), Arc::new(Recorder::default()));
        repository.0.host.sending().broke_off();
        let (bytes, blob) = content(40 * MIB);

        let error = repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap_err();
        assert!(error.is_transient(), "{act:?}: {error}");
        repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

        assert!(uploads.lock().unwrap().stored[0] == bytes, "{act:?}");
        let whole = server.seen("PUT").iter().any(|seen| seen.body.len() == bytes.len());
        assert!(whole, "{act:?}: whole, since going on does not work there");
    }
}

#[test]
fn a_wrong_digest_is_final_unless_the_upload_was_disturbed() {
    let (bytes, _) = content(3 * MIB);
    let wrong = Descriptor::new("a/b", crate::words::digest::Digest::of(b"other"), 3 << 20);
    for (acts, transient) in
        [(vec![], false), (vec![Act::Drop(5)], true), (vec![Act::TakeOnly(5)], true)]
    {
        let (server, _) = Uploads { acts: acts.into(), ..Uploads::default() }.start();
        let repository =
            server.with(Side::Destination, in_pieces(MIB), Arc::new(Recorder::default()));

        let error = repository.put(&mut Unchecked(&wrong, &mut Cursor::new(&bytes))).unwrap_err();

        assert!(error.to_string().contains("DIGEST_INVALID"), "{error}");
        assert_eq!(error.is_transient(), transient);
    }
}

#[test]
fn a_lost_answer_costs_no_second_upload() {
    let (server, uploads) = Uploads { lost_answers: 1, ..Uploads::default() }.start();
    let repository = server.with(Side::Destination, in_pieces(MIB), Arc::new(Recorder::default()));
    let (bytes, blob) = content(2 * MIB);

    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();
    assert_eq!((server.seen("PATCH").len(), server.seen("PUT").len()), (2, 1));

    uploads.lock().unwrap().lost_answers = 1;
    let repository = server.repository(Side::Destination);
    let error = repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(repository.kept(&blob).unwrap(), "the caller asks before it sends again");
}

/// A client with a memory in `folder`, as of one import of one bundle.
fn remembering(server: &Server, folder: &Path) -> (RegistryRepository, Arc<Recorder>) {
    let progress = Arc::new(Recorder::default());
    let mut settings = in_pieces(MIB);
    settings.uploads = Some(folder.to_owned());
    settings.retry.attempts = 2;
    settings.retry.first = Duration::from_millis(1);
    settings.plain_http.push(server.address.parse().unwrap());
    let client = Client::new(settings, progress.clone()).unwrap();
    let now = std::time::SystemTime::now().try_into().unwrap();
    client.resume_uploads("docker://there", &Digest::of(b"bundle"), now);
    let registry = server.address.parse().unwrap();
    (client.repository(&registry, &"team/app".parse().unwrap(), Side::Destination), progress)
}

#[test]
fn the_next_run_goes_on_with_the_upload_of_the_last() {
    let acts = [Act::Take, Act::Take, Act::Drop(0), Act::Drop(0)];
    let (server, uploads) = Uploads { acts: acts.into(), ..Uploads::default() }.start();
    let folder = tempfile::tempdir().unwrap();
    let (bytes, blob) = content(4 * MIB);
    let (first, _) = remembering(&server, folder.path());
    first.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap_err();
    assert_eq!(server.seen("DELETE").len(), 0, "it is left for later");
    drop(first);
    let before = ranges(&server).len();

    let (second, progress) = remembering(&server, folder.path());
    second.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

    assert!(uploads.lock().unwrap().stored[0] == bytes);
    assert_eq!(ranges(&server)[before..], ["2097152-3145727", "3145728-4194303"]);
    assert_eq!(server.seen("POST").len(), 1);
    assert_eq!(notes(&progress), [] as [String; 0]);
    drop(second);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing stays behind");
}

#[test]
fn a_journal_leads_to_no_other_host_and_an_old_upload_is_begun_anew() {
    let other = Server::start(|_| reply(204, &["range: 0-100"], ""));
    let (bytes, blob) = content(2 * MIB);
    let own = "http://{server}/v2/team/app/blobs/uploads/7".to_owned();
    for (address, asked, status) in [
        (format!("http://{}/v2/team/app/blobs/uploads/7", other.address), 0, None),
        (own.clone(), 1, None),
        (own, 1, Some(500)),
        ("file:///etc/passwd".to_owned(), 0, None),
    ] {
        let (server, uploads) = Uploads { gone: true, status, ..Uploads::default() }.start();
        let folder = tempfile::tempdir().unwrap();
        let (repository, _) = remembering(&server, folder.path());
        let address = address.replace("{server}", &server.address);
        let name = format!("{}/team/app", server.address);
        let journal = repository.0.shared.journal();
        journal.as_ref().unwrap().note(&name, &blob.digest, Some(&address)).unwrap();
        drop(journal);

        repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

        assert!(uploads.lock().unwrap().stored[0] == bytes);
        assert_eq!(server.seen("GET").len(), asked, "{address}");
    }
    assert_eq!(other.log(), [] as [String; 0]);
}

#[test]
fn a_journal_that_cannot_be_written_is_said_and_done_without() {
    let (server, uploads) = Uploads::default().start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (bytes, blob) = content(2 * MIB);

    let (repository, progress) = remembering(&server, &file.join("below"));
    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();
    assert_eq!(notes(&progress).len(), 1, "{:?}", notes(&progress));

    let gone = folder.path().join("gone");
    let (repository, progress) = remembering(&server, &gone);
    std::fs::remove_dir_all(&gone).unwrap();
    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();
    assert_eq!(notes(&progress).len(), 1, "{:?}", notes(&progress));
    assert_eq!(uploads.lock().unwrap().stored.len(), 2);
}

#[test]
fn one_rate_holds_for_both_directions_and_all_transfers() {
    let (bytes, blob) = content(MIB);
    let body = bytes.clone();
    let server = Server::start(move |seen| match seen.line.split(' ').next().unwrap() {
        "POST" => reply(202, &["location: /up/7"], ""),
        "PUT" => reply(201, &[], ""),
        _ => reply(200, &[], &body),
    });
    let clock = Still::default();
    let settings =
        Settings { plain_http: vec![server.address.parse().unwrap()], ..Settings::default() };
    let mut client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
    Arc::get_mut(&mut client.0).unwrap().bucket =
        Some(Bucket::new(1 << 16, Box::new(clock.clone())));
    let registry = server.address.parse().unwrap();
    let repository = client.repository(&registry, &"team/app".parse().unwrap(), Side::Destination);

    io::copy(&mut repository.open(&blob, 0).unwrap().unchecked(), &mut io::sink()).unwrap();
    assert_eq!(clock.now().as_secs_f64().round(), 16.0, "1 MiB at 64 KiB/s");
    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();
    assert_eq!(clock.now().as_secs_f64().round(), 32.0, "and the same back");
}

#[test]
fn an_overcharged_host_gets_fewer_transfers_at_a_time() {
    let (server, _) = Uploads { acts: [Act::Status(503)].into(), ..Uploads::default() }.start();
    let repository = server.with(Side::Destination, in_pieces(MIB), Arc::new(Recorder::default()));
    let (bytes, blob) = content(2 * MIB);
    let before = repository.0.host.up.limit();

    repository.put(&mut Unchecked(&blob, &mut Cursor::new(&bytes))).unwrap();

    assert_eq!(repository.0.host.up.limit(), before / 2);
}

#[test]
fn the_quota_of_docker_hub_is_read_without_costing_any() {
    let server = Server::start(|seen| {
        assert!(seen.line.starts_with("HEAD"), "{}", seen.line);
        reply(200, &["ratelimit-limit: 100;w=21600", "ratelimit-remaining: 3;w=21600"], "")
    });
    let repository = server.repository(Side::Source);

    let quota = repository.quota(&name(&server, ":1")).unwrap();

    let expected = PullLimit { remaining: 3, limit: Some(100), window: Some(21600) };
    assert_eq!(quota, Some(expected));
}
