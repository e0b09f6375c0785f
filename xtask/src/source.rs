//! Where a schema comes from: a URL, a file, or standard input.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Url;
use reqwest::blocking::Client;

/// The most bytes that a schema may have. The published ones have half a megabyte.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// How much longer than the longest silence the whole may take.
const WHOLE: u32 = 10;

/// A place to read a schema from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A document on the web.
    Url(Url),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// Reads `-`, a URL, or the path of a file.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self::Url(url)),
            Ok(url) if text.contains("://") => {
                bail!(
                    "`{}` URLs can't be read: give https, a file, or -",
                    url.scheme()
                )
            }
            _ => Ok(Self::File(text.into())),
        }
    }

    /// Reads the whole document. `patience` is the longest silence of a server or of another process.
    pub fn read(&self, patience: Duration) -> Result<Vec<u8>> {
        match self {
            Self::Stdin => read_patiently(|| Ok(io::stdin()), patience),
            Self::File(path) => {
                let path = path.clone();
                read_patiently(move || open(&path), patience)
            }
            Self::Url(url) => download(url, patience),
        }
        .with_context(|| self.to_string())
    }
}

/// The source as it may be published: no credentials, no paths of the maintainer's machine.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => match path.file_name() {
                Some(name) => write!(f, "{}", Path::new(name).display()),
                None => write!(f, "{}", path.display()),
            },
            Self::Url(url) => {
                let mut url = url.clone();
                url.set_query(None);
                url.set_fragment(None);
                // These fail for URLs that can't have credentials.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                write!(f, "{url}")
            }
        }
    }
}

fn open(path: &Path) -> Result<File> {
    ensure!(!path.is_dir(), "a folder, not a file");
    Ok(File::open(path)?)
}

/// Reads what may be a pipe, whose other end may fall silent: in a thread, which is left to itself
/// then.
fn read_patiently<R: Read>(
    open: impl FnOnce() -> Result<R> + Send + 'static,
    patience: Duration,
) -> Result<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(4);
    thread::spawn(move || {
        let mut reader = match open() {
            Ok(reader) => reader,
            Err(problem) => return drop(sender.send(Err(problem))),
        };
        loop {
            let mut chunk = vec![0; 64 * 1024];
            let read = match reader.read(&mut chunk) {
                Ok(read) => read,
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => continue,
                Err(problem) => return drop(sender.send(Err(problem.into()))),
            };
            chunk.truncate(read);
            // Nobody listens any more after an error.
            if sender.send(Ok(chunk)).is_err() || read == 0 {
                return;
            }
        }
    });
    let deadline = Instant::now() + patience * WHOLE;
    let mut bytes = Vec::new();
    loop {
        let chunk = match receiver.recv_timeout(patience) {
            Ok(chunk) => chunk?,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("nothing came for {} s", patience.as_secs())
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the reading broke off"),
        };
        if chunk.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&chunk);
        check_size(bytes.len() as u64)?;
        check_deadline(deadline, patience)?;
    }
}

fn check_deadline(deadline: Instant, patience: Duration) -> Result<()> {
    ensure!(
        Instant::now() < deadline,
        "the end is not reached after {} s",
        (patience * WHOLE).as_secs()
    );
    Ok(())
}

fn check_size(size: u64) -> Result<()> {
    ensure!(
        size <= LARGEST,
        "more than {} MB: this is no schema of the API",
        LARGEST / 1024 / 1024
    );
    Ok(())
}

fn download(url: &Url, patience: Duration) -> Result<Vec<u8>> {
    let client = Client::builder()
        .user_agent("seqera-rs refresh-schema")
        .connect_timeout(patience)
        .timeout(patience) // of each read, not of the whole
        .build()?;
    let deadline = Instant::now() + patience * WHOLE;
    let mut reply = client
        .get(url.clone())
        .send()
        .map_err(reqwest::Error::without_url)?;
    ensure!(
        reply.status().is_success(),
        "the server answered {}",
        reply.status()
    );
    let announced = reply.content_length();
    check_size(announced.unwrap_or(0))?;

    let progress = Progress::new();
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = match reply.read(&mut chunk) {
            Ok(read) => read,
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => continue,
            Err(problem) => {
                return Err(problem)
                    .with_context(|| format!("the download stopped after {} bytes", bytes.len()));
            }
        };
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..read]);
        check_size(bytes.len() as u64)?;
        check_deadline(deadline, patience)?;
        progress.show(bytes.len(), announced);
    }
    drop(progress);
    eprintln!("downloaded {} kB", bytes.len() / 1000);
    Ok(bytes)
}

/// A line on the terminal that says how far a download is; nothing elsewhere.
struct Progress {
    is_shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
        }
    }

    fn show(&self, done: usize, whole: Option<u64>) {
        if self.is_shown {
            let whole = whole.map_or_else(String::new, |whole| format!(" of {}", whole / 1000));
            eprint!("\rdownloading: {}{whole} kB ", done / 1000);
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart() {
        assert_eq!(Source::parse("-").unwrap(), Source::Stdin);
        assert_eq!(
            Source::parse("schemas/new.yml").unwrap(),
            Source::File("schemas/new.yml".into())
        );
        assert_eq!(
            Source::parse("C:\\schemas\\new.yml").unwrap(),
            Source::File("C:\\schemas\\new.yml".into())
        );
        assert!(matches!(
            Source::parse("https://example.com/a.yml").unwrap(),
            Source::Url(_)
        ));
        assert!(Source::parse("ftp://example.com/a.yml").is_err());
    }

    #[test]
    fn what_is_recorded_names_neither_credentials_nor_folders() {
        let shown = |text| Source::parse(text).unwrap().to_string();
        assert_eq!(
            shown("https://me:secret@example.com/a.yml?token=secret#x"),
            "https://example.com/a.yml"
        );
        assert_eq!(shown("/home/someone/schemas/new.yml"), "new.yml");
        assert_eq!(shown("-"), "standard input");
    }

    #[test]
    fn reading_stops_at_the_bound() {
        let endless = || Ok(io::repeat(b'a'));
        let problem = read_patiently(endless, Duration::from_secs(60)).unwrap_err();
        let problem = problem.to_string();
        assert!(problem.starts_with("more than 16 MB"), "{problem}");
    }

    #[test]
    fn a_pipe_that_falls_silent_is_not_waited_for() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"openapi: 3.0.1\n").unwrap();
        let problem = read_patiently(|| Ok(reader), Duration::from_millis(50)).unwrap_err();
        assert!(problem.to_string().starts_with("nothing came"), "{problem}");
        drop(writer);
    }
}
