"""The store of the deployment. It lives in the package: a module loaded by its path would make one of its own."""

from warmgraph.server import make_store

__all__ = ["make_store"]
