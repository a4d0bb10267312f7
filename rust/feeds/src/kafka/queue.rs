//! The messages of one partition, many at a call.
//!
//! The safe interface of the client library hands out one message at a time and allocates for each. Here a call takes
//! hundreds, and what they say is read in place. The only unsafe code of this crate.
#![expect(unsafe_code, reason = "librdkafka is a C library; each block says why it is sound")]

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

/// Messages taken with one call at most.
const BATCH: usize = 512;

/// What a message is, for as long as it is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) offset: u64,
    pub(crate) key: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// Called whenever the queue is not empty any more, by a thread of the client library.
type Wake = Box<dyn Fn() + Send + Sync>;

/// One partition's own queue; made anew after each assignment.
pub(crate) struct Queue<C: ConsumerContext + 'static> {
    queue: *mut sys::rd_kafka_queue_t,
    consumer: Arc<BaseConsumer<C>>,
    topic: CString,
    pub(crate) partition: u32,
    messages: Vec<*mut sys::rd_kafka_message_t>,
    /// What the client library has a pointer to; freed after it has been told to forget it.
    wake: Box<Wake>,
}

// SAFETY: librdkafka's queues may be used from any thread, one at a time, which `&mut self` sees to; `messages` is
// empty between two calls.
unsafe impl<C: ConsumerContext + 'static> Send for Queue<C> {}

impl<C: ConsumerContext + 'static> Queue<C> {
    /// Takes the messages of `partition` out of the consumer's common queue. `None` where it is not assigned.
    pub(crate) fn split(
        consumer: &Arc<BaseConsumer<C>>,
        topic: &str,
        partition: u32,
        wake: Wake,
    ) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let number = i32::try_from(partition).ok()?;
        // SAFETY: the client outlives the call, and `topic` is a C string.
        let queue = unsafe {
            sys::rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), number)
        };
        if queue.is_null() {
            return None;
        }
        let wake = Box::new(wake);
        // SAFETY: `queue` is ours. The pointer to `wake` stays valid until `drop` has switched the callback off: the
        // inner box does not move with `Self`.
        unsafe {
            sys::rd_kafka_queue_forward(queue, ptr::null_mut());
            let opaque = ptr::from_ref::<Wake>(&*wake).cast_mut().cast::<c_void>();
            sys::rd_kafka_queue_cb_event_enable(queue, Some(on_messages), opaque);
        }
        let messages = vec![ptr::null_mut(); BATCH];
        Some(Self { queue, consumer: Arc::clone(consumer), topic, partition, messages, wake })
    }

    /// Hands what is there, up to [`BATCH`] messages and without waiting, to `take`; returns how many there were.
    pub(crate) fn take(&mut self, mut take: impl FnMut(Result<Raw<'_>, RDKafkaErrorCode>)) -> usize {
        let room = self.messages.len();
        // SAFETY: `messages` has room for as many pointers as are asked for.
        let count =
            unsafe { sys::rd_kafka_consume_batch_queue(self.queue, 0, self.messages.as_mut_ptr(), room) };
        let count = usize::try_from(count).unwrap_or(0).min(room);
        for slot in &mut self.messages[..count] {
            let message = std::mem::replace(slot, ptr::null_mut());
            // SAFETY: librdkafka has handed over `count` messages, each ours until it is destroyed, which happens
            // here once; nothing borrowed from it leaves `take`.
            unsafe {
                take(read(&*message));
                sys::rd_kafka_message_destroy(message);
            }
        }
        count
    }

    /// Where the partition ended when it was last fetched: the offset of the next message to come. `None` before.
    pub(crate) fn end(&self) -> Option<u64> {
        let (mut low, mut high) = (-1_i64, -1_i64);
        let client = self.consumer.client().native_ptr();
        let number = i32::try_from(self.partition).ok()?;
        // SAFETY: the client outlives the call; the numbers are written to before it returns. It asks no broker.
        let error = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                client,
                self.topic.as_ptr(),
                number,
                &raw mut low,
                &raw mut high,
            )
        };
        if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { u64::try_from(high).ok() } else { None }
    }
}

impl<C: ConsumerContext + 'static> Drop for Queue<C> {
    fn drop(&mut self) {
        // SAFETY: the queue is ours and not used again. Its lock makes the callback end before this returns.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue, None, ptr::null_mut());
            sys::rd_kafka_queue_destroy(self.queue);
        }
        let _ = &self.wake;
    }
}

/// # Safety
/// `message` must have come from librdkafka and not been destroyed.
unsafe fn read(message: &sys::rd_kafka_message_t) -> Result<Raw<'_>, RDKafkaErrorCode> {
    if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(message.err.into());
    }
    let bytes = |from: *mut c_void, length: usize| {
        if from.is_null() || length == 0 {
            return &[][..];
        }
        // SAFETY: librdkafka says that so many bytes are there, for as long as the message lives.
        unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length) }
    };
    Ok(Raw {
        offset: u64::try_from(message.offset).unwrap_or_default(),
        key: bytes(message.key, message.key_len),
        payload: bytes(message.payload, message.len),
    })
}

unsafe extern "C" fn on_messages(_client: *mut sys::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: `split` passed a pointer to a `Wake` that lives until the callback is switched off.
    let wake = unsafe { &*opaque.cast::<Wake>() };
    wake();
}
