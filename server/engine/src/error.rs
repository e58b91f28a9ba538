//! How errors of the store become errors for a reader.
