//! Containers, in the engine's words and in ours.

use bollard::models;

use super::{Container, ContainerSpec, ContainerState, Mount, RestartPolicy, compose};
use crate::units::Bytes;

/// Says how to create a container: hardened, with logs that do not grow, and with no restart policy yet.
pub(super) fn to_body(spec: &ContainerSpec) -> models::ContainerCreateBody {
    let ports = spec.ports.iter().map(|port| format!("{port}/tcp"));
    models::ContainerCreateBody {
        hostname: Some(spec.name.clone()),
        user: Some(spec.user.clone()),
        exposed_ports: Some(ports.collect()),
        env: Some(spec.environment.clone()),
        image: Some(spec.image.clone()),
        working_dir: Some(spec.directory.display().to_string()),
        entrypoint: Some(spec.argv.clone()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        stop_timeout: i64::try_from(spec.stop_timeout.as_secs()).ok(),
        host_config: Some(to_host_config(spec)),
        ..Default::default()
    }
}

fn to_host_config(spec: &ContainerSpec) -> models::HostConfig {
    let memory = i64::try_from(spec.memory.0).ok();
    let log_options = [("max-size", compose::LOG_SIZE), ("max-file", compose::LOG_FILES)];
    models::HostConfig {
        memory,
        memory_swap: memory,
        nano_cpus: Some(i64::from(spec.cpu_milli) * 1_000_000),
        pids_limit: Some(i64::from(spec.pids)),
        init: Some(true),
        mounts: Some(spec.mounts.iter().map(to_mount).collect()),
        port_bindings: Some(spec.ports.iter().map(to_port).collect()),
        restart_policy: Some(to_policy(RestartPolicy::No)),
        network_mode: Some(spec.network.clone().unwrap_or_else(|| "none".to_owned())),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        extra_hosts: Some(spec.extra_hosts.clone()),
        log_config: Some(models::HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(log_options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        }),
        ..Default::default()
    }
}

/// Mounts of type bind fail where the source is missing; the daemon never makes one.
fn to_mount(mount: &Mount) -> models::Mount {
    match mount {
        Mount::Bind { source, target, read_only } => models::Mount {
            typ: Some(models::MountType::BIND),
            source: Some(source.display().to_string()),
            target: Some(target.display().to_string()),
            read_only: Some(*read_only),
            ..Default::default()
        },
        Mount::Empty { target, mode } => models::Mount {
            typ: Some(models::MountType::TMPFS),
            target: Some(target.display().to_string()),
            tmpfs_options: Some(models::MountTmpfsOptions {
                mode: Some(i64::from(*mode)),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn to_port(port: &u16) -> (String, Option<Vec<models::PortBinding>>) {
    let binding = models::PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(port.to_string()),
    };
    (format!("{port}/tcp"), Some(vec![binding]))
}

pub(super) fn to_policy(policy: RestartPolicy) -> models::RestartPolicy {
    models::RestartPolicy {
        name: Some(match policy {
            RestartPolicy::No => models::RestartPolicyNameEnum::NO,
            RestartPolicy::UnlessStopped => models::RestartPolicyNameEnum::UNLESS_STOPPED,
        }),
        maximum_retry_count: None,
    }
}

/// Reads what the engine says of a container. A paused one counts as running: its processes live.
pub(super) fn to_container(found: models::ContainerInspectResponse) -> Container {
    use models::ContainerStateStatusEnum as Status;
    let state = found.state.unwrap_or_default();
    let host_config = found.host_config.unwrap_or_default();
    let policy = host_config.restart_policy.and_then(|policy| policy.name);
    Container {
        id: found.id.unwrap_or_default(),
        image: found.image.unwrap_or_default(),
        labels: found
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        state: match state.status {
            Some(Status::RUNNING | Status::PAUSED) => ContainerState::Running,
            Some(Status::RESTARTING) => ContainerState::Restarting,
            Some(Status::CREATED) => ContainerState::Created,
            _ => ContainerState::Exited(state.exit_code.unwrap_or_default()),
        },
        restart_policy: match policy {
            None | Some(models::RestartPolicyNameEnum::EMPTY | models::RestartPolicyNameEnum::NO) => RestartPolicy::No,
            Some(_) => RestartPolicy::UnlessStopped,
        },
        restarts: u64::try_from(found.restart_count.unwrap_or_default()).unwrap_or_default(),
        memory: Bytes(u64::try_from(host_config.memory.unwrap_or_default()).unwrap_or_default()),
    }
}

/// Returns the memory in use without the page cache that can be dropped: `total_inactive_file` of cgroup v1's
/// `memory.stat`, `inactive_file` of v2's.
pub(super) fn to_used(memory: &models::ContainerMemoryStats) -> Option<Bytes> {
    let stats = memory.stats.as_ref();
    let cache = stats
        .and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")))
        .copied()
        .unwrap_or_default();
    memory.usage.map(|usage| Bytes(usage.saturating_sub(cache)))
}
