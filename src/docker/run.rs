//! Programs run to their end: a container for one program, a program in a running container, and what a container said.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use bollard::query_parameters::{LogsOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::{Stream, StreamExt, pin_mut};

use super::containers::{self, SLACK};
use super::socket::refused;
use super::{ContainerSpec, DockerError, Output, Result, body, is_leftover};
use crate::lines::Lines;

/// How much of each stream is kept; the rest is read and dropped.
const KEPT: usize = 1024 * 1024;

type Client = bollard::Docker;

pub(super) async fn once(
    client: &Client,
    spec: &ContainerSpec,
    deadline: Duration,
) -> Result<Output> {
    remove_leftover(client, spec).await?;
    containers::create(client, spec).await?;
    let output = run_created(client, spec, deadline).await;
    let removed = discard(client, &spec.name).await;
    let output = output?;
    removed.map(|()| output)
}

/// Removes what an earlier run of this same spec left. Anything else of that name stays, and the creation is refused.
async fn remove_leftover(client: &Client, spec: &ContainerSpec) -> Result<()> {
    match containers::find(client, &spec.name).await? {
        Some(container) if is_leftover(&container.labels, &spec.labels) => {
            discard(client, &spec.name).await
        }
        _ => Ok(()),
    }
}

async fn run_created(client: &Client, spec: &ContainerSpec, deadline: Duration) -> Result<Output> {
    let name = &spec.name;
    containers::start(client, name).await?;
    let ended = tokio::time::timeout(deadline, wait(client, name, deadline)).await;
    let code = ended.map_err(|_| late(name, deadline))??;
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let (stdout, stderr) = collect(client.logs(name, Some(options)), name, &mut |_| ()).await?;
    Ok(Output {
        code,
        stdout,
        stderr,
    })
}

async fn wait(client: &Client, name: &str, deadline: Duration) -> Result<i64> {
    let patient = client.clone().with_timeout(deadline + SLACK);
    let mut answers = Box::pin(patient.wait_container(name, None));
    match answers.next().await {
        Some(Ok(ended)) => Ok(ended.status_code),
        // The client's way to say that the program's own exit code was not zero.
        Some(Err(Error::DockerContainerWaitError { code, error })) if error.is_empty() => Ok(code),
        Some(Err(error)) => Err(refused("wait for container", name)(error)),
        None => Err(DockerError::Refused {
            action: "wait for container",
            object: name.to_owned(),
            reason: "the engine did not say how it ended".to_owned(),
        }),
    }
}

/// Kills and removes a container that this room made for one program.
async fn discard(client: &Client, name: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::new()
        .force(true)
        .v(true)
        .build();
    let removed = client.remove_container(name, Some(options)).await;
    super::socket::found(removed, "remove container", name).map(drop)
}

/// A program to be run in a container, both streams attached.
pub(super) fn program(user: &str, argv: &[String], environment: &[String]) -> ExecConfig {
    ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        env: Some(environment.to_vec()),
        cmd: Some(argv.to_vec()),
        user: Some(user.to_owned()),
        ..ExecConfig::default()
    }
}

/// A program that misses its deadline is left to its container: the API has no way to end it.
pub(super) async fn exec(
    client: &Client,
    name: &str,
    config: ExecConfig,
    deadline: Duration,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<Output> {
    let environment = config.env.clone().unwrap_or_default();
    let ended = tokio::time::timeout(deadline, attached(client, name, config, on_line)).await;
    match ended.map_err(|_| late(name, deadline))? {
        Err(DockerError::Refused {
            action,
            object,
            reason,
        }) => Err(DockerError::Refused {
            action,
            object,
            reason: body::without_values(&reason, &environment),
        }),
        other => other,
    }
}

async fn attached(
    client: &Client,
    name: &str,
    config: ExecConfig,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<Output> {
    let no = || refused("run a program in container", name);
    let exec = client.create_exec(name, config).await.map_err(no())?;
    let started = client.start_exec(&exec.id, None).await.map_err(no())?;
    let (stdout, stderr) = match started {
        StartExecResults::Attached { output, input } => {
            let collected = collect(output, name, on_line).await?;
            drop(input);
            collected
        }
        StartExecResults::Detached => (Vec::new(), Vec::new()),
    };
    let ended = client.inspect_exec(&exec.id).await.map_err(no())?;
    Ok(Output {
        code: ended.exit_code.unwrap_or(-1),
        stdout,
        stderr,
    })
}

pub(super) async fn log_tail(client: &Client, name: &str, lines: u32) -> Result<String> {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true);
    let options = options.tail(&lines.to_string()).build();
    let chunks = client.logs(name, Some(options));
    pin_mut!(chunks);
    let mut text = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(refused("read the log of container", name))?;
        keep(&mut text, &chunk.into_bytes());
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

async fn collect(
    chunks: impl Stream<Item = Result<LogOutput, Error>>,
    name: &str,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<(Vec<u8>, Vec<u8>)> {
    pin_mut!(chunks);
    let mut lines = Lines::new(on_line);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        match chunk.map_err(refused("read the output of container", name))? {
            LogOutput::StdErr { message } => keep(&mut stderr, &message),
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                keep(&mut stdout, &message);
                lines.hand_over(&stdout);
            }
            LogOutput::StdIn { .. } => {}
        }
    }
    Ok((stdout, stderr))
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

fn late(name: &str, deadline: Duration) -> DockerError {
    DockerError::TimedOut {
        what: format!("a program in container `{name}`"),
        deadline,
    }
}
