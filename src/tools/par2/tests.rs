use std::io::Write as _;

use super::*;
use crate::words::error::{Class, Result};
use crate::words::progress::Silent;

/// Slices in memory.
struct InMemory(Vec<Vec<u8>>);

impl Slices for InMemory {
    fn read(&self, slice: usize, offset: u64, into: &mut [u8]) -> Result<()> {
        let offset = usize::try_from(offset).unwrap();
        into.copy_from_slice(&self.0[slice][offset..offset + into.len()]);
        Ok(())
    }
}

fn noise(seed: usize, len: usize) -> Vec<u8> {
    let mut state = seed as u64 * 2 + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn recovery(slices: &InMemory, slice_size: u64, count: u16) -> Vec<Vec<u8>> {
    let mut made = vec![Vec::new(); count.into()];
    let sizes = (slices.0.len(), slice_size, count);
    encode(slices, sizes, 2, &Silent, &mut |row, offset, bytes| {
        assert_eq!(made[usize::from(row)].len() as u64, offset, "from the first to the last");
        made[usize::from(row)].extend(bytes);
        Ok(())
    })
    .unwrap();
    made
}

fn rebuilt(slices: &InMemory, lost: &[usize], with: &[(u16, Vec<u8>)]) -> Result<Vec<Vec<u8>>> {
    let exponents: Vec<u16> = with.iter().map(|(exponent, _)| *exponent).collect();
    let recovery = InMemory(with.iter().map(|(_, bytes)| bytes.clone()).collect());
    let slice_size = slices.0[0].len() as u64;
    let sizes = (slices.0.len(), slice_size);
    let mut made = vec![Vec::new(); lost.len()];
    rebuild(slices, sizes, lost, &recovery, &exponents, 2, &Silent, &mut |at, _, bytes| {
        made[at].extend(bytes);
        Ok(())
    })?;
    Ok(made)
}

#[test]
fn whatever_is_lost_comes_back_from_as_many_recovery_slices() {
    let slice_size = 8_196;
    let whole = InMemory((0..23).map(|slice| noise(slice, slice_size)).collect());
    let made = recovery(&whole, slice_size as u64, 19);
    let with = |numbers: &[usize]| -> Vec<(u16, Vec<u8>)> {
        numbers.iter().map(|number| (*number as u16, made[*number].clone())).collect()
    };

    for (lost, numbers) in [
        (vec![0], vec![0]),
        (vec![22], vec![18]),
        (vec![3, 4, 21], vec![5, 7, 16]),
        ((2..21).collect(), (0..19).collect()),
    ] {
        let mut damaged = InMemory(whole.0.clone());
        lost.iter().for_each(|slice: &usize| damaged.0[*slice].fill(0xee));

        let made = rebuilt(&damaged, &lost, &with(&numbers)).unwrap();

        for (slice, bytes) in lost.iter().zip(made) {
            assert!(whole.0[*slice] == bytes, "slice {slice} of {lost:?}");
        }
    }

    let error = rebuilt(&whole, &[1, 2, 3], &with(&[4, 5])).unwrap_err();
    assert_eq!(error.class(), Class::Damaged);
}

fn set_of(files: &[(&str, Vec<u8>)], slice_size: u64) -> RecoverySet {
    let sums = files.iter().map(|(name, bytes)| {
        let mut summing = Summing::new(slice_size);
        bytes.chunks(1_000).for_each(|chunk| summing.update(chunk));
        summing.finish((*name).to_owned())
    });
    RecoverySet::new(slice_size, sums.collect())
}

fn scanned(bytes: &[u8]) -> Option<FoundSet> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut scan = Scan::default();
    scan.file(7, &file, &Silent).unwrap();
    scan.found()
}

#[test]
fn packets_are_found_as_they_were_written_whatever_stands_between() {
    let set = set_of(&[("a", noise(1, 9_000)), ("b/ä", noise(2, 4_096))], 4_096);
    let mut packet = RecoveryPacket::new(&set, 3);
    let data = noise(3, 4_096);
    packet.update(&data);
    let packet = [packet.head(), data.clone()].concat();
    let critical = critical(&set, "test");

    let bytes = [b"junk PAR2\0PK", &critical[..], b"x", &packet, b"PAR2\0PKT and more"].concat();
    let found = scanned(&bytes).unwrap();

    assert_eq!(found.set, set);
    assert_eq!(set.slices(), 4);
    let [slice] = found.recovery[..] else { panic!("{:?}", found.recovery) };
    assert_eq!((slice.exponent, slice.file), (3, 7));
    let at = usize::try_from(slice.at).unwrap();
    assert!(bytes[at..].starts_with(&data));

    // A changed byte anywhere takes its packet away, and the others stay.
    let start = bytes.len() - packet.len() - 17;
    for at in [start, start + 8, start + 20, start + 40, start + 64, start + 4_000] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let found = scanned(&changed).unwrap();
        assert!(found.set == set && found.recovery.is_empty(), "{at}");
    }
}

#[test]
fn packets_that_ask_for_too_much_are_no_packets() {
    let set = set_of(&[("a", noise(1, 9_000))], 4_096);
    let written = |change: &dyn Fn(&mut RecoverySet)| {
        let mut set = set.clone();
        change(&mut set);
        let set = RecoverySet { id: RecoverySet::new(set.slice_size, set.files.clone()).id, ..set };
        scanned(&critical(&set, "test"))
    };

    assert!(written(&|_| {}).is_some());
    assert!(written(&|set| set.slice_size = 0).is_none());
    assert!(written(&|set| set.slice_size = 4_098).is_none());
    assert!(written(&|set| set.slice_size = u64::MAX - 3).is_none());
    assert!(written(&|set| set.files[0].len = u64::MAX).is_none());
    assert!(written(&|set| set.files[0].name = "x".repeat(1_025)).is_none());
    assert!(written(&|set| set.files[0].slices.truncate(1)).is_none());
    // A header that says that all that follows is its own, again and again.
    let header = [&b"PAR2\0PKT"[..], &(1_u64 << 19).to_le_bytes(), &[0; 48]].concat();
    assert!(scanned(&header.repeat(1 << 13)).is_none());
}
