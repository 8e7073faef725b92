use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::medium::header::header;

/// A file at hand, of which it is noted what is asked for.
#[derive(Debug, Default)]
struct Noted {
    bytes: Vec<u8>,
    asked: Mutex<Vec<(u64, u64)>>,
    is_gone: AtomicBool,
}

impl Ranged for Noted {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(self: Arc<Self>, at: u64, size: u64) -> Box<dyn Read + Send> {
        self.asked.lock().unwrap().push((at, size));
        if self.is_gone.load(Ordering::Relaxed) {
            return Box::new(Gone);
        }
        let (begin, end) = (usize::try_from(at).unwrap(), usize::try_from(at + size).unwrap());
        Box::new(Cursor::new(self.bytes[begin..end].to_vec()))
    }
}

struct Gone;

impl Read for Gone {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(Error::new(Class::Refused, "it is gone").into_io())
    }
}

/// A tar of files of these sizes, called by their number.
fn tar(sizes: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        bytes.extend_from_slice(&header(&number.to_string(), *size as u64, 0).unwrap());
        bytes.resize(bytes.len() + size, b'0' + u8::try_from(number % 10).unwrap());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// The tree of a tar, of which so many bytes came first.
fn opened(bytes: Vec<u8>, first: usize) -> (Arc<Noted>, Result<Tree>) {
    let head = bytes[..first.min(bytes.len())].to_vec();
    let noted = Arc::new(Noted { bytes, ..Noted::default() });
    let file = Arc::clone(&noted) as Arc<dyn Ranged>;
    (noted, list(Path::new("http://h/x.tar"), RemoteFile { file, head }))
}

fn read(tree: &Tree, path: &str) -> Result<Vec<u8>> {
    tree.read_small(path, 1 << 30)
}

const FIRST: usize = 64 << 10;

#[test]
fn a_small_tar_is_all_in_the_first_answer() {
    let (noted, tree) = opened(tar(&[10, 2_000, 700]), FIRST);
    let tree = tree.unwrap();

    tree.refuse_faults().unwrap();
    assert_eq!(read(&tree, "1").unwrap(), vec![b'1'; 2_000]);
    assert!(noted.asked.lock().unwrap().is_empty());
}

#[test]
fn a_layer_is_one_request_and_headers_far_apart_are_small_ones() {
    let large = 3 << 20;
    let (noted, tree) = opened(tar(&[900, large, large, large]), FIRST);
    let tree = tree.unwrap();

    tree.refuse_faults().unwrap();
    assert_eq!(tree.files().count(), 4);
    let asked = noted.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|(_, size)| *size <= FAR_STEP as u64), "{asked:?}");

    assert_eq!(read(&tree, "2").unwrap(), vec![b'2'; large]);
    assert_eq!(read(&tree, "0").unwrap().len(), 900);
    let all = noted.asked.lock().unwrap().clone();
    assert_eq!(all[3..], [(tree.position("2"), large as u64)]);
}

#[test]
fn many_small_files_are_read_in_few_requests_and_once() {
    let sizes = vec![3_000; 1_000];
    let bytes = tar(&sizes);
    let length = bytes.len();
    let (noted, tree) = opened(bytes, FIRST);
    let tree = tree.unwrap();

    tree.refuse_faults().unwrap();
    for number in 0..1_000 {
        assert_eq!(read(&tree, &number.to_string()).unwrap().len(), 3_000);
    }
    let asked = noted.asked.lock().unwrap().clone();
    assert!(asked.len() <= length.div_ceil(MOST_STEP) + 3, "{} requests", asked.len());
    assert!(asked.iter().map(|(_, size)| size).sum::<u64>() <= length as u64);
}

#[test]
fn what_is_kept_has_a_bound() {
    let sizes = vec![15_000; 2 * KEPT / 15_000];
    let (noted, tree) = opened(tar(&sizes), FIRST);
    let tree = tree.unwrap();
    let before = noted.asked.lock().unwrap().len();

    for number in 0..sizes.len() {
        let digit = b'0' + u8::try_from(number % 10).unwrap();
        assert_eq!(read(&tree, &number.to_string()).unwrap(), vec![digit; 15_000]);
    }
    let again = noted.asked.lock().unwrap().len() - before;
    assert!((sizes.len() / 3..sizes.len()).contains(&again), "{again} of {}", sizes.len());
}

#[test]
fn what_breaks_down_once_is_asked_for_no_more() {
    let (noted, tree) = opened(tar(&[900, 3 << 20, 3 << 20]), FIRST);
    let tree = tree.unwrap();
    tree.unbroken().unwrap();
    noted.is_gone.store(true, Ordering::Relaxed);

    assert_eq!(read(&tree, "1").unwrap_err().class(), Class::Refused);
    noted.is_gone.store(false, Ordering::Relaxed);
    assert!(read(&tree, "2").unwrap_err().spelled().contains("it is gone"));
    assert!(tree.unbroken().unwrap_err().spelled().contains("it is gone"));
}

#[test]
fn what_is_no_plain_tar_is_told_as_what_it_is() {
    let (_, encrypted) = opened(b"age-encryption.org/v1\n".to_vec(), FIRST);
    let (_, page) = opened(b"<!DOCTYPE html>".to_vec(), FIRST);
    let (_, nothing) = opened(Vec::new(), FIRST);

    assert_eq!(encrypted.unwrap_err().class(), Class::Usage);
    assert!(page.unwrap().no_tar().unwrap().unwrap().what.contains("web page"));
    assert!(nothing.unwrap().no_tar().unwrap().unwrap().what.contains("empty"));
}

#[test]
fn a_tar_that_is_cut_off_is_truncated_wherever_that_is() {
    let whole = tar(&[900, 100_000, 300]);
    for length in [513, 1_500, 60_000, 101_900, whole.len() - 600] {
        let (_, tree) = opened(whole[..length].to_vec(), FIRST);
        let tree = tree.unwrap();
        assert!(tree.faults().iter().any(|fault| fault.is_truncated()), "{length}");
    }
}
