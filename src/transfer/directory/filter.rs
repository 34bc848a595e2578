//! Which paths of a tree count: include and exclude globs.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{Error, Result};

/// Globs that are compiled.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

// ===== impl Filter =====

impl Filter {
    /// Compiles the globs. Without any to include, everything is.
    pub(super) fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        let include = match include {
            [] => None,
            globs => Some(compile("include", globs)?),
        };
        Ok(Self {
            include,
            exclude: compile("exclude", exclude)?,
        })
    }

    /// Whether a path counts. A glob that matches a directory matches all that is in it, and excluding wins.
    pub(super) fn accepts(&self, path: &str) -> bool {
        let included = match &self.include {
            None => true,
            Some(globs) => covers(globs, path),
        };
        included && !self.excludes(path)
    }

    /// Whether nothing below a directory can count, so that it need not be read.
    pub(super) fn excludes(&self, directory: &str) -> bool {
        !self.exclude.is_empty() && covers(&self.exclude, directory)
    }
}

/// Whether a path, or a directory that it is in, matches.
fn covers(globs: &GlobSet, path: &str) -> bool {
    let directories = path.match_indices('/').map(|(end, _)| &path[..end]);
    directories.chain([path]).any(|part| globs.is_match(part))
}

fn compile(option: &str, globs: &[String]) -> Result<GlobSet> {
    let wrong = |problem: globset::Error| {
        let glob = problem.glob().unwrap_or_default().to_owned();
        Error::invalid_input(format!(
            "`{option}` has the glob {glob:?}, which is not valid: {}",
            problem.kind()
        ))
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        // As in .gitignore: a name alone matches at any depth, a leading slash ties it to the top.
        let whole = glob.trim_end_matches('/');
        let text = match whole.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None if whole.contains('/') => whole.to_owned(),
            None => format!("**/{whole}"),
        };
        let glob = GlobBuilder::new(&text)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(wrong)?;
        set.add(glob);
    }
    set.build().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_names_at_any_depth_and_directories_whole() {
        let accepts = |include: &[&str], exclude: &[&str], path: &str| {
            let owned = |globs: &[&str]| {
                globs
                    .iter()
                    .map(|&glob| glob.to_owned())
                    .collect::<Vec<_>>()
            };
            Filter::new(&owned(include), &owned(exclude))
                .unwrap()
                .accepts(path)
        };
        for (include, exclude, path, expected) in [
            (&[][..], &[][..], "a/b.csv", true),
            (&["*.csv"], &[], "a/b.csv", true),
            (&["*.csv"], &[], "a/b.txt", false),
            (&["/*.csv"], &[], "b.csv", true),
            (&["/*.csv"], &[], "a/b.csv", false),
            (&["a/*.csv"], &[], "a/x/b.csv", false),
            (&["a/**/*.csv"], &[], "a/x/b.csv", true),
            (&["a"], &[], "a/x/b.csv", true),
            (&["a/"], &[], "a/x/b.csv", true),
            (&[], &["target"], "x/target/debug/a", false),
            (&[], &["target/"], "target/a", false),
            (&["*.csv"], &["tmp"], "tmp/a.csv", false),
            (&["*.{csv,json}"], &[], "a.json", true),
        ] {
            assert_eq!(
                accepts(include, exclude, path),
                expected,
                "{include:?} {exclude:?} {path}"
            );
        }
    }

    #[test]
    fn a_glob_that_is_none_is_named() {
        let error = Filter::new(&["a[".to_owned()], &[]).unwrap_err();
        assert!(error.is_invalid_input());
        assert!(
            error.to_string().contains("`include` has the glob"),
            "{error}"
        );
    }
}
