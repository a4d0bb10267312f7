//! What a client asks for in the query string, and what is wrong with it.

use std::fmt::Display;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use crate::problem::Problem;

/// What axum makes of a query string.
pub(crate) type Asked<T> = Result<Query<T>, QueryRejection>;

/// The parameters, or what is wrong with them.
pub(crate) fn parameters<T>(asked: Asked<T>) -> Result<T, Problem> {
    asked.map(|Query(parameters)| parameters).map_err(|error| Problem::bad_request(error.body_text()))
}

/// `number` where it is from 1 to `most`; the parameter `name` has it.
pub(crate) fn within<N: Copy + Display + PartialOrd + From<u8>>(
    name: &str,
    number: N,
    most: N,
) -> Result<N, Problem> {
    if (N::from(1)..=most).contains(&number) {
        return Ok(number);
    }
    Err(Problem::bad_request(format!("{name}={number}: it is a number from 1 to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_from_one_to_the_most() {
        assert_eq!(
            [1_usize, 7, 10].map(|number| within("limit", number, 10).ok()),
            [Some(1), Some(7), Some(10)]
        );
        assert!([0_usize, 11].iter().all(|&number| within("limit", number, 10).is_err()));
    }
}
