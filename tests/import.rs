//! `import`, a function without a URL.
