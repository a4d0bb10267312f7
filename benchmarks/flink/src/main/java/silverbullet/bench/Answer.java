package silverbullet.bench;

/** The best portfolios after a tick. One object carries all of them in turn, as for {@link Tick}. */
public final class Answer {
    /** The tick's time, nanoseconds since 1970. */
    public long timestamp;

    /** Number of the portfolio with the largest Sharpe ratio. */
    public int maxSharpe;

    /** Its mean and variance with the open bar. */
    public double maxSharpeMean;

    /** See {@link #maxSharpeMean}. */
    public double maxSharpeVariance;

    /** Number of the portfolio with the smallest variance. */
    public int minVariance;

    /** Its mean and variance with the open bar. */
    public double minVarianceMean;

    /** See {@link #minVarianceMean}. */
    public double minVarianceVariance;
}
