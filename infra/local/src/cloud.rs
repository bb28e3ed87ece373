//! Starts and stops the local cloud (MiniStack): one detached process per instance, on loopback only.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Context, Error, Result},
    instance::{Instance, shared_dir, shown, write_file},
};

/// Region that every local stack lives in.
pub const REGION: &str = "us-east-1";

const START_DEADLINE: Duration = Duration::from_mins(1);

/// From here on a process that was started shows what it is.
const EXEC_GRACE: Duration = Duration::from_secs(1);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// A running local cloud, as its `cloud.json` records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cloud {
    /// Its process, which leads a process group of its own.
    pub pid: u32,
    /// Port on 127.0.0.1.
    pub port: u16,
}

impl Cloud {
    /// What AWS clients take as endpoint. By address, so that S3 is addressed by path.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Clients' configuration for it.
    pub async fn sdk_config(&self) -> aws_config::SdkConfig {
        sdk_config(&self.endpoint()).await
    }

    async fn is_healthy(&self) -> bool {
        let Ok(client) = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build() else {
            return false;
        };
        let url = format!("{}/_ministack/health", self.endpoint());
        client.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits for its health check, for as long as its process is there. A busy cloud may need long to answer.
    async fn answers(&self) -> bool {
        let began = Instant::now();
        while !self.is_healthy().await {
            let waited = began.elapsed();
            // A process that was just started has no arguments of its own yet.
            if waited > START_DEADLINE || (waited > EXEC_GRACE && !self.is_ours()) {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        self.is_ours()
    }

    /// Whether the process is there and is the one that we started: a pid alone may have a new owner by now.
    fn is_ours(&self) -> bool {
        command_line(self.pid).contains(&*program().to_string_lossy())
    }

    fn signal_group(&self, signal: &str) {
        // The functions that the cloud started are in its group. A group that has just ended is no error.
        // The shell's own `kill`: small systems have no program of that name.
        let script = format!("kill -s {signal} -- -{}", self.pid);
        _ = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
    }
}

/// Arguments of a process; empty when there is none.
fn command_line(pid: u32) -> String {
    if Path::new("/proc/self/cmdline").exists() {
        return String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned();
    }
    let output = Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Clients' configuration for a local cloud at `endpoint`. The key pair is the emulator's root.
pub async fn sdk_config(endpoint: &str) -> aws_config::SdkConfig {
    let credentials = aws_sdk_s3::config::Credentials::new("test", "test", None, None, "local cloud");
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .load()
        .await
}

/// The instance's cloud, if it runs and answers within a minute.
pub async fn running(instance: &Instance) -> Option<Cloud> {
    let cloud = recorded(instance)?;
    cloud.answers().await.then_some(cloud)
}

/// The instance's cloud: the one that runs, or else a fresh one without any state.
pub async fn start(instance: &Instance) -> Result<Cloud> {
    if let Some(cloud) = running(instance).await {
        return Ok(cloud);
    }
    stop(instance).await?;
    let program = program();
    if !program.is_file() {
        return Err(Error::new("start the local cloud", format!("{} is missing", shown(&program)))
            .advise("run `make venv` in the workspace's root"));
    }
    let port = free_port(recorded(instance).map(|cloud| cloud.port))?;
    let cloud = spawn(instance, port)?;
    if cloud.answers().await {
        return Ok(cloud);
    }
    cloud.signal_group("KILL");
    Err(Error::new("start the local cloud", "it does not answer its health check")
        .advise(format!("read {}", shown(&log_file(instance)))))
}

/// Ends the instance's cloud and throws its state away, with `stack.json`. Says whether one was running.
pub async fn stop(instance: &Instance) -> Result<bool> {
    let cloud = recorded(instance).filter(Cloud::is_ours);
    if let Some(cloud) = &cloud {
        cloud.signal_group("TERM");
        let began = Instant::now();
        while cloud.is_ours() {
            if began.elapsed() > STOP_DEADLINE {
                cloud.signal_group("KILL");
            }
            tokio::time::sleep(POLL).await;
        }
        // Functions that outlived the cloud would go on asking it for work.
        cloud.signal_group("KILL");
    }
    let state = instance.dir.join("state");
    if state.exists() {
        fs::remove_dir_all(&state).context(format!("remove {}", state.display()))?;
    }
    let described = instance.stack_file();
    if described.exists() {
        fs::remove_file(&described).context(format!("remove {}", described.display()))?;
    }
    Ok(cloud.is_some())
}

fn spawn(instance: &Instance, port: u16) -> Result<Cloud> {
    let log = File::create(log_file(instance)).context("create the local cloud's log")?;
    let log_too = log.try_clone().context("open the local cloud's log")?;
    let state = instance.dir.join("state");
    // It unpacks functions into its temporary folder: within its state, they go with it.
    let temporary = state.join("tmp");
    fs::create_dir_all(&temporary).context(format!("create {}", temporary.display()))?;
    let mut command = Command::new(program());
    // Functions inherit this environment: nothing of the caller's may leak into them.
    command.env_clear();
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("IOT_MTLS_ENABLED", "0")
        .env("AUTH", "true")
        .env("ATHENA_ENGINE", "duckdb")
        .env("STATE_DIR", state)
        .env("TMPDIR", temporary)
        .env("LAMBDA_WARM_TTL_SECONDS", "60")
        .env("LOG_LEVEL", "WARNING")
        .current_dir(&instance.dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_too);
    detach(&mut command);
    let child = command.spawn().context("start the local cloud").map_err(|error| {
        // Its first line names a Python by path: neither survives a move of the folder.
        error.advise("make its environment anew: `rm -r .local/venv`, then `make venv`")
    })?;
    let cloud = Cloud { pid: child.id(), port };
    let record = serde_json::to_vec_pretty(&cloud).context("record the local cloud")?;
    write_file(&record_file(instance), &record, false)?;
    Ok(cloud)
}

/// Its own process group: it outlives the terminal's Ctrl-C, and can be ended together with its functions.
#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn detach(_command: &mut Command) {}

fn program() -> PathBuf {
    shared_dir().join("venv/bin/ministack")
}

fn record_file(instance: &Instance) -> PathBuf {
    instance.dir.join("cloud.json")
}

/// What the cloud and, in it, the functions print.
pub fn log_file(instance: &Instance) -> PathBuf {
    instance.dir.join("cloud.log")
}

fn recorded(instance: &Instance) -> Option<Cloud> {
    serde_json::from_slice(&fs::read(record_file(instance)).ok()?).ok()
}

/// The wanted port if nobody has it, so that URLs survive a restart; any free one otherwise.
fn free_port(wanted: Option<u16>) -> Result<u16> {
    let bound = wanted
        .and_then(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok);
    let address = bound.and_then(|listener| listener.local_addr()).context("find a free port")?;
    Ok(address.port())
}
