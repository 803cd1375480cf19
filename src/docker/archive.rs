//! The archive that makes an image: the format of `docker save`, version 1.2 of the Docker image specification, holding
//! one new layer. The files of the base's layers are left out: the engine looks a layer up by its diff id before it opens
//! its file.

use std::io::{self, Write};

use bollard::models::{ImageHistoryResponseItem, ImageInspect};
use serde_json::{Value, json};
use tar::{Builder, Header};

use super::layer::{self, Measure};
use super::{ImageSpec, LayerEntry};

const BLOCK: u64 = 512;
const LAYER: &str = "layer.tar";

/// An archive whose layer was measured and is yet to be written.
pub(super) struct Archive {
    entries: Vec<LayerEntry>,
    measure: Measure,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

impl Archive {
    /// Describes the image: the base's configuration with the labels added, its layers and the new one.
    pub(super) fn new(
        spec: &ImageSpec,
        measure: Measure,
        base: &ImageInspect,
        history: &[ImageHistoryResponseItem],
    ) -> Self {
        let layers = base_layers(base);
        Self {
            entries: spec.entries.clone(),
            config: config(spec, &measure, base, history)
                .to_string()
                .into_bytes(),
            manifest: manifest(&spec.reference, layers.len())
                .to_string()
                .into_bytes(),
            measure,
        }
    }

    /// Returns the size of the whole archive.
    pub(super) fn size(&self) -> u64 {
        let member = |size: u64| BLOCK + size.next_multiple_of(BLOCK);
        let small = member(self.config.len() as u64) + member(self.manifest.len() as u64);
        member(self.measure.size) + small + 2 * BLOCK
    }

    /// Writes the archive. The layer goes first, so that one that has changed since it was measured never gets a manifest.
    pub(super) fn write(&self, mut sink: impl Write) -> io::Result<()> {
        sink.write_all(header(LAYER, self.measure.size)?.as_bytes())?;
        let written = layer::write(&self.entries, &mut sink)?;
        if written != self.measure {
            return Err(layer::changed());
        }
        let padding = written.size.next_multiple_of(BLOCK) - written.size;
        io::copy(&mut io::Read::take(io::repeat(0), padding), &mut sink)?;
        let mut tar = Builder::new(sink);
        for (name, bytes) in [
            ("config.json", &self.config),
            ("manifest.json", &self.manifest),
        ] {
            tar.append(&header(name, bytes.len() as u64)?, bytes.as_slice())?;
        }
        tar.into_inner()?.flush()
    }
}

fn header(name: &str, size: u64) -> io::Result<Header> {
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    Ok(header)
}

fn base_layers(base: &ImageInspect) -> &[String] {
    let layers = base
        .root_fs
        .as_ref()
        .and_then(|root| root.layers.as_deref());
    layers.unwrap_or_default()
}

fn manifest(reference: &str, base_layers: usize) -> Value {
    let absent = (0..base_layers).map(|number| format!("base/{number}/{LAYER}"));
    let layers: Vec<String> = absent.chain([LAYER.to_owned()]).collect();
    json!([{ "Config": "config.json", "RepoTags": [reference], "Layers": layers }])
}

/// The image takes the base's date, so that the same tree on the same base is the same image, byte for byte.
fn config(
    spec: &ImageSpec,
    measure: &Measure,
    base: &ImageInspect,
    history: &[ImageHistoryResponseItem],
) -> Value {
    let created = base
        .created
        .clone()
        .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned());
    let mut run = base.config.clone().unwrap_or_default();
    let labels = spec.labels.clone();
    run.labels.get_or_insert_default().extend(labels);
    let mut run = json!(run);
    if let Some(Value::Object(labels)) = run.get_mut("Labels") {
        labels.sort_keys();
    }
    let mut steps = base_history(base, history, &created);
    steps.push(json!({ "created": created, "created_by": "ocmigrate: the host's runtime" }));
    let layers: Vec<&String> = base_layers(base).iter().chain([&measure.digest]).collect();
    let mut config = json!({
        "architecture": base.architecture,
        "os": base.os,
        "created": created,
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": layers },
        "history": steps,
    });
    if let (Some(variant), Some(config)) = (&base.variant, config.as_object_mut()) {
        config.insert("variant".to_owned(), json!(variant));
    }
    config
}

/// Returns the base's history, oldest first. The engine does not say which of its steps made a layer; where size does not
/// tell either, each layer gets a step of its own.
fn base_history(
    base: &ImageInspect,
    history: &[ImageHistoryResponseItem],
    created: &str,
) -> Vec<Value> {
    let layers = base_layers(base).len();
    if history.iter().filter(|step| step.size > 0).count() == layers {
        let step = |step: &ImageHistoryResponseItem| json!({ "created": created, "created_by": step.created_by, "empty_layer": step.size == 0 });
        return history.iter().rev().map(step).collect();
    }
    vec![json!({ "created": created, "created_by": "the base" }); layers]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn spec(text: &str) -> ImageSpec {
        let file = LayerEntry::File {
            path: "/etc/x".into(),
            text: text.to_owned(),
            mode: 0o644,
        };
        ImageSpec {
            reference: "a:b".to_owned(),
            base: "base".to_owned(),
            entries: vec![file],
            labels: [("k".to_owned(), "v".to_owned())].into(),
        }
    }

    fn archive(text: &str) -> Archive {
        let spec = spec(text);
        let measure = layer::write(&spec.entries, io::sink()).unwrap();
        Archive::new(&spec, measure, &ImageInspect::default(), &[])
    }

    #[test]
    fn an_archive_is_as_large_as_it_says() {
        let (archive, mut bytes) = (archive("some text"), Vec::new());
        archive.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, archive.size());
    }

    #[test]
    fn a_layer_that_changed_gets_no_manifest() {
        let (mut archive, mut bytes) = (archive("one"), Vec::new());
        archive.entries = spec("two").entries;
        assert!(archive.write(&mut bytes).is_err());
        assert!(!String::from_utf8_lossy(&bytes).contains("manifest.json"));
    }
}
