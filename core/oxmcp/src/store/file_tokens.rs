use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use super::{TokenLock, TokenStore};
use crate::auth::Secret;
use crate::{Error, ErrorKind, Result};

/// How soon a lock that somebody else holds is tried again: at first, and at most.
const FIRST_RETRY: Duration = Duration::from_millis(2);
const LAST_RETRY: Duration = Duration::from_millis(100);

/// How long a write waits for the others. A write takes no longer than the disk, so whoever holds the file then hangs.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of the file.
const MAX_BYTES: u64 = 16 << 20;

/// Keeps tokens in a file that its user alone can read, for all processes that name it. It is replaced as a whole, so that nobody ever
/// reads half of it, whatever happens; locks are files beside it.
///
/// ```no_run
/// # async fn run() -> Result<(), oxmcp::Error> {
/// use oxmcp::auth::Authorization;
/// use oxmcp::store::FileTokens;
///
/// let tokens = FileTokens::open("/home/me/.config/reports/tokens.json")?;
/// let authorization = Authorization::code("Report Builder").store(tokens);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileTokens {
    path: PathBuf,
}

impl FileTokens {
    /// The tokens in the file at `path`, which need not be there yet. Folders that are missing are made.
    ///
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if no file can be there.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let opened: io::Result<PathBuf> = (|| {
            let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            make_folder(folder)?;
            // A relative path must not name another file when the process goes elsewhere, nor a link be replaced in place of what it leads to.
            let path = folder.canonicalize()?.join(name);
            if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                warn_of_strangers(&path);
                return Ok(path);
            }
            let path = path.canonicalize()?;
            warn_of_strangers(&path);
            keep_private(&path, &fs::metadata(&path)?)?;
            Ok(path)
        })();
        match opened {
            Ok(path) => Ok(Self { path }),
            Err(error) => {
                let message = format!("tokens cannot be kept in {}", path.display());
                Err(Error::misuse(message).with_source(error))
            }
        }
    }

    /// A file beside the one with the tokens.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(suffix);
        self.path.with_file_name(name)
    }

    fn read_all(&self) -> io::Result<BTreeMap<String, String>> {
        let mut text = String::new();
        match File::open(&self.path) {
            // What is larger is told, and not cut.
            Ok(file) => file.take(MAX_BYTES + 1).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        check_size(text.len())?;
        if text.is_empty() {
            return Ok(BTreeMap::new());
        }
        // What is wrong with it is not repeated: it holds secrets.
        serde_json::from_str(&text).map_err(|_| io::Error::other("the file does not hold tokens"))
    }

    fn replace(&self, all: &BTreeMap<String, String>) -> io::Result<()> {
        let text = serde_json::to_vec(all)?;
        // Nobody could read it any more.
        check_size(text.len())?;
        let new = self.beside(&format!("{}.new", Uuid::new_v4().simple()));
        let written = (|| {
            let mut file = private().write(true).create_new(true).open(&new)?;
            file.write_all(&text)?;
            // It is on the disk before it takes the place of what was there.
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            sync_folder(&self.path)
        })();
        if written.is_err() {
            // It may not be there.
            let _ = fs::remove_file(&new);
        }
        written
    }

    async fn hold(&self, suffix: &str) -> io::Result<File> {
        let path = self.beside(suffix);
        let file = blocking(move || private().write(true).create(true).truncate(false).open(path)).await?;
        let mut pause = FIRST_RETRY;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    fn failed(&self, doing: &str, error: io::Error) -> Error {
        let message = format!("the tokens in {} could not be {doing}", self.path.display());
        Error::new(ErrorKind::Internal, message).with_source(error)
    }
}

impl TokenStore for FileTokens {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        Box::pin(async move {
            let store = self.clone();
            let all = blocking(move || store.read_all()).await;
            let mut all = all.map_err(|error| self.failed("read", error))?;
            Ok(all.remove(key).map(Secret::from))
        })
    }

    fn write<'a>(&'a self, key: &'a str, value: Option<Secret>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let wrote = async {
                // Whoever writes another key meanwhile would lose it.
                let lock =
                    tokio::time::timeout(WRITE_PATIENCE, self.hold("lock")).await.unwrap_or_else(|_| {
                        let why = format!("another process has held the file for {WRITE_PATIENCE:?}");
                        Err(io::Error::new(io::ErrorKind::TimedOut, why))
                    })?;
                let (store, key) = (self.clone(), key.to_owned());
                blocking(move || {
                    let _lock = lock;
                    let mut all = store.read_all()?;
                    match value {
                        Some(value) => all.insert(key, value.expose().to_owned()),
                        None => all.remove(&key),
                    };
                    store.replace(&all)
                })
                .await
            };
            wrote.await.map_err(|error| self.failed("written", error))
        })
    }

    fn lock<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<TokenLock>> {
        Box::pin(async move {
            let name: String = digest(&SHA256, key.as_bytes()).as_ref()[..8]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let held = self.hold(&format!("{name}.lock")).await;
            held.map(TokenLock::new).map_err(|error| self.failed("locked", error))
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// How files are opened that nobody else may read.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there, files are their user's by their folder"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn keep_private(path: &Path, found: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    if found.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the file with tokens was not its user's alone");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Whoever may write to the folder may put another file in the place of this one.
#[cfg(unix)]
fn warn_of_strangers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    /// Where there is it, files are their owners' to replace.
    const STICKY: u32 = 0o1000;

    let mode =
        path.parent().and_then(|folder| fs::metadata(folder).ok()).map(|found| found.permissions().mode());
    if mode.is_some_and(|mode| mode & 0o022 != 0 && mode & STICKY == 0) {
        tracing::warn!(path = %path.display(), "others may write to the folder of the file with tokens, and replace it");
    }
}

#[cfg(not(unix))]
fn warn_of_strangers(_: &Path) {}

fn check_size(bytes: usize) -> io::Result<()> {
    match u64::try_from(bytes) {
        Ok(bytes) if bytes <= MAX_BYTES => Ok(()),
        _ => Err(io::Error::other(format!("the file would hold, or holds, more than {MAX_BYTES} bytes"))),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A new name of a file is kept with the folder.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder of a test's own, which goes with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("oxmcp-tokens-{}", Uuid::new_v4().simple())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_for_its_user_alone_and_for_every_process() {
        let folder = Folder::new();
        let path = folder.0.join("deep/tokens.json");
        let store = FileTokens::open(&path).unwrap();
        assert_eq!(store.read("a").await.unwrap(), None);
        store.write("a", Some("one".into())).await.unwrap();
        store.write("b", Some("two".into())).await.unwrap();
        let other = FileTokens::open(&path).unwrap();
        assert_eq!(other.read("a").await.unwrap(), Some("one".into()));
        other.write("a", None).await.unwrap();
        assert_eq!(store.read("a").await.unwrap(), None);
        assert_eq!(store.read("b").await.unwrap(), Some("two".into()));
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            assert!(!entry.file_name().to_string_lossy().ends_with(".new"), "{:?}", entry.path());
        }
    }

    #[tokio::test]
    async fn a_file_that_others_could_read_becomes_private_and_a_broken_one_is_told() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).unwrap();
        let path = folder.0.join("tokens.json");
        fs::write(&path, "{\"token\": secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let store = FileTokens::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = store.read("a").await.unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(
            store.write("a", Some("one".into())).await.is_err(),
            "what cannot be read is not thrown away"
        );
    }

    #[tokio::test]
    async fn what_would_be_too_large_to_be_read_is_not_written() {
        let folder = Folder::new();
        let store = FileTokens::open(folder.0.join("tokens.json")).unwrap();
        store.write("a", Some("one".into())).await.unwrap();
        let large = "x".repeat(usize::try_from(MAX_BYTES).unwrap());
        assert!(store.write("b", Some(large.into())).await.is_err());
        assert_eq!(store.read("a").await.unwrap(), Some("one".into()));
    }

    #[tokio::test]
    async fn a_link_stays_one_and_leads_to_nowhere_else() {
        let folder = Folder::new();
        fs::create_dir_all(folder.0.join("real")).unwrap();
        let (link, file) = (folder.0.join("link.json"), folder.0.join("real/tokens.json"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(FileTokens::open(&link).is_err(), "it leads to nothing yet");
        fs::write(&file, "").unwrap();
        FileTokens::open(&link).unwrap().write("a", Some("one".into())).await.unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(FileTokens::open(&file).unwrap().read("a").await.unwrap(), Some("one".into()));
    }

    #[tokio::test]
    async fn a_key_is_held_by_one_at_a_time() {
        let folder = Folder::new();
        let store = FileTokens::open(folder.0.join("tokens.json")).unwrap();
        let held = store.lock("a").await.unwrap();
        drop(store.lock("b").await.unwrap());
        let waiting = store.lock("a");
        tokio::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        // Writing needs no key.
        store.write("a", Some("one".into())).await.unwrap();
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(held);
        drop(waiting.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_somebody_holds_for_ever_is_not_waited_for() {
        let folder = Folder::new();
        let store = FileTokens::open(folder.0.join("tokens.json")).unwrap();
        let held = File::create(folder.0.join("tokens.json.lock")).unwrap();
        held.lock().unwrap();
        let error = store.write("a", Some("one".into())).await.unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        drop(held);
        store.write("a", Some("one".into())).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nothing_is_lost_when_many_write_at_once() {
        let folder = Folder::new();
        let path = folder.0.join("tokens.json");
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let store = FileTokens::open(&path).unwrap();
            writers.spawn(async move {
                for at in 0..8 {
                    store.write(&format!("{writer} {at}"), Some("kept".into())).await.unwrap();
                }
            });
        }
        while let Some(done) = writers.join_next().await {
            done.unwrap();
        }
        let store = FileTokens::open(&path).unwrap();
        assert_eq!(store.read_all().unwrap().len(), 64);
    }
}
