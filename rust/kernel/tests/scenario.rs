//! Drawn scenarios: their moments, their tails, and rows that depend on seed and number alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use silverbullet_kernel::{Bootstrap, ScenarioSource, Scenarios, Spread, SymmetricMatrix};

const MEAN: [f64; 4] = [0.001, -0.002, 0.0, 0.003];

/// Of rank three: the last asset is the sum of the first two.
fn covariance() -> SymmetricMatrix {
    let loads = [[2.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, -0.3, 0.1], [2.5, 1.0, 0.0]];
    SymmetricMatrix::from_lower(4, |row, column| {
        1e-4 * loads[row].iter().zip(loads[column]).map(|(a, b)| a * b).sum::<f64>()
    })
}

fn sources() -> Vec<ScenarioSource> {
    let history = Scenarios::from_row_major(2, (0..60).map(|i| f64::from(i) * 1e-3).collect()).unwrap();
    let drawn = [Bootstrap::Plain, Bootstrap::Block { length: 4 }, Bootstrap::Stationary { mean_length: 6 }];
    let mut sources: Vec<_> =
        drawn.into_iter().map(|scheme| ScenarioSource::bootstrap(history.clone(), scheme).unwrap()).collect();
    sources.push(ScenarioSource::normal(MEAN.to_vec(), &covariance()).unwrap());
    sources.push(student(Spread::Covariance(covariance()), 5.0));
    sources
}

fn student(spread: Spread, degrees: f64) -> ScenarioSource {
    ScenarioSource::student_t(MEAN.to_vec(), &spread, degrees).unwrap()
}

#[test]
fn rows_are_the_same_bits_in_whatever_ranges_they_are_drawn() {
    for source in sources() {
        let whole = source.draw(9, 0..100);
        let ranges = [0..1, 1..37, 37..38, 38..99, 99..100];
        let parts: Vec<f64> =
            ranges.into_iter().flat_map(|rows| source.draw(9, rows).as_slice().to_vec()).collect();
        assert_eq!(whole.as_slice(), parts);
        assert_ne!(source.draw(10, 0..100), whole);
        assert_eq!(source.draw(9, 5..5).rows(), 0);
    }
}

#[test]
fn normal_and_t_scenarios_have_the_moments_that_were_asked_for() {
    let scale = SymmetricMatrix::from_lower(4, |row, column| covariance().get(row, column) * 6.0 / 8.0);
    let sources = [
        ScenarioSource::normal(MEAN.to_vec(), &covariance()).unwrap(),
        student(Spread::Covariance(covariance()), 8.0),
        student(Spread::Scale(scale), 8.0),
    ];
    for source in sources {
        let problem = source.draw(4, 0..200_000).problem().unwrap();
        for row in 0..4 {
            let deviation = covariance().diagonal(row).sqrt();
            assert!((problem.mean()[row] - MEAN[row]).abs() < 0.01 * deviation);
            for column in 0..4 {
                let unit = deviation * covariance().diagonal(column).sqrt();
                let error = problem.covariance().get(row, column) - covariance().get(row, column);
                assert!(error.abs() < 0.02 * unit, "({row}, {column}): {}", error / unit);
            }
        }
    }
    // What is singular stays so, row by row.
    let drawn = sources_row(&ScenarioSource::normal(MEAN.to_vec(), &covariance()).unwrap());
    let centred: Vec<f64> = drawn.iter().zip(MEAN).map(|(value, mean)| value - mean).collect();
    assert!((centred[0] + centred[1] - centred[3]).abs() < 1e-15, "{centred:?}");
}

fn sources_row(source: &ScenarioSource) -> Vec<f64> {
    source.draw(1, 17..18).row(0).to_vec()
}

#[test]
fn fewer_degrees_of_freedom_have_fatter_tails() {
    let kurtosis = |source: &ScenarioSource| {
        let drawn = source.draw(2, 0..200_000);
        let moment = |power: i32| {
            (0..drawn.rows()).map(|row| (drawn.row(row)[0] - MEAN[0]).powi(power)).sum::<f64>() / 200_000.0
        };
        moment(4) / moment(2).powi(2)
    };
    // 3 + 6 / (ν − 4).
    assert!((kurtosis(&student(Spread::Covariance(covariance()), 10.0)) - 4.0).abs() < 0.2);
    assert!((kurtosis(&student(Spread::Covariance(covariance()), 1e7)) - 3.0).abs() < 0.06);
}

#[test]
fn invalid_sources_name_their_parameter() {
    let student = |degrees| {
        ScenarioSource::student_t(MEAN.to_vec(), &Spread::Covariance(covariance()), degrees)
            .unwrap_err()
            .to_string()
    };
    for degrees in [2.0, -1.0, f64::NAN] {
        assert!(student(degrees).starts_with("degrees of freedom"));
    }
    let normal = |mean: Vec<f64>, matrix: &SymmetricMatrix| {
        ScenarioSource::normal(mean, matrix).unwrap_err().to_string()
    };
    assert!(normal(vec![0.0; 3], &covariance()).starts_with("covariance"));
    assert!(normal(vec![f64::INFINITY; 4], &covariance()).starts_with("mean"));
    let negative = SymmetricMatrix::from_row_major(1, vec![-1.0]).unwrap();
    assert!(normal(vec![0.0], &negative).contains("semi-definite"));
    let history = Scenarios::from_row_major(1, vec![0.1]).unwrap();
    let none = ScenarioSource::bootstrap(history.clone(), Bootstrap::Stationary { mean_length: 0 });
    assert!(none.unwrap_err().to_string().starts_with("mean block length"));
    let empty = ScenarioSource::bootstrap(history, Bootstrap::Plain).unwrap().draw(1, 3..3);
    assert!(empty.problem().unwrap_err().to_string().starts_with("returns"));
    assert!(
        ScenarioSource::bootstrap(empty, Bootstrap::Plain).unwrap_err().to_string().starts_with("window")
    );
}
