//! Pages and components of Watchbill: no SQL, one server function a file.
