package silverbullet.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** What `kafka_bench dump` wrote: the closed bars' moments (moments.json) and the drawn weights (weights.f32). */
public record Dump(
        String[] assets,
        double[] closes,
        double[] mean,
        double[][] base,
        @JsonProperty("mean_coefficient") double meanCoefficient,
        @JsonProperty("rank_one_coefficient") double rankOneCoefficient,
        @JsonProperty("risk_free") double riskFree,
        int population) {

    /** Reads the moments in a folder. */
    static Dump read(Path folder) throws IOException {
        return new ObjectMapper().readValue(folder.resolve("moments.json").toFile(), Dump.class);
    }

    /** Reads the weights: for each asset those of every portfolio. Widened once, so that loops over them vectorise. */
    double[][] weights(Path folder) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(folder.resolve("weights.f32")));
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.remaining() != 4 * assets.length * population) {
            throw new IOException("weights.f32 does not hold " + assets.length + " x " + population + " weights");
        }
        double[][] weights = new double[assets.length][population];
        for (double[] column : weights) {
            for (int k = 0; k < population; k++) {
                column[k] = bytes.getFloat();
            }
        }
        return weights;
    }
}
