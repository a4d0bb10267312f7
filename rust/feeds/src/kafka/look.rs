//! Looks after the topic from time to time: whether it is still there, and whether it has more partitions.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::context::Listener;

/// How often.
const EVERY: Duration = Duration::from_secs(2);
/// How long a broker may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// The thread that looks, because a question to a broker may take its time.
pub(crate) struct Lookout {
    news: Arc<Mutex<Option<String>>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Looks after `topic`, which has so many partitions now. `None` where the system gives no thread: then a new
    /// partition is found with the next connection.
    pub(crate) fn start(
        consumer: &Arc<BaseConsumer<Listener>>,
        topic: &str,
        partitions: usize,
    ) -> Option<Self> {
        let news = Arc::<Mutex<Option<String>>>::default();
        let (stop, stopped) = channel();
        let (consumer, topic, found) = (Arc::clone(consumer), topic.to_owned(), Arc::clone(&news));
        let look = move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Some(reason) = changed(&consumer, &topic, partitions) {
                    *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                }
            }
        };
        let thread = std::thread::Builder::new().name("kafka-lookout".to_owned()).spawn(look).ok()?;
        Some(Self { news, stop: Some(stop), thread: Some(thread) })
    }

    /// Why the topic has to be connected to again, where it has to.
    pub(crate) fn news(&self) -> Option<String> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say any more.
            let _ = thread.join();
        }
    }
}

fn changed(consumer: &BaseConsumer<Listener>, topic: &str, partitions: usize) -> Option<String> {
    // Where no broker answers, others tell.
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER).ok()?;
    let found = metadata.topics().iter().find(|found| found.name() == topic)?;
    match found.error().map(RDKafkaErrorCode::from) {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            Some(format!("topic {topic} is gone; create it again, and it is read from its beginning"))
        }
        None if found.partitions().len() > partitions => Some(format!(
            "topic {topic} has {} partitions now, {partitions} before",
            found.partitions().len()
        )),
        _ => None,
    }
}
