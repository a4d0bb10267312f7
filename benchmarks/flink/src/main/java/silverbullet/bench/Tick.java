package silverbullet.bench;

/** One price of one asset. One object carries all of them in turn: nothing after the source keeps it. */
public final class Tick {
    /** Position of the asset in the dump's list. */
    public int asset;

    /** Its price. */
    public double price;

    /** When it was due, nanoseconds since 1970. */
    public long timestamp;
}
