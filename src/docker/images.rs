//! Images: looked up, imported as a base, made of a base and one layer.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use bollard::models::ImageInspect;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptionsBuilder, ListImagesOptionsBuilder,
};
use futures_util::{Stream, StreamExt, pin_mut};

use super::archive::Archive;
use super::pipe::Pipe;
use super::socket::{found, refused};
use super::{DockerError, Image, ImageSpec, Result, layer};
use crate::units::Bytes;

/// How long the engine may take to unpack an image.
const LOAD_DEADLINE: Duration = Duration::from_hours(1);
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

type Client = bollard::Docker;

pub(super) async fn find(client: &Client, reference: &str) -> Result<Option<Image>> {
    let image = client.inspect_image(reference).await;
    Ok(found(image, "inspect image", reference)?.map(image_of))
}

pub(super) async fn labelled(client: &Client, label: &str, value: &str) -> Result<Vec<Image>> {
    let filters = HashMap::from([("label", vec![format!("{label}={value}")])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let images = client.list_images(Some(options)).await;
    let images = images.map_err(refused("list images labelled", label))?;
    let image = |image: bollard::models::ImageSummary| Image {
        id: image.id,
        labels: image.labels.into_iter().collect(),
        size: Bytes(image.size.unsigned_abs()),
    };
    Ok(images.into_iter().map(image).collect())
}

pub(super) async fn import_base(
    client: &Client,
    archive: &Path,
    reference: &str,
    labels: &BTreeMap<String, String>,
) -> Result<()> {
    let (repository, tag) = split(reference);
    let changes = labels.iter().map(|(key, value)| instruction(key, value));
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(repository)
        .tag(tag)
        .changes(changes.collect())
        .build();
    let file = layer::open(archive).map_err(unreadable(reference))?;
    let (pipe, body) = Pipe::open(move |sink| io::copy(&mut { file }, sink).map(drop));
    let client = client.clone().with_timeout(LOAD_DEADLINE);
    let body = bollard::body_try_stream(body);
    let answers = client.create_image(Some(options), Some(body), None);
    drain(answers, pipe, "import image", reference, &|_| {}).await?;
    check_labels(&client, reference, labels).await
}

pub(super) async fn make(
    client: &Client,
    spec: &ImageSpec,
    progress: &dyn Fn(Bytes, Bytes),
) -> Result<()> {
    let reference = spec.reference.as_str();
    let base = client.inspect_image(&spec.base).await;
    let base = base.map_err(refused("use base image", &spec.base))?;
    let history = client.image_history(&spec.base).await;
    let history = history.map_err(refused("use base image", &spec.base))?;
    let measure = layer::write(&spec.entries, io::sink()).map_err(unreadable(reference))?;
    let archive = Archive::new(spec, measure, &base, &history);
    let size = Bytes(archive.size());
    let (pipe, body) = Pipe::open(move |sink: &mut dyn Write| archive.write(sink));
    let client = client.clone().with_timeout(LOAD_DEADLINE);
    let answers = client.import_image_stream(ImportImageOptionsBuilder::new().build(), body, None);
    let report = |sent| progress(sent, size);
    drain(answers, pipe, "make image", reference, &report).await?;
    check_labels(&client, reference, &spec.labels).await
}

/// Waits for the engine's last answer, reporting what was sent. Where both sides failed the writer's reason is the cause.
async fn drain<T>(
    answers: impl Stream<Item = Result<T, bollard::errors::Error>>,
    pipe: Pipe,
    action: &'static str,
    reference: &str,
    progress: &dyn Fn(Bytes),
) -> Result<()> {
    pin_mut!(answers);
    let answered = loop {
        match tokio::time::timeout(PROGRESS_INTERVAL, answers.next()).await {
            Err(_) | Ok(Some(Ok(_))) => progress(Bytes(pipe.sent())),
            Ok(Some(Err(error))) => break Err(error),
            Ok(None) => break Ok(()),
        }
    };
    progress(Bytes(pipe.sent()));
    pipe.close().map_err(unreadable(reference))?;
    answered.map_err(refused(action, reference))
}

async fn check_labels(
    client: &Client,
    reference: &str,
    labels: &BTreeMap<String, String>,
) -> Result<()> {
    let image = find(client, reference).await?;
    let made = |image: Image| {
        labels
            .iter()
            .all(|(key, value)| image.labels.get(key) == Some(value))
    };
    if image.is_some_and(made) {
        return Ok(());
    }
    Err(DockerError::Refused {
        action: "make image",
        object: reference.to_owned(),
        reason: "the engine took it and does not show it with its labels".to_owned(),
    })
}

fn unreadable(image: &str) -> impl Fn(io::Error) -> DockerError {
    move |source| DockerError::Layer {
        image: image.to_owned(),
        source,
    }
}

fn image_of(image: ImageInspect) -> Image {
    let labels = image.config.and_then(|config| config.labels);
    Image {
        id: image.id.unwrap_or_default(),
        labels: labels.unwrap_or_default().into_iter().collect(),
        size: Bytes(image.size.unwrap_or_default().unsigned_abs()),
    }
}

/// Splits a reference at its tag; a colon before the last slash belongs to a registry's port.
fn split(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}

/// Returns a `LABEL` instruction; its words are quoted as the Dockerfile reference says.
fn instruction(key: &str, value: &str) -> String {
    let quoted = |text: &str| {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", escaped.replace('$', "\\$"))
    };
    format!("LABEL {}={}", quoted(key), quoted(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_split_at_its_tag() {
        assert_eq!(split("a/b:c"), ("a/b", "c"));
        assert_eq!(split("host:5000/b"), ("host:5000/b", "latest"));
    }

    #[test]
    fn label_instructions_are_quoted() {
        assert_eq!(
            instruction("k", r#"a "b" $c \"#),
            r#"LABEL "k"="a \"b\" \$c \\""#
        );
    }
}
