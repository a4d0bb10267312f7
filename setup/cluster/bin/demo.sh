#!/usr/bin/env bash
# Prices through the whole cluster, step by step: a file, Kafka, the engine, Flight, a sweep on two Spark workers, Cassandra, SQL.
# What of the cluster does not run yet is started before and stopped after.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$setup_dir/bin/engine.sh"

print_usage() {
    cat <<'END_OF_USAGE'
Sends sample prices through Kafka to the engine, has Spark draw portfolios of the newest window, and asks Cassandra for the frontier.
Parts of the cluster that do not run are started before, and stopped after.

Usage: demo.sh [OPTIONS]
  --portfolios NUMBER     how many Spark draws, such as 1e9              PORTFOLIOS       1e8
  --seed NUMBER           seed of the draw                               SEED             7
  --keep yes              the cluster goes on afterwards                 KEEP             no
  PYTHON=FILE             a Python with python/requirements-kafka.txt                     .venv/bin/python, or python3
  PACKAGE=DIR             where the Python package is unpacked                            target/package
END_OF_USAGE
    print_options
}

# At the end, good or bad: what was started here is stopped.
clean_up() {
    local code=$? service stop=()
    trap '' INT TERM
    # Where cluster-up.sh failed, it has stopped them itself.
    for service in ${ours[@]+"${ours[@]}"}; do ! was_started "$service" || stop+=("$service"); done
    if ((${#stop[@]} == 0)); then return; fi
    if [[ $KEEP == yes ]] && ((!code)); then
        heading "The cluster goes on; make cluster-down stops it"
        return
    fi
    heading "Stopping what was started: ${stop[*]}"
    stop_services "${stop[@]}" | indented
}

send_prices() {
    heading "1/5 csv_producer.py sends sample prices of 16 assets to Kafka, a minute apart"
    "$PYTHON" "$project_dir/csv_producer.py" --brokers "127.0.0.1:$KAFKA_PORT" --csv "$prices" --speed max 2>&1 | indented
}

# The last minute is final only once a later price has come.
wait_for_engine() {
    local last deadline=$((SECONDS + 120)) done
    heading "2/5 The engine answers every price; of each minute that is final it stores the portfolios"
    last="$(tail -n 1 "$prices" | cut -d , -f 1)"
    until done="$(ask csv "select max(bar) as bar from portfolios where universe = 'sample' and as_of >= timestamp '$last' - interval '1 minute'" | tail -n 1)" && [[ $done =~ ^[0-9]+$ ]]; do
        ((SECONDS < deadline)) || fail "the engine has not answered all prices after two minutes; its log: $(engine_log)"
        sleep 0.2
    done
    bar="$done"
    ask table "select as_of, objective, method, mean, risk, sharpe from portfolios where universe = 'sample' and bar = $bar order by objective, method" | indented
}

# Of the engine itself, over Flight SQL.
ask() { # ask FORMAT QUERY
    "$program" sql --connect "grpc://127.0.0.1:$GRPC_PORT" --format "$1" "$2"
}

# Of Cassandra, whether an engine runs or not.
ask_cassandra() { # ask_cassandra FORMAT QUERY
    "$program" sql --data "$CLUSTER_DIR/results" --format "$1" "$2"
}

sweep() {
    heading "3/5 Spark draws $PORTFOLIOS portfolios of the window up to bar $bar on two workers: each fetches its bars over Flight, calls
    the Rust kernel once and gives back a sketch; the frontier goes to Cassandra"
    # What Spark warns of goes to its log; what the job says is shown as it comes.
    PORT="$SPARK_PORT" PYTHONPATH="$PACKAGE" "$setup_dir/../spark/bin/spark-submit.sh" --conf spark.executorEnv.PYTHONPATH="$PACKAGE" \
        "$project_dir/spark-jobs/frontier.py" --endpoint "grpc://127.0.0.1:$GRPC_PORT" --universe sample --bar "$bar" \
        --portfolios "$PORTFOLIOS" --seed "$SEED" --tasks 2 --output "cassandra://127.0.0.1:$CASSANDRA_PORT" 2>&1 |
        tee "$CLUSTER_DIR/job.log" | grep -vE --line-buffered '^(Picked up|WARNING:|Using Spark|[0-9-]{10} )' | indented
}

# Rows of a job have a variant of their own, that of the engine's rows with the job and its settings.
find_variants() {
    variant="$(ask_cassandra csv "select variant from cassandra.runs where kind = 'frontier' order by started desc limit 1" | tail -n 1)"
    of_engine="${variant%-frontier-*}"
}

show_frontier() {
    heading "4/5 silverbullet sql finds the frontier in Cassandra (every eighth point; risk and mean are per minute)"
    ask_cassandra table "select point, risk, mean, weights['BTC'] as btc, weights['XMR'] as xmr, weights['BNB'] as bnb
        from cassandra.frontiers where universe = 'sample' and variant = '$variant' and bar = $bar and point % 8 = 0 order by point" | indented
}

# Neighbours that were drawn can be mixed: so much risk as the chord between them has a mean at most.
show_distance() {
    heading "5/5 How far it is from the exact frontier that the engine has stored, at each of that one's corner portfolios"
    ask_cassandra table "with drawn as (
            select risk, mean, lag(mean) over (order by mean) as before,
                lead(mean) over (order by mean) as after, lead(risk) over (order by mean) as risk_after
            from cassandra.frontiers where universe = 'sample' and variant = '$variant' and bar = $bar and method = 'monte-carlo'),
        compared as (
            select e.point, e.mean, e.risk as exact,
                d.risk + coalesce((e.mean - d.mean) / (d.after - d.mean) * (d.risk_after - d.risk), 0) as drawn
            from cassandra.frontiers e
            join drawn d on (e.mean >= d.mean or d.before is null) and (e.mean < d.after or d.after is null)
            where e.universe = 'sample' and e.variant = '$of_engine' and e.bar = $bar and e.method = 'exact')
        select point, mean, exact as exact_risk, drawn as drawn_risk, round(100 * (drawn / exact - 1), 4) + 0.0 as percent_above
        from compared order by point" | indented
}

read_cluster_options "--portfolios=PORTFOLIOS --seed=SEED --keep=KEEP" "$@"
PORTFOLIOS="${PORTFOLIOS:-1e8}" SEED="${SEED:-7}" KEEP="${KEEP:-no}"
PACKAGE="$(absolute "${PACKAGE:-$project_dir/target/package}")"
[[ -n ${PYTHON:-} || ! -x $project_dir/.venv/bin/python ]] || PYTHON="$project_dir/.venv/bin/python"
PYTHON="${PYTHON:-python3}"
prices="$project_dir/setup/kafka/sample-prices.csv"
[[ -d $PACKAGE/silverbullet ]] || fail "the Python package is not in $PACKAGE: make spark-package"
need_program
ours=()
for service in "${services[@]}"; do runs "$service" || ours+=("$service"); done
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if ((${#ours[@]})); then
    "$setup_dir/bin/cluster-up.sh" --kafka-port "$KAFKA_PORT" --cassandra-port "$CASSANDRA_PORT" --spark-port "$SPARK_PORT" \
        --http-port "$HTTP_PORT" --grpc-port "$GRPC_PORT" --settings "$SETTINGS" --data "$CLUSTER_DIR"
else
    echo "All of the cluster runs already; cluster-status.sh says where"
fi
name_store
send_prices
wait_for_engine
sweep
find_variants
show_frontier
show_distance
