package silverbullet.bench;

import java.nio.file.Path;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Keyed by universe: each tick moves the open bar, which is Flink's state, and is answered. */
final class Evaluate extends KeyedProcessFunction<Byte, Tick, Answer> implements CheckpointListener {
    private static final long serialVersionUID = 1;

    private final String folder;
    private transient LivePopulation population;
    private transient double[] closes;
    private transient ValueState<OpenBar> state;
    private transient Answer answer;

    Evaluate(Path folder) {
        this.folder = folder.toString();
    }

    @Override
    public void open(OpenContext context) throws Exception {
        population = new LivePopulation(Path.of(folder));
        closes = Dump.read(Path.of(folder)).closes();
        state = getRuntimeContext().getState(new ValueStateDescriptor<>("open-bar", OpenBar.class));
        answer = new Answer();
    }

    @Override
    public void processElement(Tick tick, Context context, Collector<Answer> out) throws Exception {
        OpenBar bar = state.value();
        if (bar == null) {
            bar = new OpenBar(population.assets(), population.size());
        }
        double now = tick.price / closes[tick.asset] - 1.0;
        double change = now - bar.assets[tick.asset];
        bar.assets[tick.asset] = now;
        population.tick(bar.portfolios, tick.asset, change, answer);
        state.update(bar);
        answer.timestamp = tick.timestamp;
        out.collect(answer);
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
        Measured.CHECKPOINTS.incrementAndGet();
    }
}
