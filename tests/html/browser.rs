//! A browser without a window, steered through its DevTools protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use serde_json::{Value, json};
use tempfile::TempDir;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Software rendering, so that pictures do not depend on the machine.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-extensions",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--window-size=900,700",
    "--remote-debugging-port=0",
];
const PATIENCE: Duration = Duration::from_secs(60);

/// A running browser with one page.
pub(crate) struct Browser {
    process: Child,
    socket: Socket,
    calls: u64,
    /// Its profile, removed with it.
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser; `None`, saying so, where none is installed.
    pub(crate) fn start(test: &str) -> Option<Self> {
        Self::start_with(test, &[])
    }

    /// [`Browser::start`] with further flags.
    pub(crate) fn start_with(test: &str, flags: &[&str]) -> Option<Self> {
        let runs = |name: &&&str| {
            let version = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            version.is_ok_and(|status| status.success())
        };
        let Some(name) = NAMES.iter().find(runs) else {
            eprintln!("skipped: {test}: none of {} is installed", NAMES.join(", "));
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(name)
            .args(FLAGS)
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let address = listening(&mut process);
        let socket = Socket::connect(&address, &page_path(&address));
        Some(Self { process, socket, calls: 0, _profile: profile })
    }

    /// What a method of the protocol answers.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        self.socket.send(&json!({"id": self.calls, "method": method, "params": parameters}).to_string());
        loop {
            let message: Value = serde_json::from_str(&self.socket.receive()).unwrap();
            // Other messages are events.
            if message["id"] == self.calls {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    /// Opens a page and waits until it shows its scene or says why not; returns which.
    pub(crate) fn open(&mut self, page: &Path, fragment: &str) -> String {
        self.call("Page.navigate", json!({"url": "about:blank"}));
        let url = format!("file://{}#{fragment}", page.display());
        let answer = self.call("Page.navigate", json!({"url": url}));
        assert!(answer.get("errorText").is_none(), "{answer}");
        self.settled()
    }

    /// The state of the page, once it no longer loads.
    pub(crate) fn settled(&mut self) -> String {
        let state = self.evaluate(
            "new Promise((done) => { const look = () => { const state = document.documentElement?.dataset.state;
               if (state && state !== 'loading') done(state); else setTimeout(look, 20); }; look(); })",
        );
        state.as_str().unwrap_or_default().to_owned()
    }

    /// The value of an expression, or what it promises.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The top-left corner of the page as it is seen.
    pub(crate) fn picture(&mut self, width: u32, height: u32) -> RgbImage {
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let answer = self.call("Page.captureScreenshot", json!({"format": "png", "clip": clip}));
        let png = STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
        image::load_from_memory(&png).unwrap().to_rgb8()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // What cannot be ended twice has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where a browser that has just been started listens: `127.0.0.1:12345`.
fn listening(process: &mut Child) -> String {
    let stderr = BufReader::new(process.stderr.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    // Reads on to the end, or the browser would block on a full pipe.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("DevTools listening on ws://") {
                let _ = sender.send(address.split('/').next().unwrap_or_default().to_owned());
            }
        }
    });
    receiver.recv_timeout(PATIENCE).expect("the browser did not say where it listens")
}

/// The path of the socket of the only page.
fn page_path(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /json/list HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let length: usize = header(&mut stream)
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let list: Value = serde_json::from_slice(&body).unwrap();
    let page = list.as_array().unwrap().iter().find(|target| target["type"] == "page").unwrap();
    let url = page["webSocketDebuggerUrl"].as_str().unwrap();
    url[url.find("/devtools").unwrap()..].to_owned()
}

/// The header of an HTTP answer, up to the empty line.
fn header(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.extend(byte);
    }
    String::from_utf8(bytes).unwrap()
}

/// The client's end of a web socket [RFC 6455].
struct Socket(TcpStream);

impl Socket {
    fn connect(address: &str, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let key = STANDARD.encode([7; 16]);
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .unwrap();
        let answer = header(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        Self(stream)
    }

    /// One text frame, under a mask of zeros.
    fn send(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length @ 126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).unwrap();
    }

    /// One message, put together from its frames.
    fn receive(&mut self) -> String {
        let mut message = Vec::new();
        loop {
            let [first, second] = self.bytes();
            let length = match second & 0x7f {
                126 => u64::from(u16::from_be_bytes(self.bytes())),
                127 => u64::from_be_bytes(self.bytes()),
                short => u64::from(short),
            };
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).unwrap();
            // Text and what continues it; the rest is pings.
            if first & 0x0f <= 1 {
                message.extend(payload);
                if first & 0x80 != 0 {
                    return String::from_utf8(message).unwrap();
                }
            }
        }
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }
}
