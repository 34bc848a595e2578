//! [`Model`]: what lakeFS should be like after what it has done, written a second time and as simply as it goes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    plan::{Act, CallId, MAIN},
    witness::Served,
};

/// What a branch or a tag shows: the call that wrote what is at a path.
pub(crate) type Tree = BTreeMap<String, CallId>;

pub(crate) struct Model {
    pub(crate) commits: Vec<Commit>,
    pub(crate) branches: BTreeMap<String, Branch>,
    /// To a place in `commits`.
    pub(crate) tags: BTreeMap<String, usize>,
    /// What was to be seen when, by branch or tag and path.
    timeline: HashMap<(String, String), Vec<Change>>,
}

/// From here on this was to be seen.
#[derive(Clone, Copy)]
struct Change {
    at: usize,
    shown: Option<CallId>,
}

pub(crate) struct Commit {
    pub(crate) id: String,
    parents: Vec<usize>,
    tree: Tree,
}

#[derive(Clone)]
pub(crate) struct Branch {
    head: usize,
    staged: BTreeMap<String, Option<CallId>>,
}

// ===== impl Model =====

impl Model {
    /// A repository with its first commit, and the branches that point to it.
    pub(crate) fn new(first: &str, branches: &[&str]) -> Self {
        let commit = Commit {
            id: first.to_owned(),
            parents: Vec::new(),
            tree: Tree::new(),
        };
        let branch = Branch {
            head: 0,
            staged: BTreeMap::new(),
        };
        let named = |name: &&str| ((*name).to_owned(), branch.clone());
        Self {
            commits: vec![commit],
            branches: branches.iter().map(named).collect(),
            tags: BTreeMap::new(),
            timeline: HashMap::new(),
        }
    }

    /// Follows the server, which did what a call asked for as the `at`th thing.
    pub(crate) fn follow(&mut self, at: usize, act: &Act, served: &Served) -> Result<(), String> {
        if !served.status.is_success() {
            return Ok(());
        }
        let changed = match act {
            Act::List { .. } | Act::Get { .. } => return Ok(()),
            Act::Upload {
                branch,
                path,
                if_absent,
                ..
            } => {
                let shown = self.shown(branch)?;
                if *if_absent && shown.contains_key(*path) {
                    return Err(format!("{path} was there, and was overwritten"));
                }
                self.stage(branch, path, Some(served.call))?;
                *branch
            }
            Act::Delete { branch, path } => {
                self.stage(branch, path, None)?;
                branch
            }
            Act::Commit { branch, .. } => {
                let head = self.branch(branch)?.head;
                let tree = self.shown(branch)?;
                self.advance(branch, id_in(served)?, vec![head], tree)?;
                branch
            }
            Act::CreateBranch { name } => {
                let head = self.branch(MAIN)?.head;
                let staged = BTreeMap::new();
                let branch = Branch { head, staged };
                if self.branches.insert((*name).to_owned(), branch).is_some() {
                    return Err(format!("{name} was there, and was created"));
                }
                name
            }
            Act::CreateTag { name, source } => {
                let head = self.branch(source)?.head;
                if self.tags.insert((*name).to_owned(), head).is_some() {
                    return Err(format!("{name} was there, and was created"));
                }
                name
            }
            Act::Merge {
                source, strategy, ..
            } => {
                let (ours, theirs) = (self.branch(MAIN)?.head, self.branch(source)?.head);
                if !self.branch(MAIN)?.staged.is_empty() {
                    return Err("a merge into what was not committed".to_owned());
                }
                let tree = self.merged(ours, theirs, *strategy)?;
                self.advance(MAIN, id_in(served)?, vec![ours, theirs], tree)?;
                MAIN
            }
        };
        self.note(at, changed);
        Ok(())
    }

    /// What a branch or tag shows; nothing where there is none of the name.
    pub(crate) fn tree(&self, reference: &str) -> Tree {
        match self.tags.get(reference) {
            Some(commit) => self.commits[*commit].tree.clone(),
            None => self.shown(reference).unwrap_or_default(),
        }
    }

    /// The ids of a branch's head and of all that came before it.
    pub(crate) fn log(&self, branch: &Branch) -> BTreeSet<&str> {
        let ancestors = self.ancestors(branch.head).into_iter();
        ancestors.map(|at| self.commits[at].id.as_str()).collect()
    }

    pub(crate) fn head(&self, branch: &Branch) -> &str {
        &self.commits[branch.head].id
    }

    /// What could be seen at a path while the server went from `start` to `end`.
    pub(crate) fn seen(
        &self,
        reference: &str,
        path: &str,
        (start, end): (usize, usize),
    ) -> Vec<Option<CallId>> {
        let changes = self.timeline.get(&(reference.to_owned(), path.to_owned()));
        let changes = changes.map_or(&[][..], Vec::as_slice);
        let before = changes.iter().take_while(|change| change.at < start);
        let during = changes
            .iter()
            .filter(|change| (start..end).contains(&change.at));
        let first = before.last().and_then(|change| change.shown);
        let during = during.map(|change| change.shown);
        std::iter::once(first).chain(during).collect()
    }

    /// All paths that were ever seen in a branch or tag.
    pub(crate) fn paths(&self, reference: &str) -> impl Iterator<Item = &str> {
        let places = self.timeline.keys().filter(move |(of, _)| of == reference);
        places.map(|(_, path)| path.as_str())
    }

    /// Whether what a call wrote was ever seen.
    pub(crate) fn ever_seen(&self, call: CallId) -> bool {
        let mut changes = self.timeline.values().flatten();
        changes.any(|change| change.shown == Some(call))
    }

    fn branch(&self, name: &str) -> Result<&Branch, String> {
        let branch = self.branches.get(name);
        branch.ok_or_else(|| format!("there is no branch {name}, and it was used"))
    }

    fn shown(&self, branch: &str) -> Result<Tree, String> {
        let branch = self.branch(branch)?;
        let mut tree = self.commits[branch.head].tree.clone();
        for (path, staged) in &branch.staged {
            match staged {
                Some(call) => tree.insert(path.clone(), *call),
                None => tree.remove(path),
            };
        }
        Ok(tree)
    }

    fn stage(&mut self, branch: &str, path: &str, shown: Option<CallId>) -> Result<(), String> {
        let committed = self.commits[self.branch(branch)?.head].tree.get(path);
        // What is as it was committed is no change.
        let is_change = committed.copied() != shown;
        let Some(branch) = self.branches.get_mut(branch) else {
            return Ok(());
        };
        if is_change {
            branch.staged.insert(path.to_owned(), shown);
        } else {
            branch.staged.remove(path);
        }
        Ok(())
    }

    fn advance(
        &mut self,
        branch: &str,
        id: String,
        parents: Vec<usize>,
        tree: Tree,
    ) -> Result<(), String> {
        if self.commits.iter().any(|commit| commit.id == id) {
            return Err(format!("the id {id} was given twice"));
        }
        self.commits.push(Commit { id, parents, tree });
        if let Some(branch) = self.branches.get_mut(branch) {
            branch.head = self.commits.len() - 1;
            branch.staged.clear();
        }
        Ok(())
    }

    fn merged(&self, ours: usize, theirs: usize, strategy: Option<&str>) -> Result<Tree, String> {
        // Drafts are merged into `main` and never the other way, so that the latest common ancestor is the best.
        let common = &self.ancestors(ours) & &self.ancestors(theirs);
        let base = common.last().ok_or("a merge without a base")?;
        let [ours, theirs, base] = [ours, theirs, *base].map(|at| &self.commits[at].tree);
        let mut merged = ours.clone();
        let paths: BTreeSet<&String> = theirs.keys().chain(base.keys()).collect();
        for path in paths {
            let [our, their, was] = [ours, theirs, base].map(|tree| tree.get(path));
            if their == was || their == our {
                continue;
            }
            match strategy {
                None if our != was => return Err(format!("a merge in spite of {path}")),
                Some("dest-wins") if our != was => {}
                _ => match their {
                    Some(call) => drop(merged.insert(path.clone(), *call)),
                    None => drop(merged.remove(path)),
                },
            }
        }
        Ok(merged)
    }

    fn ancestors(&self, of: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut left = vec![of];
        while let Some(at) = left.pop() {
            if found.insert(at) {
                left.extend(&self.commits[at].parents);
            }
        }
        found
    }

    /// Writes down what is different since the last time.
    fn note(&mut self, at: usize, reference: &str) {
        let tree = self.tree(reference);
        let known: BTreeSet<String> = self.paths(reference).map(str::to_owned).collect();
        for path in known.iter().chain(tree.keys()) {
            let place = (reference.to_owned(), path.clone());
            let changes = self.timeline.entry(place).or_default();
            let shown = tree.get(path).copied();
            if changes.last().and_then(|last| last.shown) != shown {
                changes.push(Change { at, shown });
            }
        }
    }
}

/// The id of the commit that the server says it made, or made a name for.
pub(crate) fn id_in(served: &Served) -> Result<String, String> {
    let text = String::from_utf8_lossy(&served.body);
    let Ok(answer) = serde_json::from_str::<serde_json::Value>(&text) else {
        // `createBranch` answers the bare id.
        return Ok(text.into_owned());
    };
    // A tag's `id` is its name.
    let mut names = ["commit_id", "reference", "id"].iter();
    let id = names.find_map(|name| answer.get(name)?.as_str());
    id.map(str::to_owned)
        .ok_or_else(|| format!("no id of a commit in {answer}"))
}
