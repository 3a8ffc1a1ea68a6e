"""The only owner of git: repositories, the revision files at any place, the cache of headers, where a head came from.

Trees and blobs are read by git's own plumbing, in few processes; questions about history go through GitPython, which
is imported when one is asked.
"""
