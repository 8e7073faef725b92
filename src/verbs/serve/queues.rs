//! How many bytes may be on their way in sockets, as Linux is set up.

use std::fs;
use std::sync::LazyLock;

/// What the kernel may take beyond its bounds: it looks at them packet by packet.
const BEYOND: u64 = 1 << 20;

/// Most bytes of an answer that were sent and that their receiver has not read yet: the longest
/// queue of our end and the longest one of an other end on this machine. (What another machine has
/// acknowledged is in its memory, and no more in ours.) Nothing where the system does not tell.
pub(super) fn on_their_way() -> Option<u64> {
    static BYTES: LazyLock<Option<u64>> = LazyLock::new(|| {
        let ask = |name: &str| fs::read_to_string(format!("/proc/sys/net/{name}")).ok();
        bytes(&ask("ipv4/tcp_wmem")?, &ask("ipv4/tcp_rmem")?, &ask("core/rmem_max")?)
    });
    *BYTES
}

/// `sends` and `receives` are three numbers each: the least, the usual and the most. `asked` is
/// what a program may ask for; the kernel gives it twice that.
fn bytes(sends: &str, receives: &str, asked: &str) -> Option<u64> {
    let most = |three: &str| three.split_whitespace().nth(2)?.parse::<u64>().ok();
    let asked = asked.trim().parse::<u64>().ok()?.checked_mul(2)?;
    most(sends)?.checked_add(most(receives)?.max(asked))?.checked_add(BEYOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_count_with_the_most_that_they_can_have() {
        let sends = "4096\t16384\t4194304\n";

        let usual = bytes(sends, "4096 131072 6291456\n", "212992\n");
        let asked = bytes(sends, "4096 131072 6291456\n", "4194304\n");

        assert_eq!(usual, Some(4_194_304 + 6_291_456 + BEYOND));
        assert_eq!(asked, Some(4_194_304 + 8_388_608 + BEYOND));
        assert_eq!(bytes(sends, "4096", "1"), None);
        assert_eq!(bytes("", "1 2 3", "1"), None);
    }
}
