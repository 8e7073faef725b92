//! A proxy that knows `CONNECT` and some hosts: it leads `NAME:PORT` to the loopback port, and other
//! names where it is told.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::wire::{self, Free, Head, Port};

/// This machine by an address that is not called loopback, which no proxy is ever asked for.
pub const NAME: &str = "0.0.0.0";

/// A running proxy.
pub struct Proxy {
    port: Port,
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
        let names: HashMap<String, u16> = names.collect();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        let port = Free::take().serve(move |client| {
            let _ = serve(client, &log, &names);
        });
        Proxy { port, asked }
    }

    /// Its address, with a name and a password that it wants to see.
    pub fn address(&self) -> String {
        format!("http://gate:keeper@{}", self.port.host())
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
    let Head { method, target, headers, version } = Head::read(&mut reader)?;
    log.lock().unwrap().push(format!("{method} {target} {version}"));
    // `gate:keeper`.
    let is_pass = |(name, value): &(String, String)| {
        name == "proxy-authorization" && value == "Basic Z2F0ZTprZWVwZXI="
    };
    let known = headers.iter().any(is_pass);
    if method != "CONNECT" {
        return None;
    }
    let own = target.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':')?.parse().ok());
    let port = own.or_else(|| names.get(&target).copied());
    let Some(port) = port.filter(|_: &u16| known) else {
        let head = wire::head("403 Forbidden", &[("content-length", "0")]);
        let _ = client.write_all(head.as_bytes());
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
