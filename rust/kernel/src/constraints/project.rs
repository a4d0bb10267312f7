//! The nearest feasible weights, and the proximal step with fees.
//!
//! `min ½‖w − z‖² + Σ fᵢ|wᵢ − hᵢ|` over a [`Region`]. With one multiplier for the sum, one a group, one for
//! the gross limit and one for the turnover limit, what remains falls apart into one problem an asset, which
//! is solved in closed form; the dual is smooth and concave in those few multipliers and is climbed one at a
//! time, each by a safeguarded Newton method (coordinate ascent: Luo & Tseng 1992). Multipliers are kept
//! between calls: neighbours have nearly the same. A Newton step for all of them at once follows each round.

use super::Region;

/// Rounds over all multipliers, each followed by a step for all of them at once.
const ROUNDS: usize = 40;
/// How far a point may be without being approached from near by, and by what factor it is then approached.
const NEAR: f64 = 0.05;
const OUTWARD: f64 = 2.0;
/// Newton or bisection steps for one multiplier.
const STEPS: usize = 60;
/// What counts as no violation.
const TOLERANCE: f64 = 1e-13;
/// Rounding, relative to the point.
const ROUNDING: f64 = 2e-15;

/// Projects onto one region; holds the multipliers and what it works on.
#[derive(Debug, Clone)]
pub(crate) struct Projector<'a> {
    region: &'a Region,
    sum: f64,
    groups: Vec<f64>,
    gross: f64,
    turnover: f64,
    /// z less what sum and groups take from it.
    shifted: Vec<f64>,
    weights: Vec<f64>,
}

/// Which multiplier is moved.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Row {
    Sum,
    Group(usize),
    Gross,
    Turnover,
}

impl<'a> Projector<'a> {
    pub(crate) fn new(region: &'a Region) -> Self {
        Self {
            region,
            sum: 0.0,
            groups: vec![0.0; region.groups.len()],
            gross: 0.0,
            turnover: 0.0,
            shifted: vec![0.0; region.assets()],
            weights: vec![0.0; region.assets()],
        }
    }

    /// The proximal point of `point`, with `fees` (if any) as the fᵢ. Feasible to about 1e-12 where the rounds
    /// suffice; the caller checks.
    pub(crate) fn project(&mut self, point: &[f64], fees: Option<(&[f64], f64)>) -> &[f64] {
        let size = point.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
        if !self.solve(point, fees, size) && size > NEAR {
            // From near by and out: multipliers grow with the distance, and each distance starts from the last.
            self.scale(0.0);
            let mut share = NEAR / size;
            while share < 1.0 {
                let nearer: Vec<f64> = point.iter().map(|value| share * value).collect();
                let cheaper = fees.map(|(rates, factor)| (rates, share * factor));
                self.solve(&nearer, cheaper, share * size);
                let next = (OUTWARD * share).min(1.0);
                self.scale(next / share);
                share = next;
            }
            self.solve(point, fees, size);
        }
        self.fill(fees);
        &self.weights
    }

    fn scale(&mut self, factor: f64) {
        self.sum *= factor;
        self.groups.iter_mut().for_each(|multiplier| *multiplier *= factor);
        self.gross *= factor;
        self.turnover *= factor;
    }

    /// Climbs the dual from the multipliers there are; false where the rounds do not suffice.
    fn solve(&mut self, point: &[f64], fees: Option<(&[f64], f64)>, size: f64) -> bool {
        for (asset, value) in point.iter().enumerate() {
            self.shifted[asset] = value - self.sum;
        }
        for (group, multiplier) in self.region.groups.iter().zip(&self.groups) {
            group.assets.iter().for_each(|&asset| self.shifted[asset] -= multiplier);
        }
        let mut rows = vec![Row::Sum];
        rows.extend((0..self.groups.len()).map(Row::Group));
        rows.extend(self.region.gross.map(|_| Row::Gross));
        rows.extend(self.region.turnover.map(|_| Row::Turnover));
        let mut last = f64::INFINITY;
        for _ in 0..ROUNDS {
            let worst = rows.iter().map(|&row| self.settle(row, fees)).fold(0.0, f64::max);
            if worst <= TOLERANCE || (rows.len() > 1 && self.newton(&rows, fees) <= TOLERANCE) {
                return true;
            }
            // What is left after this is the rounding of the point itself.
            if worst <= ROUNDING * size && worst >= 0.5 * last {
                return true;
            }
            last = worst;
        }
        false
    }

    /// Moves one multiplier to where its row holds with complementarity, the others fixed; gives the amount by
    /// which the row was missed before.
    fn settle(&mut self, row: Row, fees: Option<(&[f64], f64)>) -> f64 {
        let (least, most) = self.limits(row);
        let start = self.multiplier(row);
        let (level, _) = self.level(row, 0.0, fees);
        // A multiplier pulls down where it is positive and up where it is negative: it goes where the level
        // meets the limit on its side, or to zero.
        let floor = if row == Row::Gross || row == Row::Turnover { 0.0 } else { f64::NEG_INFINITY };
        let (at_zero, _) = if start == 0.0 { (level, 0.0) } else { self.level(row, -start, fees) };
        let target = if at_zero > most {
            most
        } else if at_zero < least && floor < 0.0 {
            least
        } else {
            self.shift(row, -start);
            return if start == 0.0 { 0.0 } else { (level - level.clamp(least, most)).abs() };
        };
        let missed = (level - target).abs();
        if missed > TOLERANCE {
            let shift = self.root(row, target, fees);
            self.shift(row, shift.max(floor - start));
        }
        missed
    }

    /// The shift of the multiplier at which the level, which falls with it, is `target`.
    fn root(&self, row: Row, target: f64, fees: Option<(&[f64], f64)>) -> f64 {
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        let (mut shift, mut stride) = (0.0, 1e-3);
        for _ in 0..STEPS {
            let (level, slope) = self.level(row, shift, fees);
            let over = level - target;
            if over.abs() <= 0.1 * TOLERANCE {
                break;
            }
            if over > 0.0 {
                low = shift
            } else {
                high = shift
            }
            let newton = if slope > 0.0 { shift + over / slope } else { f64::NAN };
            shift = if newton > low && newton < high {
                newton
            } else if low.is_finite() && high.is_finite() {
                0.5 * (low + high)
            } else {
                stride *= 8.0;
                if over > 0.0 { shift + stride } else { shift - stride }
            };
        }
        shift
    }

    pub(super) fn limits(&self, row: Row) -> (f64, f64) {
        match row {
            Row::Sum => (1.0, 1.0),
            Row::Group(group) => self.region.groups[group].limits(),
            Row::Gross => (0.0, self.region.gross.unwrap_or(f64::INFINITY)),
            Row::Turnover => (0.0, self.region.turnover.unwrap_or(f64::INFINITY)),
        }
    }

    pub(super) fn multiplier(&self, row: Row) -> f64 {
        match row {
            Row::Sum => self.sum,
            Row::Group(group) => self.groups[group],
            Row::Gross => self.gross,
            Row::Turnover => self.turnover,
        }
    }

    pub(super) fn shift(&mut self, row: Row, by: f64) {
        match row {
            Row::Sum => {
                self.sum += by;
                self.shifted.iter_mut().for_each(|value| *value -= by);
            }
            Row::Group(group) => {
                self.groups[group] += by;
                let region = self.region;
                region.groups[group].assets.iter().for_each(|&asset| self.shifted[asset] -= by);
            }
            Row::Gross => self.gross = (self.gross + by).max(0.0),
            Row::Turnover => self.turnover = (self.turnover + by).max(0.0),
        }
    }

    /// The row's level with its multiplier shifted, and how fast it falls with the multiplier.
    pub(super) fn level(&self, row: Row, shift: f64, fees: Option<(&[f64], f64)>) -> (f64, f64) {
        let (mut level, mut slope) = (0.0, 0.0);
        let mut add = |asset: usize, moved: f64, gross: f64, turnover: f64| {
            let (weight, free) = self.asset(asset, moved, gross, turnover, fees);
            level += match row {
                Row::Sum | Row::Group(_) => weight,
                Row::Gross => weight.abs(),
                Row::Turnover => (weight - self.region.holdings[asset]).abs(),
            };
            slope += f64::from(u8::from(free));
        };
        let (gross, turnover) = (self.gross, self.turnover);
        match row {
            Row::Sum => (0..self.weights.len()).for_each(|asset| add(asset, shift, gross, turnover)),
            Row::Group(group) => {
                self.region.groups[group].assets.iter().for_each(|&asset| add(asset, shift, gross, turnover))
            }
            Row::Gross => {
                (0..self.weights.len()).for_each(|asset| add(asset, 0.0, (gross + shift).max(0.0), turnover))
            }
            Row::Turnover => {
                (0..self.weights.len()).for_each(|asset| add(asset, 0.0, gross, (turnover + shift).max(0.0)))
            }
        }
        (level, slope)
    }

    /// For each asset whose weight is free to move, how the active rows' levels change with it.
    pub(super) fn slopes(&mut self, rows: &[Row], active: &[usize], fees: Option<(&[f64], f64)>) -> Vec<f64> {
        let sign = |value: f64| if value > 0.0 { 1.0 } else { -1.0 };
        let mut slopes = Vec::new();
        for asset in 0..self.weights.len() {
            let (weight, free) = self.asset(asset, 0.0, self.gross, self.turnover, fees);
            if !free {
                continue;
            }
            slopes.extend(active.iter().map(|&number| match rows[number] {
                Row::Sum => 1.0,
                Row::Group(group) => {
                    f64::from(u8::from(self.region.groups[group].assets.binary_search(&asset).is_ok()))
                }
                Row::Gross => sign(weight),
                Row::Turnover => sign(weight - self.region.holdings[asset]),
            }));
        }
        slopes
    }

    fn fill(&mut self, fees: Option<(&[f64], f64)>) {
        for asset in 0..self.weights.len() {
            self.weights[asset] = self.asset(asset, 0.0, self.gross, self.turnover, fees).0;
        }
    }

    /// `argmin ½(w − z)² + g|w| + t|w − h|` within the bounds, and whether it moves with z.
    fn asset(
        &self,
        asset: usize,
        moved: f64,
        gross: f64,
        turnover: f64,
        fees: Option<(&[f64], f64)>,
    ) -> (f64, bool) {
        let (z, held) = (self.shifted[asset] - moved, self.region.holdings[asset]);
        let trade = turnover + fees.map_or(0.0, |(rates, factor)| factor * rates[asset]);
        let (lower, upper) = (self.region.lower[asset], self.region.upper[asset]);
        // The kinks in ascending order and the slope between them.
        let (first, second, between) =
            if held >= 0.0 { (0.0, held, gross - trade) } else { (held, 0.0, trade - gross) };
        let outer = gross + trade;
        let (weight, free) = if z + outer < first {
            (z + outer, true)
        } else if z - between <= first {
            (first, outer == 0.0)
        } else if z - between < second {
            (z - between, true)
        } else if z - outer <= second {
            (second, outer == 0.0)
        } else {
            (z - outer, true)
        };
        if weight < lower {
            (lower, false)
        } else if weight > upper {
            (upper, false)
        } else {
            (weight, free)
        }
    }
}
