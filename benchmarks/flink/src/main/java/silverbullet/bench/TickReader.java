package silverbullet.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Reads {"timestamp": …, "asset": "…", "price": …} in any order, without an object a message: a general JSON library
 * would be slower, and this is no contest of JSON libraries.
 */
final class TickReader implements KafkaRecordDeserializationSchema<Tick> {
    private static final long serialVersionUID = 1;
    /** A whole number below 2^53 divided by one of these is rounded once, hence right. */
    private static final double[] TENS = new double[23];

    static {
        TENS[0] = 1;
        for (int n = 1; n < TENS.length; n++) {
            TENS[n] = TENS[n - 1] * 10;
        }
    }

    private final byte[][] assets;
    private transient Tick tick;
    private transient byte[] text;
    private transient int at;

    TickReader(String[] assets) {
        this.assets = new byte[assets.length][];
        for (int n = 0; n < assets.length; n++) {
            this.assets[n] = assets[n].getBytes(StandardCharsets.UTF_8);
        }
    }

    @Override
    public TypeInformation<Tick> getProducedType() {
        return TypeInformation.of(Tick.class);
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> message, Collector<Tick> out) throws IOException {
        if (tick == null) {
            tick = new Tick();
        }
        text = message.value();
        at = 0;
        int found = 0;
        expect('{');
        do {
            expect('"');
            byte name = text[at];
            at = endOfString() + 1;
            expect(':');
            switch (name) {
                case 't' -> tick.timestamp = wholeNumber();
                case 'a' -> tick.asset = asset();
                case 'p' -> tick.price = number();
                default -> throw wrong("a field that is not read here");
            }
            found++;
        } while (next() == ',' && at++ > 0);
        expect('}');
        if (found != 3) {
            throw wrong("not timestamp, asset and price");
        }
        out.collect(tick);
    }

    private byte next() {
        while (text[at] == ' ') {
            at++;
        }
        return text[at];
    }

    private void expect(char wanted) throws IOException {
        if (next() != wanted) {
            throw wrong("no " + wanted + " at " + at);
        }
        at++;
    }

    private int endOfString() {
        int end = at;
        while (text[end] != '"') {
            end++;
        }
        return end;
    }

    private int asset() throws IOException {
        expect('"');
        int end = endOfString();
        for (int n = 0; n < assets.length; n++) {
            if (java.util.Arrays.equals(assets[n], 0, assets[n].length, text, at, end)) {
                at = end + 1;
                return n;
            }
        }
        throw wrong("an asset that is not in the dump");
    }

    private long wholeNumber() throws IOException {
        next();
        int start = at;
        long value = 0;
        while (text[at] >= '0' && text[at] <= '9') {
            value = 10 * value + (text[at++] - '0');
        }
        if (at == start) {
            throw wrong("no number at " + at);
        }
        return value;
    }

    private double number() throws IOException {
        next();
        int start = at;
        long digits = wholeNumber();
        int decimals = 0;
        if (text[at] == '.') {
            at++;
            for (; text[at] >= '0' && text[at] <= '9'; at++, decimals++) {
                digits = 10 * digits + (text[at] - '0');
            }
        }
        boolean plain = text[at] == ',' || text[at] == '}' || text[at] == ' ';
        if (plain && at - start <= 16) {
            return digits / TENS[decimals];
        }
        while (text[at] != ',' && text[at] != '}') {
            at++;
        }
        return Double.parseDouble(new String(text, start, at - start, StandardCharsets.US_ASCII));
    }

    private IOException wrong(String what) {
        return new IOException(what + ": " + new String(text, StandardCharsets.UTF_8));
    }
}
