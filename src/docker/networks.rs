//! Networks: bridges that a group's container joins.

use std::collections::BTreeMap;

use bollard::models::NetworkCreateRequest;

use super::socket::{found, refused};
use super::{DockerError, Result};

type Client = bollard::Docker;

pub(super) async fn find(client: &Client, name: &str) -> Result<Option<BTreeMap<String, String>>> {
    let network = found(
        client.inspect_network(name, None).await,
        "inspect network",
        name,
    )?;
    // The engine also answers to the beginning of an id.
    let network = network.filter(|network| network.name.as_deref() == Some(name));
    Ok(network.map(|network| network.labels.unwrap_or_default().into_iter().collect()))
}

/// The engine allows two networks of one name: this refuses the second.
pub(super) async fn create(
    client: &Client,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Result<()> {
    const ACTION: &str = "create network";
    if find(client, name).await?.is_some() {
        return Err(DockerError::Refused {
            action: ACTION,
            object: name.to_owned(),
            reason: "there is one of that name".to_owned(),
        });
    }
    let request = NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels.clone().into_iter().collect()),
        ..NetworkCreateRequest::default()
    };
    let made = client.create_network(request).await;
    made.map(drop).map_err(refused(ACTION, name))
}

pub(super) async fn remove(client: &Client, name: &str) -> Result<()> {
    if find(client, name).await?.is_none() {
        return Ok(());
    }
    found(client.remove_network(name).await, "remove network", name).map(drop)
}
