//! Which variants a query sees: the newest of each universe, unless it chooses by itself.
//!
//! The newest variant of a universe is chosen once a query, for all tables: that of a running engine; else the
//! one with rows in some table whose last run started last, whatever the dates of its rows; where no run is
//! known of any, the one with the latest time in any table, by the statistics of files and by what is not
//! stored yet. A table that has no rows of it shows none. Filtering by `variant` in any way (`variant = '…'`,
//! `variant IN (…)`, `variant LIKE '%'`, in `WHERE` or `HAVING`, in the query itself or one around it) reaches
//! all of them; merely setting the variants of two tables equal does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, TableReference};
use datafusion::config::ConfigOptions;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;
use silverbullet_store::Table;

use crate::united::United;

const VARIANT: &str = "variant";

/// The column that says how new a row is.
pub(crate) fn time_column(table: Table) -> Option<&'static str> {
    match table {
        Table::Bars => Some("close_time"),
        Table::Portfolios | Table::Frontiers | Table::Assets | Table::Events => Some("as_of"),
        Table::Latency | Table::Runs | Table::Backtests => None,
    }
}

/// Latest time (microseconds) of each variant of each universe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Newest(BTreeMap<String, BTreeMap<String, i64>>);

impl Newest {
    pub(crate) fn see(&mut self, universe: &str, variant: &str, time: i64) {
        let variants = self.0.entry(universe.to_owned()).or_default();
        let latest = variants.entry(variant.to_owned()).or_insert(time);
        *latest = time.max(*latest);
    }

    pub(crate) fn universes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Universe and variant, of each variant.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(universe, variants)| {
            variants.keys().map(move |variant| (universe.as_str(), variant.as_str()))
        })
    }

    pub(crate) fn has(&self, universe: &str, variant: &str) -> bool {
        self.0.get(universe).is_some_and(|variants| variants.contains_key(variant))
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (universe, variants) in &other.0 {
            for (variant, time) in variants {
                self.see(universe, variant, *time);
            }
        }
    }

    /// The variant with the latest time, of equal ones the last by name.
    pub(crate) fn latest(&self, universe: &str) -> Option<&str> {
        let variants = self.0.get(universe)?.iter();
        variants.max_by_key(|(variant, time)| (**time, *variant)).map(|(variant, _)| variant.as_str())
    }
}

/// When the last run of each variant of each universe started, in microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs(Newest);

impl Runs {
    pub(crate) fn see(&mut self, universe: &str, variant: &str, started: i64) {
        self.0.see(universe, variant, started);
    }

    pub(crate) fn universes(&self) -> impl Iterator<Item = &str> {
        self.0.universes()
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.0.join(&other.0);
    }

    /// Variants, that of the last run first.
    pub(crate) fn newest_first(&self, universe: &str) -> Vec<&str> {
        let mut variants: Vec<(i64, &str)> = self.0.0.get(universe).map_or_else(Vec::new, |variants| {
            variants.iter().map(|(variant, started)| (*started, variant.as_str())).collect()
        });
        variants.sort_unstable_by(|left, right| right.cmp(left));
        variants.into_iter().map(|(_, variant)| variant).collect()
    }
}

/// The variants a scan reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// Every one.
    All,
    /// Pairs of universe and variant.
    These(BTreeSet<(String, String)>),
}

impl Chosen {
    pub(crate) fn takes(&self, universe: &str, variant: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(pairs) => pairs.contains(&(universe.to_owned(), variant.to_owned())),
        }
    }
}

/// Lets united tables show all variants where a filter above them chooses by variant.
#[derive(Debug)]
pub(crate) struct ReachVariants;

impl AnalyzerRule for ReachVariants {
    fn name(&self) -> &str {
        "reach_variants"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Filter(filter) => reach_below(filter),
            other => Ok(Transformed::no(other)),
        })
        .map(|transformed| transformed.data)
    }
}

fn reach_below(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let mut qualifiers = BTreeSet::new();
    for part in split_conjunction(&filter.predicate) {
        collect_qualifiers(part, &mut qualifiers)?;
    }
    if qualifiers.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let input = reach(Arc::unwrap_or_clone(filter.input), &qualifiers)?;
    Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(filter.predicate, Arc::new(input))?)))
}

/// Qualifiers of the variant columns that a predicate chooses by.
fn collect_qualifiers(predicate: &Expr, qualifiers: &mut BTreeSet<Option<String>>) -> Result<()> {
    if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = predicate
        && let (Expr::Column(left), Expr::Column(right)) = (left.as_ref(), right.as_ref())
        && left.name == VARIANT
        && right.name == VARIANT
    {
        return Ok(());
    }
    let qualifier = |column: &Column| column.relation.as_ref().map(TableReference::to_string);
    predicate.apply(|expression| {
        match expression {
            Expr::Column(column) if column.name == VARIANT => {
                qualifiers.insert(qualifier(column));
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Replaces the united tables that `qualifiers` name; an alias stands for all that is below it.
fn reach(plan: LogicalPlan, qualifiers: &BTreeSet<Option<String>>) -> Result<LogicalPlan> {
    let everything = qualifiers.contains(&None);
    let rewritten = plan.transform_down(|node| match node {
        LogicalPlan::SubqueryAlias(alias) => {
            let named = everything || qualifiers.contains(&Some(alias.alias.to_string()));
            let node = LogicalPlan::SubqueryAlias(alias);
            // Names below an alias are its own business.
            let node = if named { node.transform_down(show_all)?.data } else { node };
            Ok(Transformed::new(node, named, TreeNodeRecursion::Jump))
        }
        LogicalPlan::TableScan(scan) => {
            if everything || qualifiers.contains(&Some(scan.table_name.to_string())) {
                show_all(LogicalPlan::TableScan(scan))
            } else {
                Ok(Transformed::no(LogicalPlan::TableScan(scan)))
            }
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(rewritten.data)
}

fn show_all(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
    let Ok(provider) = source_as_provider(&scan.source) else {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
    };
    let provider: &dyn std::any::Any = provider.as_ref();
    let Some(united) = provider.downcast_ref::<United>() else {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
    };
    scan.source = provider_as_source(Arc::new(united.all()));
    Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
}
