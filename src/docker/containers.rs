//! Containers: looked up, created, started, stopped, removed.

use std::time::Duration;

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerStatsResponse,
    ContainerUpdateBody, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StatsOptionsBuilder,
    TopOptionsBuilder,
};
use futures_util::StreamExt;

use super::socket::{found, refused};
use super::{
    Confinement, Container, ContainerSpec, ContainerState, DockerError, RestartPolicy, Result, body,
};
use crate::units::{Bytes, KIB};

/// What a request may take beyond the time that it waits for.
pub(super) const SLACK: Duration = Duration::from_secs(30);
/// The engine's own stop timeout, where a container has none.
const ENGINE_STOP_TIMEOUT: u64 = 10;

type Client = bollard::Docker;

pub(super) async fn find(client: &Client, name: &str) -> Result<Option<Container>> {
    let container = inspect(client, name).await?;
    Ok(container.map(container_of))
}

pub(super) async fn confinement(client: &Client, name: &str) -> Result<Option<Confinement>> {
    let Some(container) = inspect(client, name).await? else {
        return Ok(None);
    };
    let id = container.image.clone().unwrap_or_default();
    // An image that was removed by force leaves its variables to be told as added.
    let image = found(client.inspect_image(&id).await, "inspect image", &id)?;
    let config = image.and_then(|image| image.config);
    let inherited = config.and_then(|config| config.env).unwrap_or_default();
    Ok(Some(Confinement::found(container, &inherited)))
}

/// The engine also answers to ids and the beginnings of ids: only the exact name counts here.
async fn inspect(client: &Client, name: &str) -> Result<Option<ContainerInspectResponse>> {
    let answer = client.inspect_container(name, None).await;
    let container = found(answer, "inspect container", name)?;
    let is_named = |it: &ContainerInspectResponse| it.name.as_deref().map(bare) == Some(name);
    Ok(container.filter(is_named))
}

fn bare(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

fn container_of(container: ContainerInspectResponse) -> Container {
    let state = container.state.unwrap_or_default();
    let host = container.host_config.unwrap_or_default();
    let policy = host.restart_policy.and_then(|policy| policy.name);
    let labels = container.config.and_then(|config| config.labels);
    Container {
        id: container.id.unwrap_or_default(),
        image: container.image.unwrap_or_default(),
        labels: labels.unwrap_or_default().into_iter().collect(),
        state: state_of(state.status, state.exit_code.unwrap_or_default()),
        restart_policy: policy_of(policy),
        restarts: container.restart_count.unwrap_or_default().unsigned_abs(),
        pid: state.pid.unwrap_or_default(),
        started_ms: state.started_at.as_deref().and_then(time_of),
        memory: Bytes(host.memory.unwrap_or_default().unsigned_abs()),
    }
}

/// Reads a time of the engine's, RFC 3339; that of a container that was never started is of the year 1.
fn time_of(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond()).filter(|milliseconds| *milliseconds > 0)
}

fn state_of(status: Option<ContainerStateStatusEnum>, code: i64) -> ContainerState {
    use ContainerStateStatusEnum as Status;
    match status {
        Some(Status::CREATED) => ContainerState::Created,
        Some(Status::RUNNING | Status::PAUSED | Status::STOPPING) => ContainerState::Running,
        Some(Status::RESTARTING) => ContainerState::Restarting,
        None | Some(Status::EMPTY | Status::REMOVING | Status::EXITED | Status::DEAD) => {
            ContainerState::Exited(code)
        }
    }
}

fn policy_of(name: Option<RestartPolicyNameEnum>) -> RestartPolicy {
    use RestartPolicyNameEnum as Name;
    match name {
        None | Some(Name::EMPTY | Name::NO) => RestartPolicy::No,
        // A foreign container's; what starts by itself is not `No`.
        Some(Name::UNLESS_STOPPED | Name::ALWAYS | Name::ON_FAILURE) => {
            RestartPolicy::UnlessStopped
        }
    }
}

pub(super) async fn running(client: &Client) -> Result<Vec<(String, i64)>> {
    let listed = client.list_containers(None).await;
    let listed = listed.map_err(refused("list containers of", "the engine"))?;
    let mut running = Vec::new();
    for id in listed.into_iter().filter_map(|container| container.id) {
        // One that has gone since it was listed does not run.
        let container = client.inspect_container(&id, None).await;
        let container = found(container, "inspect container", &id)?.unwrap_or_default();
        let pid = container.state.and_then(|state| state.pid).unwrap_or(0);
        let name = container.name.unwrap_or_default();
        if pid > 0 {
            running.push((bare(&name).to_owned(), pid));
        }
    }
    Ok(running)
}

pub(super) async fn create(client: &Client, spec: &ContainerSpec) -> Result<()> {
    const ACTION: &str = "create container";
    let no = |reason: String| DockerError::Refused {
        action: ACTION,
        object: spec.name.clone(),
        reason: body::without_values(&reason, &spec.environment),
    };
    if let Some(path) = body::unspeakable(spec) {
        let path = crate::display::path(path);
        return Err(no(format!(
            "the path `{path}` is no UTF-8, which the engine cannot take"
        )));
    }
    let options = CreateContainerOptionsBuilder::new()
        .name(&spec.name)
        .build();
    let made = client.create_container(Some(options), body::of(spec)).await;
    match made.map_err(refused(ACTION, &spec.name)) {
        Ok(_) => Ok(()),
        Err(DockerError::Refused { reason, .. }) => Err(no(reason)),
        Err(other) => Err(other),
    }
}

pub(super) async fn set_restart_policy(
    client: &Client,
    name: &str,
    policy: RestartPolicy,
) -> Result<()> {
    let change = ContainerUpdateBody {
        restart_policy: Some(body::policy(policy)),
        ..ContainerUpdateBody::default()
    };
    let updated = client.update_container(name, change).await;
    updated.map_err(refused("set the restart policy of container", name))
}

pub(super) async fn start(client: &Client, name: &str) -> Result<()> {
    let started = client.start_container(name, None).await;
    started.map_err(refused("start container", name))
}

pub(super) async fn stop(client: &Client, name: &str) -> Result<()> {
    const ACTION: &str = "stop container";
    let container = client.inspect_container(name, None).await;
    let container = container.map_err(refused(ACTION, name))?;
    let own = container.config.and_then(|config| config.stop_timeout);
    let own = own.map_or(ENGINE_STOP_TIMEOUT, i64::unsigned_abs);
    let patient = client
        .clone()
        .with_timeout(Duration::from_secs(own) + SLACK);
    let stopped = patient.stop_container(name, None).await;
    stopped.map_err(refused(ACTION, name))
}

/// A running one is refused by the engine: this never forces it.
pub(super) async fn remove(client: &Client, name: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::new().v(true).build();
    let removed = client.remove_container(name, Some(options)).await;
    found(removed, "remove container", name).map(drop)
}

pub(super) async fn memory_used(client: &Client, name: &str) -> Result<Option<Bytes>> {
    const ACTION: &str = "measure container";
    let container = find(client, name).await?;
    if container.is_none_or(|container| container.state != ContainerState::Running) {
        return Ok(None);
    }
    let options = StatsOptionsBuilder::new().stream(false).one_shot(true);
    let mut answers = Box::pin(client.stats(name, Some(options.build())));
    let answer = answers.next().await.transpose();
    let stats = found(answer, ACTION, name)?.flatten();
    match stats.and_then(used) {
        Some(used) => Ok(Some(used)),
        None => resident(client, name).await,
    }
}

/// Memory in use without the page cache that the kernel can drop at once, as `docker stats` counts it.
fn used(stats: ContainerStatsResponse) -> Option<Bytes> {
    let memory = stats.memory_stats?;
    let details = memory.stats.unwrap_or_default();
    // The first is cgroup v1, the second v2.
    let cache = details.get("total_inactive_file");
    let cache = cache.or_else(|| details.get("inactive_file"));
    let cache = cache.copied().unwrap_or_default();
    memory.usage.map(|usage| Bytes(usage.saturating_sub(cache)))
}

/// Sums the resident memory of the container's processes: some engines list them and get no numbers from the control group.
/// Pages that processes share count for each.
async fn resident(client: &Client, name: &str) -> Result<Option<Bytes>> {
    let options = TopOptionsBuilder::new().ps_args("-o pid,rss").build();
    let Ok(listed) = client.top_processes(name, Some(options)).await else {
        return Ok(None);
    };
    let processes = listed.processes.unwrap_or_default();
    let kibibytes = processes
        .iter()
        .filter_map(|fields| fields.get(1)?.parse::<u64>().ok());
    let sum: u64 = kibibytes.sum();
    Ok((sum > 0).then_some(Bytes(sum * KIB)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn used_of(detail: &str) -> Option<Bytes> {
        let stats = format!(r#"{{"memory_stats": {{"usage": 900, "stats": {{{detail}}}}}}}"#);
        used(serde_json::from_str(&stats).unwrap())
    }

    #[test]
    fn page_cache_is_not_counted_in_either_generation_of_control_groups() {
        let v1 = r#""inactive_file": 1, "total_inactive_file": 300"#;
        assert_eq!(used_of(v1), Some(Bytes(600)));
        assert_eq!(
            used_of(r#""inactive_file": 200, "anon": 7"#),
            Some(Bytes(700))
        );
        assert_eq!(used_of(""), Some(Bytes(900)));
    }

    #[test]
    fn no_numbers_are_no_memory() {
        assert_eq!(
            used(serde_json::from_str(r#"{"memory_stats": {}}"#).unwrap()),
            None
        );
    }
}
