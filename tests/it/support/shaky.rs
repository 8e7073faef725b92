//! A line that keeps breaking: again and again, after a random number of bytes over all of its
//! connections, it cuts the one that carried the last of them, in both directions.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// What the connections may carry, all together, before one of them is cut.
    ///
    /// Counted over all, so that the cuts are as many however a client spreads what it moves: one
    /// that opened a connection for each small blob would else never meet one.
    left: Mutex<u64>,
    random: Mutex<Random>,
    least: u64,
    most: u64,
    up: AtomicU64,
    down: AtomicU64,
    cuts: AtomicU64,
}

impl Shaky {
    /// A relay to the loopback port `upstream` that cuts a connection every `least` to `most` bytes.
    pub fn to(upstream: u16, mut random: Random, least: u64, most: u64) -> Shaky {
        let shared = Arc::new(Shared {
            upstream,
            left: Mutex::new(least + random.below(most - least)),
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
        let sockets = Arc::new([client, server]);
        for from in [0, 1] {
            let (relay, sockets) = (Arc::clone(self), Arc::clone(&sockets));
            std::thread::spawn(move || relay.carry(&sockets, from));
        }
    }

    /// How many of `len` more bytes the line carries; the connection ends with them if not all.
    fn allow(&self, len: usize) -> usize {
        let mut left = self.left.lock().unwrap();
        if let Some(rest) = left.checked_sub(len as u64) {
            *left = rest;
            return len;
        }
        let next = self.least + self.random.lock().unwrap().below(self.most - self.least);
        self.cuts.fetch_add(1, Ordering::SeqCst);
        std::mem::replace(&mut *left, next) as usize
    }

    fn carry(&self, sockets: &[TcpStream; 2], from: usize) {
        let (mut source, mut target) = (&sockets[from], &sockets[1 - from]);
        let moved = if from == 0 { &self.up } else { &self.down };
        let mut buffer = [0; 32 << 10];
        while let Ok(len @ 1..) = source.read(&mut buffer) {
            let allowed = self.allow(len);
            if target.write_all(&buffer[..allowed]).is_err() {
                return;
            }
            moved.fetch_add(allowed as u64, Ordering::SeqCst);
            if allowed < len {
                for socket in sockets {
                    let _ = socket.shutdown(Shutdown::Both);
                }
                return;
            }
        }
        wire::done(target);
    }
}
