//! A real image: the host's tree as a layer, and what keeps it from being made.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ocmigrate::docker::{Docker, DockerError, DockerSocket, LayerEntry};

use crate::lab::{Lab, engine, image_spec, output_of, run, shell};

#[test]
fn an_image_holds_the_hosts_tree_as_it_is() {
    let (lab, docker) = (Lab::new(), engine());
    let tree = lab.files.path().join("tree");
    make_tree(&tree);
    let mut spec = image_spec(&lab, &lab.base(&docker), "tree");
    let node = LayerEntry::Link {
        path: "/usr/local/bin/node".into(),
        target: "/opt/node".into(),
    };
    spec.entries
        .extend([LayerEntry::Tree { path: tree.clone() }, node]);
    let tree_only = [LayerEntry::Tree { path: tree.clone() }];
    let weight = docker.weigh(&tree_only).unwrap();
    // The tree itself, its directory, three files of which two are one, and two links.
    assert_eq!(weight.files, 7);
    assert!(docker.data_directory().unwrap().unwrap().is_dir());
    docker.make_image(&spec, &|_, _| {}).unwrap();

    let format = "find . | sort | xargs stat -c '%n %f %u %g %s %Y %N'; stat -c %y file";
    let script = format!(
        "cd {0} && busybox {1}",
        tree.display(),
        format.replace("| ", "| busybox ")
    );
    let script = script
        .replace("; stat", "; busybox stat")
        .replace("xargs stat", "xargs busybox stat");
    let here = run("/bin/busybox", &["sh", "-c", &script]);
    assert!(here.contains(".123456789"), "{here}");
    let inside = output_of(&docker, &lab.spec("tree", &spec.reference, &shell(&script)));
    assert_eq!(inside, here);

    let parents = "stat -c '%u:%g %a' /usr/local/bin; /bin/busybox readlink /usr/local/bin/node; cat /etc/passwd";
    let text = output_of(
        &docker,
        &lab.spec("parents", &spec.reference, &shell(parents)),
    );
    assert_eq!(
        text,
        "0:0 755\n/opt/node\nann:x:1234:2345::/home/ann:/bin/sh\n"
    );
}

fn make_tree(tree: &Path) {
    let long = "long".repeat(40);
    std::fs::create_dir_all(tree.join(&long)).unwrap();
    let file = tree.join("file");
    std::fs::write(&file, "text").unwrap();
    std::fs::write(tree.join(&long).join("é"), "deep").unwrap();
    std::fs::hard_link(&file, tree.join("hard")).unwrap();
    std::os::unix::fs::symlink("file", tree.join("link")).unwrap();
    std::os::unix::fs::symlink(format!("/{long}/nowhere"), tree.join("dangling")).unwrap();
    std::os::unix::fs::chown(&file, Some(3_000_000), Some(77)).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4751);
    std::fs::set_permissions(&file, mode).unwrap();
    let time = std::time::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    std::fs::File::open(&file)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn an_unreadable_layer_is_the_reason_given() {
    let (lab, docker) = (Lab::new(), engine());
    let mut spec = image_spec(&lab, &lab.base(&docker), "gone");
    spec.entries.push(LayerEntry::Tree {
        path: lab.files.path().join("gone"),
    });
    let failed = docker.make_image(&spec, &|_, _| {});
    assert!(
        matches!(failed, Err(DockerError::Layer { .. })),
        "{failed:?}"
    );
    let failed = docker.import_base(Path::new("/nowhere.tar"), "a:b", &BTreeMap::new());
    assert!(
        matches!(failed, Err(DockerError::Layer { .. })),
        "{failed:?}"
    );
}

#[test]
fn no_engine_is_an_error_of_its_own() {
    let failed = DockerSocket::connect_to(Path::new("/nowhere/docker.sock"));
    assert!(
        matches!(failed, Err(DockerError::Unreachable { .. })),
        "{failed:?}"
    );
}
