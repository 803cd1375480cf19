//! Images: a base from a tar of a file system, and a runtime as one layer loaded onto a base without a build.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use bollard::models;
use bollard::query_parameters as query;
use bytes::Bytes as Chunk;
use futures_util::StreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Docker, DockerError, DockerSocket, Image, ImageSpec, Result, layer};
use crate::units::Bytes;

/// How much is handed to the engine at once.
const CHUNK: usize = 1024 * 1024;
/// How many chunks may wait for the engine.
const QUEUE: usize = 4;
/// Where the new layer lies in the archive.
const LAYER: &str = "layer.tar";

/// Reads what the engine says of an image.
pub(super) fn to_image(found: models::ImageInspect) -> Image {
    let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
    Image {
        id: found.id.unwrap_or_default(),
        labels: labels.into_iter().collect(),
        size: Bytes(u64::try_from(found.size.unwrap_or_default()).unwrap_or_default()),
    }
}

/// Makes an image of one layer from a tar.
pub(super) fn import_base(
    socket: &DockerSocket,
    api: &bollard::Docker,
    archive: &Path,
    reference: &str,
    labels: &BTreeMap<String, String>,
) -> Result<()> {
    let path = archive.to_owned();
    let body = stream(move |sink| io::copy(&mut layer::open(&path)?, sink).map(|_| ()));
    let changes: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("LABEL {name}={}", Value::from(value.as_str())))
        .collect();
    let (repository, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    let options = query::CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(repository)
        .tag(tag)
        .changes(changes)
        .build();
    let answers = api.create_image(Some(options), Some(bollard::body_try_stream(body)), None);
    socket.ask("import image", reference, drain(answers))
}

/// Makes an image of a base and one layer, by `docker load` of an archive that leaves the base's layers out: the engine
/// has them, and knows them by their checksums in the configuration.
pub(super) fn make_image(
    socket: &DockerSocket,
    api: &bollard::Docker,
    spec: &ImageSpec,
    progress: &dyn Fn(Bytes, Bytes),
) -> Result<()> {
    let unreadable = |source| DockerError::Layer {
        image: spec.reference.clone(),
        source,
    };
    let base = socket.ask("look for image", &spec.base, api.inspect_image(&spec.base))?;
    // Two passes over the tree instead of one and a copy on disk; the engine refuses a layer that changed in between.
    let mut sum = Sum::default();
    layer::write(&spec.entries, &mut sum).map_err(unreadable)?;
    let config = config(&base, spec, &sum);
    let parents = base.root_fs.and_then(|root| root.layers).unwrap_or_default().len();
    let archive = Archive {
        manifest: manifest(&spec.reference, &config, parents),
        config,
        length: sum.length,
    };
    let (sent, all) = (std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0)), sum.length);
    let (entries, counter) = (spec.entries.clone(), sent.clone());
    let body = stream(move |sink| archive.write(&entries, &mut Counted { sink, counter: &counter }));
    let answers = api.import_image_stream(query::ImportImageOptions::default(), body, None);
    let watched = answers.inspect(|_| {});
    let done = async {
        tokio::pin!(let end = drain(watched););
        loop {
            match tokio::time::timeout(std::time::Duration::from_millis(500), &mut end).await {
                Ok(end) => return end,
                Err(_) => progress(Bytes(sent.load(std::sync::atomic::Ordering::Relaxed)), Bytes(all)),
            }
        }
    };
    socket.ask("load image", &spec.reference, done)?;
    confirm(socket, spec)
}

/// The engine answers a load with 200 even where it took nothing, so the image is looked at.
fn confirm(socket: &DockerSocket, spec: &ImageSpec) -> Result<()> {
    let found = socket.find_image(&spec.reference)?;
    let has = |image: &Image| spec.labels.iter().all(|(name, value)| image.labels.get(name) == Some(value));
    if found.as_ref().is_some_and(has) {
        return Ok(());
    }
    Err(DockerError::Refused {
        action: "load image",
        object: spec.reference.clone(),
        reason: "the engine took the archive and does not have the image".to_owned(),
    })
}

/// The image's configuration: the base's, with the layer and the labels added; OCI image specification.
fn config(base: &models::ImageInspect, spec: &ImageSpec, sum: &Sum) -> Vec<u8> {
    let settings = base.config.clone().unwrap_or_default();
    let mut labels = settings.labels.unwrap_or_default();
    labels.extend(spec.labels.clone());
    let layers = base.root_fs.as_ref().and_then(|root| root.layers.clone()).unwrap_or_default();
    let diff_ids: Vec<_> = layers.into_iter().chain([format!("sha256:{}", sum.digest())]).collect();
    let history: Vec<_> = diff_ids.iter().map(|_| json!({"created_by": "ocmigrate"})).collect();
    let config = json!({
        "architecture": base.architecture,
        "os": base.os,
        "config": {
            "Env": settings.env,
            "Cmd": settings.cmd,
            "WorkingDir": settings.working_dir.unwrap_or_default(),
            "Labels": labels.into_iter().collect::<BTreeMap<_, _>>(),
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    });
    config.to_string().into_bytes()
}

/// What `docker load` reads first: which file is the configuration, and where the layers lie. Those of the base are named
/// and not there.
fn manifest(reference: &str, config: &[u8], parents: usize) -> Vec<u8> {
    let layers: Vec<_> = (0..parents)
        .map(|number| format!("base-{number}.tar"))
        .chain([LAYER.to_owned()])
        .collect();
    let name = config_name(config);
    json!([{"Config": name, "RepoTags": [reference], "Layers": layers}]).to_string().into_bytes()
}

fn config_name(config: &[u8]) -> String {
    format!("{}.json", super::compose::sha256(config))
}

/// An archive for `docker load`.
struct Archive {
    manifest: Vec<u8>,
    config: Vec<u8>,
    length: u64,
}

impl Archive {
    fn write(&self, entries: &[super::LayerEntry], sink: &mut impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(sink);
        for (name, bytes) in [("manifest.json".to_owned(), &self.manifest), (config_name(&self.config), &self.config)] {
            tar.append_data(&mut header(bytes.len() as u64), name, bytes.as_slice())?;
        }
        tar.get_mut().write_all(layer_header(self.length)?.as_bytes())?;
        layer::write(entries, tar.get_mut())?;
        let padding = (512 - self.length % 512) % 512;
        io::copy(&mut io::repeat(0).take(padding), tar.get_mut())?;
        tar.into_inner()?.flush()
    }
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn layer_header(size: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    header.set_path(LAYER)?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// Counts and hashes what is written to it.
#[derive(Default)]
struct Sum {
    length: u64,
    hasher: Sha256,
}

impl Sum {
    fn digest(&self) -> String {
        hex::encode(self.hasher.clone().finalize())
    }
}

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len() as u64;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what is written through it.
struct Counted<'a, W> {
    sink: W,
    counter: &'a std::sync::atomic::AtomicU64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.counter.fetch_add(written as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Runs a blocking writer on a thread of its own and returns what it writes as a stream that holds it back.
fn stream(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> impl futures_util::Stream<Item = io::Result<Chunk>> + Send + 'static {
    let (sender, receiver) = tokio::sync::mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        let mut sink = io::BufWriter::with_capacity(CHUNK, Sink { sender: sender.clone() });
        let result = write(&mut sink).and_then(|()| sink.flush());
        if let Err(error) = result {
            let _ = sender.blocking_send(Err(error));
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    })
}

struct Sink {
    sender: tokio::sync::mpsc::Sender<io::Result<Chunk>>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sender
            .blocking_send(Ok(Chunk::copy_from_slice(bytes)))
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for the end of the engine's answers; the first error among them is the result.
async fn drain<T>(
    answers: impl futures_util::Stream<Item = std::result::Result<T, bollard::errors::Error>>,
) -> std::result::Result<(), bollard::errors::Error> {
    tokio::pin!(answers);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}
