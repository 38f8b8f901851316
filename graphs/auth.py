"""Who may use the deployment: keys and tokens by environment, and everybody kept to their own."""

from warmgraph.server.auth import create_auth

auth = create_auth()
