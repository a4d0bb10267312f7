//! Functions SQL does not have by itself, and those it has that are left out.

mod annualised;
mod portfolio_return;

use datafusion::logical_expr::ScalarUDF;

use crate::catalog::FunctionInfo;

/// Functions whose result can be larger than any memory whatever they are given: `repeat('x', 1e18)`. Table
/// functions of the same names give rows one batch at a time and stay.
pub(crate) const LEFT_OUT: [&str; 12] = [
    "array_repeat",
    "array_resize",
    "generate_series",
    "gen_series",
    "list_repeat",
    "list_resize",
    "lpad",
    "range",
    "repeat",
    "rpad",
    "space",
    "overlay",
];

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
    vec![
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
    ]
}
