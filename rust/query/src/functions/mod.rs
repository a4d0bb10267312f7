//! Functions SQL does not have by itself, and those it has that are left out.

mod annualised;
pub(crate) mod bounded;
mod join_text;
pub(crate) mod optimise;
mod portfolio_return;

use datafusion::logical_expr::ScalarUDF;

use crate::catalog::FunctionInfo;

/// Functions whose result can be larger than any memory whatever they are given, `repeat('x', 1e18)`, or that
/// put a value in many places, or, `encode`, that double it each time they are nested and are folded anew each time.
/// Table functions of the same names give rows one batch at a time and stay.
pub(crate) const LEFT_OUT: [&str; 19] = [
    "array_repeat",
    "array_replace",
    "array_replace_all",
    "array_replace_n",
    "array_resize",
    "encode",
    "generate_series",
    "gen_series",
    "list_repeat",
    "list_replace",
    "list_replace_all",
    "list_replace_n",
    "list_resize",
    "lpad",
    "range",
    "repeat",
    "rpad",
    "space",
    "overlay",
];

/// The same, of those that take a function.
pub(crate) const LEFT_OUT_OF_HIGHER_ORDER: [&str; 2] = ["array_transform", "list_transform"];

/// The functions this crate adds.
pub(crate) fn all() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::from(annualised::Annualised::value()),
        ScalarUDF::from(annualised::Annualised::risk()),
        ScalarUDF::from(portfolio_return::PortfolioReturn::new()),
    ]
}

/// What they do.
pub(crate) fn documentation() -> Vec<FunctionInfo> {
    let info = |name: &str, signature: &str, comment: &str| FunctionInfo {
        name: name.to_owned(),
        signature: signature.to_owned(),
        comment: comment.to_owned(),
    };
    let scalar = vec![
        info(
            "annualised",
            "annualised(value, interval)",
            "value per bar times the bars of a year of 365 days: for means and other returns, not compounded; \
             interval is text such as '1m', an INTERVAL, or seconds",
        ),
        info(
            "annualised_risk",
            "annualised_risk(value, interval)",
            "value per bar times the square root of the bars of a year of 365 days: for risks, volatilities and \
             Sharpe ratios, where the returns of bars do not depend on each other",
        ),
        info(
            "portfolio_return",
            "portfolio_return(weights, returns)",
            "sum of weight times return over the assets of the map weights; null where an asset with a weight \
             other than zero has no return in the map returns",
        ),
    ];
    scalar.into_iter().chain(optimise::documentation()).collect()
}
