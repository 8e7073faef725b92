//! A proxy that knows `CONNECT` and some hosts: it leads `NAME:PORT` to the loopback port, and other
//! names where it is told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// This machine by an address that is not called loopback, which no proxy is ever asked for.
pub const NAME: &str = "0.0.0.0";

/// A running proxy.
pub struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one that knows `NAME`.
    pub fn start() -> Proxy {
        Proxy::leading(&[])
    }

    /// Starts one that also leads port 443 of each of the names to a loopback port.
    pub fn leading(names: &[(&str, u16)]) -> Proxy {
        let names = names.iter().map(|(name, port)| (format!("{name}:443"), *port));
        let names: Arc<HashMap<String, u16>> = Arc::new(names.collect());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (log, names) = (Arc::clone(&log), Arc::clone(&names));
                std::thread::spawn(move || serve(client, &log, &names));
            }
        });
        Proxy { port, asked }
    }

    /// Its address, with a name and a password that it wants to see.
    pub fn address(&self) -> String {
        format!("http://gate:keeper@127.0.0.1:{}", self.port)
    }

    /// The first lines of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    mut client: TcpStream,
    log: &Mutex<Vec<String>>,
    names: &HashMap<String, u16>,
) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    log.lock().unwrap().push(head.first()?.clone());
    // `gate:keeper`.
    let known = head.iter().any(|line| line == "Proxy-Authorization: Basic Z2F0ZTprZWVwZXI=");
    let target = head.first()?.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let own = target.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':')?.parse().ok());
    let port = own.or_else(|| names.get(&target).copied());
    let Some(port) = port.filter(|_: &u16| known) else {
        let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        return None;
    };
    let server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (from, mut to) = (server.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || carry(from, &mut to));
    carry(reader, &mut { server });
    Some(())
}

fn carry(mut from: impl Read, to: &mut TcpStream) {
    let _ = std::io::copy(&mut from, to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}
