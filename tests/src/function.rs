//! A function's binary as a process of the test's own, to which the test is Lambda: so the test decides how much time
//! an invocation has.

use std::{
    env, fs,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_server::Handle;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use crate::{wait::LONG, world::World};

/// MiB, as much as a deployed worker has by default.
const MEMORY: &str = "3538";

/// A running function. Its process ends when it is dropped.
pub struct Function {
    process: Child,
    invocations: mpsc::UnboundedSender<Invocation>,
    server: Handle<SocketAddr>,
    /// Its log and its temporary files.
    folder: TempDir,
}

/// The answer, or what is wrong with it.
type Answer = Result<String, String>;

struct Invocation {
    event: String,
    time: Duration,
    answer: oneshot::Sender<Answer>,
}

/// The Runtime API's state.
struct Lambda {
    arn: String,
    waiting: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    running: Mutex<Option<Running>>,
}

struct Running {
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

impl Function {
    /// Starts `binary`, which lies beside the tests, with the settings of the deployed function `name`.
    ///
    /// # Panics
    /// If the binary has not been built.
    pub async fn start(world: &World, binary: &str, name: &str) -> Self {
        Self::start_with(world, binary, name, &[]).await
    }

    /// The same with `changes` to its environment.
    ///
    /// # Panics
    /// If the binary has not been built.
    pub async fn start_with(world: &World, binary: &str, name: &str, changes: &[(&str, &str)]) -> Self {
        let (invocations, waiting) = mpsc::unbounded_channel();
        let arn = format!("arn:aws:lambda:{}:000000000000:function:{name}", world.stack.region);
        let (server, api) = serve(Lambda { arn, waiting: AsyncMutex::new(waiting), running: Mutex::default() }).await;
        let folder = TempDir::new().unwrap();
        let program = env::current_exe().unwrap().parent().unwrap().with_file_name(binary);
        assert!(program.is_file(), "{} is missing: run `make build`", program.display());
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(world.environment(name).await)
            .env("AWS_ENDPOINT_URL", &world.stack.aws_endpoint_url)
            .env("AWS_REGION", &world.stack.region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY)
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "of-a-test")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "of-a-test")
            .env("TMPDIR", folder.path())
            .envs(changes.iter().copied())
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log);
        Self { process: command.spawn().unwrap(), invocations, server, folder }
    }

    /// Id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Hands it an event as soon as it asks for one, gives it `time` from then on, and returns its answer.
    ///
    /// # Panics
    /// If it answers with an error, after its time, or never.
    pub async fn invoke(&self, event: &Value, time: Duration) -> Value {
        let (answer, answered) = oneshot::channel();
        self.invocations.send(Invocation { event: event.to_string(), time, answer }).unwrap();
        let answer = tokio::time::timeout(LONG, answered).await.unwrap_or_else(|_| panic!("no answer within {LONG:?}"));
        let answer = answer.unwrap().unwrap_or_else(|wrong| panic!("{wrong}"));
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // One that has ended by itself is no error here.
        _ = self.process.kill();
        _ = self.process.wait();
        self.server.shutdown();
        if thread::panicking() {
            eprintln!("log of the function:\n{}", self.log());
        }
    }
}

/// The Runtime API on a free port of loopback.
async fn serve(lambda: Lambda) -> (Handle<SocketAddr>, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(take_answer))
        .with_state(Arc::new(lambda));
    let handle = Handle::new();
    let server = axum_server::from_tcp(listener).unwrap().handle(handle.clone());
    tokio::spawn(server.serve(router.into_make_service()));
    let address = handle.listening().await.unwrap();
    (handle, address)
}

/// Answers once there is something to do, as Lambda does.
async fn next(State(lambda): State<Arc<Lambda>>) -> Response {
    let Some(Invocation { event, time, answer }) = lambda.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    *lambda.running.lock().unwrap() = Some(Running { deadline: Instant::now() + time, answer });
    let deadline = (Timestamp::now() + time).as_millisecond().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", "of-a-test"),
        ("lambda-runtime-deadline-ms", &deadline),
        ("lambda-runtime-invoked-function-arn", &lambda.arn),
    ];
    (headers, event).into_response()
}

async fn take_answer(
    State(lambda): State<Arc<Lambda>>,
    Path((_, outcome)): Path<(String, String)>,
    body: String,
) -> StatusCode {
    let Some(running) = lambda.running.lock().unwrap().take() else { return StatusCode::BAD_REQUEST };
    let late = Instant::now().saturating_duration_since(running.deadline);
    let answer = match outcome.as_str() {
        _ if !late.is_zero() => Err(format!("Lambda would have killed it {late:?} before it answered {body}")),
        "response" => Ok(body),
        _ => Err(body),
    };
    // Nobody waits any more: then the test is over.
    _ = running.answer.send(answer);
    StatusCode::ACCEPTED
}
