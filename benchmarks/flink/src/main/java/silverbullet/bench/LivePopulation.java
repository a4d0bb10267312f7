package silverbullet.bench;

import java.io.IOException;
import java.nio.file.Path;

/**
 * K fixed portfolios after each tick, by the formulas of rust/engine/src/population.rs: with u the open-bar return of
 * a portfolio less its mean over the closed bars m, the mean is m + a u and the variance b + c u².
 */
final class LivePopulation {
    private final double[][] weights;
    private final double meanCoefficient;
    private final double rankOneCoefficient;
    private final double riskFree;
    private final double[] mean;
    private final double[] base;
    private final double[] score;
    private final double[] risk;

    LivePopulation(Path folder) throws IOException {
        Dump dump = Dump.read(folder);
        weights = dump.weights(folder);
        meanCoefficient = dump.meanCoefficient();
        rankOneCoefficient = dump.rankOneCoefficient();
        riskFree = dump.riskFree();
        mean = new double[dump.population()];
        base = new double[dump.population()];
        score = new double[dump.population()];
        risk = new double[dump.population()];
        close(dump);
    }

    int assets() {
        return weights.length;
    }

    int size() {
        return mean.length;
    }

    /** m = w·μ and b = wᵀBw of each portfolio. */
    private void close(Dump dump) {
        for (int i = 0; i < weights.length; i++) {
            for (int k = 0; k < mean.length; k++) {
                mean[k] += weights[i][k] * dump.mean()[i];
            }
            for (int j = 0; j < weights.length; j++) {
                double entry = dump.base()[i][j];
                for (int k = 0; k < base.length; k++) {
                    base[k] += weights[i][k] * entry * weights[j][k];
                }
            }
        }
    }

    /** Follows one tick: the open-bar return of an asset changed by so much. Ties go to the lower number. */
    void tick(double[] open, int asset, double change, Answer answer) {
        evaluate(open, weights[asset], change);
        rank(answer);
        answer.maxSharpeMean = meanOf(answer.maxSharpe, open);
        answer.maxSharpeVariance = risk[answer.maxSharpe];
        answer.minVarianceMean = meanOf(answer.minVariance, open);
        answer.minVarianceVariance = risk[answer.minVariance];
    }

    private double meanOf(int k, double[] open) {
        return mean[k] + meanCoefficient * (open[k] - mean[k]);
    }

    /** No branch and no dependency between portfolios: the compiler makes vector instructions of it. */
    private void evaluate(double[] open, double[] column, double change) {
        final double a = meanCoefficient;
        final double c = rankOneCoefficient;
        final double free = riskFree;
        for (int k = 0; k < open.length; k++) {
            double now = open[k] + column[k] * change;
            open[k] = now;
            double deviation = now - mean[k];
            double excess = mean[k] + a * deviation - free;
            double variance = base[k] + c * deviation * deviation;
            risk[k] = variance;
            score[k] = excess * Math.abs(excess) / variance;
        }
    }

    /** Both in one loop, which takes as long as either: what one waits for is there when the other is done. */
    private void rank(Answer answer) {
        int best = 0;
        int safest = 0;
        double largest = score[0];
        double smallest = risk[0];
        for (int k = 1; k < score.length; k++) {
            if (score[k] > largest) {
                largest = score[k];
                best = k;
            }
            if (risk[k] < smallest) {
                smallest = risk[k];
                safest = k;
            }
        }
        answer.maxSharpe = best;
        answer.minVariance = safest;
    }
}
