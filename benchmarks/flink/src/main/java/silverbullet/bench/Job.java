package silverbullet.bench;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Reads a topic, follows the population with each tick, and measures when the answer is there.
 *
 * <pre>Job --brokers HOST:PORT --topic NAME --dump DIR --checkpoints DIR --messages N [--skip N] [--stamps FILE] [--exchange yes]</pre>
 *
 * Prints `ready` when it runs, and after N messages one line of JSON; then it ends.
 */
public final class Job {
    private Job() {}

    /** Runs the job in this process. */
    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = options(arguments);
        JobClient job = build(options).executeAsync("portfolios");
        while (job.getJobStatus().get() != JobStatus.RUNNING) {
            failIfEnded(job);
            Thread.sleep(20);
        }
        System.out.println("ready");
        while (!Measured.DONE.await(200, TimeUnit.MILLISECONDS)) {
            failIfEnded(job);
        }
        System.out.println(Measured.report);
        System.out.flush();
        job.cancel().get();
        // The cluster's threads would keep the process.
        System.exit(0);
    }

    private static StreamExecutionEnvironment build(Map<String, String> options) throws Exception {
        Path dump = Path.of(options.get("dump"));
        String[] assets = Dump.read(dump).assets();
        StreamExecutionEnvironment environment = environment(options.get("checkpoints"));
        KafkaSource<Tick> source = KafkaSource.<Tick>builder()
                .setBootstrapServers(options.get("brokers"))
                .setTopics(options.get("topic"))
                .setGroupId("flink")
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new TickReader(assets))
                .setProperty("partition.discovery.interval.ms", "-1")
                .setProperty("commit.offsets.on.checkpoint", "false")
                .setProperty("fetch.min.bytes", "1")
                .build();
        DataStream<Tick> ticks = environment.fromSource(source, WatermarkStrategy.noWatermarks(), "price");
        keyed(ticks, options.containsKey("exchange"))
                .process(new Evaluate(dump))
                .sinkTo(new LatencySink(number(options, "messages"), number(options, "skip"), options.get("stamps")));
        return environment;
    }

    /** Parallelism 1, checkpoints each second to files, and everything that makes an answer come sooner. */
    private static StreamExecutionEnvironment environment(String checkpoints) {
        Configuration settings = new Configuration();
        settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, Path.of(checkpoints).toAbsolutePath().toUri().toString());
        settings.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        settings.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(8));
        settings.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(8));
        settings.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1));
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
        environment.enableCheckpointing(1_000);
        environment.getConfig().enableObjectReuse();
        environment.getConfig().setAutoWatermarkInterval(0);
        environment.setBufferTimeout(0);
        return environment;
    }

    /**
     * All ticks have the same key, the universe. With one task the stream is partitioned by it as it is: saying so
     * keeps source, evaluation and sink in one thread. The exchange in between, keyBy's, would cost a thread change.
     */
    private static KeyedStream<Tick, Byte> keyed(DataStream<Tick> ticks, boolean exchange) {
        if (exchange) {
            return ticks.keyBy(tick -> (byte) 0, Types.BYTE);
        }
        return DataStreamUtils.reinterpretAsKeyedStream(ticks, tick -> (byte) 0, Types.BYTE);
    }

    private static void failIfEnded(JobClient job) throws Exception {
        if (job.getJobStatus().get().isGloballyTerminalState()) {
            job.getJobExecutionResult().get();
            throw new IllegalStateException("the job has ended before the last message");
        }
    }

    private static Map<String, String> options(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int n = 0; n + 1 < arguments.length; n += 2) {
            options.put(arguments[n].substring(2), arguments[n + 1]);
        }
        return options;
    }

    private static long number(Map<String, String> options, String name) {
        return Long.parseLong(options.getOrDefault(name, "0"));
    }
}
