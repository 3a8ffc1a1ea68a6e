"""Values to text and to the JSON that others build on; writes nothing."""
