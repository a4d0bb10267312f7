package silverbullet.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;

/** What the sink measured. The job runs in this very process, so it is shared by being static. */
final class Measured {
    static final AtomicLong CHECKPOINTS = new AtomicLong();
    static final CountDownLatch DONE = new CountDownLatch(1);
    static volatile String report;

    private Measured() {}

    /** The report: times in nanoseconds, as kafka_bench prints it. Called once, after the last message. */
    static void finish(Histogram latency, long first, long last, long messages, Answer answer) throws IOException {
        report = String.format(
                Locale.ROOT,
                "{\"messages\":%d,\"first_utc\":%d,\"seconds\":%.6f,\"peak_rss_kb\":%d,\"checkpoints\":%d,"
                        + "\"latency\":{\"count\":%d,\"p50\":%d,\"p90\":%d,\"p99\":%d,\"p99.9\":%d,\"max\":%d},"
                        + "\"best\":{\"max_sharpe\":{\"portfolio\":%d,\"mean\":%s,\"variance\":%s},"
                        + "\"min_variance\":{\"portfolio\":%d,\"mean\":%s,\"variance\":%s}}}",
                messages, first, (last - first) / 1e9, peakResident(), CHECKPOINTS.get(),
                latency.getTotalCount(), latency.getValueAtPercentile(50), latency.getValueAtPercentile(90),
                latency.getValueAtPercentile(99), latency.getValueAtPercentile(99.9), latency.getMaxValue(),
                answer.maxSharpe, answer.maxSharpeMean, answer.maxSharpeVariance,
                answer.minVariance, answer.minVarianceMean, answer.minVarianceVariance);
        DONE.countDown();
    }

    /** The most memory this process has had, in kB. */
    private static long peakResident() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }
}
