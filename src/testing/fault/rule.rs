use super::Fault;

/// When a fault happens by chance: how often, to which operations, and how often in a row.
///
/// ```
/// use lakefs_sdk::testing::{Fault, FaultLayer, fault::Rule};
///
/// // Now and then the server is overloaded for ten requests.
/// let overload = Fault::Status { status: 429, retry_after: Some(std::time::Duration::from_secs(1)) };
/// let faults = FaultLayer::new(7)
///     .rule(Rule::new(overload).probability(0.01).burst(10).except(["login"]))
///     .rule(Rule::new(Fault::ResetAfter).only(["commit", "mergeIntoBranch"]).at_most(1));
/// assert_eq!(faults.injected().len(), 0);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing until a layer has it"]
pub struct Rule {
    pub(super) fault: Fault,
    pub(super) probability: f64,
    pub(super) burst: u32,
    pub(super) most: Option<usize>,
    only: Option<Vec<String>>,
    except: Vec<String>,
}

// ===== impl Rule =====

impl Rule {
    /// The fault happens to every request.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            probability: 1.0,
            burst: 1,
            most: None,
            only: None,
            except: Vec::new(),
        }
    }

    /// How likely it is, from 0 to 1. Default: 1.
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    /// How many requests in a row it happens to, once it happens: a storm. Default: 1.
    pub fn burst(mut self, requests: u32) -> Self {
        self.burst = requests;
        self
    }

    /// How often it happens at most. Default: without end.
    pub fn at_most(mut self, times: usize) -> Self {
        self.most = Some(times);
        self
    }

    /// Only requests of these operations, by their ids. Default: all, and requests of none.
    pub fn only(mut self, operations: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = Some(operations.into_iter().map(Into::into).collect());
        self
    }

    /// No requests of these operations. Default: none is left out.
    pub fn except(mut self, operations: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.except = operations.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn is_about(&self, operation: Option<&str>) -> bool {
        let listed =
            |list: &[String]| operation.is_some_and(|id| list.iter().any(|name| name == id));
        self.only.as_deref().is_none_or(listed) && !listed(&self.except)
    }
}
