"""PURE. One revision file: read, fingerprinted, compared and edited, never run."""
