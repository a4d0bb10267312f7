package silverbullet.bench;

/** What Flink keeps for a universe and writes with each checkpoint: all that ticks have changed. */
public final class OpenBar {
    /** Open-bar return of each asset. */
    public double[] assets;

    /** Open-bar return of each portfolio. */
    public double[] portfolios;

    /** For Flink, which fills the fields by itself. */
    public OpenBar() {}

    /** A bar without a tick. */
    OpenBar(int assets, int portfolios) {
        this.assets = new double[assets];
        this.portfolios = new double[portfolios];
    }
}
