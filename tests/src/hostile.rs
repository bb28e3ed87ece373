//! A receiver that misbehaves below HTTP, as no well-made server can be told to.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use waybill_local::{ca::Ca, receiver::server_config};

use crate::world::World;

/// Between two bytes of what comes slowly.
const PACE: Duration = Duration::from_millis(50);

/// What it does once it has read a request.
#[derive(Debug, Clone)]
pub enum Manner {
    /// Sends this and closes.
    Send(Vec<u8>),
    /// Sends the first part, then the second byte by byte.
    Trickle(Vec<u8>, Vec<u8>),
    /// Sends this, then zeros for ever.
    Endless(Vec<u8>),
    /// Breaks the connection off.
    Reset,
}

impl Manner {
    /// An answer with a status line and headers, each ended by CR LF, and a body.
    pub fn answer(head: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
        Self::Send([head.as_bytes(), body].concat())
    }
}

/// The receiver. It stops when it is dropped.
pub struct Hostile {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Timestamp>>>,
    server: JoinHandle<()>,
}

impl Hostile {
    /// Listens on a free port of loopback, with a certificate that the stack trusts. The first request meets `first`,
    /// every other one `then`.
    pub async fn start(world: &World, first: Manner, then: Manner) -> Self {
        let tls = world.stack.tls.clone();
        let ca = Ca { ca_path: tls.ca_path, cert_path: tls.cert_path, key_path: tls.key_path };
        let acceptor = TlsAcceptor::from(Arc::new(server_config(&ca).unwrap()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&calls);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, log, first, then) = (acceptor.clone(), Arc::clone(&log), first.clone(), then.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    read_request(&mut stream).await?;
                    let before = {
                        let mut log = log.lock().unwrap();
                        log.push(Timestamp::now());
                        log.len() - 1
                    };
                    behave(stream, if before == 0 { first } else { then }).await
                });
            }
        });
        Self { address, calls, server }
    }

    /// Where it is called.
    pub fn url(&self) -> String {
        format!("https://{}/hook", self.address)
    }

    /// When each request was complete.
    pub fn calls(&self) -> Vec<Timestamp> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Head and body: what is left unread would reset the connection.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            if request.len() >= end + 4 + length {
                return Ok(());
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A client that hangs up is an error that nobody minds.
async fn behave(mut stream: TlsStream<TcpStream>, manner: Manner) -> io::Result<()> {
    match manner {
        Manner::Send(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Manner::Trickle(at_once, slowly) => {
            stream.write_all(&at_once).await?;
            for byte in slowly {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(PACE).await;
            }
            stream.shutdown().await
        }
        Manner::Endless(head) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&[b'0'; 4096]).await?;
            }
        }
        Manner::Reset => stream.get_ref().0.set_zero_linger(),
    }
}
