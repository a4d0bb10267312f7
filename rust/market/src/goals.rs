//! What the objectives of a universe are asked with: their parameters, and the goal each makes of a window.
//!
//! Parameters are per bar, as the moments are. One that no listed objective uses counts for nothing, not even for
//! the [`variant`](crate::Universe::variant).

use serde::{Deserialize, Deserializer};
use silverbullet_kernel::objective::CVAR_LEVEL;
use silverbullet_kernel::{Goal, Objective, Scenarios};

use crate::moments::ReturnMatrix;
use crate::universe::UniverseSettings;

/// What a parameter is called that is not set.
const UNSET: &str = "none";

/// The parameters of the objectives that have one; `None` where no listed objective uses it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GoalParameters {
    /// Of `utility`: λ in `mean − λ·risk²/2`, per unit of return per bar.
    pub risk_aversion: Option<f64>,
    /// Of `target-risk`: the most risk, per bar.
    pub target_risk: Option<f64>,
    /// Of `target-return`: the least mean, per bar.
    pub target_return: Option<f64>,
    /// Of `min-cvar`: the share of bars that are better than the worst ones counted.
    pub cvar_level: Option<f64>,
}

impl GoalParameters {
    /// Those of `settings` that its objectives use, checked.
    ///
    /// # Errors
    /// A parameter that is missing or cannot be met: the setting, and what would be right.
    pub(crate) fn resolve(settings: &UniverseSettings) -> Result<Self, (&'static str, String)> {
        let mut used = Self::default();
        for &objective in &settings.objectives {
            match objective {
                Objective::Utility => {
                    used.risk_aversion =
                        Some(needed(objective, "risk_aversion", settings.risk_aversion, "5.0")?);
                }
                Objective::TargetRisk => {
                    used.target_risk = Some(needed(objective, "target_risk", settings.target_risk, "0.001")?);
                }
                Objective::TargetReturn => {
                    used.target_return =
                        Some(needed(objective, "target_return", settings.target_return, "0.0001")?);
                }
                Objective::MinCvar => used.cvar_level = Some(settings.cvar_level.unwrap_or(CVAR_LEVEL)),
                _ => {}
            }
        }
        used.check()?;
        Ok(used)
    }

    /// By the goals themselves, so that what is allowed is said in one place.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let one = || Scenarios::from_row_major(1, vec![0.0]);
        let refused = |setting, goal: silverbullet_kernel::Result<Goal>| {
            goal.map(|_| ()).map_err(|error| (setting, error.to_string()))
        };
        if let Some(aversion) = self.risk_aversion {
            refused("risk_aversion", Goal::utility(aversion))?;
        }
        if let Some(risk) = self.target_risk {
            refused("target_risk", Goal::target_risk(risk))?;
        }
        if let Some(mean) = self.target_return {
            refused("target_return", Goal::target_return(mean))?;
        }
        if let Some(level) = self.cvar_level {
            refused("cvar_level", one().and_then(|scenarios| Goal::min_cvar(scenarios, level)))?;
        }
        Ok(())
    }

    /// What `objective` asks of a window: its returns are the scenarios of those measured bar by bar.
    ///
    /// # Errors
    /// Returns without a row; a parameter that is not there, which [`Universe::resolve`](crate::Universe::resolve)
    /// has refused.
    pub fn goal(&self, objective: Objective, returns: &ReturnMatrix) -> silverbullet_kernel::Result<Goal> {
        let scenarios = || {
            let rows: Vec<f64> = returns.iter().flatten().copied().collect();
            Scenarios::from_row_major(returns.assets(), rows)
        };
        let missing = f64::NAN;
        match objective {
            Objective::MaxSharpe => Ok(Goal::max_sharpe()),
            Objective::MinVariance => Ok(Goal::min_variance()),
            Objective::Utility => Goal::utility(self.risk_aversion.unwrap_or(missing)),
            Objective::TargetRisk => Goal::target_risk(self.target_risk.unwrap_or(missing)),
            Objective::TargetReturn => Goal::target_return(self.target_return.unwrap_or(missing)),
            Objective::MinCvar => Goal::min_cvar(scenarios()?, self.cvar_level.unwrap_or(CVAR_LEVEL)),
            Objective::MinDrawdown => Goal::min_drawdown(scenarios()?),
            Objective::MaxDiversification => Ok(Goal::max_diversification()),
            Objective::RiskParity => Ok(Goal::risk_parity()),
        }
    }
}

fn needed(
    objective: Objective,
    setting: &'static str,
    value: Option<f64>,
    example: &str,
) -> Result<f64, (&'static str, String)> {
    value.ok_or_else(|| {
        let problem = format!(
            "{objective} needs it; set {setting}, per bar (such as {example}), or take {objective} off the objectives"
        );
        (setting, problem)
    })
}

/// A number, or `none`.
pub(crate) fn optional<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Word(String),
        Nothing,
    }
    match Written::deserialize(input)? {
        Written::Number(number) => Ok(Some(number)),
        Written::Nothing => Ok(None),
        Written::Word(word) if word == UNSET => Ok(None),
        Written::Word(word) => {
            Err(serde::de::Error::custom(format!("{word:?} is neither a number nor {UNSET:?}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::settings;

    fn refusal(settings: &UniverseSettings) -> (&'static str, String) {
        GoalParameters::resolve(settings).unwrap_err()
    }

    #[test]
    fn an_objective_without_its_parameter_is_refused_with_the_setting_and_the_remedy() {
        for (objective, setting) in [
            (Objective::Utility, "risk_aversion"),
            (Objective::TargetRisk, "target_risk"),
            (Objective::TargetReturn, "target_return"),
        ] {
            let (named, problem) = refusal(&UniverseSettings { objectives: vec![objective], ..settings() });
            assert_eq!(named, setting);
            assert!(problem.contains(setting) && problem.contains(objective.name()), "{problem}");
        }
    }

    #[test]
    fn a_parameter_that_cannot_be_met_is_refused_where_it_is_used() {
        let wrong = UniverseSettings { cvar_level: Some(1.0), ..settings() };
        assert_eq!(GoalParameters::resolve(&wrong), Ok(GoalParameters::default()));
        let used = UniverseSettings { objectives: vec![Objective::MinCvar], ..wrong };
        assert_eq!(refusal(&used).0, "cvar_level");
    }

    #[test]
    fn every_objective_makes_its_goal_of_a_window() {
        let all = UniverseSettings {
            objectives: Objective::ALL.to_vec(),
            risk_aversion: Some(3.0),
            target_risk: Some(0.01),
            target_return: Some(0.0),
            ..settings()
        };
        let parameters = GoalParameters::resolve(&all).unwrap();
        let mut returns = ReturnMatrix::new(2);
        returns.push_row(&[0.1, -0.1]);
        for objective in Objective::ALL {
            assert_eq!(parameters.goal(objective, &returns).unwrap().objective(), objective);
        }
    }

    #[test]
    fn a_parameter_is_written_as_a_number_or_as_none() {
        let read = |text: &str| optional(&mut serde_json::Deserializer::from_str(text)).map_err(|_| ());
        assert_eq!(read("0.25"), Ok(Some(0.25)));
        assert_eq!(read("3"), Ok(Some(3.0)));
        assert_eq!(read("\"none\""), Ok(None));
        assert_eq!(read("null"), Ok(None));
        assert_eq!(read("\"some\""), Err(()));
    }
}
