//! A relay over which no connection lives long: each is cut, in both directions, after a random
//! number of bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::Random;
use super::wire::{self, Free, Port};

/// The relay.
pub struct Shaky {
    port: Port,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: u16,
    random: Mutex<Random>,
    least: u64,
    most: u64,
    up: AtomicU64,
    down: AtomicU64,
    cuts: AtomicU64,
}

/// One connection's two sockets, and how much they may still carry together.
struct Line {
    sockets: [TcpStream; 2],
    left: AtomicI64,
}

impl Shaky {
    /// A relay to the loopback port `upstream`, whose connections carry `least` to `most` bytes.
    pub fn to(upstream: u16, random: Random, least: u64, most: u64) -> Shaky {
        let shared = Arc::new(Shared {
            upstream,
            random: Mutex::new(random),
            least,
            most,
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
        });
        let relay = Arc::clone(&shared);
        let port = Free::take().accept(move |client| relay.connect(client));
        Shaky { port, shared }
    }

    /// `127.0.0.1:PORT` of the relay.
    pub fn host(&self) -> String {
        self.port.host()
    }

    /// Bytes that went towards the upstream.
    pub fn up(&self) -> u64 {
        self.shared.up.load(Ordering::SeqCst)
    }

    /// Bytes that came from it.
    pub fn down(&self) -> u64 {
        self.shared.down.load(Ordering::SeqCst)
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn connect(self: &Arc<Shared>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.upstream)) else { return };
        let budget = self.least + self.random.lock().unwrap().below(self.most - self.least);
        let left = AtomicI64::new(budget.try_into().unwrap());
        let line = Arc::new(Line { sockets: [client, server], left });
        for from in [0, 1] {
            let (relay, line) = (Arc::clone(self), Arc::clone(&line));
            std::thread::spawn(move || relay.carry(&line, from));
        }
    }

    fn carry(&self, line: &Line, from: usize) {
        let (mut source, mut target) = (&line.sockets[from], &line.sockets[1 - from]);
        let moved = if from == 0 { &self.up } else { &self.down };
        let mut buffer = [0; 32 << 10];
        while let Ok(len @ 1..) = source.read(&mut buffer) {
            let before = line.left.fetch_sub(len as i64, Ordering::SeqCst);
            let allowed = usize::try_from(before).unwrap_or(0).min(len);
            if target.write_all(&buffer[..allowed]).is_err() {
                return;
            }
            moved.fetch_add(allowed as u64, Ordering::SeqCst);
            if allowed < len {
                if before > 0 {
                    self.cuts.fetch_add(1, Ordering::SeqCst);
                }
                for socket in &line.sockets {
                    let _ = socket.shutdown(Shutdown::Both);
                }
                return;
            }
        }
        wire::done(target);
    }
}
