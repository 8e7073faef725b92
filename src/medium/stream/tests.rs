use super::*;
use crate::medium::scan;

/// A stream of the files `0` to `4`, each a thousand bytes of its own.
fn five() -> Arc<TarStream> {
    let mut builder = tar::Builder::new(Vec::new());
    for number in 0..5u8 {
        let mut header = tar::Header::new_ustar();
        header.set_size(1000);
        builder.append_data(&mut header, number.to_string(), &[number; 1000][..]).unwrap();
    }
    let bytes: Arc<[u8]> = builder.into_inner().unwrap().into();
    let open = move || {
        let bytes = io::Cursor::new(Arc::clone(&bytes));
        Ok(Box::new(bytes) as Box<dyn Read + Send>)
    };
    let mut listing = FirstPass::begin("x".to_owned(), Box::new(open), &Cancel::default()).unwrap();
    scan::list(&mut listing, true).unwrap();
    Arc::new(listing.done())
}

fn passing(stream: &Arc<TarStream>, number: u64) -> Passing {
    Passing::new(Arc::clone(stream), &number.to_string(), 512 + number * 1536, 1000, 0)
}

#[test]
fn whoever_waits_nearest_ahead_is_next_and_who_waits_behind_is_last() {
    let stream = five();
    let mut held = passing(&stream, 2);
    held.read_exact(&mut [0; 10]).unwrap();
    let (told, done) = std::sync::mpsc::channel();
    let readers: Vec<_> = [1, 4, 0, 3]
        .map(|number| {
            let (mut reader, told) = (passing(&stream, number), told.clone());
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                // Told while the cursor is still held, so that the order is that of the cursor.
                io::copy(&mut reader.by_ref().take(999), &mut bytes).unwrap();
                told.send(number).unwrap();
                reader.read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes, vec![number as u8; 1000]);
            })
        })
        .into();
    while stream.state().unwrap().waiting.len() < readers.len() {
        std::thread::yield_now();
    }

    drop(held);
    readers.into_iter().for_each(|reader| reader.join().unwrap());

    assert_eq!(done.try_iter().collect::<Vec<_>>(), [3, 4, 0, 1]);
}

#[test]
fn a_fault_of_one_reader_is_not_that_of_the_next() {
    let stream = five();

    let mut lost = Passing::new(Arc::clone(&stream), "9", 512, 1000, 0);
    assert!(lost.read(&mut [0; 10]).is_err());

    let mut bytes = Vec::new();
    passing(&stream, 3).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, [3; 1000]);
}
