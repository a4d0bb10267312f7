//! Whether a topic is there, and making it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

/// As many copies as the brokers themselves choose.
const USUAL_COPIES: i32 = -1;

/// Whether the cluster has the topic; `None` where no broker answers in time. Asks for all topics: a broker that makes
/// topics as they are asked for must not make a misspelt one.
pub(super) fn exists<C: ProducerContext>(
    producer: &ThreadedProducer<C>,
    topic: &str,
    timeout: Duration,
) -> Option<bool> {
    let metadata = producer.client().fetch_metadata(None, timeout).ok()?;
    Some(metadata.topics().iter().any(|known| known.name() == topic))
}

/// Makes a topic and waits until all brokers know it.
pub(super) fn create(
    config: &ClientConfig,
    topic: &str,
    partitions: i32,
    timeout: Duration,
) -> Result<(), String> {
    let admin: AdminClient<DefaultClientContext> = config.create().map_err(|error| error.to_string())?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(USUAL_COPIES));
    let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
    let made = wait_for(admin.create_topics([&new], &options)).map_err(|error| error.to_string())?;
    match made.into_iter().next() {
        None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(code.to_string()),
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread for the one answer that the client library gives as a future.
fn wait_for<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_another_thread_is_waited_for() {
        let mut asked = 0;
        let future = std::future::poll_fn(|context| {
            asked += 1;
            if asked == 2 {
                return Poll::Ready(7);
            }
            let waker = context.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        });
        assert_eq!(wait_for(future), 7);
        assert_eq!(asked, 2);
    }
}
