//! A Git host: real repositories in a folder, served by `git http-backend` over HTTP, with a token for those
//! who may write. It can do something before an answer, or leave the answer out.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is not answered, and nothing was done.
    Before,
    /// It is not answered, and what it asked was done.
    After,
}

type Meanwhile = Box<dyn FnOnce(&Path) + Send>;

#[derive(Default)]
struct Plan {
    stop: Option<(usize, Stop)>,
    before_push: Vec<Meanwhile>,
    holds_push: bool,
}

/// What is said of a push that is held.
#[derive(Default)]
struct Held {
    go: tokio::sync::Notify,
    done: tokio::sync::Notify,
}

pub struct GitHost {
    dir: tempfile::TempDir,
    address: std::net::SocketAddr,
    plan: Arc<Mutex<Plan>>,
    requests: Arc<AtomicUsize>,
    stopped: Arc<tokio::sync::Notify>,
    held: Arc<Held>,
}

pub const TOKEN: &str = "glpat-7Hq2-secret";

/// Runs git in a folder, with nothing of the machine's settings.
pub fn git(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "Theo Lind"), ("GIT_AUTHOR_EMAIL", "theo@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Theo Lind"), ("GIT_COMMITTER_EMAIL", "theo@example.com")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

impl GitHost {
    /// A host with the repository `shop/deploy.git`, whose branch `main` has these files.
    pub async fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bare = dir.path().join("shop/deploy.git");
        std::fs::create_dir_all(&bare).unwrap();
        git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main"]);
        git(&bare, &["config", "http.receivepack", "true"]);
        git(&bare, &["config", "uploadpack.allowFilter", "true"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self {
            dir,
            address: listener.local_addr().unwrap(),
            plan: Arc::default(),
            requests: Arc::default(),
            stopped: Arc::default(),
            held: Arc::default(),
        };
        commit_files(&host.bare(), "main", files, "The first");
        let (root, plan) = (host.dir.path().to_owned(), Arc::clone(&host.plan));
        let (requests, stopped, held) = (Arc::clone(&host.requests), Arc::clone(&host.stopped), Arc::clone(&host.held));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (root, plan) = (root.clone(), Arc::clone(&plan));
                let (requests, stopped, held) = (Arc::clone(&requests), Arc::clone(&stopped), Arc::clone(&held));
                tokio::spawn(async move { serve(stream, &root, &plan, &requests, &stopped, &held).await });
            }
        });
        host
    }

    pub fn bare(&self) -> PathBuf {
        self.dir.path().join("shop/deploy.git")
    }

    pub fn url(&self) -> String {
        format!("http://{}/shop/deploy.git", self.address)
    }

    /// Leaves the answer to the request of this number out, once.
    pub fn stop_at(&self, request: usize, stop: Stop) {
        self.requests.store(0, Ordering::SeqCst);
        self.plan.lock().unwrap().stop = Some((request, stop));
    }

    /// Waits until a request was left without an answer.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }

    pub fn go_on(&self) {
        self.plan.lock().unwrap().stop = None;
    }

    /// Does this before the next push is taken.
    pub fn before_push(&self, meanwhile: impl FnOnce(&Path) + Send + 'static) {
        self.plan.lock().unwrap().before_push.push(Box::new(meanwhile));
    }

    /// Holds the next push, which is taken when [`Self::take_held_push`] says so, though nobody waits for it.
    pub fn hold_push(&self) {
        self.plan.lock().unwrap().holds_push = true;
    }

    /// Takes the push that was held, and waits until that is done.
    pub async fn take_held_push(&self) {
        self.held.go.notify_one();
        self.held.done.notified().await;
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Somebody else commits this often, and leaves the files as they are.
    pub fn commit_many(&self, count: u32) {
        let commit = |number| {
            let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
            let committer = format!("committer Theo Lind <theo@example.com> {} +0000", 1_900_000_000 + number);
            format!("commit refs/heads/main\n{committer}\ndata 4\nMore\n{from}\n")
        };
        let mut child = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(self.bare())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let commits: String = (0..count).map(commit).collect();
        child.stdin.take().unwrap().write_all(commits.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// The file on `main`.
    pub fn file(&self, path: &str) -> String {
        text(&git(&self.bare(), &["show", &format!("main:{path}")]))
    }

    /// What git says of `main`, newest first.
    pub fn log(&self, format: &str) -> Vec<String> {
        let log = text(&git(&self.bare(), &["log", &format!("--format={format}"), "main"]));
        log.lines().map(str::to_owned).collect()
    }
}

/// Somebody else commits.
pub fn commit_files(bare: &Path, branch: &str, files: &[(&str, &str)], message: &str) {
    let clone = tempfile::tempdir().unwrap();
    let at = clone.path();
    git(at, &["clone", "--quiet", &bare.display().to_string(), "."]);
    git(at, &["checkout", "--quiet", "-B", branch]);
    for (path, content) in files {
        let path = at.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    git(at, &["add", "--all"]);
    git(at, &["commit", "--quiet", "--message", message]);
    git(at, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
}

async fn serve(
    stream: TcpStream,
    root: &Path,
    plan: &Mutex<Plan>,
    requests: &AtomicUsize,
    stopped: &tokio::sync::Notify,
    held: &Held,
) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let header = |name: &str| {
            let found = head.iter().skip(1).filter_map(|line| line.split_once(':'));
            found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
        };
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let mut words = head[0].split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
        let stop = plan.lock().unwrap().stop.filter(|(at, _)| *at == number).map(|(_, stop)| stop);
        if stop == Some(Stop::Before) {
            stopped.notify_one();
            std::future::pending::<()>().await;
        }
        let is_push = path.ends_with("/git-receive-pack");
        let is_held = is_push && std::mem::take(&mut plan.lock().unwrap().holds_push);
        if is_held {
            stopped.notify_one();
            held.go.notified().await;
        }
        if is_push {
            let meanwhile = std::mem::take(&mut plan.lock().unwrap().before_push);
            let bare = root.join("shop/deploy.git");
            for one in meanwhile {
                one(&bare);
            }
        }
        let expected = format!("Basic {}", STANDARD.encode(format!("slipway:{TOKEN}")));
        let answer = if header("authorization").as_deref() == Some(expected.as_str()) {
            backend(root, method, path, query, &header, &body)
        } else {
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n".to_vec()
        };
        if is_held {
            held.done.notify_one();
        }
        if stop == Some(Stop::After) {
            stopped.notify_one();
            std::future::pending::<()>().await;
        }
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Asks git's own CGI program.
fn backend(
    root: &Path,
    method: &str,
    path: &str,
    query: &str,
    header: &dyn Fn(&str) -> Option<String>,
    body: &[u8],
) -> Vec<u8> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "slipway")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = body.to_vec();
    let writing = std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &body)));
    let output = child.wait_with_output().unwrap().stdout;
    writing.join().unwrap();
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let (head, content) = (String::from_utf8_lossy(&output[..end]).into_owned(), &output[end + 4..]);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let rest: Vec<_> = head.lines().filter(|line| !line.starts_with("Status:")).collect();
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{}\r\nContent-Length: {}\r\n\r\n", rest.join("\r\n"), content.len()).into_bytes();
    answer.extend_from_slice(content);
    answer
}
