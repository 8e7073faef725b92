//! A line with a round trip: a relay on the loopback that holds every byte back for a while, in
//! each direction, and limits nothing else.

use crate::Result;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How many chunks are on their way at most: far more than a line of 40 ms holds.
const CHUNKS: usize = 4096;
const CHUNK: usize = 64 << 10;

pub struct Relay {
    port: u16,
}

impl Relay {
    /// A relay to the loopback port `upstream`, until the program ends; half of `round_trip` each way.
    pub fn to(upstream: u16, round_trip: Duration) -> Result<Relay> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let delay = round_trip / 2;
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(std::io::Result::ok) {
                // A connection takes a round trip to come about, too.
                std::thread::spawn(move || {
                    std::thread::sleep(delay * 2);
                    let _ = join(&client, upstream, delay);
                });
            }
        });
        Ok(Relay { port })
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn join(client: &TcpStream, upstream: u16, delay: Duration) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", upstream))?;
    for (from, to) in [(client, &server), (&server, client)] {
        to.set_nodelay(true)?;
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let (sender, receiver) = sync_channel(CHUNKS);
        std::thread::spawn(move || take(from, &sender, delay));
        std::thread::spawn(move || give(to, &receiver));
    }
    Ok(())
}

fn take(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn give(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in receiver {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_the_round_trip_and_many_take_no_longer() {
        let echo = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = echo.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in echo.incoming().map_while(std::io::Result::ok) {
                let mut from = stream.try_clone().unwrap();
                std::thread::spawn(move || std::io::copy(&mut from, &mut &stream));
            }
        });
        let relay = Relay::to(port, Duration::from_millis(40)).unwrap();
        let mut lines: Vec<_> = (0..8).map(|_| TcpStream::connect(relay.host()).unwrap()).collect();
        let begun = Instant::now();

        lines.iter_mut().for_each(|line| line.write_all(b"hello").unwrap());
        for line in &mut lines {
            line.read_exact(&mut [0; 5]).unwrap();
        }

        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(40) && took < Duration::from_secs(1), "{took:?}");
    }
}
