//! The sample data that a repository can be created with.

use std::fmt::Write as _;

use crate::testing::memory::error::Failure;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::{Handle, Server};
use crate::testing::memory::state::{CommitParams, Entry, EntryData};

const CONTENT_TYPE: &str = "application/octet-stream";

/// What a real server brings along besides its README: path, MD5, size. These objects are listed and have their facts, but
/// no bytes (reading them answers 410): three megabytes of pictures are not worth carrying for a test.
const FILES: &[(&str, &str, i64)] = &[
    (
        "data/lakes.source.md",
        "20aea0a00ecac19808bf552362a4568d",
        531,
    ),
    (
        "images/commit-change-02.png",
        "8903a13069299ca842ee8c40c8e8b518",
        64_400,
    ),
    (
        "images/commit-change.png",
        "0fc2f8a0fe17726a737dff0657c704b2",
        98_801,
    ),
    (
        "images/create-lakefs-branch.png",
        "c04d226ff19e09f5ec0a3e59c8814b04",
        56_244,
    ),
    (
        "images/duckdb-editor-02.png",
        "f2a580b87a1d0d6b18d92413864ceb6c",
        103_159,
    ),
    (
        "images/duckdb-editor-03.png",
        "c4309b8e0a5541f557db99a7b0eb8077",
        75_856,
    ),
    (
        "images/duckdb-editor-04.png",
        "c67063c1bb33836d33acb1e9d19edf8a",
        90_416,
    ),
    (
        "images/duckdb-editor-05.png",
        "41236fbc35e166a5ea1dfcb4529a6a9a",
        65_491,
    ),
    (
        "images/duckdb-editor-06.png",
        "48cf25df1f9398c5fe73e8701bf5b306",
        87_917,
    ),
    (
        "images/duckdb-main-01.png",
        "b5d6c58ea5831fd12a46ec587862aee7",
        206_854,
    ),
    (
        "images/duckdb-main-02.png",
        "2f854d85bbc719f17c9f8e61e995b64b",
        239_562,
    ),
    (
        "images/duckdb-main-03.png",
        "5c40d932e5de30b31cb8c7a02b80a99f",
        207_500,
    ),
    (
        "images/hooks-00.png",
        "0945eaf24478ecf62f94c192dec56cc2",
        182_449,
    ),
    (
        "images/hooks-01.png",
        "3804b7346ec2a31abdcfd61ded42a071",
        172_126,
    ),
    (
        "images/hooks-02.png",
        "24ee22ff42b18b3f0c76a8bc16ac309c",
        151_005,
    ),
    (
        "images/hooks-03.png",
        "413dedf7f34b2d661dfa0fdd56b47449",
        182_781,
    ),
    (
        "images/hooks-04.png",
        "79d7d57638dac35cac17667a22cd3215",
        170_310,
    ),
    (
        "images/hooks-05.png",
        "8d92a0950b43ec263037784e7b136a77",
        139_441,
    ),
    (
        "images/hooks-06.png",
        "1af8c12d20c9a7d7c1f9c2c25d2db6a1",
        146_623,
    ),
    (
        "images/hooks-07.png",
        "ec4f4460b822c39563d117bf2b5a4b52",
        142_944,
    ),
    (
        "images/hooks-08.png",
        "f08d60433733dae3b1eb0419ee90f257",
        218_911,
    ),
    (
        "images/merge01.png",
        "50effe5d7e4b3b297242f1f6e450f329",
        92_301,
    ),
    (
        "images/merge02.png",
        "beb778e05f8e6527358c39d509cbb454",
        70_169,
    ),
    (
        "images/quickstart-step-01-query.png",
        "4dbe85cb77a2075332a614575d712bfa",
        3_881,
    ),
    (
        "images/quickstart-step-02-branch.png",
        "94e261a34e6024ee02807344d358a532",
        3_115,
    ),
    (
        "images/quickstart-step-03-merge.png",
        "86d8f3a6eb2c498e7789d91002b0e143",
        3_542,
    ),
    (
        "images/quickstart-step-04-rollback.png",
        "f447d19db3d35f3e64310ef35464005a",
        3_305,
    ),
    (
        "images/quickstart-step-05-actions.png",
        "823b5d57e17909cb08af9aea2f5bb9dd",
        3_750,
    ),
    (
        "images/repo-contents.png",
        "7fa5e694acbeda26eac2c107605a8b0a",
        232_401,
    ),
    (
        "images/waving-axolotl-transparent-w90.gif",
        "4df1e0f407290705329fe90533457006",
        22_922,
    ),
    ("lakes.parquet", "48e04a4c072acdcf932ee6c43f46ef14", 916_393),
];

/// The README names the repository and its default branch many times; so long is the rest of it, as recorded.
const README_BYTES: usize = 29_040;
const REPOSITORY_NAMED: usize = 46;
const BRANCH_NAMED: usize = 60;

/// Commits the sample data to the default branch, and protects that.
pub(super) fn add(server: &Server, call: &Call, handle: &Handle) -> Result<(), Failure> {
    let repository = handle.read();
    let (branch, namespace) = (&repository.default_branch, &repository.storage_namespace);
    let entry = |address, checksum: String, size: i64| {
        Entry::new(EntryData {
            checksum,
            size,
            address,
            modified: server.now(),
            content_type: CONTENT_TYPE.into(),
            metadata: Default::default(),
        })
    };
    let text = readme(&repository.name, branch);
    let size = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let address = server.ids.address();
    let checksum = server.storage.put(namespace, &address, text.into());
    let readme = entry(address, checksum, size);
    let files = FILES.iter().map(|(path, checksum, size)| {
        (
            *path,
            entry(server.ids.address(), (*checksum).into(), *size),
        )
    });
    let objects: Vec<_> = files.chain([("README.md", readme)]).collect();
    let params = CommitParams {
        committer: call.committer(),
        message: "Add sample data".into(),
        metadata: Default::default(),
        created: server.now(),
        allow_empty: false,
        force: false,
    };
    let added = handle.write(|repository| {
        for (path, entry) in objects {
            repository.put(branch, path.into(), entry, false, false)?;
        }
        repository.commit_staged(branch, params, || server.ids.run(server.now()))?;
        repository.protect(branch);
        Ok(())
    });
    Ok(added.map_err(|error| error.context("error populating sample repository"))?)
}

/// Not the real text, but it begins like it and is as long.
fn readme(repository: &str, branch: &str) -> String {
    let length = README_BYTES + REPOSITORY_NAMED * repository.len() + BRANCH_NAMED * branch.len();
    let mut text = String::from(
        "# Welcome to the Lake!\n\n![Waving Axolotl](images/waving-axolotl-transparent-w90.gif)\n\n\
         **lakeFS brings branches, commits and merges to your data.**\n\n",
    );
    // Writing to a string never fails.
    let _ = writeln!(
        text,
        "This is `{repository}`, a repository of a lakeFS in memory. Its branch `{branch}` is protected: fork it, change \
         the fork, and merge it back."
    );
    text.extend(std::iter::repeat_n('\n', length.saturating_sub(text.len())));
    text
}
