//! Record batches in and out without a copy: the [Arrow PyCapsule interface][1].
//!
//! [1]: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::Schema;
use arrow::ffi::{FFI_ArrowSchema, to_ffi};
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use super::error::raise_arrow;
use crate::error::InputError;

/// The batches of anything that has `__arrow_c_stream__`: tables, batches, frames of polars, readers.
pub(crate) fn stream(data: &Bound<'_, PyAny>) -> PyResult<ArrowArrayStreamReader> {
    let Ok(method) = data.getattr("__arrow_c_stream__") else {
        return Err(InputError::new_err(format!(
            "rows: a {} has no rows of Arrow (`__arrow_c_stream__`); give a table or a record batch of pyarrow, or a \
             frame that has them",
            data.get_type().name()?
        )));
    };
    let capsule = method.call0()?;
    let capsule = capsule.cast::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?.cast::<FFI_ArrowArrayStream>();
    #[expect(unsafe_code, reason = "streams of another library come as pointers")]
    // SAFETY: a capsule of this name holds an initialised stream, which is ours until we release it: the interface says so.
    // The stream is moved out, and what is left in the capsule is marked as released.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr()) };
    ArrowArrayStreamReader::try_new(stream).map_err(|error| raise_arrow(&error))
}

/// A record batch, for whoever takes `__arrow_c_array__`.
#[pyclass(frozen, name = "ArrowBatch", module = "silverbullet._kernel")]
#[derive(Debug)]
pub(crate) struct NativeBatch(pub(crate) RecordBatch);

impl NativeBatch {
    /// One without rows.
    pub(crate) fn empty(schema: &std::sync::Arc<Schema>) -> Self {
        Self(RecordBatch::new_empty(std::sync::Arc::clone(schema)))
    }
}

#[pymethods]
impl NativeBatch {
    /// Capsules of its columns and of its rows. It is given as it is: whoever wants another schema casts it.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        let fail = |error| raise_arrow(&error);
        let schema = FFI_ArrowSchema::try_from(self.0.schema().as_ref()).map_err(fail)?;
        let (array, _) = to_ffi(&StructArray::from(self.0.clone()).to_data()).map_err(fail)?;
        let schema = PyCapsule::new_with_value(py, schema, c"arrow_schema")?;
        Ok((schema, PyCapsule::new_with_value(py, array, c"arrow_array")?))
    }
}
