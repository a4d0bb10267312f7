//! Plans that are kept: who asks the same again, while nothing has changed, does not wait for planning.
//!
//! A plan says what its tables were when it was made: the version of the files and the rows that wait to be stored. It is used
//! again only while all of that is the same, so that an answer never depends on whether a plan was kept. Plans over anything
//! else (live tables, other systems, what says something else each time, like `now()`) are made each time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};

use crate::Question;
use crate::moment::{Moment, Seen};
use crate::united::United;

/// Most plans that are kept; then the one that was not asked for longest goes.
const MOST: usize = 64;
/// Most bytes of a query and its parameters.
const LONGEST: usize = 16 << 10;

/// What a plan depends on besides the tables.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    text: String,
    parameters: Option<RecordBatch>,
    rows: usize,
}

impl Asked {
    fn of(question: &Question) -> Option<Self> {
        let bytes = question.parameters.as_ref().map_or(0, RecordBatch::get_array_memory_size);
        (question.text.len() + bytes <= LONGEST).then(|| Self {
            text: question.text.clone(),
            parameters: question.parameters.clone(),
            rows: question.limits.rows,
        })
    }

    fn is(&self, question: &Question) -> bool {
        self.text == question.text
            && self.rows == question.limits.rows
            && self.parameters == question.parameters
    }
}

/// An optimised plan, and what it was made of.
#[derive(Debug)]
struct Kept {
    asked: Asked,
    seen: Vec<Seen>,
    plan: LogicalPlan,
}

/// The plans of the last questions, the last one at the end.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<VecDeque<Arc<Kept>>>);

impl Plans {
    /// The plan of a question, where it would be made again just so.
    pub(crate) async fn find(&self, question: &Question, moment: &Moment) -> Result<Option<LogicalPlan>> {
        let found = self.lock().iter().find(|kept| kept.asked.is(question)).cloned();
        let Some(kept) = found else { return Ok(None) };
        let still = moment.is_still(&kept.seen).await?;
        let mut all = self.lock();
        all.retain(|other| !Arc::ptr_eq(other, &kept));
        if still {
            all.push_back(kept.clone());
        }
        Ok(still.then(|| kept.plan.clone()))
    }

    /// Keeps an optimised plan whose question [`depends_on_tables_only`]. Those that saw other versions go: they would not be
    /// used again, and hold rows that waited then.
    pub(crate) fn keep(&self, question: &Question, moment: &Moment, plan: &LogicalPlan) -> Result<()> {
        let Some(asked) = Asked::of(question) else { return Ok(()) };
        let seen = moment.seen()?;
        let mut all = self.lock();
        let agree = |other: &Seen| seen.iter().all(|now| now.table != other.table || now == other);
        all.retain(|kept| kept.asked != asked && kept.seen.iter().all(agree));
        while all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(Arc::new(Kept { asked, seen, plan: plan.clone() }));
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a plan says the same as long as its tables are the same. `plan` is as the query says it: an optimised one has
/// replaced `now()` by a time.
pub(crate) fn depends_on_tables_only(plan: &LogicalPlan) -> Result<bool> {
    let mut only = true;
    plan.apply_with_subqueries(|node| {
        only &= match node {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                let provider: &dyn std::any::Any = provider.as_ref();
                provider.downcast_ref::<United>().is_some_and(United::is_here)
            }
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_) => false,
            _ => true,
        };
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                only &= match part {
                    Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Immutable,
                    _ => true,
                };
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(if only { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(only)
}
