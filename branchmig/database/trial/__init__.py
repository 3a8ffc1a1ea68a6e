"""Scratch databases, and what is tried out on them: proofs and verification."""
