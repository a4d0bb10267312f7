//! The way to a server, which can be cut as a network can.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Passes on what comes to a port of this machine.
#[derive(Debug)]
pub struct Way {
    /// Where clients connect.
    pub address: String,
    to: String,
    open: Option<Open>,
}

/// Connections that pass; `None` when they are cut.
type Passing = Arc<Mutex<Option<Vec<TcpStream>>>>;

#[derive(Debug)]
struct Open {
    passing: Passing,
    thread: JoinHandle<()>,
}

impl Way {
    /// One to `to` on which nobody listens yet.
    pub fn closed(to: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { address: free.local_addr().unwrap().to_string(), to: to.to_owned(), open: None }
    }

    pub fn open(&mut self) {
        let listener = TcpListener::bind(&self.address).unwrap();
        let passing: Passing = Arc::new(Mutex::new(Some(Vec::new())));
        let (mine, to) = (Arc::clone(&passing), self.to.clone());
        let thread = std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut passing = mine.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(streams) = passing.as_mut() else { return };
                let (client, server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
                for (from, into) in [(&client, &server), (&server, &client)] {
                    streams.push(from.try_clone().unwrap());
                    let (mut from, mut into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                    std::thread::spawn(move || {
                        // It ends when either side does, or when it is cut.
                        let _ = std::io::copy(&mut from, &mut into);
                        let _ = into.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        self.open = Some(Open { passing, thread });
    }

    /// Cuts every connection; the next one is refused.
    pub fn cut(&mut self) {
        let Some(open) = self.open.take() else { return };
        let streams = open.passing.lock().unwrap_or_else(PoisonError::into_inner).take();
        for stream in streams.into_iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes who listens, to find that it is over.
        let _ = TcpStream::connect(&self.address);
        open.thread.join().unwrap();
    }
}
