//! A relay that lets through no more than so many bytes a second, both ways together, so that a
//! transfer lasts as long as its size says.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::wire::{self, Free, Port};

/// A running relay.
pub struct Slow {
    port: Port,
}

struct Rate {
    each: Duration,
    free: Mutex<Instant>,
}

impl Slow {
    /// A relay to the loopback port `upstream`.
    pub fn to(upstream: u16, bytes_per_second: u32) -> Slow {
        let each = Duration::from_secs(1) / bytes_per_second;
        let rate = Arc::new(Rate { each, free: Mutex::new(Instant::now()) });
        let port = Free::take().accept(move |client| {
            let rate = Arc::clone(&rate);
            wire::relay(&client, upstream, move |from, to| rate.carry(from, to));
        });
        Slow { port }
    }

    /// `127.0.0.1:PORT` of the relay.
    pub fn host(&self) -> String {
        self.port.host()
    }
}

impl Rate {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 8 << 10];
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            std::thread::sleep(self.turn(len));
            if to.write_all(&buffer[..len]).is_err() {
                let _ = from.shutdown(Shutdown::Both);
                break;
            }
        }
        wire::done(&to);
    }

    /// How long to wait until `len` bytes may pass.
    fn turn(&self, len: usize) -> Duration {
        let mut free = self.free.lock().unwrap();
        let now = Instant::now();
        let start = (*free).max(now);
        *free = start + self.each * u32::try_from(len).unwrap();
        start - now
    }
}
