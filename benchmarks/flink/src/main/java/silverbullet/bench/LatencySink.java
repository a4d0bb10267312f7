package silverbullet.bench;

import java.io.IOException;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Takes the answers and records how long after its tick was due each one is here. */
final class LatencySink implements Sink<Answer> {
    private static final long serialVersionUID = 1;

    private final long messages;
    private final long skipped;

    /** For so many messages, the first of which warm up and are not recorded. */
    LatencySink(long messages, long skipped) {
        this.messages = messages;
        this.skipped = skipped;
    }

    @Override
    public SinkWriter<Answer> createWriter(WriterInitContext context) {
        return new Writer(messages, skipped);
    }

    private static final class Writer implements SinkWriter<Answer> {
        private final long messages;
        private final long skipped;
        private final Histogram latency = new Histogram(TimeUnit.HOURS.toNanos(1), 3);
        private long seen;
        private long first;

        Writer(long messages, long skipped) {
            this.messages = messages;
            this.skipped = skipped;
        }

        @Override
        public void write(Answer answer, Context context) throws IOException {
            Instant instant = Instant.now();
            long now = instant.getEpochSecond() * 1_000_000_000L + instant.getNano();
            if (seen == 0) {
                first = now;
            }
            seen++;
            if (seen > skipped) {
                latency.recordValue(Math.min(Math.max(now - answer.timestamp, 0), latency.getHighestTrackableValue()));
            }
            if (seen == messages) {
                Measured.finish(latency, first, now, seen, answer);
            }
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {}
    }
}
