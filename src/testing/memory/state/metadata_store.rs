//! What a server keeps in the object store beside the objects: metaranges, dumps of refs, garbage collection rules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::dump::Refs;
use super::retention::RetentionRules;
use super::tree::Tree;

/// The `_lakefs/` of one storage namespace. Repositories over the same namespace share it: that is how refs dumped from one
/// are restored into another.
#[derive(Clone, Default)]
pub(in super::super) struct MetadataStore(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// By metarange id.
    trees: HashMap<String, Tree>,
    /// By metarange id.
    dumps: HashMap<String, Arc<Refs>>,
    retention: Option<RetentionRules>,
}

impl std::fmt::Debug for MetadataStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetadataStore").finish_non_exhaustive()
    }
}

impl MetadataStore {
    pub(super) fn keep_tree(&self, metarange_id: &str, tree: &Tree) {
        if !metarange_id.is_empty() {
            self.lock()
                .trees
                .insert(metarange_id.to_owned(), tree.clone());
        }
    }

    /// The objects of a metarange. The one without an id has none.
    pub(super) fn tree(&self, metarange_id: &str) -> Option<Tree> {
        if metarange_id.is_empty() {
            return Some(Tree::default());
        }
        self.lock().trees.get(metarange_id).cloned()
    }

    pub(super) fn keep_dump(&self, metarange_id: &str, refs: Refs) {
        self.lock()
            .dumps
            .insert(metarange_id.to_owned(), Arc::new(refs));
    }

    pub(super) fn dump(&self, metarange_id: &str) -> Option<Arc<Refs>> {
        self.lock().dumps.get(metarange_id).cloned()
    }

    pub(super) fn retention(&self) -> Option<RetentionRules> {
        self.lock().retention.clone()
    }

    pub(super) fn set_retention(&self, rules: Option<RetentionRules>) {
        self.lock().retention = rules;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
