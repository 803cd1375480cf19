//! Programs in containers: one in a running container, or a container that is run once and removed.

use std::future::Future;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::StartExecResults;
use bollard::models;
use bollard::query_parameters as query;
use futures_util::{Stream, StreamExt};

use super::{ContainerSpec, Docker, DockerError, DockerSocket, Output, Result};

/// The most bytes of a program's output that are kept.
const LIMIT: usize = 1024 * 1024;

/// Runs a program in a running container.
pub(super) fn exec(socket: &DockerSocket, name: &str, user: &str, argv: &[String], deadline: Duration) -> Result<Output> {
    let config = models::ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        user: Some(user.to_owned()),
        cmd: Some(argv.to_vec()),
        ..Default::default()
    };
    let api = socket.api();
    let answer = async {
        let id = api.create_exec(name, config).await?.id;
        let started = api.start_exec(&id, None::<bollard::exec::StartExecOptions>).await?;
        let (stdout, stderr) = match started {
            StartExecResults::Attached { output, .. } => collect(output).await?,
            StartExecResults::Detached => (Vec::new(), Vec::new()),
        };
        let code = api.inspect_exec(&id).await?.exit_code.unwrap_or(-1);
        Ok(Output { code, stdout, stderr })
    };
    socket
        .ask("run a program in container", name, within(deadline, answer))?
        .ok_or_else(|| timed_out(name, deadline))
}

/// Creates, runs, waits for and removes a container.
pub(super) fn run_once(socket: &DockerSocket, spec: &ContainerSpec, deadline: Duration) -> Result<Output> {
    remove_leftover(socket, spec)?;
    socket.create_container(spec)?;
    let api = socket.api();
    let answer = async {
        api.start_container(&spec.name, None::<query::StartContainerOptions>).await?;
        let code = wait(api, &spec.name).await?;
        let options = query::LogsOptionsBuilder::default().stdout(true).stderr(true).build();
        let (stdout, stderr) = collect(api.logs(&spec.name, Some(options))).await?;
        Ok(Output { code, stdout, stderr })
    };
    let output = socket.ask("run container", &spec.name, within(deadline, answer));
    let options = query::RemoveContainerOptionsBuilder::default().force(true).build();
    let removed = api.remove_container(&spec.name, Some(options));
    socket.ask_for("remove container", &spec.name, removed)?;
    output?.ok_or_else(|| timed_out(&spec.name, deadline))
}

/// A crash may have left the container of an earlier try; anything else of that name stays.
fn remove_leftover(socket: &DockerSocket, spec: &ContainerSpec) -> Result<()> {
    let Some(found) = socket.find_container(&spec.name)? else {
        return Ok(());
    };
    let is_ours = spec.labels.iter().all(|(name, value)| found.labels.get(name) == Some(value));
    if !is_ours || spec.labels.is_empty() {
        return Err(DockerError::Refused {
            action: "create container",
            object: spec.name.clone(),
            reason: "a container of that name exists and was not made by ocmigrate".to_owned(),
        });
    }
    let options = query::RemoveContainerOptionsBuilder::default().force(true).build();
    let removed = socket.api().remove_container(&spec.name, Some(options));
    socket.ask_for("remove container", &spec.name, removed).map(|_| ())
}

/// Waits for a container's end and returns its exit code.
async fn wait(api: &bollard::Docker, name: &str) -> std::result::Result<i64, Error> {
    match api.wait_container(name, None::<query::WaitContainerOptions>).next().await {
        Some(Ok(end)) => Ok(end.status_code),
        Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(error),
        None => Ok(-1),
    }
}

/// Reads both streams to their end, keeping the first MiB of each.
pub(super) async fn collect(
    mut output: impl Stream<Item = std::result::Result<LogOutput, Error>> + Unpin,
) -> std::result::Result<(Vec<u8>, Vec<u8>), Error> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(piece) = output.next().await {
        let (kept, bytes) = match piece? {
            LogOutput::StdErr { message } => (&mut stderr, message),
            LogOutput::StdOut { message } | LogOutput::Console { message } | LogOutput::StdIn { message } => {
                (&mut stdout, message)
            }
        };
        let room = LIMIT.saturating_sub(kept.len()).min(bytes.len());
        kept.extend(bytes.iter().take(room));
    }
    Ok((stdout, stderr))
}

/// `None` when the time is over.
async fn within<T>(
    deadline: Duration,
    answer: impl Future<Output = std::result::Result<T, Error>>,
) -> std::result::Result<Option<T>, Error> {
    match tokio::time::timeout(deadline, answer).await {
        Ok(answer) => answer.map(Some),
        Err(_) => Ok(None),
    }
}

fn timed_out(name: &str, deadline: Duration) -> DockerError {
    DockerError::TimedOut {
        what: format!("a program in container `{name}`"),
        deadline,
    }
}
