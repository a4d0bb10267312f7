#!/usr/bin/env bash
# Runs one of Kafka's command line tools under the name it was called by, with the arguments it usually takes.
# The other names in this folder are links to it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case "${0##*/}" in
kafka-topics.sh) class=org.apache.kafka.tools.TopicCommand ;;
kafka-console-consumer.sh) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
kafka-console-producer.sh) class=org.apache.kafka.tools.ConsoleProducer ;;
kafka-consumer-groups.sh) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
kafka-get-offsets.sh) class=org.apache.kafka.tools.GetOffsetShell ;;
kafka-configs.sh) class=kafka.admin.ConfigCommand ;;
kafka-delete-records.sh) class=org.apache.kafka.tools.DeleteRecordsCommand ;;
kafka-storage.sh) class=kafka.tools.StorageTool ;;
kafka-metadata-quorum.sh) class=org.apache.kafka.tools.MetadataQuorumCommand ;;
*) fail "call it by the name of a tool, such as kafka-topics.sh" ;;
esac
need_java
need_jars
# Short-lived: the serial collector and the first compiler only start soonest. exec, so that signals reach it.
exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dlog4j2.configurationFile="$setup_dir/log4j2-tools.xml" -cp "$LIB_DIR/*" "$class" "$@"
