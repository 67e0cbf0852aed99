//! Templates with more in them than this one has today.
