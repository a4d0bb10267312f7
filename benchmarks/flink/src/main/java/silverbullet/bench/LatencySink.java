package silverbullet.bench;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
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
    private final String stamps;

    /** For so many messages, the first of which warm up and are not recorded. With a file their times go into it. */
    LatencySink(long messages, long skipped, String stamps) {
        this.messages = messages;
        this.skipped = skipped;
        this.stamps = stamps;
    }

    @Override
    public SinkWriter<Answer> createWriter(WriterInitContext context) {
        return new Writer(messages, skipped, stamps);
    }

    private static final class Writer implements SinkWriter<Answer> {
        private final long messages;
        private final long skipped;
        private final String file;
        private final ByteBuffer stamps;
        private final Histogram latency = new Histogram(TimeUnit.HOURS.toNanos(1), 3);
        private long seen;
        private long first;

        Writer(long messages, long skipped, String file) {
            this.messages = messages;
            this.skipped = skipped;
            this.file = file;
            stamps = file == null ? null : ByteBuffer.allocateDirect(Math.toIntExact(16 * (messages - skipped)));
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
                if (file != null) {
                    stamps.order(ByteOrder.LITTLE_ENDIAN).putLong(answer.timestamp).putLong(now);
                }
            }
            if (seen == messages) {
                if (file != null) {
                    try (FileChannel out = FileChannel.open(Path.of(file), CREATE, TRUNCATE_EXISTING, WRITE)) {
                        for (stamps.flip(); stamps.hasRemaining(); ) {
                            out.write(stamps);
                        }
                    }
                }
                Measured.finish(latency, first, now, seen, answer);
            }
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {}
    }
}
