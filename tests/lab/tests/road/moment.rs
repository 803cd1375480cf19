//! Something that happens at one moment of a run: beside it, seen in its journal.

use crate::world::GROUP;

/// A record of the journal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Record {
    Started,
    Done,
}

/// Returns a shell command that does something at one moment of the run that follows it, beside that run.
///
/// The journal's first record lists the steps by their ids, the later ones count them.
pub(crate) fn once(record: Record, step: &str, act: &str) -> String {
    let name = match record {
        Record::Started => "started",
        Record::Done => "done",
    };
    let journal = format!("/var/lib/ocmigrate/groups/{GROUP}/journal.jsonl");
    format!(
        "rm -f {journal}; (set +e +o pipefail; for i in $(seq 60000); do \
         n=$(head -n 1 {journal} 2> /dev/null | grep -o '\"steps\":\\[[^]]*' | cut -d[ -f2 | tr , '\\n' \
         | grep -n '\"{step}\"' | cut -d: -f1); \
         [ -n \"$n\" ] && grep -q '\"record\":\"{name}\",\"step\":'$((n - 1))'[,}}]' {journal} && break; \
         sleep 0.02; done; {act}) > /root/moment.txt 2>&1 &"
    )
}
